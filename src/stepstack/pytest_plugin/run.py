"""One test run, as one process of it sees it: its settings, its id, its worker, its stacks.

Kept in `config.stash`; the hooks and fixtures ask it. A stack is made when the first test asks for it, and kept for the process: under
pytest-xdist each worker has an embedded stack of its own, while containers are shared.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepstack.pytest_plugin.failures import EXECUTIONS
from stepstack.pytest_plugin.settings import Compositions, PluginSettings, settings_of_run

if TYPE_CHECKING:
    from stepstack.pytest_plugin.shared_services import SharedBackend, SharedServices
    from stepstack.stacks.lambda_router import LambdaPlace
    from stepstack.stacks.names import UniqueNames
    from stepstack.testing.executions import ExecutionResult
    from stepstack.testing.stack import Stack
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["RUN", "StepstackRun"]

WORKER_INPUT = "stepstack"


class StepstackRun:
    """Made in `pytest_configure`, closed in `pytest_unconfigure`."""

    def __init__(self, config: pytest.Config) -> None:
        worker_input: Mapping[str, Any] | None = getattr(config, "workerinput", None)
        self.settings = settings_of_run(config)
        self.is_controller = worker_input is None
        self.worker: str = worker_input["workerid"] if worker_input else "main"
        self.root = config.rootpath
        self._shared = worker_input[WORKER_INPUT] if worker_input else None
        self._stacks: dict[tuple[Any, ...], Stack | Exception] = {}
        self._services: SharedServices | None = None
        self._compositions = Compositions(self.settings)
        self.names: dict[str, UniqueNames] = {}
        """Of modules and of the session."""
        self.machines: dict[str, StateMachineHandle] = {}
        """Those that fixtures have made and not yet deleted, by ARN."""
        self.item: pytest.Item | None = None
        """The test that is under way, its fixtures included: what state machines of a wider scope run is its, too."""

    @property
    def id(self) -> str:
        """The same in every worker."""
        return str(self._shared_values()["run"])

    def worker_input(self) -> dict[str, str]:
        """What a worker is told at its start."""
        return self._shared_values()

    def _shared_values(self) -> dict[str, str]:
        if self._shared is None:
            import secrets

            from stepstack.stacks.names import new_run_id

            # Compose files and process ids of this run pass through it: nobody else may write there.
            folder = tempfile.mkdtemp(prefix="stepstack-")
            self._shared = {"run": new_run_id(), "folder": folder, "secret": secrets.token_hex(), "controller": str(os.getpid())}
        return dict(self._shared)

    @property
    def services(self) -> SharedServices:
        if self._services is None:
            from stepstack.pytest_plugin.shared_services import SharedServices

            shared = self._shared_values()
            self._services = SharedServices(Path(shared["folder"]), self.root, controller=int(shared["controller"]))
        return self._services

    def start_shared_services(self) -> None:
        """For the controller: starts what the run's own backend shares, so that no worker waits for it; a failure is told to the tests."""
        from stepstack.errors import StackError

        if self.settings.backend in {"local", "dynalite", "stepstack"}:
            _end_in_order_on_sigterm()
            try:
                self.services.backend(self.settings)
            except StackError:
                return

    def stack(self, settings: PluginSettings) -> Stack:
        """The stack for `settings`; a StepstackError where it cannot be had, the same again without another try."""
        from stepstack.errors import StepstackError

        self._compositions.require(settings, "this test")
        key = (settings.backend, settings.time, settings.endpoints, settings.mock_file)
        if key not in self._stacks:
            try:
                made = self._stacks[key] = self._make_stack(settings)
                made.listeners.append(self._note)
            except StepstackError as error:
                self._stacks[key] = error
        found = self._stacks[key]
        if isinstance(found, Exception):
            raise found
        return found

    def _note(self, machine: StateMachineHandle, execution: ExecutionResult) -> None:
        if self.item is not None:
            self.item.stash.setdefault(EXECUTIONS, []).append((machine.definition, execution))
            self.item.config.hook.pytest_stepstack_execution(item=self.item, machine=machine, execution=execution)

    def _make_stack(self, settings: PluginSettings) -> Stack:
        from stepstack.stacks.aws import AwsAccount
        from stepstack.stacks.endpoints import parse_endpoints
        from stepstack.testing.stack import Stack

        if settings.backend == "aws":
            return Stack.aws(AwsAccount.from_environment())
        if settings.backend == "embedded":
            return Stack.embedded(
                time=settings.time or "skip", endpoints=parse_endpoints(settings.endpoints), mock_file=self._mock_file(settings)
            )
        if settings.backend == "endpoints":
            return Stack.at(parse_endpoints(settings.endpoints))
        shared = self.services.backend(settings)
        if "stepfunctions" in shared.endpoints:
            time, place = settings.time or "as started", self._lambda_place(shared)
            return Stack.at(shared.endpoints, backend=settings.backend, time=time, lambda_place=place)
        stack = Stack.embedded(time=settings.time or "skip", endpoints=shared.endpoints, mock_file=self._mock_file(settings))
        stack.backend = settings.backend
        return stack

    def _lambda_place(self, shared: SharedBackend) -> LambdaPlace | None:
        if shared.lambda_port is None:
            return None
        from stepstack.stacks.lambda_router import LambdaPlace

        return LambdaPlace(shared.lambda_port, self.worker, self._shared_values()["secret"], is_ours=shared.is_ours)

    def _mock_file(self, settings: PluginSettings) -> Path | None:
        return self.root / settings.mock_file if settings.mock_file else None

    def close(self) -> None:
        """Closes the stacks and what they share, and deletes what a run left on AWS."""
        stacks, self._stacks = list(self._stacks.values()), {}
        is_last = self.is_controller and self._shared is not None
        # What fails to close keeps nothing else open. The last callback comes first.
        with ExitStack() as closing:
            if is_last:
                closing.callback(shutil.rmtree, self._shared_values()["folder"], ignore_errors=True)
            if is_last or self._services is not None:
                closing.callback(self.services.close)
            if is_last:
                closing.callback(self._sweep_aws)
            for stack in stacks:
                if not isinstance(stack, Exception):
                    closing.callback(stack.close)

    def _sweep_aws(self) -> None:
        """What fixtures of killed workers did not delete; only where the run was on AWS."""
        if self.settings.backend != "aws":
            return
        from stepstack.errors import SettingsError
        from stepstack.stacks.aws import AwsAccount
        from stepstack.testing.stack import Stack

        try:
            account = AwsAccount.from_environment()
        except SettingsError:
            return
        with Stack.aws(account) as stack:
            account.sweep(self.id, stack.client)


RUN = pytest.StashKey[StepstackRun]()


def _end_in_order_on_sigterm() -> None:
    """From now on, this process has containers to stop: SIGTERM ends it like an interrupt."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(os.getpid(), signal.SIGINT))
