"""ItemBatcher: puts the items of a distributed Map together, so many or so many bytes at a time.

Called by `distributed_map`. A batch is `{"BatchInput": ..., "Items": [...]}`. Source: the developer guide's "ItemBatcher (Map)".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.failures import runtime_failure
from stepstack.interpreter.number_fields import whole_number
from stepstack.interpreter.payload import SIZE_LIMIT_BYTES, Payload, size_bytes
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json
from stepstack.language.state_machine import Field, ItemBatcher

__all__ = ["Batches"]

_NO_LIMIT: Final = 0


class Batches:
    """An ItemBatcher's limits, evaluated."""

    def __init__(self, visit: Visit, batcher: ItemBatcher, effective: Payload) -> None:
        self._most_items = _limit(visit, batcher.max_items_per_batch, effective)
        self._most_bytes = _limit(visit, batcher.max_input_bytes_per_batch, effective) or SIZE_LIMIT_BYTES
        data = visit.raw_input.value if is_jsonata(visit.state) else effective.value
        batch_input = batcher.batch_input
        self._fixed: dict[str, Json] = {}
        if batch_input is not None:
            self._fixed["BatchInput"] = visit.evaluate(batch_input, visit.scope(data))

    def of(self, items: Sequence[Payload]) -> list[tuple[Payload, int]]:
        """The batches of `items`, each with the number of its items."""
        batches: list[tuple[Payload, int]] = []
        batch: list[Payload] = []
        overhead = size_bytes(Payload({**self._fixed, "Items": []}).text)
        size = overhead
        for item in items:
            item_size = size_bytes(item.text) + 1
            is_full = self._most_items and len(batch) >= self._most_items
            if batch and (is_full or size + item_size > self._most_bytes):
                batches.append(self._batch(batch))
                batch, size = [], overhead
            batch.append(item)
            size += item_size
        if batch:
            batches.append(self._batch(batch))
        return batches

    def _batch(self, items: list[Payload]) -> tuple[Payload, int]:
        return Payload({**self._fixed, "Items": [item.value for item in items]}), len(items)


def _limit(visit: Visit, field: Field | None, effective: Payload) -> int:
    if field is None:
        return _NO_LIMIT
    limit = whole_number(visit, field, visit.scope(effective.value))
    if limit <= 0:
        raise runtime_failure(visit, f"{field.name.removesuffix('Path')} must be positive.")
    return limit
