"""A clock that a test freezes and moves."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.clock.scenario import run


def sleeper(clock, log, *, hold=False):
    """Starts tasks as the engine does: `start(name, seconds)` logs `name` and the modelled time that passed."""
    begun = clock.now()

    def start(name, *waits):
        timeline = clock.timeline()

        async def body():
            with timeline.working():
                for seconds in waits:
                    if hold:
                        woken = asyncio.get_running_loop().create_future()
                        timeline.call_later(seconds, lambda woken=woken: woken.set_result(None))
                        with timeline.held():
                            await woken
                    else:
                        await timeline.sleep(seconds)
                    log.append((name, round(timeline.now() - begun, 3)))

        return asyncio.ensure_future(body())

    return start


@pytest.mark.parametrize("scale", [0.0, 0.5], ids=["skipping", "scaled"])
def test_frozen_time_stands_until_it_is_advanced(scale):
    async def scenario(clock):
        log = []
        clock.freeze()
        frozen_at = clock.now()
        task = sleeper(clock, log)("a", 10)
        await asyncio.sleep(0.02)
        assert (log, clock.now()) == ([], frozen_at)
        await clock.advance(9.5)
        assert log == []
        await clock.advance(0.5)
        assert log == [("a", 10.0)]
        assert clock.now() == pytest.approx(frozen_at + 10)
        await task

    run(scenario, scale)


def test_advancing_fires_timers_in_their_order_and_those_that_they_set():
    async def scenario(clock):
        log = []
        clock.freeze()
        start = sleeper(clock, log)
        tasks = [start("slow", 30), start("stepwise", 10, 10, 10), start("late", 31)]
        await clock.advance(30)
        tasks[2].cancel()
        return log

    assert run(scenario) == [("stepwise", 10.0), ("stepwise", 20.0), ("slow", 30.0), ("stepwise", 30.0)]


def test_advancing_moves_a_timeline_that_waits_for_somebody_outside():
    async def scenario(clock):
        log = []
        task = sleeper(clock, log, hold=True)("callback", 3600)
        await asyncio.sleep(0.01)
        assert log == []
        await clock.advance(3600)
        await task
        return log

    ((name, passed),) = run(scenario)
    assert name == "callback"
    assert passed == pytest.approx(3600, abs=1)


def test_a_wait_that_began_before_the_freeze_goes_on_after_it():
    async def scenario(clock):
        log = []
        task = sleeper(clock, log)("a", 100)
        clock.freeze()
        await asyncio.sleep(0.02)
        assert log == []
        clock.unfreeze()
        await task
        return log

    assert run(scenario) == [("a", pytest.approx(100, abs=1))]


def test_a_held_timeline_flows_on_after_the_freeze():
    async def scenario(clock):
        log = []
        clock.freeze()
        task = sleeper(clock, log, hold=True)("callback", 0.05)
        await asyncio.sleep(0.5)
        assert log == []
        clock.unfreeze()
        await task
        return log

    ((_, passed),) = run(scenario)
    assert 0.05 <= passed < 0.5


def test_time_flows_on_where_an_advance_is_given_up():
    async def scenario(clock):
        with clock.timeline().working(), pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(clock.advance(10), 0.02)
        return clock.is_frozen

    assert run(scenario) is False


def test_a_real_clock_cannot_be_frozen():
    async def scenario(clock):
        clock.freeze()

    with pytest.raises(ValueError, match="real time cannot be frozen"):
        run(scenario, 1.0)
