"""JSONata as JavaScript evaluates it, where the library jsonata-python does otherwise: AWS runs JSONata 2.0.6.

Registered by `jsonata_engine`: `JAVASCRIPTS_FUNCTIONS` take the place of the library's, and `correct_library` changes what cannot be
replaced from outside: signatures, numbers in texts, the words of errors. Left out: what functions do with functions in the place of
data, and the words for a pattern that is undefined. Source: the answers of the reference implementation, jsonata 2.0.6, to some 10,000
expressions; what people report of AWS agrees with them but for whole numbers of more than 15 digits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, NoReturn

from stepstack.query.jsonata_library import Functions, JException, Jsonata, Signature, Utils
from stepstack.query.regular_expression import RegularExpression

__all__ = ["ERROR_CODES", "JAVASCRIPTS_FUNCTIONS", "correct_library", "expanded", "native_function", "shown_values"]

_NULL: Final = Utils.NULL_VALUE
_ISO_8601: Final = re.compile(r"\d{4}(?:-[01]\d)*(?:-[0-3]\d)*(?:T[0-2]\d:[0-5]\d:[0-5]\d)*(?:\.\d+)?(?:[+-][0-2]\d:?[0-5]\d|Z)?", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
_OTHER_BASE: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+")
_INCOMPLETE_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLACES: Final = re.compile(r"([#0,]*)\.([#0,]+)(?!.*e)")
_DIGITS: Final = re.compile(r"(\d[\d,]*)(\.\d+)?", re.ASCII)
_QUOTED: Final = re.compile(r'"([^"{}]*)"')
_WITH_APOSTROPHES: Final = ("S0216", "S0217", "D308", "D309", "D3133", "D3135")
"""Codes of errors in whose words JavaScript has apostrophes and the library quotation marks."""

_KINDS_OF_ARRAYS: Final = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}

ERROR_CODES: Final[dict[str, str]] = {}
"""The words of errors without values in them, and their codes: the library raises some by their words alone."""


def correct_library() -> None:
    """Changes the library, once, for the whole process."""
    for code, template in JException.error_codes.items():
        words = template.replace("Object", "function")
        if code.startswith(_WITH_APOSTROPHES):
            words = _QUOTED.sub(r"'\1'", words)
        JException.error_codes[code] = words
        ERROR_CODES.setdefault(words, code)
    Signature.get_symbol = _symbol
    Signature.throw_validation_error = _refuse
    Functions._string = staticmethod(_written)


def shown_values(error: JException) -> tuple[Any, Any, Any]:
    """The values for the placeholders of an error's words, in their order."""
    if error.error == "T0412":
        return error.current, error.expected, _KINDS_OF_ARRAYS.get(error.extra, error.extra)
    if error.error == "D1002":
        return error.expected, None, None
    return error.current, error.expected, error.extra


_symbol_of: Final = Signature.get_symbol


def _symbol(signature: Signature, value: Any) -> str:
    """The library takes null for a missing argument, which every function's signature admits."""
    return "l" if value is _NULL else str(_symbol_of(signature, value))


def _refuse(signature: Signature, _: Any, symbols: str, function_name: str) -> None:
    """Names the first argument that the signature does not take."""
    pattern = ""
    taken = 0
    for parameter in signature._params:
        pattern += parameter.regex
        found = re.match(pattern, symbols)
        if found is None:
            break
        taken = found.end()
    raise JException("T0410", -1, taken + 1, function_name)


def number_text(number: float) -> str:
    """`number` as JavaScript writes it, 100000000000000000000, but 1e+21: with 15 digits, a whole number with all that tell it from others.

    JSONata itself has 15 digits for whole numbers, too; people who measured AWS saw more.
    """
    value = float(number)
    _, digits, exponent = Decimal(repr(value) if value.is_integer() else f"{value:.15g}").normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    sign = "-" if number < 0 else ""
    if text == "0":
        return "0"
    if len(text) <= point <= 21:
        return sign + text + "0" * (point - len(text))
    if 0 < point <= 21:
        return f"{sign}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{text}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{sign}{text[0]}{fraction}e{point - 1:+d}"


def _written(value: Any, prettify: bool) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise JException("D3001", -1)
    if Utils.is_function(value) or Functions.is_lambda(value) or isinstance(value, RegularExpression):
        return ""
    return _json(value, "\n" if prettify else "")


def _json(value: Any, line: str) -> str:
    """`value` as JSON.stringify writes it; `line` begins a new line of a pretty text."""
    if value is _NULL or value is None or isinstance(value, (str, bool)):
        return json.dumps(None if value is _NULL else value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number_text(value) if math.isfinite(value) else "null"
    inner = f"{line}  " if line else ""
    if isinstance(value, dict):
        colon = ": " if line else ":"
        return _enclosed("{}", [f"{_json(name, '')}{colon}{_json(member, inner)}" for name, member in value.items()], line, inner)
    if isinstance(value, list):
        return _enclosed("[]", [_json(item, inner) for item in value], line, inner)
    return '""'


def _enclosed(brackets: str, parts: list[str], line: str, inner: str) -> str:
    return f"{brackets[0]}{inner}{f',{inner}'.join(parts)}{line}{brackets[1]}" if parts else brackets


def expanded(replacement: str, groups: tuple[str | None, ...], whole: str) -> str:
    """What $replace writes for a match: `$0` is the match, `$1` its first group, `$$` a dollar sign."""
    return "".join(_pieces(replacement, groups, whole))


def _pieces(replacement: str, groups: tuple[str | None, ...], whole: str) -> Iterator[str]:
    position = 0
    longest = len(str(len(groups)))
    while (dollar := replacement.find("$", position)) >= 0:
        yield replacement[position:dollar]
        position = dollar + 1
        following = replacement[position : position + 1]
        if following in ("$", "0"):
            yield "$" if following == "$" else whole
            position += 1
            continue
        number = re.match(r"\d*", replacement[position : position + longest], re.ASCII)
        digits = "" if number is None else number[0]
        if len(digits) > 1 and int(digits) > len(groups):
            digits = digits[:-1]
        if not digits:
            yield "$"
            continue
        index = int(digits)
        yield (groups[index - 1] or "") if 0 < index <= len(groups) else ""
        position += len(str(index))
    yield replacement[position:]


def _sort(array: list[Any] | None, comparator: Any = None) -> list[Any] | None:
    if array is None or len(array) <= 1:
        return array
    if comparator is None:
        is_number = [isinstance(item, (int, float)) and not isinstance(item, bool) for item in array]
        if not all(is_number) and not all(isinstance(item, str) for item in array):
            raise JException("D3070", -1)
        return sorted(array)
    return _merged(list(array), lambda left, right: _is_truthy(Functions.func_apply(comparator, [left, right])))


def _merged(items: list[Any], is_after: Callable[[Any, Any], bool]) -> list[Any]:
    """The items in the order of a merge sort, which asks whether one comes after another."""
    if len(items) <= 1:
        return items
    middle = len(items) // 2
    left, right = _merged(items[:middle], is_after), _merged(items[middle:], is_after)
    merged: list[Any] = []
    first = second = 0
    while first < len(left) and second < len(right):
        if is_after(left[first], right[second]):
            merged.append(right[second])
            second += 1
        else:
            merged.append(left[first])
            first += 1
    return merged + left[first:] + right[second:]


def _is_truthy(value: Any) -> bool:
    if isinstance(value, (bool, int, float, str)):
        return bool(value) and value == value  # noqa: PLR0124 - NaN is not truthy
    return value is not None and value is not _NULL


def _to_millis(text: str | None, picture: str | None = None) -> Any:
    if text is None:
        return None
    if picture is not None:
        return Functions.datetime_to_millis(text, picture)
    if _ISO_8601.fullmatch(text) is None:
        raise JException("D3110", -1, text)
    try:
        return Functions.datetime_to_millis(f"{text}-01" if len(text) == len("2017-11") else text, None)
    except ValueError:
        return math.nan


def _from_millis(millis: float | None, picture: str | None = None, timezone: str | None = None) -> Any:
    try:
        return Functions.datetime_from_millis(millis, picture, timezone)
    except KeyError as unknown:
        raise JException("D3132", -1, unknown.args[0]) from None


def _parse_integer(text: str | None, picture: str | None = None) -> Any:
    try:
        return Functions.parse_integer(text, picture)
    except (KeyError, ValueError):
        return math.nan
    except RecursionError:
        raise
    except RuntimeError:
        raise JException("D3130", -1, picture) from None


def _format_integer(number: float | None, picture: str | None = None) -> Any:
    try:
        return Functions.format_integer(None if number is None else math.floor(number), picture)
    except RecursionError:
        raise
    except RuntimeError:
        raise JException("D3130", -1, picture) from None


def _format_number(number: float | None, picture: str | None, options: Any = None) -> Any:
    """A picture without a `0` before its point makes no zero there; without one behind it, too, there is a digit nevertheless."""
    if number is None:
        return None
    part = str(picture).split(";")[-1 if number < 0 else 0]
    places = _PLACES.search(part)
    if options is None and "e" not in part:
        # JavaScript's JSONata rounds halves to even here as in $round.
        digits = (len(places[2].replace(",", "")) if places else 0) + (2 if "%" in part else 3 if "\u2030" in part else 0)
        number = Functions.round(number, digits) or math.copysign(10.0 ** -(digits + 3), number)  # what rounds to zero keeps its sign
    text = Functions.format_number(number, picture, options)
    if options is not None or places is None or "0" in places[1]:
        return text
    return _DIGITS.sub(lambda found: _without_zero(found, has_places="0" in places[2]), text, count=1)


def _without_zero(found: re.Match[str], *, has_places: bool) -> str:
    whole = "" if found[1] == "0" else found[1]
    return whole + (found[2] or ("" if has_places else ".0"))


def _format_base(number: float | None, radix: float | None = None) -> Any:
    if number is not None and radix is not None and not 2 <= math.floor(radix + 0.5) <= 36:
        raise JException("D3100", -1, math.floor(radix + 0.5))
    return Functions.format_base(number, radix)


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return Functions.number(value)
    if _DECIMAL.fullmatch(value) is not None:
        return Utils.convert_number(float(value))
    if _OTHER_BASE.fullmatch(value) is not None:
        return int(value, 0)
    raise JException("D3030", -1, value)


def _decoder(name: str, implementation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decoded(text: str | None) -> Any:
        try:
            if text is None or _INCOMPLETE_ESCAPE.search(text) is None:
                return implementation(text)
        except UnicodeDecodeError:
            pass
        raise JException("D3140", -1, name, text)

    return decoded


def _error(message: str | None = None) -> NoReturn:
    raise JException("D3137", -1, message or "$error() function evaluated")


def _power(base: float | None, exponent: float | None) -> Any:
    if base is None or exponent is None:
        return None
    try:
        result = math.pow(base, exponent)
    except (ArithmeticError, ValueError):
        raise JException("D3061", -1, base, exponent) from None
    return Utils.convert_number(result)


def native_function(name: str, signature: str, implementation: Callable[..., Any]) -> Any:
    """`implementation` as a function of JSONata. Its arguments are those of the call; absent ones are not passed, undefined ones None."""
    function = Jsonata.JFunction(Jsonata.JLambda(implementation), signature)
    function.function_name = name
    function.signature.set_function_name(name)
    return function


JAVASCRIPTS_FUNCTIONS: Final[dict[str, Any]] = {
    "sort": native_function("sort", "<af?:a>", _sort),
    "toMillis": native_function("toMillis", "<s-s?:n>", _to_millis),
    "fromMillis": native_function("fromMillis", "<n-s?s?:s>", _from_millis),
    "parseInteger": native_function("parseInteger", "<s-s:n>", _parse_integer),
    "formatInteger": native_function("formatInteger", "<n-s:s>", _format_integer),
    "formatNumber": native_function("formatNumber", "<n-so?:s>", _format_number),
    "formatBase": native_function("formatBase", "<n-n?:s>", _format_base),
    "number": native_function("number", "<(nsb)-:n>", _number),
    "decodeUrl": native_function("decodeUrl", "<s-:s>", _decoder("decodeUrl", Functions.decode_url)),
    "decodeUrlComponent": native_function("decodeUrlComponent", "<s-:s>", _decoder("decodeUrlComponent", Functions.decode_url_component)),
    "error": native_function("error", "<s?:x>", _error),
    "power": native_function("power", "<n-n:n>", _power),
}
