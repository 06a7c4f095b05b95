"""Modelled time: the clock of an engine, the timelines of its executions, and their timers, which all know each other.

Modelled time flows with real time while anything works: a task of the engine runs, or a call to the outside is in flight. While
every task is parked on a timer, it flows `1 / scale` times as fast: scale 1 is real time, 0.01 a scaled clock, 0 skips to the
earliest deadline. So a ten-second Wait costs microseconds, and no timeout fires because some other wait was skipped.

An execution sees the clock through its `Timeline`. While an execution waits for somebody outside (a task token, an activity), its
timeline is held: it flows in real time, whatever the others skip, so that a callback's timeout is never cut short.

A test may freeze a clock that is not real: then every timeline stands still, held ones too, and only `advance` moves them, from one timer
to the next.

A timer that nobody awaits, a schedule's, moves nothing: a clock that skips does not skip to it. It fires when time passes its deadline
because it flows, because something else is skipped to behind it, or because a test advances the clock. What such a timer has set off may
have waits of its own; they are skipped as far as the next timer that nobody awaits, never past it: otherwise a schedule whose executions
wait longer than its period would keep time going forever.

A clock belongs to one asyncio loop and is used from that loop's thread alone.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Clock", "Timeline", "Timer", "awaiting", "awaiting_timeline", "set_off_by_schedule", "time_scale"]

SETTLING_TURNS = 8
"""Turns of the loop for which nothing may have run before idle time moves: a wake-up crosses a future, a gather and a task."""

MOST_IDLE_ENTRIES = 64
"""So many entries of timers that were cancelled may lie in a clock's heap, or half of the heap; then they are swept out."""

RESOLUTION_SECONDS = 1e-6
"""A timer this close to its deadline is due: the loop's own timers fire up to its clock's resolution early."""

MOST_PASSED = 100_000
"""So many timers that nobody awaits may be skipped to in a row: a schedule's function may start executions that keep time going."""

awaiting_timeline: ContextVar[Timeline | None] = ContextVar("stepstack_awaiting_timeline", default=None)
"""The timeline of whoever awaits the answer of a service in this process, and counts as at work: what the service starts may share it."""

set_off_by_schedule: ContextVar[bool] = ContextVar("stepstack_set_off_by_schedule", default=False)
"""Whether what runs here was set off by a timer that nobody awaited."""


@contextmanager
def awaiting(timeline: Timeline) -> Iterator[None]:
    """For the body, the calling task, which counts as at work, lets services that it calls share its time."""
    token = awaiting_timeline.set(timeline)
    try:
        yield
    finally:
        awaiting_timeline.reset(token)


def time_scale(value: str | float) -> float:
    """The scale that people mean: 0 for "skip", 1 for "real", or the number, which may be text. Raises ValueError for anything else."""
    words = {"skip": 0.0, "real": 1.0}
    try:
        scale = words[value.lower()] if isinstance(value, str) and value.lower() in words else float(value)
    except (TypeError, ValueError):
        scale = -1.0
    if not 0 <= scale < float("inf") or isinstance(value, bool):
        raise ValueError(f"time is 'skip', 'real' or a number that is not negative, not {value!r}")
    return scale


class Timer:
    """A callback due at a modelled time; `cancel()` may be called at any moment."""

    __slots__ = ("_callback", "_deadline", "_entry", "_handle", "_timeline", "is_awaited", "is_of_schedule")

    def __init__(self, timeline: Timeline, deadline: float, callback: Callable[[], None], *, is_awaited: bool = True) -> None:
        self.is_awaited = is_awaited
        self.is_of_schedule = set_off_by_schedule.get()
        self._timeline: Timeline | None = timeline
        self._deadline = deadline
        self._callback = callback
        self._entry = 0
        """The number of this timer's entry in the clock's heap; 0 where it has none."""
        self._handle: asyncio.TimerHandle | None = None
        """The loop's own timer, where this one flows in real time."""

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._end()

    def _end(self) -> bool:
        """Forgets the timer; whether it was still to fire."""
        timeline, self._timeline = self._timeline, None
        if timeline is None:
            return False
        if self._entry:
            timeline.clock._let_go(self)
        self._handle = None
        # Its entry may stay in the heap for long: what the callback refers to need not.
        self._callback = _nothing
        timeline._timers.discard(self)
        return True

    def _fire(self) -> None:
        callback = self._callback
        if self._end():
            callback()


def _nothing() -> None: ...


class Timeline:
    """Modelled time as one execution, with its branches and nested executions, sees it."""

    __slots__ = ("_holds", "_lag", "_timers", "clock")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lag = 0.0
        """What this timeline is behind the clock, or (while held) ahead of real time; seconds."""
        self._holds = 0
        self._timers: set[Timer] = set()

    def now(self) -> float:
        """Seconds since the epoch, modelled."""
        clock = self.clock
        return (clock._real() if self._is_held() else clock.now()) + self._lag

    def call_later(self, seconds: float, callback: Callable[[], None], *, is_awaited: bool = True) -> Timer:
        """A timer that calls `callback` after `seconds` of modelled time. Nothing is skipped to one that is not awaited."""
        clock = self.clock
        seconds = max(0.0, seconds)
        timer = Timer(self, clock.now() + seconds, callback, is_awaited=is_awaited)
        self._timers.add(timer)
        if clock.is_real or self._is_held():
            timer._handle = clock._loop.call_later(seconds, timer._fire)
        else:
            clock._schedule(timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        """Parks the calling task for `seconds` of modelled time."""
        woken: asyncio.Future[None] = self.clock._loop.create_future()
        timer = self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            with self.parked():
                await woken
        finally:
            timer.cancel()

    @contextmanager
    def working(self) -> Iterator[None]:
        """For the body, the calling task counts as at work; it wraps the whole of every task that the engine starts."""
        self.clock._entered()
        try:
            yield
        finally:
            self.clock._left()

    @contextmanager
    def parked(self) -> Iterator[None]:
        """For the body, the calling task counts as idle: what it awaits is a timer, or tasks that are counted themselves."""
        self.clock._left()
        try:
            yield
        finally:
            self.clock._entered()

    @contextmanager
    def held(self) -> Iterator[None]:
        """For the body, this timeline flows in real time: the execution awaits somebody outside, who may take any time.

        The calling task counts as idle, so that other executions' waits are still skipped.
        """
        self._hold()
        try:
            with self.parked():
                yield
        finally:
            self._release()

    def _is_held(self) -> bool:
        """Whether it flows in real time though the clock does not."""
        clock = self.clock
        return self._holds > 0 and not clock.is_real and clock._frozen_at is None

    def _hold(self) -> None:
        clock = self.clock
        self._holds += 1
        if self._holds > 1 or clock.is_real:
            return
        clock._held.add(self)
        if clock._frozen_at is None:
            self._follow_real_time()

    def _release(self) -> None:
        clock = self.clock
        self._holds -= 1
        if self._holds or clock.is_real:
            return
        clock._held.discard(self)
        if clock._frozen_at is None:
            self._follow_clock()

    def _follow_real_time(self) -> None:
        clock = self.clock
        now = clock.now()
        self._lag += now - clock._real()
        for timer in self._timers:
            if timer._entry:
                clock._let_go(timer)
            timer._handle = clock._loop.call_later(max(0.0, timer._deadline - now), timer._fire)

    def _follow_clock(self) -> None:
        clock = self.clock
        now = clock.now()
        self._lag += clock._real() - now
        for timer in self._timers:
            if timer._handle is not None:
                timer._deadline = now + max(0.0, timer._handle.when() - clock._loop.time())
                timer._handle.cancel()
                timer._handle = None
            clock._schedule(timer)


class Clock:
    """Modelled time for one engine. `scale` is the share of an idle wait that really passes: 1 is real time, 0 skips."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scale: float = 1.0) -> None:
        if not scale >= 0:
            raise ValueError(f"a clock's scale is 0 (skip) or more, not {scale!r}")
        self.scale = scale
        self.is_real = scale == 1.0
        self._loop = loop
        self._wall = time.time() - loop.time()
        self._skipped = 0.0
        self._idle_since: float | None = None
        self._running = 0
        self._settling = False
        self._turns = 0
        """The turns of the loop that settling still takes."""
        self._heap: list[tuple[float, int, Timer]] = []
        self._idle_entries = 0
        """Entries of the heap whose timers were cancelled, or flow in real time."""
        self._entries = itertools.count(1)
        self._wakeup: asyncio.TimerHandle | None = None
        self._frozen_at: float | None = None
        self._held: set[Timeline] = set()
        self._passed = 0
        """Timers that nobody awaits to which time was skipped in a row."""

    def now(self) -> float:
        """Seconds since the epoch, modelled, as every timeline sees it that is not held."""
        if self._frozen_at is not None:
            return self._frozen_at
        real = self._real()
        now = real + self._skipped
        if self._idle_since is not None and self.scale:
            now += (real - self._idle_since) * (1 / self.scale - 1)
        return now

    def rewind(self) -> None:
        """Takes back what was skipped, so that modelled time is real time again; nothing, while anything works or awaits a timer.

        For a reset between tests: a Wait that is to end in 2094 leaves the clock there.
        """
        if self._running or any(self._awaited()):
            return
        self._skipped = 0.0
        if self._idle_since is not None:
            self._idle_since = self._real()

    def timeline(self, not_before: float = 0.0) -> Timeline:
        """A new timeline, for one execution that nobody else's execution awaits.

        It begins no earlier than `not_before`: an execution of an earlier process may have been ahead, where waits are skipped.
        """
        timeline = Timeline(self)
        timeline._lag = max(0.0, not_before - self.now())
        return timeline

    @property
    def is_frozen(self) -> bool:
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stops modelled time until `unfreeze`. ValueError for a real clock, which nobody can stop."""
        if self.is_real:
            raise ValueError("a clock of real time cannot be frozen")
        if self._frozen_at is not None:
            return
        now = self.now()
        for timeline in self._held:
            timeline._follow_clock()
        self._frozen_at = now
        self._reschedule()

    def unfreeze(self) -> None:
        """Lets modelled time flow on from where it stands."""
        if self._frozen_at is None:
            return
        self._skipped = self._frozen_at - self._real()
        self._frozen_at = None
        self._idle_since = None
        for timeline in self._held:
            timeline._follow_real_time()
        if self._running:
            self._reschedule()
        else:
            self._begin_settling()

    async def advance(self, seconds: float) -> None:
        """Moves modelled time on by `seconds`, from timer to timer; whatever a timer wakes is at rest again before the next one fires.

        Awaited in the clock's loop, by nobody who counts as working. A clock that was frozen stays so; one that was not flows on,
        also where the caller gives up.
        """
        was_frozen = self.is_frozen
        self.freeze()
        target = self.now() + seconds
        try:
            await self._at_rest()
            timer = self._earliest()
            while timer is not None and timer._deadline <= target + RESOLUTION_SECONDS:
                self._frozen_at = max(self.now(), timer._deadline)
                timer._fire()
                await self._at_rest()
                timer = self._earliest()
            self._frozen_at = target
        finally:
            if not was_frozen:
                self.unfreeze()

    async def _at_rest(self) -> None:
        """Returns when nothing has worked for a few turns of the loop."""
        turns = SETTLING_TURNS
        while turns:
            # A call to the outside takes its real time: the loop is not kept spinning for it.
            await asyncio.sleep(0.0005 if self._running else 0)
            turns = SETTLING_TURNS if self._running else turns - 1

    def _real(self) -> float:
        return self._wall + self._loop.time()

    def _entered(self) -> None:
        if self._idle_since is not None:
            self._end_idle_stretch()
        self._running += 1

    def _left(self) -> None:
        self._running -= 1
        if self._running == 0 and not self.is_real:
            self._begin_settling()

    def _begin_settling(self) -> None:
        """Idle time begins to flow once wake-ups that are under way have arrived; a further one in the meantime begins the count anew."""
        self._turns = SETTLING_TURNS
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        if self._turns and not self._running:
            self._turns -= 1
            self._loop.call_soon(self._settle)
            return
        self._settling = False
        if not self._running:
            self._idle_since = self._real()
            self._reschedule()

    def _end_idle_stretch(self) -> None:
        self._skipped = self.now() - self._real()
        self._idle_since = None
        self._reschedule()

    def _schedule(self, timer: Timer) -> None:
        timer._entry = next(self._entries)
        heapq.heappush(self._heap, (timer._deadline, timer._entry, timer))
        if self._heap[0][2] is timer:
            self._reschedule()

    def _let_go(self, timer: Timer) -> None:
        """The timer's entry in the heap stands for nothing any more.

        It lies there until it comes to the top. Below a timer that nobody awaits, which time is not skipped to, that might be never.
        """
        timer._entry = 0
        self._idle_entries += 1
        if self._idle_entries > MOST_IDLE_ENTRIES and self._idle_entries * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2]._entry == entry[1]]
            heapq.heapify(self._heap)
            self._idle_entries = 0

    def _earliest(self) -> Timer | None:
        heap = self._heap
        while heap and heap[0][2]._entry != heap[0][1]:
            heapq.heappop(heap)
            self._idle_entries -= 1
        return heap[0][2] if heap else None

    def _awaited(self) -> Iterator[Timer]:
        """The timers that somebody awaits."""
        return (timer for _, entry, timer in self._heap if timer._entry == entry and timer.is_awaited)

    def _may_skip_to(self, earliest: Timer) -> bool:
        """Whether idle time may be skipped as far as the earliest timer."""
        if earliest.is_awaited:
            return True
        if not any(not timer.is_of_schedule for timer in self._awaited()):
            self._passed = 0
            return False
        self._passed += 1
        return self._passed <= MOST_PASSED

    def _reschedule(self) -> None:
        """Sets the loop's timer to the earliest deadline, at the rate at which modelled time flows now."""
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        timer = self._earliest()
        if timer is None or self._frozen_at is not None:
            return
        delay = max(0.0, timer._deadline - self.now())
        if self._idle_since is not None and (self.scale or self._may_skip_to(timer)):
            if not self.scale:
                self._skipped += delay
            delay *= self.scale
        self._wakeup = self._loop.call_later(delay, self._fire_due)

    def _fire_due(self) -> None:
        self._wakeup = None
        timer = self._earliest()
        while timer is not None and timer._deadline <= self.now() + RESOLUTION_SECONDS:
            timer._fire()
            is_skipping = self._idle_since is not None and not self.scale
            if is_skipping:
                # The woken task may set an earlier timer than the next one: idle time begins anew once it is parked.
                self._idle_since = None
            if not self._running and self._idle_since is None:
                # Whom the timer wakes has not arrived yet: what is settling settles anew.
                self._begin_settling()
            if is_skipping:
                break
            timer = self._earliest()
        self._reschedule()
