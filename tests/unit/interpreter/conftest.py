"""One engine for a test: executions with Python tasks on one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from stepstack.clock import Clock, Randomness
from stepstack.in_process import PythonTasks
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import ActivityQueue, Environment, MapRunRegistry
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.json_types import json_text
from stepstack.language import parse

ROLE = "arn:aws:iam::123456789012:role/test"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


class Engine:
    """Starts executions; made within the loop that runs them."""

    def __init__(
        self,
        tasks: Any = None,
        *,
        scale: float = 0.0,
        event_limit: int | None = None,
        activities: ActivityQueue | None = None,
        map_runs: MapRunRegistry | None = None,
    ) -> None:
        randomness = Randomness(1)
        self.tokens = TaskTokens(randomness)
        self.clock = Clock(asyncio.get_running_loop(), scale)
        runner = tasks if hasattr(tasks, "request") else PythonTasks(tasks or {})
        self.environment = Environment(
            clock=self.clock,
            randomness=randomness,
            tasks=runner,
            tokens=self.tokens,
            event_limit=event_limit,
            activities=activities,
            map_runs=map_runs,
        )

    def start(self, definition: Mapping[str, Any], input_value: Any = None, **options: Any) -> Execution:
        """An execution that has been started, of a machine whose states are `definition["States"]`."""
        execution = Execution(
            parse(json_text(definition)),
            arn=f"{MACHINE.replace('stateMachine', 'execution')}:first",
            name="first",
            execution_input=Payload.parse(json_text({} if input_value is None else input_value)),
            environment=self.environment,
            state_machine_arn=MACHINE,
            state_machine_name="machine",
            role_arn=ROLE,
            **options,
        )
        execution.start()
        return execution

    async def finish(self, definition: Mapping[str, Any], input_value: Any = None, **options: Any) -> Execution:
        execution = self.start(definition, input_value, **options)
        await asyncio.wait_for(execution.wait(), 20)
        return execution


@pytest.fixture
def with_engine() -> Callable[..., Any]:
    """Runs a scenario, `async def scenario(engine)`, with a new engine on a loop of its own; what it returns."""

    def run(scenario: Callable[[Engine], Coroutine[Any, Any, Any]], **options: Any) -> Any:
        async def main() -> Any:
            return await scenario(Engine(**options))

        return asyncio.run(main())

    return run


def event_types(execution: Execution) -> list[str]:
    return [event.type for event in execution.history.events]


@pytest.fixture
def types() -> Callable[[Execution], list[str]]:
    """The types of an execution's events."""
    return event_types
