"""Regular expressions of Java and JavaScript, with a bound on their time."""

from __future__ import annotations

import pytest

from stepstack.query.regular_expression import RegularExpression
from stepstack.query.scope import Scope
from stepstack.query.time_bound import begin


@pytest.fixture(autouse=True)
def evaluation() -> None:
    """One that goes on in this thread."""
    begin(None, Scope(None, {}, {}))


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "expected"),
    [
        ("a+", "", "aaa", True),
        ("a+", "", "aab", False),
        ("A", "i", "a", True),
        (r"\p{Lu}\p{L}*", "", "Österreich", True),
        (r"(?<year>\d{4})-\k<year>", "", "2024-2024", True),
        ("a++b", "", "aab", True),
        ("a.b", "s", "a\nb", True),
        ("a.b", "", "a\nb", False),
        ("a # comment", "x", "a", True),
    ],
)
def test_a_pattern_takes_the_whole_of_a_text(pattern: str, flags: str, text: str, expected: bool) -> None:
    assert RegularExpression.compile(pattern, flags).takes(text) is expected


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "[", "*"])
def test_a_malformed_pattern_is_a_value_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="at position"):
        RegularExpression.compile(pattern)


def test_a_match_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.02)
    expression = RegularExpression.compile("(x+x+)+y")

    with pytest.raises(TimeoutError):
        expression.takes("x" * 5000)
    with pytest.raises(TimeoutError):
        expression.search("x" * 5000)
    with pytest.raises(TimeoutError):
        expression.sub("", "x" * 5000)
    with pytest.raises(TimeoutError):
        expression.split("x" * 5000)
    with pytest.raises(TimeoutError):
        list(expression.finditer("x" * 5000))
