"""The `stepstack` command: one module per subcommand, loaded only when it is called.

A subcommand's module has `configure(parser)` and `execute(arguments) -> int`, the exit code: 0 done, 1 the thing asked
about failed (an execution, a validation), 2 wrong usage or settings. A StepstackError ends as one clear line on standard error.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from stepstack import __version__
from stepstack.errors import StepstackError

COMMANDS = {
    "serve": "the Step Functions API over HTTP, a drop-in for Step Functions Local",
    "up": "the whole embedded stack in the foreground: Step Functions, DynamoDB and the rest",
    "run": "one execution of a definition, and its way through the states",
    "explore": "inputs that break a state machine, found by trying many",
    "graph": "the state machine drawn, as SVG, HTML or Mermaid text",
    "validate": "every problem of a definition, with line and column",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the subcommand that `argv` (default: the process's arguments) names; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="stepstack", description="Test AWS Step Functions and DynamoDB without deploying.")
    parser.add_argument("--version", action="version", version=f"stepstack {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            module = importlib.import_module(f"stepstack.cli.{name}")
            module.configure(subparser)
            subparser.set_defaults(execute=module.execute)
    arguments = parser.parse_args(words)
    try:
        return int(arguments.execute(arguments))
    except StepstackError as error:
        print(f"stepstack {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
