"""A state's fields to a frozen State: one function for each type. Called by the parser for every state of every graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepstack.json_types import JsonObject
from stepstack.language import known_fields
from stepstack.language.choice_rules import parse_timestamp
from stepstack.language.choice_state import read_choices
from stepstack.language.error_handlers import read_catchers, read_retriers
from stepstack.language.field import Field, QueryLanguage
from stepstack.language.fields import LARGEST_SECONDS, Fields, Surroundings, root_path, root_reference_path
from stepstack.language.map_state import read_item_batcher, read_item_reader, read_items, read_label, read_result_writer
from stepstack.language.state_machine import (
    ChoiceState,
    FailState,
    ItemProcessor,
    MapState,
    ParallelState,
    PassState,
    ProcessorMode,
    State,
    StateGraph,
    SucceedState,
    TaskState,
    WaitState,
)
from stepstack.language.task_state import read_credentials, read_parameters, read_resource, read_seconds

__all__ = ["read_graph", "read_state"]

LONGEST_STATE_NAME: Final = 80

_Common = dict[str, Any]
_WITH_TRANSITION: Final = frozenset({"Pass", "Task", "Wait", "Parallel", "Map"})
_WAIT_FIELDS: Final = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")


def read_graph(fields: Fields) -> tuple[str, Mapping[str, State]]:
    """StartAt and the states of a machine, a branch or an item processor."""
    fields.require("States", "StartAt")
    states: dict[str, State] = {}
    graph = fields.object("States")
    if graph is not None:
        if not graph.members:
            fields.refuse("Value cannot be empty", "States")
        for duplicated, name in fields.around.duplicate_keys:
            if duplicated is graph.members:
                fields.around.findings.refuse("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", f"{graph.location}/{name}")
        for name, members in graph.members.items():
            location = f"{graph.location}/{name}"
            if isinstance(members, dict):
                state = read_state(name, members, location, fields.around)
                if state is not None:
                    states[name] = state
            else:
                fields.around.findings.refuse_schema("Expected value of type Object", location)
    return fields.text("StartAt") or "", states


def read_state(name: str, members: JsonObject, location: str, around: Surroundings) -> State | None:
    """The state that `members` describe; None where it cannot be made, which is in the findings then."""
    fields = Fields(members, location, around.machine_language, around)
    if "QueryLanguage" in members:
        fields.language = _query_language(fields)
    if len(name) > LONGEST_STATE_NAME:
        problem = f"exceeds the {LONGEST_STATE_NAME}-character limit allowed by the service"
        fields.refuse(f"Invalid State name: {name} {problem}", code="INVALID_STATE_NAME")
    if not fields.require("Type"):
        return None
    kind = members["Type"]
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        fields.refuse(f"The field 'Type' should have one of these values: [{', '.join(_READERS)}]", "Type")
        return None
    fields.refuse_unknown(known_fields.STATES[str(kind)])
    return read(fields, _common(name, str(kind), fields))


def _query_language(fields: Fields) -> QueryLanguage:
    """A state's own language; AWS takes whatever is not exactly JSONPath for JSONata, and reports it besides."""
    written = fields.choice("QueryLanguage", "JSONPath", "JSONata")
    if fields.members["QueryLanguage"] != "JSONPath":
        return QueryLanguage.JSONATA
    if fields.around.machine_language is QueryLanguage.JSONATA and written is not None:
        fields.refuse("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
    return QueryLanguage.JSONPATH


def _common(name: str, kind: str, fields: Fields) -> _Common:
    """The fields of State, by name."""
    target: str | None = None
    if kind in _WITH_TRANSITION:
        is_end = fields.boolean("End") is True
        has_next = "Next" in fields.members
        if is_end and has_next:
            fields.refuse("There should only be one of the following fields: [Next, End]")
        elif not is_end and not has_next:
            fields.refuse("This object should have only one of the following fields: [Next, End]")
        target = None if is_end else fields.text("Next")
    is_jsonata = fields.is_jsonata
    return {
        "name": name,
        "query_language": fields.language,
        "comment": fields.text("Comment"),
        "next": target,
        "input_path": root_path() if is_jsonata else fields.path("InputPath"),
        "output_path": root_path() if is_jsonata else fields.path("OutputPath"),
        "assign": fields.assign(),
        "output": fields.jsonata_output(),
    }


def _result_path(fields: Fields) -> Any:
    return root_reference_path() if fields.is_jsonata else fields.reference_path("ResultPath")


def _work(fields: Fields) -> _Common:
    """What Task, Parallel and Map have in common."""
    return {
        "result_selector": None if fields.is_jsonata else fields.template("ResultSelector"),
        "result_path": _result_path(fields),
        "retriers": read_retriers(fields),
        "catchers": read_catchers(fields),
    }


def _pass(fields: Fields, common: _Common) -> State:
    is_jsonata = fields.is_jsonata
    return PassState(
        parameters=None if is_jsonata else fields.template("Parameters"),
        result=None if is_jsonata else fields.literal("Result"),
        result_path=_result_path(fields),
        **common,
    )


def _task(fields: Fields, common: _Common) -> State | None:
    resource = read_resource(fields)
    own: _Common = {
        "parameters": read_parameters(fields, resource),
        "timeout": read_seconds(fields, "TimeoutSeconds"),
        "heartbeat": read_seconds(fields, "HeartbeatSeconds"),
        "credentials": read_credentials(fields, resource),
    }
    work = _work(fields)
    return None if resource is None else TaskState(resource=resource, **own, **work, **common)


def _choice(fields: Fields, common: _Common) -> State:
    return ChoiceState(choices=read_choices(fields), default=fields.text("Default"), **common)


def _wait(fields: Fields, common: _Common) -> State:
    fields.require_one(*_WAIT_FIELDS)
    return WaitState(seconds=_seconds(fields), timestamp=_timestamp(fields), **common)


def _seconds(fields: Fields) -> Field | None:
    if "SecondsPath" in fields.members and not fields.is_jsonata:
        return fields.path_field("SecondsPath")
    return fields.number_field("Seconds", 0, LARGEST_SECONDS)


def _timestamp(fields: Fields) -> Field | None:
    if "TimestampPath" in fields.members and not fields.is_jsonata:
        return fields.path_field("TimestampPath")
    field = fields.text_field("Timestamp")
    if field is not None and not field.text and parse_timestamp(str(fields.members["Timestamp"])) is None:
        fields.refuse("String does not match RFC3339 timestamp", "Timestamp")
    return field


def _succeed(fields: Fields, common: _Common) -> State:
    return SucceedState(**common)


def _fail(fields: Fields, common: _Common) -> State:
    return FailState(error=_text_or_path(fields, "Error"), cause=_text_or_path(fields, "Cause"), **common)


def _text_or_path(fields: Fields, name: str) -> Field | None:
    path_name = f"{name}Path"
    if path_name in fields.members and not fields.is_jsonata:
        fields.require_one(name, path_name)
        return fields.path_or_call_field(path_name)
    return fields.text_field(name)


def _parallel(fields: Fields, common: _Common) -> State:
    fields.require("Branches")
    if fields.members.get("Branches") == []:
        fields.refuse("Value cannot be empty", "Branches")
    branches = []
    for branch in fields.objects("Branches"):
        branch.refuse_unknown(known_fields.GRAPH)
        start_at, states = read_graph(branch)
        branches.append(StateGraph(start_at=start_at, states=states))
    parameters = fields.template("Arguments" if fields.is_jsonata else "Parameters")
    return ParallelState(branches=tuple(branches), parameters=parameters, **_work(fields), **common)


def _map(fields: Fields, common: _Common) -> State | None:
    fields.require_one("ItemProcessor", "Iterator")
    processor = _item_processor(fields)
    own: _Common = {
        "items": read_items(fields),
        "item_selector": fields.template("ItemSelector" if fields.is_jsonata or "ItemSelector" in fields.members else "Parameters"),
        "item_reader": read_item_reader(fields),
        "item_batcher": read_item_batcher(fields),
        "result_writer": read_result_writer(fields),
        "max_concurrency": fields.number_field("MaxConcurrency", 0),
        "tolerated_failure_count": fields.number_field("ToleratedFailureCount", 0),
        "tolerated_failure_percentage": fields.number_field("ToleratedFailurePercentage", 0.0, 100.0, kind="Number"),
        "label": read_label(fields),
    }
    work = _work(fields)
    if processor is not None and processor.mode is ProcessorMode.INLINE and "ItemReader" in fields.members:
        fields.refuse("Field 'ItemReader' is not supported")
    return None if processor is None else MapState(item_processor=processor, **own, **work, **common)


def _item_processor(fields: Fields) -> ItemProcessor | None:
    is_iterator = "ItemProcessor" not in fields.members
    graph = fields.object("Iterator" if is_iterator else "ItemProcessor")
    if graph is None:
        return None
    graph.refuse_unknown(known_fields.PROCESSOR)
    mode, execution_type = _processor_config(graph)
    if mode is ProcessorMode.DISTRIBUTED:
        graph.around = graph.around.of_type(execution_type)
    start_at, states = read_graph(graph)
    return ItemProcessor(start_at=start_at, states=states, mode=mode, execution_type=execution_type, is_iterator=is_iterator)


def _processor_config(graph: Fields) -> tuple[ProcessorMode, str]:
    config = graph.object("ProcessorConfig")
    if config is None:
        return ProcessorMode.INLINE, "STANDARD"
    config.refuse_unknown(known_fields.PROCESSOR_CONFIG)
    mode = ProcessorMode(config.choice("Mode", "INLINE", "DISTRIBUTED") or "INLINE")
    execution_type = config.choice("ExecutionType", "STANDARD", "EXPRESS") or "STANDARD"
    if mode is ProcessorMode.INLINE:
        if "ExecutionType" in config.members:
            config.refuse("Field 'ExecutionType' is not supported")
        return mode, "STANDARD"
    config.require("ExecutionType")
    if graph.around.machine_type == "EXPRESS":
        config.refuse("The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines", "Mode")
    return mode, execution_type


_READERS: Final[Mapping[str, Callable[[Fields, _Common], State | None]]] = {
    "Task": _task,
    "Wait": _wait,
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Choice": _choice,
    "Parallel": _parallel,
    "Map": _map,
}
"""In the order in which AWS lists the types."""
