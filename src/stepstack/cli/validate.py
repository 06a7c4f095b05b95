"""`stepstack validate FILE...`: every problem of definitions, with line and column.

What AWS refuses is an error; what it takes and we doubt is a warning. The exit code is 1 where there is an error, with `--strict` also
where there is a warning. JSON and YAML are read; `-` is standard input. Of a SAM, CloudFormation or CDK template, each state machine is
looked at, or the one that `--resource` names. Placeholders (`${Function}`) pass where a text may stand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stepstack.cli.definition_source import add_source_options, definition_in, named_values, refuse_template_options
from stepstack.errors import SettingsError
from stepstack.language import Diagnostic, Severity
from stepstack.language.placeholders import diagnose_template
from stepstack.language.source_map import SourceMap, YamlProblem, read_yaml
from stepstack.language.transitions import Graph, graphs_inside

__all__ = ["Finding", "configure", "execute", "findings_in"]

STANDARD_INPUT: Final = "-"
_SOURCE: Final = re.compile(r"\[Source: .*?; line: (\d+), column: (\d+)\]", re.DOTALL)
"""How AWS writes a place in broken JSON: with the whole text."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a definition in JSON or YAML, or a template; - reads standard input")
    add_source_options(parser)
    parser.add_argument("--type", choices=("STANDARD", "EXPRESS"), default="STANDARD", help="the type of the state machine")
    parser.add_argument("--strict", action="store_true", help="fail on warnings, too")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Prints the findings; 1 where there are errors (with --strict: or warnings), else 0."""
    texts = {file: _text_of(file) for file in arguments.files}
    templates = {file for file, text in texts.items() if _is_template(file, text)}
    if not templates:
        refuse_template_options(arguments, " and ".join(texts))
    parts = [part for file, text in texts.items() for part in _parts(file, text, arguments, is_template=file in templates)]
    findings = [finding for part in parts for finding in part]
    if arguments.json:
        print(json.dumps([finding.document() for finding in findings], indent=2, ensure_ascii=False))
    else:
        print("\n".join(_report(len(parts), findings)))
    errors = sum(finding.diagnostic.severity is Severity.ERROR for finding in findings)
    return 1 if errors or (arguments.strict and findings) else 0


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic and where it stands; `state` and `field` are "" where it concerns no state or no single field."""

    file: str
    line: int
    column: int
    diagnostic: Diagnostic
    state: str = ""
    field: str = ""

    def __str__(self) -> str:
        diagnostic = self.diagnostic
        where = ", ".join(part for part in (self.state and f'state "{self.state}"', self.field and f"field {self.field}") if part)
        place = f"{self.file}:{self.line}:{self.column}"
        message = _SOURCE.sub(r"line \1, column \2", diagnostic.message.removesuffix(f"\n at {diagnostic.location}"))
        return f"{place}: {diagnostic.severity.value.lower()}: {message}{f' ({where})' if where else ''} [{diagnostic.code}]"

    def document(self) -> dict[str, Any]:
        diagnostic = self.diagnostic
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": diagnostic.severity.value,
            "code": diagnostic.code,
            "message": diagnostic.message,
            "location": diagnostic.location,
            "state": self.state or None,
            "field": self.field or None,
            "beyond_aws": diagnostic.beyond_aws,
        }


def _parts(file: str, text: str, arguments: argparse.Namespace, *, is_template: bool) -> Iterator[list[Finding]]:
    """The findings of each definition in `file`, which has this text."""
    from stepstack.testing.definitions import substituted
    from stepstack.testing.templates import Template

    if not is_template:
        yield findings_in(file, substituted(text, named_values("--substitution", arguments.substitution)), arguments.type)
        return
    parameters = named_values("--parameter", arguments.parameter)
    for logical_id in [arguments.resource] if arguments.resource else Template(Path(file), parameters=parameters).state_machines():
        yield _findings_of(file, logical_id, arguments)


def _is_template(file: str, text: str) -> bool:
    from stepstack.stacks.embedded.templates.template import is_template, parse_document

    if file == STANDARD_INPUT or "Resources" not in text:
        return False
    try:
        return is_template(parse_document(text, Path(file)))
    except SettingsError:
        return False  # neither JSON nor YAML: told as the definition's fault


def _findings_of(file: str, logical_id: str, arguments: argparse.Namespace) -> list[Finding]:
    """Those of a template's state machine, with the places of the file that has its definition."""
    definition = definition_in(file, arguments, logical_id)
    own_file = definition.path if definition.logical_id is None else None
    within = "" if own_file else f"/Resources/{logical_id}/Properties/Definition"
    places = SourceMap.of_file(own_file or Path(file)) or SourceMap({})
    shown = os.path.relpath(own_file) if own_file else file
    return _all_findings(shown, definition.text, places, definition.type or arguments.type, within)


def findings_in(file: str, text: str, machine_type: str = "STANDARD") -> list[Finding]:
    """Every finding in the definition `text`, in the order of the file; `file` says by its suffix whether it is YAML."""
    if not _is_yaml(file, text):
        definition, places = text, SourceMap.of_json(text)
    else:
        try:
            definition, places = read_yaml(text)
        except YamlProblem as problem:
            wrong = Diagnostic(Severity.ERROR, "INVALID_YAML", problem.message, None, beyond_aws=True)
            return [Finding(file, problem.line, problem.column, wrong)]
    return _all_findings(file, definition, places, machine_type)


def _all_findings(file: str, definition: str, places: SourceMap, machine_type: str, within: str = "") -> list[Finding]:
    """Those of a definition that stands in the file at the location `within`."""
    from stepstack.integrations.catalog import IntegrationCatalog  # `--help` need not load it

    states = _state_places(definition)
    found = diagnose_template(definition, catalog=IntegrationCatalog(), machine_type=machine_type)
    findings = [_finding(file, diagnostic, places, states, within) for diagnostic in found]
    findings.extend(
        Finding(file, line, column, Diagnostic(Severity.WARNING, "DUPLICATE_KEY", f"The key '{key}' stands twice.", None, beyond_aws=True))
        for key, (line, column) in places.duplicate_keys
    )
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def _is_yaml(file: str, text: str) -> bool:
    if file == STANDARD_INPUT:
        return not text.lstrip().startswith("{")
    return Path(file).suffix.lower() in {".yaml", ".yml"}


def _finding(file: str, diagnostic: Diagnostic, places: SourceMap, states: dict[str, str], within: str) -> Finding:
    line, column = places.find(f"{within}{diagnostic.location or ''}" if within else diagnostic.location)
    location = diagnostic.location or ""
    inside = [place for place in states if location == place or location.startswith(f"{place}/")]
    if not inside:
        return Finding(file, line, column, diagnostic)
    place = max(inside, key=len)
    return Finding(file, line, column, diagnostic, states[place], location[len(place) + 1 :])


def _state_places(definition: str) -> dict[str, str]:
    """Location to the name of the state that stands there."""
    try:
        members = json.loads(definition)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(members, dict):
        return {}
    return {graph.place(name): name for graph in graphs_inside(Graph(members, "")) for name in graph.states}


def _text_of(file: str) -> str:
    from stepstack.testing.files import read_standard_input, read_text

    return read_standard_input("a definition") if file == STANDARD_INPUT else read_text(file, "a definition")


def _report(definitions: int, findings: list[Finding]) -> Iterator[str]:
    yield from map(str, findings)
    errors = sum(finding.diagnostic.severity is Severity.ERROR for finding in findings)
    warnings = len(findings) - errors
    yield f"{_counted(definitions, 'definition')}, {_counted(errors, 'error')}, {_counted(warnings, 'warning')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
