"""A plugin of pytest (`-p leftovers`) that writes down what a process of a run leaves: threads, tasks, loops, open files, tables, machines.

Loaded by `repeat_tests.py`, in the controller and in every worker. Each process writes one file into the folder that LEFTOVERS names.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Generator
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
    """Every fixture has ended, and the stacks still stand."""
    left = []
    for stack in session.config.stash[RUN]._stacks.values():
        if not isinstance(stack, Exception):
            left += [f"table {name}" for name in stack.client("dynamodb").list_tables()["TableNames"]]
            left += [f"state machine {one['name']}" for one in stack.client("stepfunctions").list_state_machines()["stateMachines"]]
            mocks = stack.embedded_stack.assembly.integrations.mocks
            left += [f"mock {mock}" for mock in mocks._mocks]
            services = stack.embedded_stack.assembly.services
            left += [f"function {one['FunctionName']}" for one in services.lambda_service.listed()]
    session.config.stash[STORED] = left


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> Generator[None, object, object]:
    """Around all others: the plugin closes its stacks, and pytest tells what nobody has closed, which a worker has no screen for."""
    told = []
    try:
        return (yield)
    except BaseException as error:
        told.append(f"{type(error).__name__}: {error}")
        raise
    finally:
        _write(config, told)


def _living(kind: type) -> list[Any]:
    # By its type itself: libraries keep objects that claim other classes, and fail when they are asked.
    return [one for one in gc.get_objects() if issubclass(type(one), kind)]


def _write(config: pytest.Config, told: list[str]) -> None:
    gc.collect()
    files, threads = config.stash[BEFORE]
    worker: Any = getattr(config, "workerinput", {})
    left = {
        "warnings": told,
        "stored": config.stash.get(STORED, []),
        "threads": [thread.name for thread in threading.enumerate() if thread.ident not in threads],
        "files": sorted(open_files() - files),
        "tasks": [repr(one) for one in _living(asyncio.Task) if not one.done()],
        "loops": [repr(one) for one in _living(asyncio.AbstractEventLoop) if not one.is_closed()],
    }
    name = worker.get("workerid", "controller")
    Path(os.environ["LEFTOVERS"], f"{name}.json").write_text(json.dumps(left), encoding="utf-8")
