"""A compiled state machine: frozen, every expression compiled, safe to share between executions.

Made by `stepstack.language.parser`, run by the interpreter. Fields carry the Amazon States Language's names in snake_case. Where a field
may be written as a constant, a Path or a JSONata expression (TimeoutSeconds, TimeoutSecondsPath, "{% ... %}"), it is one `Field` here.
Source: the Amazon States Language specification and AWS's developer guide.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from stepstack.json_types import Json
from stepstack.language.choice_rules import ChoiceRule
from stepstack.language.field import Field, QueryLanguage
from stepstack.language.resources import TaskResource
from stepstack.query.jsonpath import AslPath
from stepstack.query.reference_path import ReferencePath

__all__ = [
    "Catcher",
    "ChoiceState",
    "FailState",
    "Field",
    "ItemBatcher",
    "ItemProcessor",
    "ItemReader",
    "MapState",
    "ParallelState",
    "PassState",
    "ProcessorMode",
    "QueryLanguage",
    "ResultWriter",
    "Retrier",
    "State",
    "StateGraph",
    "StateMachine",
    "SucceedState",
    "TaskState",
    "WaitState",
    "WorkState",
    "graphs_of",
    "states_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of Retry, AWS's defaults filled in. `max_delay_seconds` is None where nothing bounds the delay."""

    error_equals: tuple[str, ...]
    interval_seconds: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: float | None = None
    full_jitter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of Catch: the state to go on with, and what becomes of the Error Output."""

    error_equals: tuple[str, ...]
    next: str
    result_path: ReferencePath | None = None
    """JSONPath: where the Error Output goes; None discards it (`"ResultPath": null`). The default is the path `$`."""
    assign: Field | None = None
    output: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGraph:
    """What a state machine, a branch of a Parallel and an item processor have in common."""

    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every state has. `next` is None where the state ends its graph."""

    type: ClassVar[str] = ""

    name: str
    query_language: QueryLanguage = QueryLanguage.JSONPATH
    comment: str | None = None
    next: str | None = None
    input_path: AslPath | None
    """JSONPath; None where InputPath is null: the effective input is {}."""
    output_path: AslPath | None
    """JSONPath; None where OutputPath is null: the output is {}."""
    assign: Field | None = None
    output: Field | None = None
    """JSONata's Output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState(State):
    """What the states have in common that produce a result from arguments: Task, Parallel, Map."""

    parameters: Field | None = None
    """JSONPath's Parameters, JSONata's Arguments (`name` says which)."""
    result_selector: Field | None = None
    result_path: ReferencePath | None
    """JSONPath; None discards the result (`"ResultPath": null`). The default is the path `$`."""
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(State):
    """A Pass state; `parameters` are JSONPath's, and are not looked at where there is a `result`."""

    type: ClassVar[str] = "Pass"

    parameters: Field | None = None
    result: Field | None = None
    """JSONPath's Result, a Literal."""
    result_path: ReferencePath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(WorkState):
    """A Task state; the values of `timeout` and `heartbeat` are in seconds."""

    type: ClassVar[str] = "Task"

    resource: TaskResource
    timeout: Field | None = None
    heartbeat: Field | None = None
    credentials: Field | None = None
    """{"RoleArn": ...} as a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(State):
    """A Choice state: the first rule that holds says where to go, else `default`; without one the execution fails."""

    type: ClassVar[str] = "Choice"

    choices: tuple[ChoiceRule, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(State):
    """A Wait state, for so many seconds or until a moment."""

    type: ClassVar[str] = "Wait"

    seconds: Field | None = None
    timestamp: Field | None = None
    """Exactly one of the two is set; `name` says whether it was written as a Path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(State):
    """A Succeed state; it ends its graph."""

    type: ClassVar[str] = "Succeed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """A Fail state, with the Error Name and the cause that it fails with."""

    type: ClassVar[str] = "Fail"

    error: Field | None = None
    cause: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(WorkState):
    """A Parallel state; its result is the array of its branches' outputs, in their order."""

    type: ClassVar[str] = "Parallel"

    branches: tuple[StateGraph, ...]


class ProcessorMode(str, enum.Enum):
    """Whether a Map's iterations are branches of the execution, or child executions of a Map Run."""

    INLINE = "INLINE"
    DISTRIBUTED = "DISTRIBUTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemProcessor(StateGraph):
    """What a Map runs for each of its items."""

    mode: ProcessorMode = ProcessorMode.INLINE
    execution_type: str = "STANDARD"
    """STANDARD or EXPRESS, of a distributed Map's child executions."""
    is_iterator: bool = False
    """Written as the older `Iterator`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """Where a distributed Map gets its items from; the members of ReaderConfig are None where they are not given."""

    resource: TaskResource
    parameters: Field | None = None
    input_type: str | None = None
    """ReaderConfig.InputType: CSV, JSON, JSONL, PARQUET, MANIFEST; None for a list of objects."""
    csv_header_location: str | None = None
    csv_headers: tuple[str, ...] | None = None
    csv_delimiter: str | None = None
    max_items: Field | None = None
    transformation: str | None = None
    manifest_type: str | None = None
    items_pointer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher:
    """How many items, or bytes of them, a distributed Map puts together for one child execution; None where it is not given."""

    max_items_per_batch: Field | None = None
    max_input_bytes_per_batch: Field | None = None
    batch_input: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWriter:
    """Where a distributed Map puts its results; without a `resource` they are only formed as `writer_config` says."""

    resource: TaskResource | None = None
    parameters: Field | None = None
    writer_config: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(WorkState):
    """`parameters` is not used by a Map: the older Parameters becomes `item_selector`, whose `name` says how it was written."""

    type: ClassVar[str] = "Map"

    item_processor: ItemProcessor
    items: Field | None = None
    """ItemsPath (JSONPath) or Items (JSONata expression or literal array)."""
    item_selector: Field | None = None
    item_reader: ItemReader | None = None
    item_batcher: ItemBatcher | None = None
    result_writer: ResultWriter | None = None
    max_concurrency: Field | None = None
    tolerated_failure_count: Field | None = None
    tolerated_failure_percentage: Field | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine(StateGraph):
    """A whole definition."""

    definition: str
    """Its text, as it was given."""
    query_language: QueryLanguage = QueryLanguage.JSONPATH
    comment: str | None = None
    version: str | None = None
    timeout_seconds: int | None = None
    variable_references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """State name to the variables that it reads, as DescribeStateMachine answers them."""


def graphs_of(state: State) -> tuple[StateGraph, ...]:
    """The graphs within `state`: a Parallel's branches, a Map's item processor."""
    if isinstance(state, ParallelState):
        return state.branches
    return (state.item_processor,) if isinstance(state, MapState) else ()


def states_of(graph: StateGraph) -> Iterator[State]:
    """Every state of `graph`, in the order of the definition, those of graphs within a state behind it."""
    for state in graph.states.values():
        yield state
        for inner in graphs_of(state):
            yield from states_of(inner)
