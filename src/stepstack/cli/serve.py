"""`stepstack serve`: the Step Functions API over HTTP, in Step Functions Local's place."""

from __future__ import annotations

import argparse
from pathlib import Path

from stepstack.api.server import listen
from stepstack.assembly import Settings, run_server, scale_setting

DEFAULT_PORT = 8083


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"the port (default {DEFAULT_PORT}; 0 takes any free one)")
    add_server_options(parser)


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """The options that `serve` and `up` share."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1; 0.0.0.0 in a container)")
    parser.add_argument("--time", metavar="real|skip|SCALE", help="how waits pass (default: WAIT_TIME_SCALE, or real)")
    parser.add_argument("--data", metavar="DIR", type=Path, help="keep everything in this folder (default: in memory)")
    parser.add_argument("--mocks", metavar="FILE", type=Path, help="a mock file of Step Functions Local (default: SFN_MOCK_CONFIG)")
    parser.add_argument("--keep-executions", metavar="N", type=int, help="how many finished executions to remember (default 10000)")
    parser.add_argument("--allow-host", metavar="NAME", action="append", help="a further name by which clients may address the server")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of the environment, with those of the command line before them."""
    return Settings.from_environment(
        scale=None if arguments.time is None else scale_setting(arguments.time),
        data_folder=arguments.data,
        mock_file=arguments.mocks,
        keep_executions=arguments.keep_executions,
        allowed_hosts=tuple(arguments.allow_host) if arguments.allow_host else None,
    )


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    bound = listen(arguments.host, arguments.port)
    port = bound.getsockname()[1]

    def ready() -> None:
        # It begins as Step Functions Local's line does, for those who wait for that.
        begin = f"Starting server on port {port} with account {settings.account_id}, region {settings.region}"
        print(f"{begin}: http://{arguments.host}:{port} answers", flush=True)

    run_server(settings, [bound], with_services=False, ready=ready)
    return 0
