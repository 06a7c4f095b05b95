"""Takes down what a killed test run has left: a process of its own beside a run that brings containers up.

Started by `shared_services` in whichever process of the run brings a backend up. Where that is the controller, its standard input is a pipe
that ends when the controller does, however it does; where it is a worker, it looks whether the controller lives. A run that ends in order
has taken its containers down and ended its claims by then; what claims are left, this takes down. It has a session of its own: what ends
the run does not end it. Left out: what STEPSTACK_KEEP_UP keeps, and Windows, where a process cannot be asked whether it lives.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["Watcher"]

END_SECONDS = 30.0
RUN_SECONDS = 24 * 3600.0
"""Longer than a test run takes."""


class Watcher:
    """The process that watches over the claims in `folder` for a run; `controller` is its process, None where it is this one."""

    def __init__(self, folder: Path, controller: int | None) -> None:
        code = f"from {__name__} import main; main()"
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", code, str(folder), str(controller or 0)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self) -> None:
        """For a controller that has ended all claims: returns when the process has ended."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    from stepstack.clock import Deadline
    from stepstack.pytest_plugin.shared_services import take_down

    folder, controller = Path(sys.argv[1]), int(sys.argv[2])
    if controller:
        deadline = Deadline(RUN_SECONDS)
        while any(folder.glob("*.claim")) and _lives(controller) and not deadline.has_passed():
            deadline.pause(0.5)
    else:
        sys.stdin.buffer.read()
    for start in folder.glob("*.start"):
        _end(int(start.read_text(encoding="utf-8")))
    for claim in folder.glob("*.claim"):
        with suppress(Exception):  # the next one is taken down all the same
            take_down(claim)
    shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(process: int) -> None:
    """Ends a `docker compose up` that nobody waits for any more, and all of its session."""
    from stepstack.clock import Deadline

    deadline = Deadline(END_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGTERM)
        while not deadline.has_passed():
            os.killpg(process, 0)
            deadline.pause(0.1)
