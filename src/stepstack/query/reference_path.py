"""Reference Paths: `$.a.b[0]`, which name exactly one place.

Compiled by the language (ResultPath, and the check of fields that take nothing else), applied by the interpreter where a state's result
goes into its input. Source: the Amazon States Language on Reference Paths and ResultPath.
"""

from __future__ import annotations

from stepstack.errors import ExpressionSyntaxError, PathNotSingle
from stepstack.json_types import Json, json_text
from stepstack.query.jsonpath_syntax import Cursor, Indexes, Names, read_steps
from stepstack.query.scope import ABSENT

__all__ = ["ReferencePath"]


class ReferencePath:
    """A compiled Reference Path. `is_root` says that it is `$`; `steps` are member names and array indexes."""

    __slots__ = ("is_root", "steps", "text")

    def __init__(self, text: str, steps: tuple[str | int, ...]) -> None:
        self.text = text
        self.steps = steps
        self.is_root = not steps

    def __repr__(self) -> str:
        return f"ReferencePath({self.text!r})"

    @classmethod
    def compile(cls, text: str) -> ReferencePath:
        """The Reference Path in `text`; raises ExpressionSyntaxError for wildcards, slices, filters, functions and the like."""
        cursor = Cursor(text)
        if not cursor.accept("$"):
            raise cursor.error("a Reference Path begins with '$'")
        steps: list[str | int] = []
        for step in read_steps(cursor):
            if isinstance(step, Names) and len(step.names) == 1:
                steps.append(step.names[0])
            elif isinstance(step, Indexes) and len(step.indexes) == 1 and step.indexes[0] >= 0:
                steps.append(step.indexes[0])
            else:
                raise ExpressionSyntaxError(f"a Reference Path names one place, which {step} does not", text=text)
        return cls(text, tuple(steps))

    def place(self, target: Json, value: Json) -> Json:
        """A new value: `target` with `value` at this place. It shares all that it does not change with `target`.

        Objects and arrays that are missing on the way are made; an index may be at most one behind an array's end. Raises PathNotSingle
        (the Error Name States.ResultPathMatchFailure) where something else is in the way.
        """
        if not self.steps:
            return value
        walked: list[Json] = []
        current: Json = target
        for step in self.steps:
            walked.append(current)
            current = self._inner(current, step, target)
        for step, container in zip(reversed(self.steps), reversed(walked), strict=True):
            value = _with_member(container, step, value)
        return value

    def _inner(self, container: Json, step: str | int, target: Json) -> Json:
        """What is at `step` in `container`, ABSENT where nothing is yet."""
        inner: Json = ABSENT
        if isinstance(container, dict) and isinstance(step, str):
            inner = container.get(step, ABSENT)
        elif isinstance(container, list) and isinstance(step, int) and step <= len(container):
            inner = container[step] if step < len(container) else ABSENT
        elif container is not ABSENT or (isinstance(step, int) and step != 0):
            raise PathNotSingle(f"Unable to apply ReferencePath {self.text} to input {json_text(target)}", text=self.text)
        return inner


def _with_member(container: Json, step: str | int, value: Json) -> Json:
    if isinstance(step, str):
        return {**container, step: value} if isinstance(container, dict) else {step: value}
    items: list[Json] = list(container) if isinstance(container, list) else []
    items[step : step + 1] = [value]
    return items
