"""State machines for a test, a module or a session: made, run, deleted.

Behind the fixtures `state_machine`, `module_state_machine` and `session_state_machine`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from stepstack.errors import StackError
from stepstack.pytest_plugin.mock_file import NAME as MOCK_FILE_WRITER
from stepstack.pytest_plugin.task_fixtures import MACHINES, MOCKS, without_way
from stepstack.testing.definitions import read_definition
from stepstack.testing.mock_cases import case_of, stable_name
from stepstack.testing.state_machines import StateMachineHandle

if TYPE_CHECKING:
    from stepstack.pytest_plugin.run import StepstackRun
    from stepstack.pytest_plugin.settings import PluginSettings
    from stepstack.stacks.names import UniqueNames
    from stepstack.testing.definitions import DefinitionSource
    from stepstack.testing.mocks import TaskMocks
    from stepstack.testing.stack import Stack

__all__ = ["StateMachineFactory"]


class StateMachineFactory:
    """Call it for a state machine; what it made is deleted when its scope ends. `item` is the test, where that is the scope."""

    def __init__(
        self,
        run: StepstackRun,
        stack: Stack,
        unique_name: UniqueNames,
        settings: PluginSettings,
        folders: tuple[Path, ...],
        *,
        item: pytest.Item | None = None,
    ) -> None:
        self._run = run
        self._item = item
        self._stack = stack
        self._unique_name = unique_name
        self._settings = settings
        self._folders = folders
        self._made: list[tuple[StateMachineHandle, str]] = []
        """With the name that each has in a mock file."""
        self._deletions = ExitStack()

    def __call__(
        self,
        definition: DefinitionSource,
        *,
        label: str = "",
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - AWS's word
        role_arn: str | None = None,
        timeout: float | None = None,
        **words: Any,
    ) -> StateMachineHandle:
        """A state machine whose name is unique and says `label`; `name` is taken as it is, for a mock file that knows it.

        `words` are those of `read_definition`: substitutions, and what a template needs.
        """
        __tracebackhide__ = True
        folders = self._folders
        if self._item is None:
            # A fixture names files beside itself, wherever it is used.
            folders = (Path(sys._getframe(1).f_code.co_filename).parent, *folders)
        read = without_way(lambda: read_definition(definition, folders=folders, **words))
        mocked_name = stable_name(self._item.nodeid, f"{label}{len(self._made) or ''}") if self._item is not None else ""
        machine = StateMachineHandle.create(
            self._stack,
            name or (mocked_name if self._is_mocked_elsewhere() else self._unique_name(label or "machine")),
            read.text,
            type=type or read.type or "STANDARD",
            role_arn=role_arn,
            run_seconds=self._settings.timeout if timeout is None else timeout,
            prepare=self._with_alias,
            path=read.path,
        )
        self._deletions.callback(machine.delete)
        self._deletions.callback(self._run.machines.pop, machine.arn, None)  # the same name twice is the same ARN
        self._run.machines[machine.arn] = machine
        self._made.append((machine, mocked_name))
        if self._item is not None:
            self._item.stash.setdefault(MACHINES, []).append(machine)
        machine.label = label or machine.name
        machine.logical_id = read.logical_id
        machine.execution_name = lambda: self._unique_name(label or "run")
        machine.default_test_case = self._test_case_of(machine)
        if self._stack.backend == "aws":
            machine.walked_mocks = lambda: mocks.declarations if (mocks := self._mocks()) else ()
        return machine

    def _with_alias(self, definition: str) -> str:
        """Where several workers have functions, those of a definition are this worker's."""
        place = self._stack.lambda_place
        if place is None or place.alias is None or not (place.is_ours or "lambda_functions" in getattr(self._item, "fixturenames", ())):
            return definition
        from stepstack.testing.lambda_server import with_alias

        return with_alias(definition, place.alias)

    def _is_mocked_elsewhere(self) -> bool:
        """Whether a server elsewhere answers from a file, in which the name stands."""
        if self._item is None or self._stack.embedded_stack is not None:
            return False
        return bool(self._settings.mocks) or "mock_task" in getattr(self._item, "fixturenames", ())

    def _test_case_of(self, machine: StateMachineHandle) -> Callable[[], str | None]:
        def test_case() -> str | None:
            mocks = self._mocks()
            if mocks is None or self._stack.embedded_stack is not None:
                return None
            if self._item is None and mocks.declarations:
                raise StackError(
                    f"mocks on the backend {self._stack.backend} need a state machine of the test's own, whose name is in the mock file: "
                    "make it with state_machine"
                )
            return mocks.test_case(machine.name, machine.definition)

        return test_case

    def _mocks(self) -> TaskMocks | None:
        """Those of the test that is under way."""
        return self._run.item.stash.get(MOCKS, None) if self._run.item is not None else None

    def __enter__(self) -> StateMachineFactory:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._deletions:
            self._write_mocks()

    def _write_mocks(self) -> None:
        if self._item is None:
            return
        writer = self._item.config.pluginmanager.get_plugin(MOCK_FILE_WRITER)
        mocks = self._mocks()
        if writer is not None and mocks is not None and mocks.declarations:
            for machine, mocked_name in self._made:
                writer.add(mocked_name, case_of(machine.definition, mocks.declarations))
