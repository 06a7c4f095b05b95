"""What can be covered in a state machine: the items that its definition has, each once.

An item is `(kind, state name, detail)`, all text, so that it survives JSON:

    state       entered                                 ("state", "Read", "")
    transition  a Next that was followed, an End        ("transition", "Read", "Update"), ("transition", "Keep", "")
    rule        a Choice Rule was true, or was false    ("rule", "Choose", "1 true")
    default     Default was taken                       ("default", "Choose", "")
    retrier     tried again, or gave up                 ("retrier", "Read", "1 used"), ("retrier", "Read", "1 exhausted")
    catcher     taken                                   ("catcher", "Read", "1")
    map         ran with no item, one, or several       ("map", "EachOrder", "zero"), "one", "many"

Rules, retriers and catchers are numbered from 1, as people count them. A retrier with MaxAttempts 0 is never used: that is no item. Nor is
the end of a Succeed or a Fail state, which nothing but being entered brings about; a state with End may be entered and fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stepstack.language.state_machine import ChoiceState, FailState, MapState, State, StateGraph, SucceedState, WorkState, graphs_of

__all__ = ["KINDS", "Item", "items_of"]

Item = tuple[str, str, str]

KINDS: Final = ("state", "transition", "rule", "default", "retrier", "catcher", "map")


def items_of(graph: StateGraph) -> Iterator[Item]:
    """Every item of `graph`, in the order of the definition, inner graphs behind their state."""
    for state in graph.states.values():
        yield from _state_items(state)
        for inner in graphs_of(state):
            yield from items_of(inner)


def _state_items(state: State) -> Iterator[Item]:
    yield ("state", state.name, "")
    if isinstance(state, ChoiceState):
        for number in range(1, len(state.choices) + 1):
            yield ("rule", state.name, f"{number} true")
            yield ("rule", state.name, f"{number} false")
        if state.default is not None:
            yield ("default", state.name, "")
        return
    if not isinstance(state, (SucceedState, FailState)):
        yield ("transition", state.name, state.next or "")
    if isinstance(state, WorkState):
        yield from _handler_items(state)
    if isinstance(state, MapState):
        for size in ("zero", "one", "many"):
            yield ("map", state.name, size)


def _handler_items(state: WorkState) -> Iterator[Item]:
    for number, retrier in enumerate(state.retriers, 1):
        if retrier.max_attempts:
            yield ("retrier", state.name, f"{number} used")
        yield ("retrier", state.name, f"{number} exhausted")
    for number in range(1, len(state.catchers) + 1):
        yield ("catcher", state.name, str(number))
