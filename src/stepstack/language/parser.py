"""Definition text to a frozen StateMachine, or to every diagnostic at once.

Called by the service (CreateStateMachine, UpdateStateMachine, ValidateStateMachineDefinition, TestState), by `stepstack.run` and by the
command line. It leaves out what single fields mean: `states` and the modules below it know that. Source: the Amazon States Language;
recorded answers of AWS for what is refused, in which words and in which order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from stepstack.errors import DefinitionError
from stepstack.language import known_fields
from stepstack.language.definition_text import read_definition
from stepstack.language.diagnostics import Diagnostic
from stepstack.language.field import QueryLanguage
from stepstack.language.fields import LARGEST_SECONDS, Fields, Surroundings
from stepstack.language.findings import Findings
from stepstack.language.hints import find_hints
from stepstack.language.resources import ResourceCatalog
from stepstack.language.state_machine import State, StateMachine, states_of
from stepstack.language.states import read_graph, read_state
from stepstack.language.transitions import check_transitions
from stepstack.language.variable_references import variable_references
from stepstack.language.warnings import find_warnings

__all__ = ["LONE_STATE_NAME", "diagnose", "parse", "parse_state"]

LONE_STATE_NAME: Final = "StateName"
"""How AWS calls a state that comes without a machine, in TestState."""

_Read = TypeVar("_Read")


@dataclass(slots=True)
class _Request:
    """One definition to read, and what it is read with."""

    definition: str
    catalog: ResourceCatalog | None
    machine_type: str
    findings: Findings

    def machine(self, *, warnings: bool = False, hints: bool = False) -> StateMachine | None:
        """The machine; None where it has errors. `hints` goes on behind errors, and adds what AWS does not say."""
        return self._read(lambda fields: self._machine(fields, warnings=warnings, hints=hints))

    def lone_state(self) -> State | None:
        """The definition as a state of its own."""
        return self._read(lambda fields: read_state(LONE_STATE_NAME, fields.members, f"/States/{LONE_STATE_NAME}", fields.around))

    def state_of_machine(self, name: str) -> State | None:
        """The state `name`, wherever in the machine it is; transitions are not looked at."""
        return self._read(lambda fields: _state_named(name, _read_machine(fields, self.definition)))

    def _machine(self, fields: Fields, *, warnings: bool, hints: bool) -> StateMachine | None:
        machine = _read_machine(fields, self.definition)
        if hints or not self.findings.has_errors:
            check_transitions(fields.members, self.findings)
        if warnings:
            find_warnings(fields.members, self.findings)
        if hints:
            find_hints(fields.members, machine, fields.around, self.findings)
        return None if self.findings.has_errors else machine

    def _read(self, read: Callable[[Fields], _Read | None]) -> _Read | None:
        """What `read` makes of the definition's object; None where there is none, or where the stack does not hold it."""
        try:
            fields = self._fields()
            return None if fields is None else read(fields)
        except RecursionError:
            # Unless something else is found that is as good a reason.
            if not self.findings.has_errors:
                self.findings.refuse("TOO_DEEPLY_NESTED", "The definition is nested too deeply", None)
            return None

    def _fields(self) -> Fields | None:
        read = read_definition(self.definition, self.findings)
        if read is None:
            return None
        members, duplicate_keys = read
        around = Surroundings(self.findings, QueryLanguage.JSONPATH, self.machine_type, self.catalog, duplicate_keys)
        return Fields(members, "", QueryLanguage.JSONPATH, around)


def parse(definition: str, *, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD") -> StateMachine:
    """The state machine that `definition` describes; raises DefinitionError with every diagnostic that AWS has.

    `machine_type` is STANDARD or EXPRESS. Without a `catalog`, no service integration is refused.
    """
    findings = Findings()
    machine = _Request(definition, catalog, machine_type, findings).machine()
    if machine is None:
        raise DefinitionError(findings.errors)
    return machine


def diagnose(
    definition: str, *, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD", hints: bool = False
) -> list[Diagnostic]:
    """Everything that AWS finds wrong with `definition`, or doubtful; never raises.

    With `hints`, also what AWS does not say (`beyond_aws`), and what it would say once the first errors are mended.
    """
    findings = Findings()
    _Request(definition, catalog, machine_type, findings).machine(warnings=True, hints=hints)
    return findings.diagnostics


def parse_state(
    definition: str, *, state_name: str | None = None, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD"
) -> State:
    """The one state that TestState runs: `definition` is that state, or with `state_name` a machine in which it is.

    Raises DefinitionError. States that it leads to need not exist.
    """
    findings = Findings()
    request = _Request(definition, catalog, machine_type, findings)
    state = request.lone_state() if state_name is None else request.state_of_machine(state_name)
    if state is None and not findings.has_errors:
        findings.refuse_schema(f"State '{state_name}' not found", f"/States/{state_name}")
    if state is None or findings.has_errors:
        raise DefinitionError(findings.errors)
    return state


def _read_machine(fields: Fields, definition: str) -> StateMachine:
    """The machine, as far as it can be read."""
    language = QueryLanguage.JSONPATH
    if "QueryLanguage" in fields.members and fields.members["QueryLanguage"] != "JSONPath":
        fields.choice("QueryLanguage", "JSONPath", "JSONata")
        language = QueryLanguage.JSONATA
        fields.around = fields.around.in_language(language)
        fields.language = language
    fields.refuse_unknown(known_fields.MACHINE)
    start_at, states = read_graph(fields)
    timeout = fields.number("TimeoutSeconds", 0, LARGEST_SECONDS)
    machine = StateMachine(
        start_at=start_at,
        states=states,
        definition=definition,
        query_language=language,
        comment=fields.text("Comment"),
        version=fields.choice("Version", "1.0"),
        timeout_seconds=None if timeout is None else int(timeout),
    )
    references = variable_references(machine)
    return replace(machine, variable_references=references) if references else machine


def _state_named(name: str, machine: StateMachine) -> State | None:
    return next((state for state in states_of(machine) if state.name == name), None)
