"""The fixtures `state_machine` and `dynamodb_table` for a module and for a session, under names as pytest-mock's `module_mocker`.

    @pytest.fixture(scope="module")
    def orders(module_state_machine):
        return module_state_machine("orders.json")

What they made is deleted when the module, or the session, ends; under pytest-xdist each worker makes its own. They run on the backend of
the run, or of the module's marker. Imports only pytest and the standard library, because every pytest run loads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepstack.pytest_plugin.fixtures import names_of, stack_of
from stepstack.pytest_plugin.run import RUN

if TYPE_CHECKING:
    from stepstack.pytest_plugin.machines import StateMachineFactory
    from stepstack.pytest_plugin.run import StepstackRun
    from stepstack.pytest_plugin.settings import PluginSettings
    from stepstack.pytest_plugin.tables import TableFactory
    from stepstack.stacks.names import UniqueNames

__all__ = ["module_dynamodb_table", "module_state_machine", "session_dynamodb_table", "session_state_machine"]


@pytest.fixture(scope="module")
def module_state_machine(request: pytest.FixtureRequest) -> Iterator[StateMachineFactory]:
    """Makes state machines as `state_machine` does; they are deleted when the module's last test has ended."""
    yield from _state_machines(request, request.node.nodeid, (Path(request.node.path).parent,))


@pytest.fixture(scope="session")
def session_state_machine(request: pytest.FixtureRequest) -> Iterator[StateMachineFactory]:
    """Makes state machines as `state_machine` does; they are deleted when the last test has ended, in each worker."""
    yield from _state_machines(request, "session", ())


@pytest.fixture(scope="module")
def module_dynamodb_table(request: pytest.FixtureRequest) -> Iterator[TableFactory]:
    """Makes tables as `dynamodb_table` does; they are deleted when the module's last test has ended."""
    yield from _tables(request, request.node.nodeid)


@pytest.fixture(scope="session")
def session_dynamodb_table(request: pytest.FixtureRequest) -> Iterator[TableFactory]:
    """Makes tables as `dynamodb_table` does; they are deleted when the last test has ended, in each worker."""
    yield from _tables(request, "session")


def _state_machines(request: pytest.FixtureRequest, scope: str, folders: tuple[Path, ...]) -> Iterator[StateMachineFactory]:
    from stepstack.pytest_plugin.machines import StateMachineFactory

    run = request.config.stash[RUN]
    settings, stack = stack_of(request, {})
    with StateMachineFactory(run, stack, _names(run, settings, scope), settings, (*folders, run.root)) as factory:
        yield factory


def _tables(request: pytest.FixtureRequest, scope: str) -> Iterator[TableFactory]:
    from stepstack.pytest_plugin.tables import TableFactory

    run = request.config.stash[RUN]
    settings, stack = stack_of(request, {})
    with TableFactory(stack, _names(run, settings, scope)) as factory:
        yield factory


def _names(run: StepstackRun, settings: PluginSettings, scope: str) -> UniqueNames:
    """The same for as long as the process lives: a module whose tests come in two parts must not use a name again."""
    if scope not in run.names:
        run.names[scope] = names_of(run, settings.backend, scope)
    return run.names[scope]
