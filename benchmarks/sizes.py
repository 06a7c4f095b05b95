"""How much each benchmark does: `full` for the figures of the documentation, `quick` for a look, `tiny` for the test that it runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "Size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    repeat: int
    """How often an engine figure is taken."""
    calls: int
    """Calls and executions measured one by one."""
    starts: int
    """How often a server or pytest is started."""
    engine_executions: int
    map_items: int
    parked: int
    rounds: int
    """Turns that each server of a comparison gets."""
    load_seconds: float
    clients: int
    memory_executions: int
    callbacks: int
    crowd: int
    """Connections to one server."""
    kills: int
    """How often a server under load is killed."""
    tests: int


SIZES = {
    "full": Size(
        repeat=5,
        calls=300,
        starts=15,
        engine_executions=2000,
        map_items=10_000,
        parked=1000,
        rounds=3,
        load_seconds=60,
        clients=64,
        memory_executions=100_000,
        callbacks=5000,
        crowd=10_000,
        kills=20,
        tests=500,
    ),
    "quick": Size(
        repeat=2,
        calls=60,
        starts=5,
        engine_executions=500,
        map_items=10_000,
        parked=1000,
        rounds=1,
        load_seconds=5,
        clients=64,
        memory_executions=20_000,
        callbacks=500,
        crowd=2000,
        kills=3,
        tests=100,
    ),
    "tiny": Size(
        repeat=1,
        calls=3,
        starts=1,
        engine_executions=3,
        map_items=20,
        parked=3,
        rounds=1,
        load_seconds=0.3,
        clients=3,
        memory_executions=40,
        callbacks=5,
        crowd=300,
        kills=2,
        tests=4,
    ),
}
