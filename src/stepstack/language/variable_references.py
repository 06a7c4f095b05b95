"""Which state reads which variables, as DescribeStateMachine answers it. Called by the parser, and by `hints` for unknown variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepstack.language.field import Field
from stepstack.language.state_machine import ChoiceState, MapState, State, StateGraph, WorkState, states_of

__all__ = ["variable_references", "variables_read"]

_FIELDS = (
    "assign",
    "output",
    "parameters",
    "result_selector",
    "timeout",
    "heartbeat",
    "credentials",
    "seconds",
    "timestamp",
    "error",
    "cause",
    "items",
    "item_selector",
    "max_concurrency",
    "tolerated_failure_count",
    "tolerated_failure_percentage",
)
"""Where a state, of whichever type, has a Field."""


def variable_references(graph: StateGraph) -> Mapping[str, tuple[str, ...]]:
    """State name to the variables that it reads; states that read none are left out."""
    references: dict[str, tuple[str, ...]] = {}
    for state in states_of(graph):
        names = variables_read(state)
        if names:
            references[state.name] = tuple(sorted({*names, *references.get(state.name, ())}))
    return references


def variables_read(state: State) -> frozenset[str]:
    """The variables that `state` itself reads, without the states inside it."""
    sources: list[Any] = [getattr(state, name, None) for name in _FIELDS]
    sources.extend((state.input_path, state.output_path))
    if isinstance(state, WorkState):
        for catcher in state.catchers:
            sources.extend((catcher.assign, catcher.output))
    if isinstance(state, ChoiceState):
        for rule in state.choices:
            sources.extend((rule.test, rule.assign, rule.output))
    if isinstance(state, MapState):
        sources.extend(_item_sources(state))
    return _names(sources)


def _item_sources(state: MapState) -> Iterator[Field | None]:
    if state.item_reader is not None:
        yield from (state.item_reader.parameters, state.item_reader.max_items)
    if state.item_batcher is not None:
        batcher = state.item_batcher
        yield from (batcher.max_items_per_batch, batcher.max_input_bytes_per_batch, batcher.batch_input)
    if state.result_writer is not None:
        yield state.result_writer.parameters


def _names(sources: Iterable[Any]) -> frozenset[str]:
    names: set[str] = set()
    for source in sources:
        if source is not None:
            names |= (source.expression if isinstance(source, Field) else source).variables
    return frozenset(names)
