"""The `stepstack` command: one module per subcommand, loaded only when it is called.

A subcommand's module has `configure(parser)` and `execute(arguments) -> int`, the exit code: 0 done, 1 the thing asked about failed (an
execution, a validation), 2 wrong usage or settings, 128 and more where a signal ended it. A StepstackError ends as one clear line on
standard error, a definition that AWS would refuse as a line for each problem.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from stepstack import __version__
from stepstack.errors import DefinitionError, StepstackError

COMMANDS = {
    "serve": "the Step Functions API over HTTP, a drop-in for Step Functions Local",
    "up": "the whole embedded stack in the foreground: Step Functions, DynamoDB and the rest",
    "run": "one execution of a definition, and its way through the states",
    "explore": "inputs that break a state machine, found by trying many",
    "graph": "the state machine drawn, as SVG, HTML or Mermaid text",
    "validate": "every problem of a definition, with line and column",
}

SERVERS = frozenset({"serve", "up"})
"""Those that a signal ends well; another one, stopped, has not done what it was asked to."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the subcommand that `argv` (default: the process's arguments) names; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    if os.getpid() == 1:
        # A container's first process: the kernel drops signals that it has not asked for, so that a stop before the server has its own
        # handler would be sat out until Docker kills it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0 if chosen in SERVERS else 128 + signal.SIGTERM))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the terminal's encoding cannot write, such as half of a surrogate pair, is spelled out.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _Parser(prog="stepstack", description="Test AWS Step Functions and DynamoDB without deploying.")
    parser.add_argument("--version", action="version", version=f"stepstack {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            module = importlib.import_module(f"stepstack.cli.{name}")
            module.configure(subparser)
            subparser.set_defaults(execute=module.execute)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        subparsers.choices[arguments.command].refuse(unknown)
    try:
        return int(arguments.execute(arguments))
    except DefinitionError as error:
        print("\n  ".join(_refusal(error, getattr(arguments, "file", None), arguments.command)), file=sys.stderr)
        return 2
    except StepstackError as error:
        print(f"stepstack {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """Knows its options, to name one that is near to what nobody knows."""

    def __init__(self, **words: Any) -> None:
        self._options: list[str] = []
        super().__init__(**words)

    def add_argument(self, *words: Any, **named: Any) -> argparse.Action:
        self._options.extend(word for word in words if word.startswith("--"))
        return super().add_argument(*words, **named)

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Ends with the usage of this command; argparse would show the one of all commands."""
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        near = [found for option in options for found in get_close_matches(option, self._options, n=1)]
        self.error(f"unrecognized arguments: {' '.join(words)}{f'; was {near[0]} meant?' if near else ''}")


def _refusal(error: DefinitionError, file: str | None, command: str) -> list[str]:
    """What is wrong with the definition in `file`, each problem with its line and column where the file holds it as it is."""
    from stepstack.testing.refusals import problem_in_file

    path = Path(file) if file is not None and Path(file).is_file() else None
    definition = path.read_text(encoding="utf-8-sig", errors="replace") if path else ""
    problems = [problem_in_file(str(problem), definition, path) for problem in error.diagnostics]
    return [f"stepstack {command}: the definition{f' in {file}' if path else ''} is refused:", *problems]
