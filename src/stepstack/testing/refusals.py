"""What Step Functions refuses, in a few lines: a definition with each of its problems, a state that is not there, an input that is no JSON.

boto3 raises it with a long way through its own modules, and all of a definition's problems on one line. Called by `StateMachineHandle`,
and by the commands for definitions that they cannot use.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stepstack.errors import NotJson, StepstackError
from stepstack.json_types import Json, json_problem, json_text, parse_json
from stepstack.testing.close_names import listed, meant

__all__ = ["RequestRefused", "given_text", "problem_in_file", "refusal_of"]

_PROBLEMS = re.compile(r"Invalid State Machine Definition: '(?P<problems>.*)'", re.DOTALL)
_NEXT_PROBLEM = re.compile(r", (?=[A-Z][A-Z_]{5,}: )")
_PLACE = re.compile(r" at (?P<location>/[^\n]*)$")
_SOURCE = re.compile(r"\s*(?:at )?\[Source: .*?; line: (?P<line>\d+), column: (?P<column>\d+)\]", re.DOTALL)


class RequestRefused(StepstackError):
    """Step Functions refuses a request: `operation` in boto3's name, `error_code` as AWS names it, such as `InvalidDefinition`."""

    code = "refused"

    def __init__(self, text: str, *, operation: str, error_code: str, message: str) -> None:
        super().__init__(text)
        self.operation = operation
        self.error_code = error_code
        self.message = message
        """In AWS's words."""


def refusal_of(error: Any, *, machine: str, definition: str, path: Path | None = None, state: str | None = None) -> RequestRefused:
    """`error`, a ClientError of boto3, in our words. `definition` came from `path`; `state` is the one that was asked for."""
    details = error.response["Error"]
    error_code, message = str(details.get("Code")), str(details.get("Message"))
    operation = str(error.operation_name)
    states = _state_names(definition)
    found = _PROBLEMS.fullmatch(message)
    if state is not None and states and state not in states:
        text = f"there is no state {state!r} in {machine}: {listed(states)}{meant(state, states)}"
    elif error_code == "InvalidDefinition" and found:
        problems = [problem_in_file(problem, definition, path) for problem in _NEXT_PROBLEM.split(found["problems"])]
        text = "\n  ".join([f"the definition of {machine} is refused ({error_code}):", *problems])
    else:
        hint = "; a str is JSON text, as boto3 takes it, in which a text has its quotes" if error_code == "InvalidExecutionInput" else ""
        text = f"{operation} of {machine} is refused ({error_code}): {message}{hint}"
    return RequestRefused(text, operation=operation, error_code=error_code, message=message)


def given_text(value: Json, what: str) -> str:
    """The JSON text of what a test gives; NotJson says where in it something is none."""
    __tracebackhide__ = True
    try:
        return json_text(value)
    except (TypeError, ValueError, RecursionError) as error:
        problem = json_problem(value) or str(error)
    raise NotJson(f"the {what} is no JSON: {problem}")


def problem_in_file(problem: str, definition: str, path: Path | None) -> str:
    """A problem with its place; in a file with line and column, where the definition stands in it as it is."""
    source = _SOURCE.search(problem)
    if source is not None:
        return _SOURCE.sub("", problem).strip() + f" at {_in_file(path, definition) or 'line '}{source['line']}:{source['column']}"
    place = _PLACE.search(problem)
    if place is None or path is None:
        return problem
    from stepstack.language.source_map import SourceMap

    places = SourceMap.of_file(path)
    if places is None or not any(inner.startswith("/States") for inner in places.places):
        return problem  # no definition of its own, such as a template
    line, column = places.find(place["location"])
    return f"{problem} ({path.name}:{line}:{column})"


def _in_file(path: Path | None, definition: str) -> str:
    try:
        return f"{path.name}:" if path is not None and path.read_text(encoding="utf-8-sig") == definition else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _state_names(definition: str) -> list[str]:
    try:
        return list(dict.fromkeys(_names(parse_json(definition))))
    except ValueError:
        return []


def _names(value: Json) -> list[str]:
    """The names of states anywhere in a definition, in their order."""
    if isinstance(value, list):
        return [name for member in value for name in _names(member)]
    if not isinstance(value, dict):
        return []
    states = value.get("States")
    own = list(states) if isinstance(states, dict) else []
    return own + [name for member in value.values() for name in _names(member)]
