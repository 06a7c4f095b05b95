"""What Tasks answer, as `--task NAME=JSON` says: a constant for a state, a function or an action.

Called by the subcommands that run a definition. Left out: answers that are computed, for which there is `stepstack.run`.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepstack.errors import SettingsError
from stepstack.json_types import Json, parse_json

__all__ = ["given_tasks"]


def given_tasks(words: Sequence[str], definition: str) -> dict[str, Json]:
    """The answers by name; SettingsError where a word is none, or its name that of no Task in `definition`."""
    from stepstack.testing.mock_fit import unknown_task

    tasks = dict(map(_task, words))
    problem = unknown_task(tasks, definition)
    if problem is not None:
        raise SettingsError(f"--task: {problem}")
    return tasks


def _task(word: str) -> tuple[str, Json]:
    name, equals, text = word.partition("=")
    if not equals:
        raise SettingsError(f"--task is {word!r}: NAME=JSON is needed, such as 'Read={{\"Item\": {{}}}}'")
    try:
        return name, parse_json(text)
    except ValueError as error:
        raise SettingsError(f"--task {name}: the answer is no JSON: {error}") from error
