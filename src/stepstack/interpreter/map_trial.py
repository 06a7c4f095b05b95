"""A Map state in TestState: its settings are evaluated and shown, its iterations are the mock's.

Source: recorded answers of TestState.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.distributed_map import TOLERANCE_EXCEEDED
from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.item_batcher import Batches
from stepstack.interpreter.item_reader import ItemSource, pointed_at
from stepstack.interpreter.map_items import MapItem, item_input, items_of
from stepstack.interpreter.map_limits import max_concurrency, tolerated_failure_count, tolerated_failure_percentage
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.trial import StateTrial
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject, json_text
from stepstack.language.state_machine import ItemReader, MapState

__all__ = ["tried_result"]


def tried_result(visit: Visit, state: MapState, effective: Payload, data: Sequence[Json] | JsonObject) -> Payload:
    """The mocked result of a Map over `data`; raises StateFailed where the mock is a failure, or too many iterations failed."""
    trial = cast("StateTrial", visit.branch.execution.trial)
    items = items_of(data) if state.item_reader is None else _read_items(visit, state.item_reader, effective, trial)
    if state.item_reader is None and not is_jsonata(state):
        trial.note("afterItemsPath", _noted(data))
    _note_inputs(visit, state, effective, items, trial)
    scope = visit.scope(effective.value)
    trial.note("maxConcurrency", max_concurrency(visit, state, scope))
    failures = trial.map_iteration_failure_count
    has_exceeded = False
    if state.tolerated_failure_count is not None:
        count = tolerated_failure_count(visit, state, scope)
        trial.note("toleratedFailureCount", count)
        has_exceeded = failures > count
    if state.tolerated_failure_percentage is not None:
        percentage = tolerated_failure_percentage(visit, state, scope)
        trial.note("toleratedFailurePercentage", percentage)
        has_exceeded = has_exceeded or failures * 100 > percentage * len(items)
    if has_exceeded:
        raise StateFailed(TOLERANCE_EXCEEDED)
    return trial.mocked_result()


def _read_items(visit: Visit, reader: ItemReader, effective: Payload, trial: StateTrial) -> list[MapItem]:
    """The items of the data that the ItemReader is to have read."""
    source = ItemSource(visit, reader, effective)
    if trial.map_item_reader_data is None:
        return []
    items = source.items_of(trial.map_item_reader_data)
    if reader.items_pointer is not None:
        trial.note("afterItemsPointer", _noted(pointed_at(reader, trial.map_item_reader_data)))
    return items


def _noted(data: Json) -> str:
    """The items as AWS shows them here, which is how Java writes a list of JSON values: with spaces between them, and nowhere else."""
    if isinstance(data, (list, tuple)):
        return f"[{', '.join(map(json_text, data))}]"
    return json_text(data)


def _note_inputs(visit: Visit, state: MapState, effective: Payload, items: Sequence[MapItem], trial: StateTrial) -> None:
    inputs = [item_input(visit, state, effective, index, item) for index, item in enumerate(items)]
    if state.item_selector is not None:
        trial.note("afterItemSelector", _noted([payload.value for payload in inputs]))
    if state.item_batcher is not None:
        batches = Batches(visit, state.item_batcher, effective).of(inputs)
        trial.note("afterItemBatcher", _noted([batch.value for batch, _ in batches]))
