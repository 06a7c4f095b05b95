"""Beyond AWS: what a definition may do and hardly means to.

Called by the parser for `stepstack validate`, on the definition's JSON and on as much of the machine as could be read. Each hint is a
warning that AWS does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stepstack.json_types import Json, JsonObject
from stepstack.language.field import Field
from stepstack.language.fields import Surroundings
from stepstack.language.findings import Findings
from stepstack.language.state_machine import MapState, ParallelState, ProcessorMode, State, StateGraph, StateMachine, TaskState, graphs_of
from stepstack.language.transitions import Graph, graphs_inside, inner_graphs, is_end, targets
from stepstack.language.variable_references import variables_read
from stepstack.query.scope import Literal

__all__ = ["find_hints"]

_CONTEXT_PATH: Final = re.compile(r"\$\$\.(\w+)(?:\.(\w+))?")
_CONTEXT_OBJECT: Final[Mapping[str, frozenset[str]]] = {
    "Execution": frozenset({"Id", "Input", "Name", "RedriveCount", "RedriveTime", "RoleArn", "StartTime"}),
    "Map": frozenset({"Item"}),
    "State": frozenset({"EnteredTime", "Name", "RetryCount"}),
    "StateMachine": frozenset({"Id", "Name"}),
    "Task": frozenset({"Token"}),
}
_NEVER_CAUGHT: Final = "States.Runtime"
_OF_DISTRIBUTED_MAPS: Final = (
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)


def find_hints(members: JsonObject, machine: StateMachine, around: Surroundings, findings: Findings) -> None:
    """Adds the hints to `findings`. `machine` is what could be read of `members`, the definition's object."""
    for graph in graphs_inside(Graph(members, "")):
        _hint_reachable(graph, findings)
        for name, state in graph.states.items():
            place = graph.place(name)
            _hint_choice(state, place, findings)
            _hint_handlers(state, place, findings)
            _hint_context_paths(state, place, findings)
            _hint_inline_map(state, place, findings)
    _hint_parsed(Graph(members, ""), machine, frozenset(), findings)
    state_holders = {id(graph.members.get("States")) for graph in graphs_inside(Graph(members, ""))}
    for holder, key in around.duplicate_keys:
        if id(holder) not in state_holders:
            findings.hint("DUPLICATE_KEY", f"The key '{key}' stands twice in one object; only its last value counts.", None)


def _hint_reachable(graph: Graph, findings: Findings) -> None:
    """AWS sees states that nothing leads to; here are those that only unreachable states lead to, and graphs without an end."""
    states = graph.states
    if graph.start_at is None or graph.start_at not in states:
        return
    reached = {graph.start_at}
    waiting = [graph.start_at]
    while waiting:
        for target, _ in targets(states[waiting.pop()]):
            if target in states and target not in reached:
                reached.add(target)
                waiting.append(target)
    led_to = {target for state in states.values() for target, _ in targets(state)}
    for name in states:
        if name not in reached and name in led_to:
            findings.hint("UNREACHABLE_STATE", "StartAt does not lead to this state.", graph.place(name))
    ends = [name for name in reached if is_end(states[name])]
    if not ends:
        findings.hint("NO_END", "No state that StartAt leads to ends the graph.", f"{graph.location}/StartAt")


def _hint_choice(state: JsonObject, place: str, findings: Findings) -> None:
    if state.get("Type") == "Choice" and "Default" not in state:
        findings.hint("CHOICE_WITHOUT_DEFAULT", "Where no rule matches, the execution fails with States.Runtime.", place)


def _hint_handlers(state: JsonObject, place: str, findings: Findings) -> None:
    for name in ("Retry", "Catch"):
        handlers: Any = state.get(name)
        handled: set[str] = set()
        for index, handler in enumerate(handlers if isinstance(handlers, list) else ()):
            errors = handler.get("ErrorEquals") if isinstance(handler, dict) else None
            where = f"{place}/{name}[{index}]/ErrorEquals"
            for error in errors if isinstance(errors, list) else ():
                if isinstance(error, str):
                    _hint_error_name(error, handled, state, where, findings)
                    handled.add(error)


def _hint_error_name(error: str, handled: set[str], state: JsonObject, where: str, findings: Findings) -> None:
    if error == _NEVER_CAUGHT:
        findings.hint("ERROR_NEVER_HANDLED", f"Nothing retries or catches {_NEVER_CAUGHT}.", where)
    elif error in handled:
        findings.hint("HANDLER_NEVER_USED", f"An earlier entry handles {error} already.", where)
    elif state.get("Type") == "Task" and "States.TaskFailed" in handled and not error.startswith("States."):
        findings.hint("HANDLER_NEVER_USED", f"An earlier entry handles {error} already, by States.TaskFailed.", where)


def _hint_inline_map(state: JsonObject, place: str, findings: Findings) -> None:
    processor: Any = state.get("ItemProcessor", state.get("Iterator"))
    if state.get("Type") != "Map" or not isinstance(processor, dict):
        return
    config: Any = processor.get("ProcessorConfig")
    if isinstance(config, dict) and config.get("Mode", "INLINE") != "INLINE":
        return
    for name in _OF_DISTRIBUTED_MAPS:
        if name in state:
            findings.hint("FIELD_WITHOUT_EFFECT", f"{name} has an effect in a distributed Map alone.", f"{place}/{name}")


def _hint_context_paths(state: JsonObject, place: str, findings: Findings) -> None:
    own = {name: value for name, value in state.items() if name not in {"Branches", "ItemProcessor", "Iterator"}}
    for where, text in _texts(own, place):
        found = _CONTEXT_PATH.match(text)
        if found is None:
            continue
        root, member = found.groups()
        members = _CONTEXT_OBJECT.get(root)
        if members is None or (member is not None and member not in members):
            findings.hint("PATH_NEVER_MATCHES", f"The Context Object has no {found.group()[3:]}.", where)


def _texts(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """The texts that may be paths: behind keys that end in `.$` or Path, and Variable."""
    if isinstance(value, dict):
        for key, member in value.items():
            inner = f"{place}/{key}"
            if isinstance(member, str):
                if key.endswith((".$", "Path")) or key == "Variable":
                    yield inner, member
            else:
                yield from _texts(member, inner)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, f"{place}[{index}]")


def _hint_parsed(graph: Graph, parsed: StateGraph, outer: frozenset[str], findings: Findings) -> None:
    """What needs the compiled states. `outer` are the variables that are visible from outside; a distributed Map's children see none."""
    raw_states = graph.states
    assigned = {name: {*_assigned(state)} for name, state in raw_states.items()}
    known = outer.union(*assigned.values())
    for name, state in parsed.states.items():
        place = graph.place(name)
        for variable in sorted(variables_read(state) - known):
            findings.hint("UNKNOWN_VARIABLE", f"No state assigns the variable ${variable} where this state could see it.", place)
        for variable in sorted(assigned[name] & outer):
            problem = f"This assigns another variable ${variable}: that of the outer scope keeps its value."
            findings.hint("VARIABLE_OF_OUTER_SCOPE", problem, f"{place}/Assign")
        _hint_heartbeat(state, place, findings)
        is_apart = isinstance(state, MapState) and state.item_processor.mode is ProcessorMode.DISTRIBUTED
        for inner, inner_parsed in _graphs_within(place, raw_states[name], state):
            _hint_parsed(inner, inner_parsed, frozenset() if is_apart else known, findings)


def _graphs_within(place: str, members: JsonObject, state: State) -> Iterator[tuple[Graph, StateGraph]]:
    """The graphs within a state, as JSON and compiled. Branches of a Map and the processor of a Parallel are refused, not compiled."""
    is_parallel = isinstance(state, ParallelState)
    own = {name: member for name, member in members.items() if (name == "Branches") is is_parallel}
    yield from zip(inner_graphs(place, own), graphs_of(state))  # noqa: B905 - fewer where one is malformed


def _assigned(state: JsonObject) -> Iterator[str]:
    rules: list[Any] = [state]
    for name in ("Catch", "Choices"):
        members: Any = state.get(name)
        rules.extend(members if isinstance(members, list) else ())
    for rule in rules:
        assign = rule.get("Assign") if isinstance(rule, dict) else None
        if isinstance(assign, dict):
            yield from (key.removesuffix(".$") for key in assign)


def _hint_heartbeat(state: State, place: str, findings: Findings) -> None:
    if not isinstance(state, TaskState) or state.timeout is None or state.heartbeat is None:
        return
    timeout, heartbeat = _constant(state.timeout), _constant(state.heartbeat)
    if timeout is not None and heartbeat is not None and heartbeat >= timeout:
        findings.hint("HEARTBEAT_NOT_SHORTER", "HeartbeatSeconds should be less than TimeoutSeconds.", f"{place}/HeartbeatSeconds")


def _constant(field: Field) -> float | None:
    value = field.expression.value if isinstance(field.expression, Literal) else None
    return value if isinstance(value, (int, float)) else None
