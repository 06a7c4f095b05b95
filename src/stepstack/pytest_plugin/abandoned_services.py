"""Takes down what a killed test run has left: a process of its own beside a run that brings containers up.

Started by `shared_services` in whichever process of the run brings a backend up. It looks whether the controller lives; one that the
controller started also sees its standard input end, which tells at once and of a process that nobody has reaped. A run that ends in order
has taken its containers down and ended its claims by then; what claims are left, this takes down. It has a session of its own: what ends
the run does not end it. Left out: what STEPSTACK_KEEP_UP keeps, and Windows, where a process cannot be asked whether it lives.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["Watcher"]

END_SECONDS = 30.0
LOOK_SECONDS = 0.5
RUN_SECONDS = 24 * 3600.0
"""Longer than a test run takes."""


class Watcher:
    """The process that watches over the claims in `folder` for the run whose controller is the process `controller`."""

    def __init__(self, folder: Path, controller: int) -> None:
        code = f"from {__name__} import main; main()"
        is_told = controller == os.getpid()
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", code, str(folder), str(controller), *(["told"] if is_told else [])],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE if is_told else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self) -> None:
        """For a controller that has ended all claims: returns when the process has ended."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(OSError):  # it has ended before
            # That the pipe is closed may not be seen: a child that a test has forked may hold it open.
            self._process.stdin.write(b"\n")
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """The process itself."""
    from stepstack.pytest_plugin.shared_services import take_down

    folder, controller, *told = sys.argv[1:]
    _await_end(Path(folder), int(controller), is_told=bool(told))
    for start in Path(folder).glob("*.start"):
        _end(start)
    for claim in Path(folder).glob("*.claim"):
        with suppress(Exception):  # the next one is taken down all the same
            take_down(claim)
    shutil.rmtree(folder, ignore_errors=True)


def _await_end(folder: Path, controller: int, *, is_told: bool) -> None:
    """Returns when the run has ended: it says so or its pipe breaks, its controller is gone, or no claim is left."""
    from stepstack.clock import Deadline

    deadline = Deadline(RUN_SECONDS)
    while any(folder.glob("*.claim")) and _lives(controller) and not deadline.has_passed():
        if not is_told:
            deadline.pause(LOOK_SECONDS)
        elif select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            return


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(start: Path) -> None:
    """Ends the `docker compose up` that `start` tells of, which nobody waits for any more, and all of its session."""
    from stepstack.clock import Deadline

    deadline = Deadline(END_SECONDS)
    with suppress(OSError, ValueError):  # it has ended, or the run was killed before it had told
        process = int(start.read_text(encoding="utf-8"))
        if not _leads_a_session(process):
            return
        os.killpg(process, signal.SIGTERM)
        while not deadline.has_passed():
            os.killpg(process, 0)
            deadline.pause(0.1)
        os.killpg(process, signal.SIGKILL)


def _leads_a_session(process: int) -> bool:
    """Whether it may be what was started: where a worker was killed long before the run, its id may be somebody else's by now."""
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return True  # no id is given again while its group has a member
