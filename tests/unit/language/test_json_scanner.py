"""JSON read for its places, and for Jackson's words where it is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.language.json_scanner import JsonSyntaxError, check_json, line_and_column, scan_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

VALID = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def refusal(text: str) -> JsonSyntaxError:
    with pytest.raises(JsonSyntaxError) as refused:
        check_json(text)
    return refused.value


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("word", f"Unrecognized token 'word': was expecting {VALID}", 5),
        ('{"a":tru}', f"Unrecognized token 'tru': was expecting {VALID}", 9),
        ('{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 9),
        ("{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", 3),
        ("[1,]", f"Unexpected character (']' (code 93)): expected a valid value {VALID}", 5),
        ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 7),
        ('{"a":1 "b":2}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", 9),
        ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 5),
        ('["a\\q"]', "Unrecognized character escape 'q' (code 113)", 6),
        ('["\\u12x"]', "Unexpected character ('1' (code 49)): expected a hex-digit for character escape sequence", 5),
        ('["\t"]', "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in string value", 4),
        (
            '{"\t":1}',
            "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in name",
            4,
        ),
        ("[01]", "Invalid numeric value: Leading zeroes not allowed", 4),
        (
            "[-]",
            "Unexpected character (']' (code 93)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
            4,
        ),
        ("[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit", 5),
        ("[1e+]", "Unexpected character (']' (code 93)) in numeric value: Exponent indicator not followed by a digit", 6),
        ('["', "Unexpected end-of-input: was expecting closing quote for a string value", 3),
        ('{"a', "Unexpected end-of-input in field name", 4),
        ('{"a"', "Unexpected end-of-input within/between Object entries", 5),
        ("[€]", f"Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value {VALID}", 3),
        ("[] []", f"Unexpected character ('[' (code 91)): expected a valid value {VALID}", 5),
    ],
)
def test_what_is_no_json_is_refused_in_the_words_of_jackson(text: str, message: str, column: int) -> None:
    refused = refusal(text)
    assert refused.message == message
    assert refused.place == f'[Source: (String)"{text}"; line: 1, column: {column}]'


def test_an_open_container_names_its_beginning() -> None:
    assert refusal('{\n "a": [').message == (
        'Unexpected end-of-input: expected close marker for Array (start marker at [Source: (String)"{\n "a": ["; line: 2, column: 7])'
    )


def test_a_wrong_closing_mark_names_the_right_one() -> None:
    assert refusal("[1}").message == (
        "Unexpected close marker '}': expected ']' (for Array starting at [Source: (String)\"[1}\"; line: 1, column: 1])"
    )


def test_a_long_text_is_repeated_in_part() -> None:
    text = "[" + " " * 600
    assert refusal(text).place == f'[Source: (String)"{text[:500]}"[truncated 101 chars]; line: 1, column: 602]'


def test_every_value_has_a_path_and_a_place() -> None:
    text = '{"a": [1, {"b\\n": null}], "c": {}}'
    found = {value.path: text[value.offset :] for value in scan_json(text)}
    assert list(found) == ["", "/a", "/a[0]", "/a[1]", "/a[1]/b\n", "/c"]
    assert found["/a[1]/b\n"].startswith("null")
    assert found["/c"].startswith("{}")


def test_a_value_knows_where_its_key_begins() -> None:
    text = '{"a": 1}'
    (_, member) = scan_json(text)
    assert text[member.key_offset :].startswith('"a"')


@given(json_values, st.sampled_from([None, 1]))
def test_whatever_is_json_is_scanned_value_by_value(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    decoder = json.JSONDecoder()
    assert [decoder.raw_decode(text, found.offset)[0] for found in scan_json(text)] == list(_values(value))


def _values(value: Any) -> Iterator[Any]:
    """`value` and every value in it, in the order of its text."""
    yield value
    if isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _values(inner)


@given(json_values, st.data())
def test_python_and_the_scanner_agree_on_what_is_json(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=False)
    start = data.draw(st.integers(0, len(text)))
    broken = text[:start] + data.draw(st.sampled_from(["", ",", "]", "}", '"', "x", "0", "-", ":", "\\"])) + text[start + 1 :]
    try:
        json.loads(broken)
    except ValueError:
        assert refusal(broken).message
    else:
        check_json(broken)


def test_nesting_has_the_limit_of_jackson() -> None:
    check_json("[" * 1000 + "]" * 1000)
    assert refusal("[" * 100_000).message == "Document nesting depth (1001) exceeds the maximum allowed (1000)"


def test_lines_and_columns_count_from_one() -> None:
    assert [line_and_column("ab\nc", offset) for offset in range(4)] == [(1, 1), (1, 2), (1, 3), (2, 1)]
