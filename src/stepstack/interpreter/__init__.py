"""Runs one execution: a module per state type, data flow, Retry and Catch, Map Runs; what it needs from outside is in `ports`."""

from stepstack.interpreter.execution import Execution, ExecutionStatus
from stepstack.interpreter.map_run import MapRun
from stepstack.interpreter.ports import Environment, StateFailure, TaskCall, TaskFailed, TaskRunner
from stepstack.interpreter.task_tokens import TaskTokens, TokenClosed, TokenUnknown

__all__ = [
    "Environment",
    "Execution",
    "ExecutionStatus",
    "MapRun",
    "StateFailure",
    "TaskCall",
    "TaskFailed",
    "TaskRunner",
    "TaskTokens",
    "TokenClosed",
    "TokenUnknown",
]
