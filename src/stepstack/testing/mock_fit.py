"""Mocks that can answer nothing: their name fits no Task state. A slip of the pen would otherwise be a test that mocks nothing.

Called by the plugin when a test has ended well or badly, and by the command line for `--task`. What fits is not called a misfit because it
was not called: a path may not come by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from stepstack.testing.close_names import listed, meant
from stepstack.testing.mock_cases import Declaration, resource_names, task_resources

__all__ = ["misfit", "unknown_task"]


def misfit(declaration: Declaration, machines: Sequence[tuple[str, str]]) -> str | None:
    """Why `declaration` can answer nothing in `machines` (name and definition of each); None where it can."""
    chosen = [(name, definition) for name, definition in machines if _is_meant(declaration.state_machine, name)]
    if not chosen:
        return f"{declaration} fits no state machine of the test: {listed(name for name, _ in machines)}"
    tasks: dict[str, str] = {}
    for _, definition in chosen:
        for state, resource in task_resources(definition).items():
            if declaration.matches(state, resource):
                return None
            tasks[state] = resource
    if declaration.state is None:
        return f"{declaration} fits no Task's Resource: {listed(dict.fromkeys(tasks.values()))}"
    return f"{declaration} fits no Task state: {listed(tasks)}{meant(declaration.state, tasks)}"


def unknown_task(names: Iterable[str], definition: str) -> str | None:
    """The first of `names` that is neither a Task state's name nor that of what it calls, in words; None where there is none."""
    try:
        tasks = task_resources(definition)
    except (ValueError, AttributeError):
        return None  # whoever reads the definition says what is wrong with it
    known = set(tasks) | {name for resource in tasks.values() for name in resource_names(resource)}
    wrong = next((name for name in names if name not in known), None)
    return None if wrong is None else f"{wrong!r} is no Task state: {listed(tasks)}{meant(wrong, tasks)}"


def _is_meant(pattern: str | None, name: str) -> bool:
    # An ARN ends with the name.
    return pattern is None or fnmatchcase(name, pattern.rpartition(":stateMachine:")[2])
