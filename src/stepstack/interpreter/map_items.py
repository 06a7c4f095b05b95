"""What one iteration of a Map gets: ItemSelector applied to an item, and the item's place in the Context Object."""

from __future__ import annotations

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json
from stepstack.language.state_machine import MapState
from stepstack.query.scope import Scope

__all__ = ["item_context", "item_input"]


def item_context(index: int, value: Json, key: str | None = None) -> Json:
    """The Context Object's Map member."""
    item: dict[str, Json] = {"Index": index, "Value": value}
    if key is not None:
        item["Key"] = key
    return {"Item": item}


def item_input(visit: Visit, state: MapState, effective: Payload, index: int, item: Json) -> Payload:
    """The input of the iteration over `item`."""
    selector = state.item_selector
    if selector is None:
        return Payload(item)
    context = {**visit.context, "Map": item_context(index, item)}
    data = visit.raw_input.value if is_jsonata(state) else effective.value
    return Payload(visit.evaluate(selector, Scope(data, context, visit.branch.variables, sources=visit.branch.execution.sources)))
