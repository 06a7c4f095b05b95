"""Containers and processes that a whole test run shares: started once, whoever asks first, and stopped by the controller.

Under pytest-xdist, the controller starts what its option asks for before the workers begin; what only a marker asks for is started by
the first worker that meets it. They agree through files in a folder of this run: `BACKEND.claim` belongs to whoever starts the backend,
`BACKEND.json` says how it went. The controller, or the only process, stops whatever was claimed. Where it is killed before that, a process
beside the run does so (`abandoned_services`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepstack.pytest_plugin.abandoned_services import Watcher
    from stepstack.pytest_plugin.settings import PluginSettings

__all__ = ["SharedBackend", "SharedServices", "take_down"]

START_SECONDS = 700.0
"""Longer than Compose may take."""
MOCK_FILE_IN_CONTAINER = "/home/StepFunctionsLocal/MockConfigFile.json"


@dataclass(frozen=True, slots=True)
class SharedBackend:
    """The services of one backend. Without `stepfunctions` among the endpoints, the engine is to be embedded."""

    endpoints: Mapping[str, str]
    lambda_port: int | None = None
    """Where its containers look for functions on this machine; None where they do not."""
    is_ours: bool = False
    """Whether this run has brought it up."""
    composition: Mapping[str, str] = field(default_factory=dict)
    """The settings that it was brought up with."""


class SharedServices:
    """The shared services of one run, as one process of it sees them. `root` is pytest's root folder, `controller` a process id."""

    def __init__(self, folder: Path, root: Path, *, controller: int) -> None:
        self.folder = folder
        self._root = root
        self._controller = controller
        self._is_controller = controller == os.getpid()
        self._closers: list[Callable[[], object]] = []
        self._watcher: Watcher | None = None

    def backend(self, settings: PluginSettings) -> SharedBackend:
        """The services of `settings.backend`, started if need be.

        StackError where they cannot be had, SettingsError where another worker has brought them up as `settings` do not want them.
        """
        from stepstack.errors import SettingsError, StackError
        from stepstack.pytest_plugin.settings import other_composition

        backend = settings.backend
        try:
            is_ours = self._claim(backend)
        except FileNotFoundError:
            # The controller has taken everything down: what a late worker started now, nobody would stop.
            raise StackError("the test run has ended") from None
        if is_ours:
            record = self._started(settings)
            _write(self.folder / f"{backend}.json", record)
        else:
            record = self._awaited(backend)
        if "error" in record:
            raise StackError(record["error"])
        shared = SharedBackend(**record)
        problem = other_composition(settings, shared.composition, "another worker") if shared.is_ours else None
        if problem is not None:
            raise SettingsError(problem)
        return shared

    def close(self) -> None:
        """Ends this process's dynalite; the controller takes down every composition, whoever of the run started it."""
        closers, self._closers = self._closers, []
        # What cannot be taken down leaves nothing else running.
        with ExitStack() as closing:
            if self._is_controller and self._watcher is not None:
                closing.callback(self._watcher.end)
            if self._is_controller and self.folder.is_dir():
                for claim in self.folder.glob("*.claim"):
                    closing.callback(take_down, claim)
            for close in closers:
                closing.callback(close)

    def _claim(self, backend: str) -> bool:
        try:
            os.close(os.open(self._claim_file(backend), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        return True

    def _claim_file(self, backend: str) -> Path:
        return self.folder / f"{backend}.claim"

    def _awaited(self, backend: str) -> dict[str, Any]:
        from stepstack.clock import Deadline

        deadline = Deadline(START_SECONDS)
        file = self.folder / f"{backend}.json"
        while not deadline.has_passed():
            with suppress(FileNotFoundError):
                record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
                return record
            deadline.pause(0.05)
        return {"error": f"the backend {backend}, which another worker starts, did not come up within {START_SECONDS:g} s"}

    def _started(self, settings: PluginSettings) -> dict[str, Any]:
        from stepstack.errors import StackError

        try:
            return asdict(self._found(settings) or self._brought_up(settings))
        except StackError as error:
            return {"error": f"the backend {settings.backend} is not available: {error}"}
        except BaseException:
            _write(self.folder / f"{settings.backend}.json", {"error": f"the start of the backend {settings.backend} was interrupted"})
            raise

    def _found(self, settings: PluginSettings) -> SharedBackend | None:
        """Services that are up already at their usual ports, such as by tox or by hand: they are only used."""
        from stepstack.stacks.compose import COMPOSITIONS, lambda_port
        from stepstack.stacks.endpoints import usual_endpoint
        from stepstack.stacks.readiness import problem_of

        composition = COMPOSITIONS[settings.backend]
        endpoints = {"dynamodb": usual_endpoint(composition.dynamodb), "stepfunctions": usual_endpoint(composition.stepfunctions)}
        if any(problem_of(service, url) for service, url in endpoints.items()):
            return None
        return SharedBackend(endpoints, lambda_port())

    def _brought_up(self, settings: PluginSettings) -> SharedBackend:
        from stepstack.errors import StackError
        from stepstack.pytest_plugin.settings import composition_of
        from stepstack.stacks.compose import ComposeProject, find_compose_file

        try:
            file = (self._root / settings.compose_file).resolve() if settings.compose_file else find_compose_file(self._root)
            project = ComposeProject(file, settings.backend)
            project.require_docker()
        except StackError as error:
            if settings.backend != "dynalite":
                raise
            return self._brought_up_without_docker(error)
        self._claim_file(settings.backend).write_text(str(file), encoding="utf-8")
        self._watch()
        start = self.folder / f"{settings.backend}.start"
        project.begun = lambda process: start.write_text(str(process), encoding="utf-8")
        try:
            project.up(variables=self._variables(settings))
        finally:
            start.unlink(missing_ok=True)
        return SharedBackend(project.endpoints, project.lambda_port, is_ours=True, composition=composition_of(settings))

    def _watch(self) -> None:
        from stepstack.pytest_plugin.abandoned_services import Watcher

        if self._watcher is None and os.name != "nt":
            # A worker's watcher goes on without it, and ends with the run.
            self._watcher = Watcher(self.folder, self._controller)

    def _variables(self, settings: PluginSettings) -> Mapping[str, str]:
        """What the compose file is told of time and mocks."""
        variables = {}
        if settings.time is not None:
            variables["WAIT_TIME_SCALE"] = {"skip": "0", "real": "1"}.get(settings.time, settings.time)
        if settings.mock_file:
            variables["MOCK_CONFIG_FILE"] = str((self._root / settings.mock_file).resolve())
            variables["SFN_MOCK_CONFIG"] = MOCK_FILE_IN_CONTAINER
        return variables

    def _brought_up_without_docker(self, why: Exception) -> SharedBackend:
        from stepstack.errors import StackError
        from stepstack.stacks.dynalite import DynaliteProcess

        try:
            process = DynaliteProcess.start(self._root)
        except StackError as error:
            raise StackError(f"{why}; and without Docker: {error}") from None
        self._closers.append(process.close)
        return SharedBackend({"dynamodb": process.url})


def take_down(claim: Path) -> None:
    """Takes down the composition of a claim, and ends the claim."""
    from stepstack.stacks.compose import ComposeProject

    file = claim.read_text(encoding="utf-8")
    if file:
        ComposeProject(Path(file), claim.stem).down()
    claim.unlink()


def _write(file: Path, record: Mapping[str, Any]) -> None:
    """In one step, so that nobody reads half of it."""
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(record), encoding="utf-8")
    fresh.replace(file)
