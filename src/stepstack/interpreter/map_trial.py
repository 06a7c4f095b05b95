"""A Map state in TestState: its settings are evaluated and shown, its iterations are the mock's.

Source: recorded answers of TestState.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.distributed_map import TOLERANCE_EXCEEDED
from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.item_batcher import Batches
from stepstack.interpreter.map_items import item_input, items_of
from stepstack.interpreter.number_fields import number, whole_number
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.trial import StateTrial
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject, parse_json
from stepstack.language.state_machine import MapState

__all__ = ["tried_result"]


def tried_result(visit: Visit, state: MapState, effective: Payload, items: Sequence[Json] | JsonObject) -> Payload:
    """The mocked result of a Map over `items`; raises StateFailed where the mock is a failure, or too many iterations failed."""
    trial = cast("StateTrial", visit.branch.execution.trial)
    if state.item_reader is not None:
        if trial.map_item_reader_data is not None:
            read = parse_json(trial.map_item_reader_data)
            items = read if isinstance(read, list) else [read]
    elif not is_jsonata(state):
        trial.note("afterItemsPath", json.dumps(items, ensure_ascii=False))
    _note_inputs(visit, state, effective, items, trial)
    scope = visit.scope(effective.value)
    trial.note("maxConcurrency", 0 if state.max_concurrency is None else whole_number(visit, state.max_concurrency, scope))
    failures = trial.map_iteration_failure_count
    has_exceeded = False
    if state.tolerated_failure_count is not None:
        count = whole_number(visit, state.tolerated_failure_count, scope)
        trial.note("toleratedFailureCount", count)
        has_exceeded = failures > count
    if state.tolerated_failure_percentage is not None:
        percentage = number(visit, state.tolerated_failure_percentage, scope)
        trial.note("toleratedFailurePercentage", percentage)
        has_exceeded = has_exceeded or failures * 100 > percentage * len(items)
    if has_exceeded:
        raise StateFailed(TOLERANCE_EXCEEDED)
    return trial.mocked_result()


def _note_inputs(visit: Visit, state: MapState, effective: Payload, items: Sequence[Json] | JsonObject, trial: StateTrial) -> None:
    inputs = [item_input(visit, state, effective, index, item) for index, item in enumerate(items_of(items))]
    if state.item_selector is not None:
        trial.note("afterItemSelector", Payload.array(inputs).text)
    if state.item_batcher is not None:
        batches = Batches(visit, state.item_batcher, effective).of(inputs)
        trial.note("afterItemBatcher", Payload.array([batch for batch, _ in batches]).text)
