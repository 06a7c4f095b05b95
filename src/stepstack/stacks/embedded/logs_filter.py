"""CloudWatch Logs' filter patterns: compiled once, then matched against the messages of log events.

Three kinds: terms (`ERROR -"bad gateway"`, `?WARN ?ERROR`, `%4[0-9]{2}%`), JSON (`{ $.status >= 500 && $.user NOT EXISTS }`) and
space-delimited (`[ip, ..., status = 4* || status = 5*, bytes]`). Called by `embedded.logs_front`.

Source: "Filter and pattern syntax" and "Supported regular expressions" in the CloudWatch Logs user guide. Where the guide is silent: a
JSON comparison with a property that is absent, null, an object or an array is false, with `!=` too; and the last field of a
space-delimited pattern takes the rest of the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from stepstack.errors import ServiceError

__all__ = ["LogPattern", "compile_pattern"]

MAXIMUM_LENGTH = 1024
MAXIMUM_REGEXES = 2

_Test: TypeAlias = "Callable[[Any], bool]"

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_REGEX_CHARACTERS = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.\s]*")
_MISSING = object()


class LogPattern:
    """A compiled pattern."""

    def __init__(self, text: str, extract: Callable[[str], Mapping[str, str] | None]) -> None:
        self.text = text
        self._extract = extract

    def matches(self, message: str) -> bool:
        """Whether a log event with this message matches."""
        return self._extract(message) is not None

    def extracted(self, message: str) -> Mapping[str, str] | None:
        """The values of the properties or fields that the pattern names, as TestMetricFilter answers them; None where it does not match."""
        return self._extract(message)


def compile_pattern(text: str) -> LogPattern:
    """The pattern in `text`; ServiceError (InvalidParameterException) where it is none."""
    if len(text) > MAXIMUM_LENGTH:
        rule = f"Member must have length less than or equal to {MAXIMUM_LENGTH}"
        message = f"1 validation error detected: Value '{text}' at 'filterPattern' failed to satisfy constraint: {rule}"
        raise ServiceError("InvalidParameterException", message)
    try:
        return LogPattern(text, _extraction(text.strip()))
    except RecursionError:
        _invalid("too many parentheses in each other")


def _extraction(text: str) -> Callable[[str], Mapping[str, str] | None]:
    if text.startswith("{"):
        return _JsonPattern(text).extract
    if text.startswith("["):
        return _DelimitedPattern(text).extract
    return _terms(text)


def _invalid(reason: str) -> NoReturn:
    raise ServiceError("InvalidParameterException", f"Invalid filter pattern: {reason}")


# Values and what they are compared with


def _regex(body: str) -> re.Pattern[str]:
    if not _REGEX_CHARACTERS.fullmatch(body):
        _invalid(f"the regular expression %{body}% has characters that are not supported")
    try:
        return re.compile(body, re.ASCII)
    except re.error as error:
        _invalid(f"the regular expression %{body}% is malformed: {error}")


def _wildcard(text: str) -> Callable[[str], bool]:
    """`*` at either end stands for any text; elsewhere it is itself."""
    begins, ends = text.startswith("*"), text.endswith("*")
    core = text[1 if begins else 0 : len(text) - 1 if ends else None] if text.strip("*") else ""
    if begins and ends:
        return lambda value: core in value
    if begins:
        return lambda value: value.endswith(core)
    if ends:
        return lambda value: value.startswith(core)
    return lambda value: value == core if core else value == text


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number_of(value: Any) -> float | None:
    if _is_number(value):
        return float(value)
    return None


def _number_of_token(value: Any) -> float | None:
    return float(value) if _NUMBER.fullmatch(value) else None


@dataclass(frozen=True, slots=True)
class _Literal:
    """The right side of a comparison."""

    text: str
    kind: str
    """`word`, `string` or `regex`."""


def _comparison(operator: str, literal: _Literal, number_of: Callable[[Any], float | None]) -> _Test:
    """A test of one value: a JSON string, number or Boolean, or a field's text."""
    is_numeric = literal.kind == "word" and _NUMBER.fullmatch(literal.text) is not None
    if operator in {"=", "!="}:
        equal = _equality(literal, number_of, is_numeric=is_numeric)
        return equal if operator == "=" else lambda value: not equal(value)
    if not is_numeric:
        _invalid(f"{operator} compares with a number, not with {literal.text!r}")
    bound = float(literal.text)
    compare: Callable[[float], bool] = {
        "<": lambda number: number < bound,
        "<=": lambda number: number <= bound,
        ">": lambda number: number > bound,
        ">=": lambda number: number >= bound,
    }[operator]
    return lambda value: (number := number_of(value)) is not None and compare(number)


def _equality(literal: _Literal, number_of: Callable[[Any], float | None], *, is_numeric: bool) -> _Test:
    if literal.kind == "regex":
        expression = _regex(literal.text)
        return lambda value: expression.search(_json_text(value)) is not None
    if is_numeric:
        wanted = float(literal.text)
        return lambda value: number_of(value) == wanted or value == literal.text
    like = _wildcard(literal.text)
    return lambda value: like(_json_text(value))


# Terms

_TERM = re.compile(r'\s*([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)*)%|([^\s"]+))')


def _terms(text: str) -> Callable[[str], Mapping[str, str] | None]:
    required: list[_Test] = []
    excluded: list[_Test] = []
    optional: list[_Test] = []
    groups = {"": required, "-": excluded, "?": optional}
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            _invalid(f"a quotation mark is not closed in {text!r}")
        groups[found[1]].append(_term(found))
        position = found.end()
    # AWS's guide: combined with other terms, optional ones are ignored.
    any_of = optional if not required and not excluded else []

    def extract(message: str) -> Mapping[str, str] | None:
        found = all(test(message) for test in required) and not any(test(message) for test in excluded)
        return {} if found and (not any_of or any(test(message) for test in any_of)) else None

    return extract


def _term(found: re.Match[str]) -> _Test:
    _, phrase, regex, word = found.groups()
    if regex is not None:
        expression = _regex(regex)
        return lambda message: expression.search(message) is not None
    if word is not None and not re.fullmatch(r"\w+", word):
        raise ServiceError("InvalidParameterException", f"Invalid character(s) in term '{word}'")
    term = word if word is not None else re.sub(r"\\(.)", r"\1", phrase)
    # `" "` is the guide's pattern for everything.
    return (lambda message: term in message) if term.strip() else (lambda _: True)


# JSON

_JSON_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[A-Za-z0-9_\-]+|\.?\[\d+\]|\.?\['[^']*'\]|\.?\["[^"]*"\])*)
      | (?P<operator>!=|>=|<=|=|>|<)
      | (?P<logical>&&|\|\|)
      | (?P<parenthesis>[()])
      | "(?P<string>(?:[^"\\]|\\.)*)"
      | %(?P<regex>(?:[^%\\]|\\.)*)%
      | (?P<word>[^\s()&|=!<>"%$]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


class _Tokens:
    """The tokens of a pattern: pairs of kind and text."""

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        self._tokens = list(self._read(text, pattern))
        self._position = 0
        if sum(kind == "regex" for kind, _ in self._tokens) > MAXIMUM_REGEXES:
            _invalid(f"more than {MAXIMUM_REGEXES} regular expressions")

    @staticmethod
    def _read(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
        text = text.rstrip()
        position = 0
        while position < len(text):
            found = pattern.match(text, position)
            if found is None or found.lastgroup is None:
                _invalid(f"unexpected {text[position:].lstrip()[:20]!r}")
            yield found.lastgroup, found[found.lastgroup]
            position = found.end()

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._position] if self._position < len(self._tokens) else ("end", "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self._position += 1
        return token

    def take(self, kind: str, text: str) -> bool:
        """Steps over the token where it is this one."""
        if self.peek() != (kind, text):
            return False
        self._position += 1
        return True

    def literal(self) -> _Literal:
        kind, text = self.next()
        if kind == "string":
            return _Literal(re.sub(r"\\(.)", r"\1", text), kind)
        if kind not in {"word", "regex"}:
            _invalid(f"a value is missing before {text!r}" if text else "a value is missing at the end")
        return _Literal(text, kind)


class _JsonPattern:
    """`{ ... }`: conditions on the properties of a message that is a JSON object."""

    def __init__(self, text: str) -> None:
        if not text.endswith("}"):
            _invalid("a JSON pattern ends with }")
        self._tokens = _Tokens(text[1:-1], _JSON_TOKEN)
        self._selectors: dict[str, Callable[[Any], Any]] = {}
        self._test = self._disjunction()
        kind, rest = self._tokens.peek()
        if kind != "end":
            _invalid(f"unexpected {rest!r}")

    def extract(self, message: str) -> Mapping[str, str] | None:
        try:
            value = json.loads(message)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or not self._test(value):
            return None
        found = {name: select(value) for name, select in self._selectors.items()}
        return {name: _json_text(part) for name, part in found.items() if part is not _MISSING}

    def _disjunction(self) -> _Test:
        tests = [self._conjunction()]
        while self._tokens.take("logical", "||"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _conjunction(self) -> _Test:
        tests = [self._condition()]
        while self._tokens.take("logical", "&&"):
            tests.append(self._condition())
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _condition(self) -> _Test:
        if self._tokens.take("parenthesis", "("):
            test = self._disjunction()
            if not self._tokens.take("parenthesis", ")"):
                _invalid("a parenthesis is not closed")
            return test
        kind, selector = self._tokens.next()
        if kind != "selector":
            _invalid(f"a condition begins with a property such as $.name, not with {selector!r}")
        select = self._selectors[selector] = _selector(selector)
        kind, operator = self._tokens.next()
        if kind == "operator":
            test = _comparison(operator, self._tokens.literal(), _number_of)
            return lambda value: isinstance(part := select(value), (str, int, float)) and test(part)
        return self._state(select, operator)

    def _state(self, select: Callable[[Any], Any], word: str) -> _Test:
        """IS NULL, IS TRUE, IS FALSE and NOT EXISTS."""
        _, second = self._tokens.next()
        if (word.upper(), second.upper()) == ("NOT", "EXISTS"):
            return lambda value: select(value) is _MISSING
        states: dict[str, object] = {"NULL": None, "TRUE": True, "FALSE": False}
        if word.upper() != "IS" or second.upper() not in states:
            _invalid(
                f"a property is followed by an operator, IS NULL, IS TRUE, IS FALSE or NOT EXISTS, not by {f'{word} {second}'.strip()!r}"
            )
        wanted = states[second.upper()]
        return lambda value: select(value) is wanted


def _selector(text: str) -> Callable[[Any], Any]:
    steps: list[str | int] = []
    for name, index, single, double in _STEP.findall(text):
        steps.append(int(index) if index else name or single or double)

    def select(value: Any) -> Any:
        for step in steps:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else _MISSING
            else:
                value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        return value

    return select


# Space-delimited

_FIELD_TOKEN = re.compile(
    r"""\s*(?:
        (?P<comma>,)
      | (?P<ellipsis>\.\.\.)
      | (?P<operator>!=|>=|<=|=|>|<)
      | (?P<logical>&&|\|\|)
      | (?P<parenthesis>[()])
      | "(?P<string>(?:[^"\\]|\\.)*)"
      | %(?P<regex>(?:[^%\\]|\\.)*)%
      | (?P<word>[^\s,()&|=!<>"%]+)
    )""",
    re.VERBOSE,
)
_FIELD = re.compile(r'\[([^\]]*)\](?=\s|$)|"([^"]*)"(?=\s|$)|(\S+)')


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    test: _Test | None


class _DelimitedPattern:
    """`[a, b = 200, ..., c]`: conditions on the fields of a message, which blanks divide."""

    def __init__(self, text: str) -> None:
        if not text.endswith("]"):
            _invalid("a space-delimited pattern ends with ]")
        self._tokens = _Tokens(text[1:-1], _FIELD_TOKEN)
        self._before: list[_Field] = []
        self._after: list[_Field] | None = None
        """The fields behind the ellipsis; None where there is none."""
        self._read_fields()

    def extract(self, message: str) -> Mapping[str, str] | None:
        spans = [(found.start(), next(group for group in found.groups() if group is not None)) for found in _FIELD.finditer(message)]
        named = self._assigned(message, spans)
        if named is None or not all(field.test(value) for field, _, value in named if field is not None and field.test is not None):
            return None
        return {f"${field.name if field is not None and field.name else number}": value for field, number, value in named}

    def _assigned(self, message: str, spans: Sequence[tuple[int, str]]) -> list[tuple[_Field | None, int, str]] | None:
        """Each field with its number and value; None where the message has too few."""
        values = [value for _, value in spans]
        fields: list[_Field | None]
        if self._after is not None:
            skipped = len(values) - len(self._before) - len(self._after)
            if skipped < 0:
                return None
            fields = [*self._before, *[None] * skipped, *self._after]
        else:
            fields = list(self._before)
            if len(values) < len(fields):
                return None
            if len(values) > len(fields):
                values[len(fields) - 1 :] = [message[spans[len(fields) - 1][0] :].rstrip()]
        return [(field, number, value) for number, (field, value) in enumerate(zip(fields, values, strict=True), 1)]

    def _read_fields(self) -> None:
        fields = self._before
        while True:
            if self._tokens.peek()[0] == "ellipsis":
                if self._after is not None:
                    _invalid("more than one ellipsis")
                self._tokens.next()
                fields = self._after = []
            else:
                fields.append(self._field())
            kind, text = self._tokens.next()
            if kind == "end":
                return
            if kind != "comma":
                _invalid(f"unexpected {text!r}")

    def _field(self) -> _Field:
        kind, name = self._tokens.peek()
        if kind in {"comma", "end"}:
            return _Field("", None)
        test = self._disjunction()
        names = [name] if kind == "word" else self._names
        return _Field(names[0] if names else "", test)

    _names: Sequence[str] = ()

    def _disjunction(self) -> _Test | None:
        tests = [self._conjunction()]
        while self._tokens.take("logical", "||"):
            tests.append(self._conjunction())
        conditions = [test for test in tests if test is not None]
        return conditions[0] if len(conditions) == 1 else (lambda value: any(test(value) for test in conditions)) if conditions else None

    def _conjunction(self) -> _Test | None:
        tests = [self._condition()]
        while self._tokens.take("logical", "&&"):
            tests.append(self._condition())
        conditions = [test for test in tests if test is not None]
        return conditions[0] if len(conditions) == 1 else (lambda value: all(test(value) for test in conditions)) if conditions else None

    def _condition(self) -> _Test | None:
        if self._tokens.take("parenthesis", "("):
            test = self._disjunction()
            if not self._tokens.take("parenthesis", ")"):
                _invalid("a parenthesis is not closed")
            return test
        kind, name = self._tokens.next()
        if kind != "word":
            _invalid(f"a field begins with its name, not with {name!r}")
        self._names = (name,)
        if self._tokens.peek()[0] != "operator":
            return None
        _, operator = self._tokens.next()
        return _comparison(operator, self._tokens.literal(), _number_of_token)
