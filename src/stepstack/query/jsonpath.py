"""Paths: `$.a.b`, `$$.Execution.Id`, `$variable[0]`, and the whole of JSONPath behind them.

Compiled by the language and by payload templates and intrinsic functions, evaluated by the interpreter. A path is definite where it can
match one value at most; an indefinite one yields an array of all that it matches. Reference Paths are in `reference_path`.
Source: the Amazon States Language on Paths, AWS's developer guide, and recorded answers of AWS for the texts of failures.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter

from stepstack.errors import ExpressionSyntaxError, PathNotFound, PathNotSingle
from stepstack.json_types import Json
from stepstack.query import jsonpath_steps as steps
from stepstack.query.jsonpath_filters import compile_condition
from stepstack.query.jsonpath_functions import FunctionCall
from stepstack.query.jsonpath_syntax import (
    Cursor,
    Descent,
    Filter,
    Function,
    Indexes,
    Names,
    Slice,
    StepSyntax,
    read_steps,
)
from stepstack.query.scope import Scope
from stepstack.query.time_bound import TIME_LIMIT_SECONDS, OutOfPatience, TakesLong, begin

__all__ = ["AslPath"]

_VARIABLE = re.compile(r"[^\W\d]\w*")
_NO_VARIABLES: frozenset[str] = frozenset()
_DATA: Callable[[Scope], Json] = attrgetter("data")
_CONTEXT: Callable[[Scope], Json] = attrgetter("context")

NESTING_LIMIT = 20
"""Filters in paths in filters: deeper ones are refused, so that no text exhausts Python's stack."""


class AslPath:
    """A compiled Path. `is_root` says that it is `$`, `is_definite` that it matches one value at most."""

    __slots__ = ("_from", "_path", "is_definite", "is_root", "text", "variables")

    def __init__(self, text: str, start: Callable[[Scope], Json], path: _Search, variables: frozenset[str]) -> None:
        self.text = text
        self.variables = variables
        self.is_definite = path.is_definite
        self.is_root = start is _DATA and path.is_whole
        self._from = start
        self._path = path

    def __repr__(self) -> str:
        return f"AslPath({self.text!r})"

    @classmethod
    def compile(cls, text: str) -> AslPath:
        """The path written in `text`; raises ExpressionSyntaxError. The same text is compiled once."""
        return _compile(text)

    @property
    def is_function(self) -> bool:
        """Whether it ends with a function such as `length()`."""
        return self._path.function is not None

    def evaluate(self, scope: Scope) -> Json:
        """The value that the path matches in `scope`, or the array of all values where it is indefinite.

        Raises PathNotFound where a definite path, or the definite beginning of an indefinite one, matches nothing; its message is the
        reason in AWS's words: "No results for path: $['a']".
        """
        start = value = self._from(scope)
        path = self._path
        if path.names is not None:
            try:
                for name in path.names:
                    value = value[name]  # type: ignore[index, call-overload] # whatever is no object raises
            except (KeyError, TypeError, IndexError):
                pass
            else:
                return value
        self._refuse_null(start)
        try:
            return self._search_in_time(scope) if path.takes_long else path.search(start, start)
        except PathNotFound as missing:
            raise PathNotFound(missing.message, text=self.text, data=start) from None
        except TimeoutError:
            raise PathNotSingle(f"The path {self.text} takes longer than {TIME_LIMIT_SECONDS:g} seconds", text=self.text) from None
        except RecursionError:
            raise PathNotSingle(f"The data are nested too deeply for the path {self.text}", text=self.text) from None

    def _search_in_time(self, scope: Scope) -> Json:
        known = begin(self, scope)
        if known is not None:
            return known.get()
        start = self._from(scope)
        try:
            return self._path.search(start, start)
        except OutOfPatience:
            raise TakesLong(self, scope, lambda: self._path.search(start, start)) from None

    def select(self, scope: Scope) -> Json:
        """The same inside a Payload Template, where an indefinite path that matches nothing is [] and functions match nothing."""
        if not self._path.tail and self._path.function is None:
            value = self.evaluate(scope)
            if value is None and self.is_root:
                self._refuse_null(value)
            return value
        start = self._from(scope)
        self._refuse_null(start)
        if self._path.function is not None:
            raise PathNotFound(f"No results for path: {self._path.whole}", text=self.text, data=start)
        try:
            return self.evaluate(scope)
        except PathNotFound:
            return []

    def _refuse_null(self, start: Json) -> None:
        """AWS applies no path to data that is null as a whole."""
        if start is None and self._from is _DATA:
            raise PathNotSingle("Unable to apply Path transformation to null or empty input.", text=self.text)


@lru_cache(maxsize=4096)
def _compile(text: str) -> AslPath:
    cursor = Cursor(text)
    try:
        start, variables = _read_start(cursor)
        return AslPath(text, start, _Search(read_steps(cursor), nesting=0), variables)
    except ExpressionSyntaxError as refused:
        offset = max(0, text.find(refused.text)) + refused.offset
        raise ExpressionSyntaxError(refused.message, text=text, offset=min(offset, len(text))) from None


def _read_start(cursor: Cursor) -> tuple[Callable[[Scope], Json], frozenset[str]]:
    """What the path starts from: the data, the Context Object or a variable, and the variables read."""
    if not cursor.accept("$"):
        raise cursor.error("a path begins with '$'")
    if cursor.accept("$"):
        return _CONTEXT, _NO_VARIABLES
    found = cursor.match(_VARIABLE)
    if found is None:
        return _DATA, _NO_VARIABLES
    name = found.group()

    def variable(scope: Scope) -> Json:
        try:
            return scope.variables[name]
        except KeyError:
            raise PathNotFound(f"No results for path: $['{name}']", text=cursor.text, data=dict(scope.variables)) from None

    return variable, frozenset((name,))


class _Search:
    """The compiled steps of a path, without what they start from."""

    __slots__ = ("function", "is_definite", "is_whole", "names", "prefix", "tail", "takes_long", "whole")

    def __init__(self, syntax: tuple[StepSyntax, ...], *, nesting: int) -> None:
        if nesting > NESTING_LIMIT:
            raise ExpressionSyntaxError("the path is nested too deeply")
        self.function: FunctionCall | None = None
        if syntax and isinstance(syntax[-1], Function):
            self.function = FunctionCall.compile(syntax[-1], _compiler(nesting + 1))
            syntax = syntax[:-1]
        self.prefix, self.tail = _compile_steps(syntax, nesting)
        self.is_definite: bool = not self.tail or self.function is not None
        self.takes_long = any(isinstance(step, (steps.FilterStep, steps.DescentStep)) for step in self.tail)
        self.is_whole: bool = not syntax and self.function is None
        self.whole = "$" + "".join(map(str, syntax))
        self.names = self._plain_names()

    def _plain_names(self) -> tuple[str, ...] | None:
        """The names to follow, where the path is nothing else."""
        names = tuple(step.name for step in self.prefix if isinstance(step, steps.NameStep))
        is_plain = len(names) == len(self.prefix) and not self.tail and self.function is None
        return names if is_plain else None

    def search(self, value: Json, root: Json) -> Json:
        """All that the path finds from `value`; PathNotFound where it breaks off at something that is not there."""
        walked = "$"
        last = -1 if self.tail else len(self.prefix) - 1
        for position, step in enumerate(self.prefix):
            if self.tail and isinstance(step, steps.IndexStep) and step.is_beyond(value):
                return [] if self.function is None else self.function.apply([], root)
            value = step.follow(value, walked, self.whole, is_last=position == last)
            walked += str(step)
        if self.tail:
            values = [value]
            for spreading in self.tail:
                values = spreading.spread(values, root)
            value = values
        return value if self.function is None else self.function.apply(value, root)


def _compiler(nesting: int) -> Callable[[Cursor], _Search]:
    """Compiles the paths that stand inside a path's filters and functions."""
    return lambda cursor: _Search(read_steps(cursor, in_filter=True), nesting=nesting)


def _compile_steps(syntax: tuple[StepSyntax, ...], nesting: int) -> tuple[tuple[steps.DefiniteStep, ...], tuple[steps.Step, ...]]:
    """The steps up to the first indefinite one, and those from it on."""
    prefix: list[steps.DefiniteStep] = []
    tail: list[steps.Step] = []
    for position, step in enumerate(syntax):
        definite = _definite_step(step, is_last=position == len(syntax) - 1)
        if definite is None:
            tail.append(_indefinite_step(step, nesting, behind=syntax[position - 1] if position else None))
        elif tail:
            tail.append(definite)
        else:
            prefix.append(definite)
    return tuple(prefix), tuple(tail)


def _definite_step(step: StepSyntax, *, is_last: bool) -> steps.DefiniteStep | None:
    if isinstance(step, Names):
        if len(step.names) == 1:
            return steps.NameStep(step.names[0])
        return steps.MergedNamesStep(step) if is_last else None
    if isinstance(step, Indexes) and len(step.indexes) == 1:
        return steps.IndexStep(step.indexes[0])
    return None


def _indefinite_step(step: StepSyntax, nesting: int, behind: StepSyntax | None) -> steps.Step:
    if isinstance(step, Names):
        return steps.NamesStep(step)
    if isinstance(step, Indexes):
        return steps.IndexesStep(step)
    if isinstance(step, Slice):
        return steps.SliceStep(step)
    if isinstance(step, Filter):
        return steps.FilterStep(compile_condition(step.text, _compiler(nesting + 1)), behind_descent=isinstance(behind, Descent))
    if isinstance(step, Function):
        raise ExpressionSyntaxError(f"{step} stands at the end of a path alone")
    return steps.DescentStep() if isinstance(step, Descent) else steps.WildcardStep()
