"""Retry and Catch, for the states that have them: Task, Parallel, Map.

Called by the modules of those states, which hand in one attempt at their work. Source: the developer guide's "Handling errors in Step
Functions workflows", recorded executions.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stepstack.interpreter.data_flow import assign, is_jsonata, through_result_path
from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.trial import RetryDue
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json
from stepstack.language.state_machine import Catcher, Retrier, WorkState

__all__ = ["attempt", "is_matched"]

UNCAUGHT_BY_TASK_FAILED = "States.Timeout"

StateT = TypeVar("StateT", bound=WorkState)


def is_matched(error_equals: tuple[str, ...], failure: StateFailure) -> bool:
    """Whether ErrorEquals names `failure`: States.ALL takes every failure, States.TaskFailed all but a timeout."""
    name = failure.error_name
    for wanted in error_equals:
        if wanted in ("States.ALL", name) or wanted in failure.also_known_as:
            return True
        if wanted == "States.TaskFailed" and name != UNCAUGHT_BY_TASK_FAILED:
            return True
    return False


async def attempt(
    visit: Visit, state: StateT, work: Callable[[Visit, StateT], Awaitable[Payload]], failed_event: str | None = None
) -> Payload:
    """The output of `state`: its work tried, tried again as its retriers say, and a last failure caught where a catcher takes it.

    `failed_event` is recorded when no retrier is left (MapStateFailed).
    """
    trial = visit.branch.execution.trial
    retries = _earlier_retries(visit, state.retriers)
    failed_at = None if visit.resumption is None or visit.resumption.failure is None else visit.resumption.since
    while True:
        try:
            return await work(visit, state)
        except StateFailed as failed:
            failure = failed.failure
            visit.assigned = None
            due = _retry_due(visit, state.retriers, retries, failure)
            if due is None:
                if failed_event is not None:
                    visit.branch.record(failed_event)
                index = next((index for index, catcher in enumerate(state.catchers) if is_matched(catcher.error_equals, failure)), None)
                if index is None:
                    raise
                if trial is not None:
                    trial.caught(failure, index)
                return await unhurried(_caught, visit, state.catchers[index], failure)
        retrier_index, delay = due
        if trial is not None:
            raise RetryDue(failure, retrier_index, delay)
        if failed_at is not None:
            # It failed before the process ended: a part of the delay is over.
            delay += failed_at - visit.branch.timeline.now()
            failed_at = None
        if delay > 0:
            await visit.branch.timeline.sleep(delay)
        visit.begin_attempt(visit.retry_count + 1)


def _earlier_retries(visit: Visit, retriers: tuple[Retrier, ...]) -> list[int]:
    """How often each retrier has tried again already: before TestState's attempt, or before the process ended."""
    trial = visit.branch.execution.trial
    retries = [0 if trial is None else trial.retry_count] * len(retriers)
    if visit.resumption is not None:
        for failure in visit.resumption.failures:
            _retry_due(visit, retriers, retries, failure)
    return retries


def _retry_due(visit: Visit, retriers: tuple[Retrier, ...], retries: list[int], failure: StateFailure) -> tuple[int, float] | None:
    """The retrier that takes the failure, by its index, and the seconds to wait; None where none takes it any more."""
    for index, retrier in enumerate(retriers):
        if not is_matched(retrier.error_equals, failure):
            continue
        if retries[index] >= retrier.max_attempts:
            return None
        delay = _delay(retrier, retries[index])
        retries[index] += 1
        if retrier.full_jitter:
            delay = visit.branch.execution.environment.randomness.uniform(0, delay)
        return index, delay
    return None


def _delay(retrier: Retrier, earlier: int) -> float:
    """The seconds before the next attempt, after so many earlier ones; without jitter."""
    try:
        delay = retrier.interval_seconds * float(retrier.backoff_rate) ** earlier
    except OverflowError:
        # Where MaxDelaySeconds keeps waits short, there may be thousands of attempts.
        delay = math.inf if retrier.interval_seconds else 0.0
    return delay if retrier.max_delay_seconds is None else min(delay, retrier.max_delay_seconds)


def _caught(visit: Visit, catcher: Catcher, failure: StateFailure) -> Payload:
    """The state's output where `catcher` takes `failure`; the execution goes on with the catcher's Next."""
    visit.next = catcher.next
    error_output = Payload(_error_output(failure))
    if not is_jsonata(visit.state):
        assign(visit, catcher.assign, error_output.value)
        return through_result_path(visit, catcher.result_path, error_output)
    raw = visit.raw_input.value
    assign(visit, catcher.assign, raw, error_output=error_output.value)
    if catcher.output is None:
        return error_output
    return Payload(visit.evaluate(catcher.output, visit.scope(raw, error_output=error_output.value)))


def _error_output(failure: StateFailure) -> Json:
    """The Error Output that a catcher sees; a timeout, which has no cause in histories, has an empty one here."""
    cause = "" if failure.cause is None and failure.error_name == UNCAUGHT_BY_TASK_FAILED else failure.cause
    return {"Error": failure.error_name, "Cause": cause}
