"""A state's fields to a frozen State: one function for each type. Called by the parser for every state of every graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepstack.language.choice_rules import parse_timestamp
from stepstack.language.choice_state import read_choices
from stepstack.language.error_handlers import read_catchers, read_retriers
from stepstack.language.field import Field, QueryLanguage
from stepstack.language.fields import LARGEST_SECONDS, Fields, Surroundings, root_path, root_reference_path
from stepstack.language.map_state import read_item_batcher, read_item_reader, read_result_writer
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
from stepstack.language.task_resource import parse_resource
from stepstack.query.jsonata import is_jsonata

__all__ = ["read_graph", "read_state"]

_ReadState = Callable[[Fields, "dict[str, Any]"], "State | None"]


def read_graph(fields: Fields) -> tuple[str, Mapping[str, State]]:
    """StartAt and the states of a machine, a branch or an item processor."""
    states: dict[str, State] = {}
    members = fields.members.get("States")
    if isinstance(members, Mapping):
        for name, member in members.items():
            location = f"{fields.location}/States/{name}"
            if isinstance(member, Mapping):
                state = read_state(name, member, location, fields.around)
                if state is not None:
                    states[name] = state
            else:
                fields.around.findings.refuse_schema("Expected value of type Object", location)
    elif members is not None:
        fields.refuse("Expected value of type Object", "States")
    return fields.text("StartAt") or "", states


def read_state(name: str, members: Mapping[str, Any], location: str, around: Surroundings) -> State | None:
    language = around.machine_language
    written = members.get("QueryLanguage")
    if written == "JSONata":
        language = QueryLanguage.JSONATA
    elif written == "JSONPath" and language is QueryLanguage.JSONATA:
        message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        around.findings.refuse_schema(message, location)
    fields = Fields(members, location, language, around)
    kind = members.get("Type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        if kind is None:
            fields.refuse("The field 'Type' is required but was missing")
        else:
            fields.refuse(f"The field 'Type' should have one of these values: [{', '.join(_READERS)}]", "Type")
        return None
    common: dict[str, Any] = {
        "name": name,
        "query_language": language,
        "comment": fields.text("Comment"),
        "next": fields.text("Next"),
        "assign": fields.template("Assign"),
    }
    if language is QueryLanguage.JSONATA:
        common["input_path"] = common["output_path"] = root_path()
        common["output"] = fields.template("Output")
    else:
        common["input_path"] = fields.path("InputPath")
        common["output_path"] = fields.path("OutputPath")
    return read(fields, common)


def _result_path(fields: Fields) -> Any:
    return root_reference_path() if fields.is_jsonata else fields.reference_path("ResultPath")


def _pass(fields: Fields, common: dict[str, Any]) -> State:
    return PassState(
        parameters=None if fields.is_jsonata else fields.template("Parameters"),
        result=None if fields.is_jsonata else fields.literal("Result"),
        result_path=_result_path(fields),
        **common,
    )


def _work(fields: Fields) -> dict[str, Any]:
    jsonata = fields.is_jsonata
    return {
        "result_selector": None if jsonata else fields.template("ResultSelector"),
        "result_path": _result_path(fields),
        "retriers": read_retriers(fields),
        "catchers": read_catchers(fields),
    }


def _task(fields: Fields, common: dict[str, Any]) -> State | None:
    arn = fields.text("Resource")
    resource = None if arn is None else parse_resource(arn)
    if arn is None:
        fields.refuse("The field 'Resource' is required but was missing")
    elif resource is None:
        fields.refuse("Value is not a valid resource ARN", "Resource")
    work = _work(fields)
    parameters = fields.template("Arguments" if fields.is_jsonata else "Parameters")
    timeout, heartbeat = fields.number_field("TimeoutSeconds"), fields.number_field("HeartbeatSeconds")
    credentials = fields.template("Credentials")
    if resource is None:
        return None
    return TaskState(
        resource=resource, parameters=parameters, timeout=timeout, heartbeat=heartbeat, credentials=credentials, **work, **common
    )


def _choice(fields: Fields, common: dict[str, Any]) -> State:
    return ChoiceState(choices=read_choices(fields), default=fields.text("Default"), **common)


def _wait(fields: Fields, common: dict[str, Any]) -> State:
    written = fields.members.get("Timestamp")
    is_expression = fields.is_jsonata and isinstance(written, str) and is_jsonata(written)
    if isinstance(written, str) and not is_expression and parse_timestamp(written) is None:
        fields.refuse("String does not match RFC3339 timestamp", "Timestamp")
    return WaitState(seconds=fields.number_field("Seconds", 0, LARGEST_SECONDS), timestamp=fields.text_field("Timestamp"), **common)


def _succeed(fields: Fields, common: dict[str, Any]) -> State:
    return SucceedState(**common)


def _fail(fields: Fields, common: dict[str, Any]) -> State:
    return FailState(error=fields.text_field("Error"), cause=fields.text_field("Cause"), **common)


def _parallel(fields: Fields, common: dict[str, Any]) -> State:
    if fields.members.get("Branches") == []:
        fields.refuse("Value cannot be empty", "Branches")
    branches = []
    for branch in fields.objects("Branches"):
        start_at, states = read_graph(branch)
        branches.append(StateGraph(start_at=start_at, states=states))
    parameters = fields.template("Arguments" if fields.is_jsonata else "Parameters")
    return ParallelState(branches=tuple(branches), parameters=parameters, **_work(fields), **common)


def _item_processor(fields: Fields) -> ItemProcessor | None:
    is_iterator = "ItemProcessor" not in fields.members
    graph = fields.object("Iterator" if is_iterator else "ItemProcessor")
    if graph is None:
        fields.refuse("The field 'ItemProcessor' is required but was missing")
        return None
    config = graph.object("ProcessorConfig")
    mode = None if config is None else config.choice("Mode", ("INLINE", "DISTRIBUTED"))
    execution_type = (None if config is None else config.choice("ExecutionType", ("STANDARD", "EXPRESS"))) or "STANDARD"
    if mode == "DISTRIBUTED":
        graph.around = graph.around.of_type(execution_type)
    start_at, states = read_graph(graph)
    return ItemProcessor(
        start_at=start_at,
        states=states,
        mode=ProcessorMode(mode or "INLINE"),
        execution_type=execution_type,
        is_iterator=is_iterator,
    )


def _items(fields: Fields) -> Field | None:
    if not fields.is_jsonata:
        return fields.path_field("ItemsPath")
    if "Items" not in fields.members:
        return None
    return fields.jsonata("Items", fields.members["Items"])


def _map(fields: Fields, common: dict[str, Any]) -> State | None:
    processor = _item_processor(fields)
    selector_name = "ItemSelector" if fields.is_jsonata or "ItemSelector" in fields.members else "Parameters"
    work = _work(fields)
    result = {
        "items": _items(fields),
        "item_selector": fields.template(selector_name),
        "item_reader": read_item_reader(fields),
        "item_batcher": read_item_batcher(fields),
        "result_writer": read_result_writer(fields),
        "max_concurrency": fields.number_field("MaxConcurrency", 0),
        "tolerated_failure_count": fields.number_field("ToleratedFailureCount", 0),
        "tolerated_failure_percentage": fields.number_field("ToleratedFailurePercentage", 0, 100, is_integer=False),
        "label": fields.text("Label"),
    }
    if processor is None:
        return None
    return MapState(item_processor=processor, **result, **work, **common)  # type: ignore[arg-type] # each by its name


_READERS: Final[Mapping[str, _ReadState]] = {
    "Task": _task,
    "Wait": _wait,
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Choice": _choice,
    "Parallel": _parallel,
    "Map": _map,
}
