"""What one iteration of a Map gets: ItemSelector applied to an item, and the item's place in the Context Object.

Source: the developer guide's "Accessing execution data from the Context object" and "ItemsPath (Map)".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject
from stepstack.language.state_machine import MapState
from stepstack.query.scope import Scope

__all__ = ["STATE_DATA", "MapItem", "item_context", "item_input", "items_of"]

STATE_DATA: Final = "STATE_DATA"


class MapItem(NamedTuple):
    """An item of a distributed Map."""

    value: Json
    source: str = STATE_DATA
    """The URI of the object that an ItemReader had it from; `STATE_DATA` for one from the state's input."""
    key: str | None = None
    """Its name, where the items are the members of an object."""


def items_of(value: Sequence[Json] | JsonObject) -> list[MapItem]:
    """The items of an array, or of an object, from the state's input."""
    if isinstance(value, Mapping):
        return [MapItem(member, key=key) for key, member in value.items()]
    return [MapItem(item) for item in value]


def item_context(index: int, item: MapItem) -> Json:
    """The Context Object's Map member."""
    members: dict[str, Json] = {"Index": index, "Value": item.value, "Source": item.source}
    if item.key is not None:
        members["Key"] = item.key
    return {"Item": members}


def item_input(visit: Visit, state: MapState, effective: Payload, index: int, item: MapItem) -> Payload:
    """The input of the iteration over `item`."""
    selector = state.item_selector
    if selector is None:
        return Payload(item.value if item.key is None else {"Key": item.key, "Value": item.value})
    context = {**visit.context, "Map": item_context(index, item)}
    data = visit.raw_input.value if is_jsonata(state) else effective.value
    return Payload(visit.evaluate(selector, Scope(data, context, visit.branch.variables, sources=visit.branch.execution.sources)))
