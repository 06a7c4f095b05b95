"""Definition text to a frozen StateMachine, or to every diagnostic at once.

Called by the service (CreateStateMachine, UpdateStateMachine, ValidateStateMachineDefinition, TestState) and by the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.errors import DefinitionError
from stepstack.json_types import parse_json
from stepstack.language.diagnostics import Diagnostic, Severity
from stepstack.language.field import QueryLanguage
from stepstack.language.fields import LARGEST_SECONDS, Fields, Surroundings
from stepstack.language.findings import Findings
from stepstack.language.resources import ResourceCatalog
from stepstack.language.state_machine import State, StateMachine
from stepstack.language.states import read_graph, read_state

__all__ = ["diagnose", "parse", "parse_state"]


def parse(definition: str, *, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD") -> StateMachine:
    """The state machine that `definition` describes; raises DefinitionError with every diagnostic."""
    findings = Findings()
    machine = _read(definition, Surroundings(findings, machine_type=machine_type, catalog=catalog))
    if machine is None or findings.has_errors:
        raise DefinitionError([diagnostic for diagnostic in findings.diagnostics if diagnostic.severity is Severity.ERROR])
    return machine


def diagnose(definition: str, *, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD") -> list[Diagnostic]:
    """Everything that is wrong with `definition`, or doubtful."""
    findings = Findings()
    _read(definition, Surroundings(findings, machine_type=machine_type, catalog=catalog))
    return findings.diagnostics


def parse_state(
    definition: str, *, state_name: str | None = None, catalog: ResourceCatalog | None = None, machine_type: str = "STANDARD"
) -> State:
    """The one state that TestState runs: `definition` is a state, or a whole machine in which `state_name` names one."""
    findings = Findings()
    around = Surroundings(findings, machine_type=machine_type, catalog=catalog)
    state: State | None = None
    if state_name is not None:
        machine = _read(definition, around)
        state = None if machine is None else machine.states.get(state_name)
    else:
        members = _json_object(definition, findings)
        if members is not None:
            state = read_state("StateName", members, "/States/StateName", around)
    if state is None or findings.has_errors:
        raise DefinitionError(findings.diagnostics)
    return state


def _json_object(definition: str, findings: Findings) -> Mapping[str, Any] | None:
    try:
        value = parse_json(definition)
    except ValueError as error:
        findings.refuse("INVALID_JSON_DESCRIPTION", str(error), None)
        return None
    if not isinstance(value, Mapping):
        findings.refuse_schema("Definition must be a valid JSON object", None)
        return None
    return value


def _read(definition: str, around: Surroundings) -> StateMachine | None:
    members = _json_object(definition, around.findings)
    if members is None:
        return None
    language = QueryLanguage.JSONPATH
    if members.get("QueryLanguage") == "JSONata":
        language = QueryLanguage.JSONATA
        around = Surroundings(around.findings, language, around.machine_type, around.catalog)
    fields = Fields(members, "", language, around)
    missing = [name for name in ("States", "StartAt") if name not in members]
    if missing:
        fields.refuse(f"These fields are required: [{', '.join(missing)}]")
    start_at, states = read_graph(fields)
    timeout = fields.number("TimeoutSeconds", 1, LARGEST_SECONDS)
    return StateMachine(
        start_at=start_at,
        states=states,
        definition=definition,
        query_language=language,
        comment=fields.text("Comment"),
        version=fields.text("Version"),
        timeout_seconds=None if timeout is None else int(timeout),
    )
