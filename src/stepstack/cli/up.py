"""`stepstack up`: the whole embedded stack in the foreground, on the usual ports.

Step Functions has one port, DynamoDB another; each of them answers for every service, so that one endpoint serves a whole test.
"""

from __future__ import annotations

import argparse

from stepstack.api.server import listen
from stepstack.assembly import run_server
from stepstack.cli.serve import add_server_options, settings_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stepfunctions-port", type=int, default=8083, help="the port of Step Functions (default 8083)")
    parser.add_argument("--dynamodb-port", type=int, default=8000, help="the port of DynamoDB and all other services (default 8000)")
    add_server_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    sockets = [listen(arguments.host, port) for port in dict.fromkeys((arguments.stepfunctions_port, arguments.dynamodb_port))]
    ports = [bound.getsockname()[1] for bound in sockets]

    def ready() -> None:
        print(
            f"Step Functions answers on http://{arguments.host}:{ports[0]}, DynamoDB and all other services on "
            f"http://{arguments.host}:{ports[-1]} (account {settings.account_id}, region {settings.region})",
            flush=True,
        )

    run_server(settings, sockets, with_services=True, ready=ready)
    return 0
