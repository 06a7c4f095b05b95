"""A plugin of pytest (`-p leftovers`) that writes down what a process of a run leaves: threads, tasks, loops, open files, tables, machines.

Loaded by `repeat_tests.py`, in the controller and in every worker. Each process writes one file into the folder that LEFTOVERS names.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepstack.pytest_plugin.run import RUN

BEFORE = pytest.StashKey[tuple[set[str], set[int]]]()
STORED = pytest.StashKey[list[str]]()


def open_files() -> set[str]:
    """What this process's descriptors lead to, with their numbers; pytest's own captures change and are left out."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the numbers alone
        try:
            target = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115 - not a path
        except OSError:
            continue
        if not target.startswith(("/dev/null", "/proc/", "/tmp/#", "/dev/urandom")):  # noqa: S108 - named, not used
            found.add(f"{entry} {target}")
    return found


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[BEFORE] = (open_files(), {thread.ident or 0 for thread in threading.enumerate()})


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Every fixture has ended, and the stacks still stand.

    They are closed now, before a worker says that it has finished: pytest-xdist gives it only a moment after that.
    """
    run = session.config.stash[RUN]
    stored = [line for stack in run._stacks.values() if not isinstance(stack, Exception) for line in _stored(stack)]
    session.config.stash[STORED] = stored
    if not run.is_controller:
        run.close()
        _write(session.config)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """In the controller, which has its workers' pipes open until now."""
    if config.stash[RUN].is_controller:
        _write(config)


def _stored(stack: Any) -> Iterator[str]:
    for name in stack.client("dynamodb").list_tables()["TableNames"]:
        yield f"table {name}"
    for one in stack.client("stepfunctions").list_state_machines()["stateMachines"]:
        yield f"state machine {one['name']}"
    assembly = stack.embedded_stack.assembly
    yield from (f"mock {mock}" for mock in assembly.integrations.mocks._mocks)
    yield from (f"function {one['FunctionName']}" for one in assembly.services.lambda_service.listed())


def _living(kind: type) -> list[Any]:
    # By its type itself: libraries keep objects that claim other classes, and fail when they are asked.
    return [one for one in gc.get_objects() if issubclass(type(one), kind)]


def _write(config: pytest.Config) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
    files, threads = config.stash[BEFORE]
    worker: Any = getattr(config, "workerinput", {})
    left = {
        "warnings": [str(one.message) for one in caught],
        "stored": config.stash.get(STORED, []),
        "threads": [thread.name for thread in threading.enumerate() if thread.ident not in threads],
        "files": sorted(open_files() - files),
        "tasks": [repr(one) for one in _living(asyncio.Task) if not one.done()],
        "loops": [repr(one) for one in _living(asyncio.AbstractEventLoop) if not one.is_closed()],
    }
    name = worker.get("workerid", "controller")
    Path(os.environ["LEFTOVERS"], f"{name}.json").write_text(json.dumps(left), encoding="utf-8")
