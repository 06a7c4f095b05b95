"""`.sync`: following a job, started through an optimized integration, to its end.

Called by the runner; the table in `optimized.py` says what to ask and what the answers mean. The job is somebody else's work, so the
execution's time flows as the world's while it waits. Polls begin close together and grow apart: a local stand-in is done at once, a true
job takes minutes. Source: AWS's developer guide, "Run a Job (.sync)".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from stepstack.clock import Timeline
from stepstack.integrations.optimized import Job, OptimizedAction, Source
from stepstack.integrations.service_call import Refusal, Reply, ServiceCaller, Unreachable
from stepstack.integrations.service_model import describe
from stepstack.integrations.shapes import epoch_milliseconds
from stepstack.interpreter.ports import TaskCall, TaskFailed
from stepstack.json_types import Json, json_text

__all__ = ["JobFollower", "polls"]

FIRST_POLL_SECONDS = 0.02
GROWTH = 1.5
SLOWEST_POLL_SECONDS = 5.0


async def polls(timeline: Timeline) -> AsyncIterator[None]:
    """Yields whenever it is time to ask again, for ever."""
    seconds = FIRST_POLL_SECONDS
    while True:
        yield
        with timeline.held():
            await asyncio.sleep(seconds)
        seconds = min(seconds * GROWTH, SLOWEST_POLL_SECONDS)


class JobFollower:
    """Awaits and stops the jobs of one action's kind."""

    def __init__(self, caller: ServiceCaller) -> None:
        self._caller = caller

    async def completion(self, action: OptimizedAction, job: Job, call: TaskCall, request: Mapping[str, Any], started: Any) -> Json:
        """What the task answers once the job has ended; `request` and `started` are the API's. Raises TaskFailed where it failed."""
        arguments = _arguments(job.arguments, request, started)
        async for _ in polls(call.timeline):
            try:
                reply = await self._caller.call(action.service.api, job.describe, arguments)
            except Refusal as refusal:
                if job.gone_is_success and "NotFound" in refusal.code:
                    return _in_states_spelling(action, job, Reply({}))
                raise
            status = _at(reply.content, job.status)
            if status in job.failed or (status in job.succeeded and _has_failed_container(action, reply)):
                raise TaskFailed("States.TaskFailed", json_text(_in_states_spelling(action, job, reply)))
            if status in job.succeeded:
                return _in_states_spelling(action, job, reply)
        raise AssertionError("polls go on for ever")

    async def stop(self, action: OptimizedAction, job: Job, request: Mapping[str, Any], started: Any) -> None:
        """Stops the job, best effort."""
        if job.stop and job.stop_arguments is not None:
            with contextlib.suppress(Refusal, Unreachable):
                await self._caller.call(action.service.api, job.stop, _arguments(job.stop_arguments, request, started))


def _arguments(sources: Mapping[str, Source], request: Mapping[str, Any], started: Any) -> dict[str, Any]:
    found = {}
    for name, source in sources.items():
        path = source if isinstance(source, str) else source[0]
        value = path[1:] if path.startswith("=") else _at(started if path.startswith("<") else request, path[1:])
        if value is not None:
            found[name] = value if isinstance(source, str) else [value]
    return found


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, (list, tuple)) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _in_states_spelling(action: OptimizedAction, job: Job, reply: Reply) -> Json:
    shape = describe(action.service.api).operation(job.describe).answer(is_sdk=False)
    answer = shape.answer(reply.content, epoch_milliseconds)
    if job.answer:
        answer = _at(answer, ".".join(step[:1].upper() + step[1:] for step in job.answer.split(".")))
    return {job.answer_name: answer} if job.answer_name else answer


def _has_failed_container(action: OptimizedAction, reply: Reply) -> bool:
    """Whether a task of ECS ended, but with an exit code other than 0 or without one."""
    if action.service.name != "ecs":
        return False
    containers = _at(reply.content, "tasks.0.containers") or ()
    return any(container.get("exitCode", 1) != 0 for container in containers) or not containers
