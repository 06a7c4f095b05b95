"""Fixtures for what tasks call and for time: `mock_task`, `lambda_functions`, `clock`.

The last needs the engine in the test's own process, and fails at once where it is elsewhere; mocks then need a mock file. Imports only
pytest and the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from stepstack.pytest_plugin.failures import EXECUTIONS
from stepstack.pytest_plugin.settings import PluginSettings

if TYPE_CHECKING:
    from stepstack.testing.engine_clock import EngineClock
    from stepstack.testing.functions import LambdaFunctions
    from stepstack.testing.mocks import TaskMocks
    from stepstack.testing.stack import Stack
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = [
    "MACHINES",
    "MOCKS",
    "SETTINGS",
    "clock",
    "end_mocks",
    "lambda_functions",
    "made_or_failed",
    "misfit_mocks",
    "mock_task",
    "mocks_of",
    "without_way",
]

Made = TypeVar("Made")

SETTINGS = pytest.StashKey[PluginSettings]()
"""The settings of a test, its marker and its fixture applied."""

MACHINES: pytest.StashKey[list[StateMachineHandle]] = pytest.StashKey()
"""The state machines that a test has made."""

MOCKS = pytest.StashKey["TaskMocks | None"]()
"""The mocks of a test; None until something asks for them."""


@pytest.fixture
def mock_task(request: pytest.FixtureRequest, stepstack: Stack) -> TaskMocks:
    """Declares what tasks answer: `mock_task("Charge card", returns={...})`; the mock that it returns has assertions on its calls."""
    return mocks_of(request.node, stepstack)


@pytest.fixture
def lambda_functions(request: pytest.FixtureRequest, stepstack: Stack) -> Iterator[LambdaFunctions]:
    """Lambda functions in this process: `lambda_functions(pay=handler, price="shop.prices:handler")`; gone when the test ends."""
    from stepstack.testing.functions import LambdaFunctions

    folders = (Path(request.node.path).parent, request.config.rootpath)
    with made_or_failed(lambda: LambdaFunctions(stepstack, folders)) as functions:
        yield functions


@pytest.fixture
def clock(stepstack: Stack) -> Iterator[EngineClock]:
    """The engine's clock: `clock.freeze()`, `clock.advance(seconds)`, `clock.now()`. It flows again when the test ends."""
    from stepstack.testing.engine_clock import EngineClock

    steered = made_or_failed(lambda: EngineClock(stepstack))
    yield steered
    steered.unfreeze()


def mocks_of(item: pytest.Item, stack: Stack) -> TaskMocks:
    """The test's mocks, made when they are first asked for; the fixture `stepstack` takes them away."""
    made = item.stash.get(MOCKS, None)
    if made is None:
        from stepstack.testing.mocks import TaskMocks

        settings = item.stash[SETTINGS]
        mock_file = item.config.rootpath / settings.mock_file if settings.mock_file else None
        made = item.stash[MOCKS] = made_or_failed(lambda: TaskMocks(stack, mock_file=mock_file)).__enter__()
        made.executions = item.stash.setdefault(EXECUTIONS, [])
    return made


def misfit_mocks(item: pytest.Item) -> list[str]:
    """The test's mocks that fit no Task state of its state machines, in words; none where it has made and run no state machine."""
    mocks = item.stash.get(MOCKS, None)
    if mocks is None or not mocks.declarations:
        return []
    machines = [(machine.name, machine.definition) for machine in item.stash.get(MACHINES, ())]
    machines += [(execution.state_machine_name, definition) for definition, execution in item.stash.get(EXECUTIONS, ())]
    return mocks.misfits(list(dict.fromkeys(machines))) if machines else []


def end_mocks(item: pytest.Item) -> None:
    """Takes the test's mocks away, where it has some."""
    mocks = item.stash.get(MOCKS, None)
    if mocks is not None:
        mocks.__exit__(None, None, None)
        item.stash[MOCKS] = None


def without_way(make: Callable[[], Made]) -> Made:
    """What `make` returns; a StepstackError of it is raised as if it came from here, without its way through our modules."""
    __tracebackhide__ = True
    from stepstack.errors import StepstackError

    try:
        return make()
    except StepstackError as error:
        problem = error
    raise problem.with_traceback(None)


def made_or_failed(make: Callable[[], Made]) -> Made:
    """What `make` returns; a StepstackError fails the test with its one message."""
    from stepstack.errors import StepstackError

    problem: Any
    try:
        return make()
    except StepstackError as error:
        problem = error
    pytest.fail(f"stepstack: {problem}", pytrace=False)
