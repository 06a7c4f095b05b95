"""Hooks that the plugin calls, for conftest.py files and for its own reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from stepstack.testing.executions import ExecutionResult
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["pytest_stepstack_execution"]


def pytest_stepstack_execution(item: pytest.Item, machine: StateMachineHandle, execution: ExecutionResult) -> None:
    """Called with each execution that a test saw finished through a `StateMachineHandle`."""
