"""Hypothesis strategies for inputs of a state machine: values around those that its Choice Rules compare with.

    @given(inputs("state-machine.json"))
    def test_no_input_breaks_the_machine(execution_input):
        assert stepstack.run(DEFINITION, execution_input, tasks=TASKS).error != "States.Runtime"

An input has, or has not, each member that a path of the definition names; its value is one that a rule compares it with, one just beside
it, one of another type, or anything. `reaching` keeps to the inputs that make one rule true. Needs Hypothesis (`stepstack[hypothesis]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stepstack.coverage import MachineCounts, observe
from stepstack.errors import ExpressionError, SettingsError
from stepstack.in_process import Task, run
from stepstack.json_types import Json, parse_json
from stepstack.language import StateMachine, parse
from stepstack.language.choice_rules import And, Comparison, Condition, Not, Or, PathComparison, PresenceTest, Test, TypeTest
from stepstack.language.state_machine import ChoiceState, states_of
from stepstack.query.reference_path import ReferencePath
from stepstack.testing.definitions import DefinitionSource, definition_text

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover - every environment of ours has it
    raise SettingsError("input strategies need Hypothesis: pip install 'stepstack[hypothesis]'") from error

__all__ = ["inputs", "reaching"]

OTHERS: tuple[Json, ...] = (None, True, False, 0, 1, -1, 1.5, "", "text", "2026-01-01T00:00:00Z", [], [1], {}, {"key": "value"})
"""A value of each kind, for members about which nothing is known, and to be of the wrong type."""

PAIRED: tuple[Json, ...] = (1, 2, "a", "b", True, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
"""Values for two paths that are compared with each other: equal ones, and a smaller and a larger of a kind."""

_PATH = re.compile(r"(?<![\w$])\$(?:\.[A-Za-z_]\w*)+")
_JSONATA_PATH = re.compile(r"\$states\.input((?:\.[A-Za-z_]\w*)+)")
_JSONATA_LITERAL = re.compile(r"(-?\d+(?:\.\d+)?)|'([^']*)'|\"([^\"]*)\"")


def inputs(definition: DefinitionSource) -> st.SearchStrategy[Json]:
    """Inputs for the state machine in `definition` (a file's path, a value or text); mostly objects, sometimes not."""
    text = definition_text(definition if not isinstance(definition, Path) else str(definition))
    known = _known_values(parse(text), text)
    return st.one_of(_objects(known), _objects(known), _objects(known), st.sampled_from(OTHERS))


def reaching(
    definition: DefinitionSource, state: str, rule: int | None = None, *, tasks: Mapping[str, Task] | None = None
) -> st.SearchStrategy[Json]:
    """Inputs with which an execution takes a way out of the Choice state `state`: its rule number `rule` (from 1), or its Default.

    `tasks` answer Task states on the way, as in `stepstack.run`. SettingsError where there is no such state or rule.
    """
    text = definition_text(definition)
    machine = parse(text)
    item = _item_of(machine, state, rule)

    def reaches(execution_input: Json) -> bool:
        counts = MachineCounts("", text)
        observe(counts, machine, run(text, execution_input, tasks=tasks or {}).history)
        return item in counts.counts

    return inputs(definition).filter(reaches)


def _item_of(machine: StateMachine, name: str, rule: int | None) -> tuple[str, str, str]:
    choice = next((state for state in states_of(machine) if state.name == name), None)
    if not isinstance(choice, ChoiceState):
        raise SettingsError(f"the state machine has no Choice state {name!r}")
    if rule is None:
        if choice.default is None:
            raise SettingsError(f"the Choice state {name!r} has no Default")
        return ("default", name, "")
    if not 1 <= rule <= len(choice.choices):
        raise SettingsError(f"the Choice state {name!r} has the rules 1 to {len(choice.choices)}, and no rule {rule}")
    return ("rule", name, f"{rule} true")


@st.composite
def _objects(draw: st.DrawFn, known: Mapping[str, tuple[Json, ...]]) -> Json:
    """An object in which each known path has a value or is missing; shorter paths first, so that longer ones fill them."""
    value: Json = {}
    for text, candidates in known.items():
        if draw(st.integers(0, 9)) == 0:
            continue
        is_compared = bool(candidates) and draw(st.integers(0, 4)) > 0
        part = draw(st.sampled_from(candidates if is_compared else OTHERS))
        try:
            value = ReferencePath.compile(text).place(value, part)
        except ExpressionError:
            continue  # a value that is no object stands in its way
    return value


def _known_values(machine: StateMachine, text: str) -> dict[str, tuple[Json, ...]]:
    """The paths into the input that the definition names, each with the values that it is compared with and their neighbours."""
    values: dict[str, list[Json]] = {path: [] for path in _PATH.findall(text)}
    values.update({f"${path}": [] for path in _JSONATA_PATH.findall(text)})
    for state in states_of(machine):
        if isinstance(state, ChoiceState):
            for rule in state.choices:
                for path, value in _compared(rule.test):
                    values.setdefault(path, []).extend(_around(value))
    return {path: tuple(found) for path, found in sorted(values.items(), key=lambda entry: entry[0].count(".")) if _is_place(path)}


def _is_place(path: str) -> bool:
    try:
        return not ReferencePath.compile(path).is_root
    except ExpressionError:
        return False


def _compared(test: Test) -> Iterator[tuple[str, Json]]:
    """Each path that `test` looks at, with a value that it is compared with."""
    if isinstance(test, (And, Or)):
        for part in test.parts:
            yield from _compared(part)
    elif isinstance(test, Not):
        yield from _compared(test.part)
    elif isinstance(test, Comparison):
        yield test.variable.text, test.operand
    elif isinstance(test, PathComparison):
        yield from ((path.text, value) for path in (test.variable, test.operand) for value in PAIRED)
    elif isinstance(test, (PresenceTest, TypeTest)):
        yield from ((test.variable.text, value) for value in OTHERS)
    elif isinstance(test, Condition):
        literals = [_literal(match) for match in _JSONATA_LITERAL.finditer(test.text)]
        yield from ((f"${path}", value) for path in _JSONATA_PATH.findall(test.text) for value in literals or OTHERS)


def _literal(match: re.Match[str]) -> Json:
    number, single, double = match.groups()
    return parse_json(number) if number is not None else single if single is not None else double


def _around(value: Json) -> list[Json]:
    """`value` and what is just beside it."""
    if isinstance(value, bool) or value is None:
        return [value, not value]
    if isinstance(value, (int, float)):
        return [value, value - 1, value + 1]
    if isinstance(value, str):
        return [value, value.replace("*", ""), value.replace("*", "x"), value + "x", value[:-1]]
    return [value]
