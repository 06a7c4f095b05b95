#!/usr/bin/env python3
"""Writes the tables of docs/reference from the code, so that they cannot drift: `python scripts/reference.py`.

In those pages a table stands between `<!-- table: NAME -->` and `<!-- end -->`; everything else in them is written by hand. A test compares
the pages with what this program makes (tests/docs/test_reference.py).
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
PACKAGE = ROOT / "src" / "stepstack"
TABLE = re.compile(r"<!-- table: ([\w ]+) -->\n.*?<!-- end -->", re.DOTALL)


def main() -> None:
    for page in sorted(PAGES.glob("*.md")):
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")


def rendered(text: str) -> str:
    """`text` of a page with every table made anew."""
    return TABLE.sub(lambda match: f"<!-- table: {match[1]} -->\n\n{table(match[1])}\n\n<!-- end -->", text)


def table(name: str) -> str:
    if name.startswith("command "):
        return rows(("option", "what it is"), command_options(name.removeprefix("command ")))
    return TABLES[name]()


def rows(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *map(tuple, body)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(words: Iterable[str], *, between: str = ", ") -> str:
    return between.join(f"`{word}`" for word in words)


# The plugin


def fixtures() -> str:
    found = {}
    for path in sorted((PACKAGE / "pytest_plugin").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(one).startswith("pytest.fixture") for one in node.decorator_list):
                found[node.name] = first_paragraph(ast.get_docstring(node) or "")
    plugin = importlib.import_module("stepstack.pytest_plugin")
    return rows(("fixture", "what it is"), ((f"`{name}`", found[name]) for name in plugin.__all__))


def first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


class Options:
    """In the place of pytest's parser: keeps what is added to it."""

    def __init__(self) -> None:
        self.options: dict[str, Mapping[str, Any]] = {}
        self.settings: dict[str, str] = {}

    def getgroup(self, *_: str) -> Options:
        return self

    def addoption(self, name: str, **words: Any) -> None:
        self.options[name] = words

    def addini(self, name: str, text: str, **_: Any) -> None:
        self.settings[name] = text


def options_of_plugin() -> Options:
    options = Options()
    importlib.import_module("stepstack.pytest_plugin").pytest_addoption(options)
    return options


def options() -> str:
    found = options_of_plugin().options
    return rows(("option", "what it is"), ((f"`{with_value(name, words)}`", words["help"]) for name, words in sorted(found.items())))


def with_value(name: str, words: Mapping[str, Any]) -> str:
    return f"{name} {words['metavar']}" if "metavar" in words else name


def settings() -> str:
    plugin = importlib.import_module("stepstack.pytest_plugin.settings")
    found = options_of_plugin()
    destinations = {words.get("dest"): name for name, words in found.options.items()}
    defaults = plugin.PluginSettings()
    body = []
    for name in sorted(plugin._CHECKS):
        ini, default = f"stepstack_{name}", getattr(defaults, name)
        shown = f"`{default:g}`" if isinstance(default, float) else f"`{default}`" if default not in (None, "", (), {}) else ""
        body.append(
            (f"`{name}`", f"`{destinations[ini]}`" if ini in destinations else "", f"`{ini}`" if ini in found.settings else "", shown)
        )
    return rows(("marker and fixture", "option", "pyproject.toml", "default"), body)


def backends() -> str:
    plugin = importlib.import_module("stepstack.pytest_plugin.settings")
    return rows(("backend", "what it is"), ((f"`{name}`", text) for name, text in plugin.BACKENDS.items()))


# The commands


def commands() -> str:
    cli = importlib.import_module("stepstack.cli")
    return rows(
        ("command", "what it is"), ((f"[`stepstack {name}`](#stepstack-{name})", text) for name, text in sorted(cli.COMMANDS.items()))
    )


def command_options(name: str) -> Iterator[tuple[str, str]]:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"stepstack.cli.{name}").configure(parser)
    for action in parser._actions:
        value = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
        if action.option_strings:
            written = action.option_strings[-1] if action.nargs == 0 else f"{action.option_strings[-1]} {value}"
        else:
            written = str(action.metavar or action.dest)
        yield f"`{written}`", str(action.help or "")


# What is supported


def states() -> str:
    fields = importlib.import_module("stepstack.language.known_fields")
    return rows(
        ("state", "fields in both languages", "JSONPath alone", "JSONata alone"), map(fields_of, fields.STATES, fields.STATES.values())
    )


def objects() -> str:
    known = importlib.import_module("stepstack.language.known_fields")
    names = {
        "the state machine": known.MACHINE,
        "a branch of Parallel": known.GRAPH,
        "ItemProcessor": known.PROCESSOR,
        "ProcessorConfig": known.PROCESSOR_CONFIG,
        "a Retrier": known.RETRIER,
        "a Catcher": known.CATCHER,
        "ItemReader": known.ITEM_READER,
        "ReaderConfig": known.READER_CONFIG,
        "ItemBatcher": known.ITEM_BATCHER,
        "ResultWriter": known.RESULT_WRITER,
        "WriterConfig": known.WRITER_CONFIG,
    }
    return rows(("object", "fields in both languages", "JSONPath alone", "JSONata alone"), map(fields_of, names, names.values()))


def fields_of(name: str, known: Any) -> tuple[str, str, str, str]:
    both = known.jsonpath & known.jsonata
    return name, code(sorted(both)), code(sorted(known.jsonpath - both)), code(sorted(known.jsonata - both))


def choice_operators() -> str:
    rules = importlib.import_module("stepstack.language.choice_rules")
    kinds = {
        "tests": ("IsPresent", *rules.TYPE_TESTS),
        "comparisons with a value": rules.COMPARISONS,
        "comparisons with a path": rules.PATH_COMPARISONS,
        "of rules": ("And", "Not", "Or"),
    }
    return rows(("kind", "operators"), ((kind, code(names)) for kind, names in kinds.items()))


def intrinsic_functions() -> str:
    return code(importlib.import_module("stepstack.query.intrinsic_functions").FUNCTION_NAMES)


def jsonata_functions() -> str:
    engine = importlib.import_module("stepstack.query.jsonata_engine")
    return code(f"${name}" for name in sorted(engine._FUNCTION_NAMES))


def operations() -> str:
    from botocore.session import Session

    there_are = Session().get_service_model("stepfunctions").operation_names
    supported = asyncio.run(_operations())
    return rows(
        ("operation", "supported"), ((f"`{name}`", "yes" if name in supported else "no") for name in sorted({*there_are, *supported}))
    )


async def _operations() -> frozenset[str]:
    from stepstack.clock import Clock, Randomness
    from stepstack.service import StepFunctionsService

    class NoTasks:
        """Nothing is run here."""

    return StepFunctionsService(Clock(asyncio.get_running_loop()), Randomness(), NoTasks()).operations  # type: ignore[arg-type]


def integrations() -> str:
    actions = importlib.import_module("stepstack.integrations.optimized_actions").ACTIONS
    by_service: dict[str, list[Any]] = {}
    for action in actions.values():
        by_service.setdefault(action.service.name, []).append(action)
    body = []
    for service in sorted(by_service):
        for action in by_service[service]:
            patterns = ("request response" if not pattern.value else f"`{pattern.value}`" for pattern in action.patterns)
            body.append(
                (
                    f"`{service}:{action.action}`",
                    ", ".join(patterns) or "in ItemReader and ResultWriter only",
                    code(action.required),
                    code(action.refused),
                )
            )
    return rows(("resource", "patterns", "required parameters", "parameters not supported here"), body)


TABLES: Mapping[str, Callable[[], str]] = {
    "fixtures": fixtures,
    "options": options,
    "settings": settings,
    "backends": backends,
    "commands": commands,
    "states": states,
    "objects": objects,
    "choice operators": choice_operators,
    "intrinsic functions": intrinsic_functions,
    "jsonata functions": jsonata_functions,
    "operations": operations,
    "integrations": integrations,
}

if __name__ == "__main__":
    main()
