"""A Choice Rule's test as people write it: `$.Operation = "Init"`, `not $.n is present`, or a JSONata Condition's own text.

Called by `graph_of` for the labels and tooltips of a Choice's edges. It reads compiled rules, so it needs no definition text.
"""

from __future__ import annotations

from typing import Final

from stepstack.json_types import json_text
from stepstack.language.choice_rules import (
    COMPARISONS,
    TYPE_TESTS,
    And,
    Comparison,
    Condition,
    Not,
    Or,
    PathComparison,
    PresenceTest,
    Test,
    TypeTest,
)

__all__ = ["condition_text"]

_SIGNS: Final = {"LessThanEquals": "\u2264", "GreaterThanEquals": "\u2265", "LessThan": "<", "GreaterThan": ">", "Equals": "="}
_NOUNS: Final = {"IsNull": "null", "IsString": "a string", "IsNumeric": "a number", "IsBoolean": "a boolean", "IsTimestamp": "a timestamp"}
_COMPARISON_NAMES: Final = {holds: name for name, holds in COMPARISONS.items()}
_TYPE_NAMES: Final = {holds: name for name, holds in TYPE_TESTS.items()}


def condition_text(test: Test) -> str:
    """What `test` asks, in one line."""
    if isinstance(test, Condition):
        return test.text.strip().removeprefix("{%").removesuffix("%}").strip()
    if isinstance(test, Not):
        return f"not {_enclosed(test.part)}"
    if isinstance(test, (And, Or)):
        return (" and " if isinstance(test, And) else " or ").join(_enclosed(part) for part in test.parts)
    if isinstance(test, (PresenceTest, TypeTest)):
        noun = "present" if isinstance(test, PresenceTest) else _NOUNS[_TYPE_NAMES[test.holds]]
        return f"{test.variable.text} is {'' if test.expected else 'not '}{noun}"
    if isinstance(test, (Comparison, PathComparison)):
        operand = json_text(test.operand) if isinstance(test, Comparison) else test.operand.text
        return f"{test.variable.text} {_sign(_COMPARISON_NAMES[test.holds])} {operand}"
    raise TypeError(f"no test of a Choice Rule: {test!r}")


def _enclosed(test: Test) -> str:
    text = condition_text(test)
    return f"({text})" if isinstance(test, (And, Or)) else text


def _sign(name: str) -> str:
    return "matches" if name == "StringMatches" else next(sign for ending, sign in _SIGNS.items() if name.endswith(ending))
