"""`stepstack up`: the whole embedded stack in the foreground, on the usual ports.

Step Functions has one port, DynamoDB another; each of them answers for every service, so that one endpoint serves a whole test. With
`--template` it deploys an application first and prints its outputs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stepstack.api.server import listen
from stepstack.assembly import Assembly, deploy_template, run_server
from stepstack.cli.definition_source import named_values
from stepstack.cli.serve import add_server_options, settings_of
from stepstack.testing.files import read_text


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stepfunctions-port", type=int, default=8083, help="the port of Step Functions (default 8083)")
    parser.add_argument("--dynamodb-port", type=int, default=8000, help="the port of DynamoDB and all other services (default 8000)")
    parser.add_argument("--template", metavar="FILE", type=Path, help="deploy this SAM, CloudFormation or CDK template first")
    parser.add_argument("--stack-name", metavar="NAME", default="stack", help="the name of the template's stack (default stack)")
    parser.add_argument("--parameter", metavar="NAME=VALUE", action="append", default=[], help="a parameter of the template")
    add_server_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    parameters = named_values("--parameter", arguments.parameter)
    if arguments.template:
        read_text(arguments.template, "a template")
    sockets = [listen(arguments.host, port) for port in dict.fromkeys((arguments.stepfunctions_port, arguments.dynamodb_port))]
    ports = [bound.getsockname()[1] for bound in sockets]

    async def deploy(assembly: Assembly) -> None:
        application = await deploy_template(assembly, arguments.template, name=arguments.stack_name, parameters=parameters)
        for name, value in application.outputs.items():
            print(f"{name}: {value}", flush=True)

    def ready() -> None:
        print(
            f"Step Functions answers on http://{arguments.host}:{ports[0]}, DynamoDB and all other services on "
            f"http://{arguments.host}:{ports[-1]} (account {settings.account_id}, region {settings.region})",
            flush=True,
        )

    run_server(settings, sockets, with_services=True, ready=ready, prepare=deploy if arguments.template else None)
    return 0
