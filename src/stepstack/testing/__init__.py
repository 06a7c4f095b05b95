"""What tests import: stacks, state machines to run on them, and what a finished execution tells.

The pytest plugin's fixtures hand these out; they work without pytest too:

    with Stack.embedded() as stack:
        machine = StateMachineHandle.create(stack, "orders", definition_text("state-machine.json"))
        machine.run({"Operation": "Read"}).succeeded()

Names load when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepstack.history.visits import Failure, StateVisit, read_visits
    from stepstack.testing.definitions import definition_text, read_definition
    from stepstack.testing.engine_clock import EngineClock
    from stepstack.testing.executions import ExecutionResult, ExecutionTimeout
    from stepstack.testing.functions import LambdaFunctions
    from stepstack.testing.mocks import MockedCall, Raises, Returns, TaskMock, TaskMocks
    from stepstack.testing.refusals import RequestRefused
    from stepstack.testing.single_states import StateResult
    from stepstack.testing.stack import Stack
    from stepstack.testing.state_machines import ExecutionHandle, StateMachineHandle

__all__ = [
    "EngineClock",
    "ExecutionHandle",
    "ExecutionResult",
    "ExecutionTimeout",
    "Failure",
    "LambdaFunctions",
    "MockedCall",
    "Raises",
    "RequestRefused",
    "Returns",
    "Stack",
    "StateMachineHandle",
    "StateResult",
    "StateVisit",
    "TaskMock",
    "TaskMocks",
    "definition_text",
    "read_definition",
    "read_visits",
]

_MODULES = {
    "EngineClock": "stepstack.testing.engine_clock",
    "ExecutionHandle": "stepstack.testing.state_machines",
    "ExecutionResult": "stepstack.testing.executions",
    "ExecutionTimeout": "stepstack.testing.executions",
    "Failure": "stepstack.history.visits",
    "LambdaFunctions": "stepstack.testing.functions",
    "MockedCall": "stepstack.testing.mocks",
    "Raises": "stepstack.testing.mocks",
    "RequestRefused": "stepstack.testing.refusals",
    "Returns": "stepstack.testing.mocks",
    "Stack": "stepstack.testing.stack",
    "StateMachineHandle": "stepstack.testing.state_machines",
    "StateResult": "stepstack.testing.single_states",
    "StateVisit": "stepstack.history.visits",
    "TaskMock": "stepstack.testing.mocks",
    "TaskMocks": "stepstack.testing.mocks",
    "definition_text": "stepstack.testing.definitions",
    "read_definition": "stepstack.testing.definitions",
    "read_visits": "stepstack.history.visits",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
