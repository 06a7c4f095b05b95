"""Modelled time: real, scaled and skipped; timelines that wait for somebody outside."""

from __future__ import annotations

import asyncio
import itertools
import time
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.clock.scenario import run

from stepstack.clock import Clock, time_scale


def about(seconds):
    """So much modelled time, never less: whatever works takes real time, and more of it on a machine that others keep busy."""
    return pytest.approx(seconds + 1, abs=1.001)


async def working(timeline, work):
    with timeline.working():
        return await work()


def sleeping(clock, log, name, *waits):
    """A task that sleeps `waits`, one after the other, and logs its name and the modelled time after each."""
    timeline = clock.timeline()
    begun = timeline.now()

    async def body():
        for seconds in waits:
            await timeline.sleep(seconds)
            log.append((name, timeline.now() - begun))

    return asyncio.ensure_future(working(timeline, body))


class TestSkipping:
    def test_a_long_sleep_takes_no_real_time(self):
        async def scenario(clock):
            log = []
            before = time.monotonic()
            await sleeping(clock, log, "a", 3600)
            return log, time.monotonic() - before

        log, real_seconds = run(scenario)
        assert log == [("a", about(3600))]
        assert real_seconds < 5

    def test_sleepers_wake_in_the_order_of_their_deadlines(self):
        async def scenario(clock):
            log = []
            await asyncio.gather(
                sleeping(clock, log, "slow", 30), sleeping(clock, log, "steps", 10, 10, 15), sleeping(clock, log, "late", 31)
            )
            return log

        expected = [("steps", 10), ("steps", 20), ("slow", 30), ("late", 31), ("steps", 35)]
        assert run(scenario) == [(name, about(seconds)) for name, seconds in expected]

    def test_sleepers_with_the_same_deadline_all_wake_before_time_moves_on(self):
        async def scenario(clock):
            log = []
            await asyncio.gather(*(sleeping(clock, log, index, 100, 100, 100) for index in range(3)))
            return log

        for _ in range(200):
            assert [stamp for _, stamp in run(scenario)] == [about(100)] * 3 + [about(200)] * 3 + [about(300)] * 3

    def test_nothing_is_skipped_to_a_timer_that_nobody_awaits(self):
        async def scenario(clock):
            fired = []
            clock.timeline().call_later(3600, lambda: fired.append("schedule"), is_awaited=False)
            begun = clock.now()
            await asyncio.sleep(0.05)
            return fired, clock.now() - begun

        fired, passed = run(scenario)
        assert fired == []
        assert passed < 60

    def test_a_wait_that_is_skipped_passes_timers_that_nobody_awaits_in_their_order(self):
        async def scenario(clock):
            log = []
            timeline = clock.timeline()
            for seconds in (50, 20, 200):
                timeline.call_later(seconds, lambda seconds=seconds: log.append(seconds), is_awaited=False)
            await sleeping(clock, log, "wait", 30, 30)
            return [entry if isinstance(entry, int) else entry[0] for entry in log]

        assert run(scenario) == [20, "wait", 50, "wait"]

    def test_a_timer_that_nobody_awaits_fires_when_time_has_flowed(self):
        async def scenario(clock):
            fired = asyncio.Event()
            clock.timeline().call_later(0.02, fired.set, is_awaited=False)
            await fired.wait()
            return True

        assert run(scenario)

    def test_a_timer_that_nobody_awaits_keeps_no_clock_from_being_rewound(self):
        async def scenario(clock):
            begun = clock.now()
            clock.timeline().call_later(1e9, lambda: None, is_awaited=False)
            await sleeping(clock, [], "a", 1e6)
            await asyncio.sleep(0.01)
            clock.rewind()
            return clock.now() - begun

        assert 0 <= run(scenario) < 1000

    @given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=4), min_size=1, max_size=6))
    def test_modelled_time_never_goes_back_and_nobody_wakes_early(self, plans):
        async def scenario(clock):
            log = []
            await asyncio.gather(*(sleeping(clock, log, index, *waits) for index, waits in enumerate(plans)))
            return log

        log = run(scenario)
        stamps = [stamp for _, stamp in log]
        # Each task's time began a moment after the one before.
        assert all(later >= earlier - 0.5 for earlier, later in itertools.pairwise(stamps))
        for index, waits in enumerate(plans):
            expected = [sum(waits[: count + 1]) for count in range(len(waits))]
            assert [stamp for name, stamp in log if name == index] == [about(seconds) for seconds in expected]

    def test_time_stands_still_for_others_while_somebody_works(self):
        async def scenario(clock):
            log = []
            release = asyncio.Event()
            busy = asyncio.ensure_future(working(clock.timeline(), release.wait))
            sleeper = sleeping(clock, log, "a", 60)
            await asyncio.sleep(0.03)
            assert log == []
            release.set()
            await asyncio.gather(busy, sleeper)
            return log

        assert run(scenario) == [("a", about(60))]

    def test_a_cancelled_timer_never_fires(self):
        async def scenario(clock):
            fired = []
            timeline = clock.timeline()

            async def body():
                timeline.call_later(5, lambda: fired.append("early")).cancel()
                timeline.call_later(10, lambda: fired.append("late"))
                await timeline.sleep(20)

            await working(timeline, body)
            return fired

        assert run(scenario) == ["late"]

    def test_what_is_cancelled_is_let_go_though_an_earlier_timer_that_nobody_awaits_stays(self):
        async def scenario(clock):
            timeline = clock.timeline()
            timeline.call_later(60, lambda: None, is_awaited=False)
            for _ in range(1000):
                timeline.call_later(3600, lambda: None).cancel()
            log = []
            await sleeping(clock, log, "a", 90)
            return log, len(clock._heap)

        log, entries = run(scenario)
        assert log == [("a", about(90))]
        assert entries < 100

    def test_a_cancelled_timer_keeps_nothing_alive(self):
        class Owner:
            def due(self): ...

        async def scenario(clock):
            owner = Owner()
            timer = clock.timeline().call_later(3600, owner.due)
            seen = weakref.ref(owner)
            timer.cancel()
            del owner
            return seen()

        assert run(scenario) is None

    def test_a_wait_for_somebody_outside_is_not_skipped_though_others_are(self):
        async def scenario(clock):
            held, log = clock.timeline(), []
            fired = []

            async def await_callback():
                held.call_later(100, lambda: fired.append("timeout"))
                with held.held():
                    await asyncio.sleep(0.05)

            callback = asyncio.ensure_future(working(held, await_callback))
            await sleeping(clock, log, "other", 3600)
            assert fired == []
            begun = held.now()
            await callback
            assert held.now() - begun < 5
            return log

        assert run(scenario) == [("other", about(3600))]

    def test_a_timeout_still_fires_for_who_is_held(self):
        async def scenario(clock):
            timeline = clock.timeline()
            woken = asyncio.get_running_loop().create_future()

            async def body():
                timeline.call_later(0.02, lambda: woken.set_result("timeout"))
                with timeline.held():
                    return await woken

            return await working(timeline, body)

        assert run(scenario) == "timeout"


class TestScaled:
    def test_a_sleep_takes_its_share_of_real_time(self):
        async def scenario(clock):
            log = []
            before = time.monotonic()
            await sleeping(clock, log, "a", 10)
            return log, time.monotonic() - before

        ((_, modelled_seconds),), real_seconds = run(scenario, 0.005)
        assert real_seconds >= 0.045
        # A timer that fires late is as much later in modelled time, and no more.
        assert 10 - 1e-3 <= modelled_seconds <= real_seconds / 0.005


class TestReal:
    def test_modelled_time_is_real_time(self):
        async def scenario(clock):
            log = []
            before = time.monotonic()
            await sleeping(clock, log, "a", 0.03)
            return log, time.monotonic() - before, clock.now() - time.time()  # noqa: TID251 - real time is what this is about

        ((_, modelled_seconds),), real_seconds, ahead = run(scenario, 1.0)
        assert 0.03 - 1e-3 <= modelled_seconds <= real_seconds
        assert ahead == pytest.approx(0, abs=1)


class TestRewind:
    def test_skipped_time_is_taken_back(self):
        async def scenario(clock):
            await sleeping(clock, [], "a", 10**9)
            ahead = clock.now() - time.time()  # noqa: TID251 - as above
            await asyncio.sleep(0.01)
            clock.rewind()
            return ahead, clock.now() - time.time()  # noqa: TID251 - as above

        ahead, after = run(scenario)
        assert ahead == pytest.approx(10**9, abs=5)
        assert after == pytest.approx(0, abs=1)

    def test_nothing_is_taken_back_while_somebody_waits(self):
        async def scenario(clock):
            await sleeping(clock, [], "a", 1000)
            clock.freeze()
            sleeper = sleeping(clock, [], "b", 10)
            await asyncio.sleep(0.01)
            before = clock.now()
            clock.rewind()
            assert clock.now() == before
            sleeper.cancel()

        run(scenario)


@pytest.mark.parametrize("scale", [-1, float("nan")])
def test_a_scale_is_not_negative(scale):
    async def scenario(_):
        Clock(asyncio.get_running_loop(), scale)

    with pytest.raises(ValueError, match="a clock's scale is 0"):
        run(scenario)


@pytest.mark.parametrize(
    ("value", "scale"), [("real", 1.0), ("SKIP", 0.0), ("skip", 0.0), ("0.01", 0.01), ("2", 2.0), (0.5, 0.5), (0, 0.0)], ids=repr
)
def test_time_is_real_skipped_or_scaled(value, scale):
    assert time_scale(value) == scale


@pytest.mark.parametrize("value", ["", "nan", "inf", "-0.1", "never", -1, float("inf"), True, None, []], ids=repr)
def test_a_time_that_means_nothing_is_refused(value):
    with pytest.raises(ValueError, match=r"^time is 'skip', 'real' or a number that is not negative, not "):
        time_scale(value)
