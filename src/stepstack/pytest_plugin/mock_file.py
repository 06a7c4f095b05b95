"""`--stepstack-write-mocks FILE`: the mocks of all tests as one mock file, for servers that read it when they start.

Registered only where the option is given. Under pytest-xdist the workers hand their part to the controller when they end.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from stepstack.testing.mock_cases import Case, MockFileContents

__all__ = ["MockFileWriter", "configure_mock_file"]

NAME = "stepstack-mock-file"
WORKER_OUTPUT = "stepstack_mocks"


def configure_mock_file(config: pytest.Config, backend: str) -> None:
    """Registers the plugin; a usage error where the run is not on the embedded backend."""
    path = config.getoption("stepstack_write_mocks")
    if backend != "embedded":
        raise pytest.UsageError(f"--stepstack-write-mocks: mocks are written by a run on the backend embedded, and this is {backend}")
    config.pluginmanager.register(MockFileWriter(config, config.invocation_params.dir / path), NAME)


class MockFileWriter:
    """One process's part of the file; in the controller, all of it."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._contents: MockFileContents | None = None

    @property
    def contents(self) -> MockFileContents:
        if self._contents is None:
            from stepstack.testing.mock_cases import MockFileContents

            self._contents = MockFileContents()
        return self._contents

    def add(self, state_machine: str, case: Case) -> None:
        self.contents.add(state_machine, case)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended: its part is added."""
        for name, case in getattr(node, "workeroutput", {}).get(WORKER_OUTPUT, {}).items():
            self.add(name, case)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        result = yield
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:
            worker_output[WORKER_OUTPUT] = self.contents.cases
        elif not self._config.getoption("collectonly"):
            self._write()
        return result

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(self.contents.text(), encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(f"--stepstack-write-mocks: {self._path} cannot be written: {error.strerror}") from error

    def pytest_report_header(self) -> str:
        return f"stepstack: mocks are written to {self._path}"
