"""What AWS takes and calls doubtful: values that look like paths where nothing evaluates them.

Called by the parser; ValidateStateMachineDefinition shows these when it is asked for warnings. Source: the warning codes of AWS's API
reference, whose descriptions are the messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from stepstack.json_types import JsonObject
from stepstack.language.findings import Findings
from stepstack.language.transitions import Graph, graphs_inside

__all__ = ["find_warnings"]

_PATH: Final = re.compile(r"\$(?:\$?[.\[]|\$?$)")
_CALL: Final = re.compile(r"States\.[A-Z]\w+\(")
_TEMPLATES: Final = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
_WITH_PATH_VARIANT: Final = ("Error", "Cause")


def find_warnings(machine: JsonObject, findings: Findings) -> None:
    """Adds AWS's warnings to `findings`. States in JSONata have none."""
    machine_is_jsonata = machine.get("QueryLanguage") == "JSONata"
    for graph in graphs_inside(Graph(machine, "")):
        for name, state in graph.states.items():
            if not machine_is_jsonata and state.get("QueryLanguage") != "JSONata":
                _check_state(state, graph.place(name), findings)


def _check_state(state: JsonObject, location: str, findings: Findings) -> None:
    for field in _TEMPLATES:
        for place in _static_paths(state.get(field), f"{location}/{field}"):
            findings.warn("NO_DOLLAR", "No .$ on a field that appears to be a JSONPath or Intrinsic Function.", place)
    for field in _WITH_PATH_VARIANT:
        if _is_path(state.get(field)):
            _warn_no_path(findings, f"{location}/{field}")
    choices: Any = state.get("Choices")
    for index, rule in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(rule, dict):
            for field, value in rule.items():
                if field.endswith(("Equals", "Than", "StringMatches")) and _is_path(value):
                    _warn_no_path(findings, f"{location}/Choices[{index}]/{field}")
    if state.get("Type") == "Pass" and _has_path(state.get("Result")):
        findings.warn("PASS_RESULT_IS_STATIC", "Attempt to use a path in the result of a pass state.", f"{location}/Result")


def _warn_no_path(findings: Findings, place: str) -> None:
    findings.warn("NO_PATH", "Field value looks like a path, but field name does not end with 'Path'.", place)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and (_PATH.match(value) is not None or _CALL.match(value) is not None)


def _static_paths(value: Any, place: str) -> Iterator[str]:
    """The places of texts that look like paths and stand behind keys without `.$`."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not key.endswith(".$"):
                yield from _static_paths(member, f"{place}/{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _static_paths(member, f"{place}[{index}]")
    elif _is_path(value):
        yield place


def _has_path(value: Any) -> bool:
    """Whether a Result is written as though it were a Payload Template."""
    if isinstance(value, dict):
        return any((key.endswith(".$") and _is_path(member)) or _has_path(member) for key, member in value.items())
    if isinstance(value, list):
        return any(map(_has_path, value))
    return _is_path(value)
