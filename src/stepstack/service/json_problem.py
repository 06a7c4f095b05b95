"""What is wrong with a text that should be JSON, in the words of the JSON reader that AWS uses.

Called by the operations that take JSON as a string: an execution's input, a task's output. The words are the definition reader's.
"""

from __future__ import annotations

from stepstack.json_types import parse_json
from stepstack.language.json_scanner import JsonSyntaxError, check_json

__all__ = ["json_problem"]


def json_problem(text: str) -> str | None:
    """Why `text` is no JSON; None where it is."""
    try:
        parse_json(text)
    except ValueError as error:
        return _worded(text, error)
    return None


def _worded(text: str, error: ValueError) -> str:
    try:
        check_json(text)
    except JsonSyntaxError as mistake:
        return mistake.message
    # What Python's reader alone refuses: numbers and nesting beyond what it can hold.
    return str(error)
