"""How AWS's Java shows a value inside a text: `{a=1, b=[]}` for an object, and the names of its types.

States.Format shows its arguments so, and messages about paths do. Called by the intrinsic functions and by paths' error messages.
Source: recorded answers of AWS (`States.Format('{}', $.object)`), Java's own toString rules.
"""

from __future__ import annotations

from decimal import Decimal

from stepstack.json_types import Json, json_text

__all__ = ["double_text", "java_text", "java_type"]

_INT_LIMIT = 2**31
_LONG_LIMIT = 2**63


def java_text(value: Json) -> str:
    """`value` as Java's toString shows it: a string bare, null as `null`, 1.0E10 for 10000000000.0."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return json_text(value)
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(member)}" for key, member in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return str(value)


def double_text(number: float) -> str:
    """`number` as Java's Double.toString writes it: 0.001 and below, 10^7 and above in computerized scientific notation."""
    magnitude = abs(number)
    if number == 0 or 1e-3 <= magnitude < 1e7:
        return repr(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    written = "".join(map(str, digits))
    return f"{'-' if sign else ''}{written[0]}.{written[1:] or '0'}E{len(digits) - 1 + int(exponent)}"


def java_type(value: Json) -> str:  # noqa: PLR0911 - one line for each type of JSON
    """The Java class of `value`, as messages name it; `null` for null."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "java.lang.String"
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        if -_INT_LIMIT <= value < _INT_LIMIT:
            return "java.lang.Integer"
        return "java.lang.Long" if -_LONG_LIMIT <= value < _LONG_LIMIT else "java.math.BigInteger"
    if isinstance(value, float):
        return "java.lang.Double"
    return "java.util.LinkedHashMap" if isinstance(value, dict) else "java.util.ArrayList"
