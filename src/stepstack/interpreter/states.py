"""Which function runs which type of state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from stepstack.interpreter.choice_state import run_choice
from stepstack.interpreter.fail_state import run_fail
from stepstack.interpreter.map_state import run_map
from stepstack.interpreter.parallel_state import run_parallel
from stepstack.interpreter.pass_state import run_pass
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.succeed_state import run_succeed
from stepstack.interpreter.task_state import run_task
from stepstack.interpreter.visit import Visit
from stepstack.interpreter.wait_state import run_wait

__all__ = ["IMMEDIATE_STATES", "LASTING_STATES"]

IMMEDIATE_STATES: Final[Mapping[str, Callable[[Visit], Payload]]] = {
    "Pass": run_pass,
    "Choice": run_choice,
    "Succeed": run_succeed,
    "Fail": run_fail,
}
"""States that are done at once."""

LASTING_STATES: Final[Mapping[str, Callable[[Visit], Awaitable[Payload]]]] = {
    "Task": run_task,
    "Wait": run_wait,
    "Parallel": run_parallel,
    "Map": run_map,
}
