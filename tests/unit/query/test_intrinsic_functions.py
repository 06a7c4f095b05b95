"""Intrinsic Functions: the eighteen of them, their syntax and their refusals."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.query.strategies import json_objects, json_values

from stepstack.clock import Randomness
from stepstack.errors import ExpressionSyntaxError, IntrinsicFailure, PathNotSingle
from stepstack.json_types import json_text
from stepstack.query.intrinsic_functions import FUNCTION_NAMES, IntrinsicCall, compile_expression
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Scope, Sources


def call(text: str, data: Any = None, **variables: Any) -> Any:
    return IntrinsicCall.compile(text).evaluate(Scope(data, {"Execution": {"Name": "run"}}, variables))


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("States.Format('a')", None, "a"),
        ("States.Format('{} and {}', $.a, 'x')", {"a": 1.5}, "1.5 and x"),
        ("States.Format('{}', $)", {"a": 1, "b": [None, True, "x"], "c": {}}, "{a=1, b=[null, true, x], c={}}"),
        ("States.Format($.t, 1)", {"t": "got {}"}, "got 1"),
        (r"States.Format('\{\} \'{}\' \\', 1)", None, "{} '1' \\"),
        ("States.Format('{}', $)", 12345678.0, "1.2345678E7"),
        ("States.Format('{}', null)", None, "null"),
        ("States.StringToJson($)", '{"a":[1,2.0,null]}', {"a": [1, 2.0, None]}),
        ("States.StringToJson('')", None, None),
        ("States.StringToJson($)", " \n", None),
        (r"""States.StringToJson('{"a":"say \\"so\\""}')""", None, {"a": 'say "so"'}),
        ("States.JsonToString($)", {"a": [1, 1.0, "ü"]}, '{"a":[1,1.0,"ü"]}'),
        ("States.Array()", None, []),
        ("States.Array(1, 'b', $.c, null, true, -2.5, States.Array())", {"c": {"d": 1}}, [1, "b", {"d": 1}, None, True, -2.5, []]),
        ("States.ArrayPartition($, 2)", [1, 2, 3], [[1, 2], [3]]),
        ("States.ArrayPartition($, 1.6)", [1, 2, 3], [[1, 2], [3]]),
        ("States.ArrayPartition($, 5)", [], []),
        ("States.ArrayContains($, 2)", [1, 2], True),
        ("States.ArrayContains($, 2)", [1, 2.0, "2"], False),
        ("States.ArrayContains($.a, $.b)", {"a": [{"x": [1]}], "b": {"x": [1]}}, True),
        ("States.ArrayRange(1, 9, 2)", None, [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", None, [3, 2, 1]),
        ("States.ArrayRange(0.4, 2.5, 1)", None, [0, 1, 2, 3]),
        ("States.ArrayGetItem($, 1)", ["a", "b"], "b"),
        ("States.ArrayLength($)", [1, [2, 3]], 2),
        ("States.ArrayUnique($)", [1, 1.0, True, 1, {"a": 1, "b": 2}, {"b": 2, "a": 1}, []], [1, 1.0, True, {"a": 1, "b": 2}, []]),
        ("States.Base64Encode('Data to encode')", None, "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('w7w=')", None, "ü"),
        ("States.Hash('x', 'MD5')", None, "9dd4e461268c8034f5c8564e155c67a6"),
        ("States.Hash('x', 'SHA-1')", None, "11f6ad8ec52a2984abaafd7c3b516503785c2072"),
        ("States.Hash('x', 'SHA-256')", None, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("States.JsonMerge($.a, $.b, false)", {"a": {"x": {"y": 1}, "k": 1}, "b": {"x": {"z": 2}}}, {"x": {"z": 2}, "k": 1}),
        ("States.MathAdd(1, -2)", None, -1),
        ("States.MathAdd(1.5, 0)", None, 2),
        ("States.MathAdd(-1.5, 0)", None, -1),
        ("States.MathAdd(2.5, -0.51)", None, 2),
        ("States.StringSplit('1,2,,3', ',')", None, ["1", "2", "3"]),
        ("States.StringSplit('a.b-c', '.-')", None, ["a", "b", "c"]),
        ("States.StringSplit(',,', ',')", None, []),
        ("States.StringSplit('a]b^c', '^]')", None, ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_a_call_yields(text: str, data: Any, expected: Any) -> None:
    assert json_text(call(text, data)) == json_text(expected)


def test_calls_nest_and_read_the_context_and_variables() -> None:
    text = "States.ArrayGetItem( States.StringSplit( States.Format('{}-{}', $$.Execution.Name, $n), '-' ), States.MathAdd(0, 1) )"

    assert call(text, None, n=5) == "5"
    assert IntrinsicCall.compile(text).variables == {"n"}


@pytest.mark.parametrize(
    "text",
    [
        "States.Format('{}')", "States.Format('a', 1)", "States.Format(1)", "States.Format()", "States.StringToJson('{')",
        "States.StringToJson(1)", "States.ArrayPartition($, 0)", "States.ArrayPartition(1, 1)", "States.ArrayRange(1, 2, 0)",
        "States.ArrayRange(1, 5000, 1)", "States.ArrayRange(1, 2)", "States.ArrayGetItem($, 2)", "States.ArrayGetItem($, -1)",
        "States.ArrayGetItem($, 'a')", "States.ArrayLength('abc')", "States.ArrayUnique(null)", "States.Base64Decode('#')",
        "States.Base64Encode(1)", "States.Hash('x', 'CRC')", "States.JsonMerge($, $, false)", "States.MathRandom(5, 5)",
        "States.MathAdd('1', 2)", "States.MathAdd(true, 2)", "States.StringSplit(1, ',')", "States.UUID(1)", "States.ArrayContains($)",
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_by_name(text: str) -> None:
    with pytest.raises(IntrinsicFailure) as raised:
        call(text, [1, 2])

    assert raised.value.message.startswith(f"Invalid arguments in {text.partition('(')[0]}: ")
    assert raised.value.text == text


def test_objects_merge_shallowly_only() -> None:
    with pytest.raises(IntrinsicFailure, match="shallow"):
        call("States.JsonMerge($, $, true)", {})


@pytest.mark.parametrize("name", ["Base64Encode($)", "Base64Decode($)", "Hash($, 'MD5')"])
def test_texts_of_more_than_ten_thousand_characters_are_refused(name: str) -> None:
    call(f"States.{name}", "a" * 10_000)
    with pytest.raises(IntrinsicFailure, match="10000 characters"):
        call(f"States.{name}", "a" * 10_001)


def test_a_path_that_finds_nothing_is_told_with_the_call_and_the_input() -> None:
    with pytest.raises(IntrinsicFailure) as raised:
        call("States.Format('{}', $.a.b)", {"a": {}})

    assert raised.value.text == "States.Format('{}', $.a.b)"
    assert raised.value.message == "The JsonPath argument for the field '$.a.b' could not be found in the input '{\"a\":{}}'"


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("States.Format('{}', States.JsonToString($.b))", "The JsonPath argument for the field '$.b' "),
        ("States.Array(States.Array(States.ArrayLength($.a)))", "Invalid arguments in States.ArrayLength: "),
    ],
)
def test_a_call_inside_that_fails_is_told_with_the_whole_call(text: str, begin: str) -> None:
    with pytest.raises(IntrinsicFailure) as raised:
        call(text, {"a": 1})

    assert raised.value.text == text
    assert raised.value.message.startswith(begin)


def test_random_numbers_lie_between_the_first_number_and_below_the_second() -> None:
    drawn = {call("States.MathRandom(2.4, 5)") for _ in range(200)}

    assert drawn == {2, 3, 4}


def test_a_seed_draws_the_same_number_again() -> None:
    assert call("States.MathRandom(0, 1000, 42)") == call("States.MathRandom(0, 1000, 42)")
    assert len({call(f"States.MathRandom(0, 1000000, {seed})") for seed in range(20)}) == 20


def test_ids_and_random_numbers_come_from_the_sources_of_the_scope() -> None:
    def draw(seed: int) -> Any:
        scope = Scope(None, {}, {}, sources=Sources(lambda: 0.0, Randomness(seed)))
        return IntrinsicCall.compile("States.Array(States.UUID(), States.MathRandom(0, 1000000))").evaluate(scope)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert uuid.UUID(draw(1)[0]).version == 4


@pytest.mark.parametrize(
    "text",
    [
        "States.Nothing()", "States.format('a')", "States.UUID", "States.UUID(", "States.UUID() ", "UUID()", "States.Format('a)",
        "States.Format('a' 'b')", "States.Format('a',)", "States.Format(,)", "States.Format($.)", "States.Array(yes)", "",
        "States.UUID()[0]", "States.Array(" * 11 + ")" * 11, r"States.Format('a\nb')", r"""States.StringToJson('{"a":"\""}')""",
    ],
)  # fmt: skip
def test_a_malformed_call_is_refused_with_its_place(text: str) -> None:
    if text == "States.UUID() ":
        assert IntrinsicCall.compile(text).text == "States.UUID()"
        return
    with pytest.raises(ExpressionSyntaxError) as raised:
        IntrinsicCall.compile(text)

    assert 0 <= raised.value.offset <= len(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("States.ArrayRange(0, 1e300, 1)", "the range has more than 1000 items"),
        ("States.ArrayRange(0, -1e300, -1)", "the range has more than 1000 items"),
        (f"States.MathRandom(0, {'9' * 400}, 5)", "a number is too large"),
        (f"States.JsonToString(States.MathAdd({'9' * 4300}, 1))", "a number is too large"),
    ],
    ids=["range", "range downwards", "random", "sum"],
)
def test_numbers_beyond_all_bounds_are_refused_like_any_other(text: str, problem: str) -> None:
    with pytest.raises(IntrinsicFailure, match=problem):
        call(text)


def test_a_range_may_have_a_thousand_items() -> None:
    assert call("States.ArrayRange(1, 1000, 1)") == [*range(1, 1001)]
    with pytest.raises(IntrinsicFailure):
        call("States.ArrayRange(0, 1000, 1)")


def test_values_that_are_nested_too_deeply_are_refused() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]

    for text in ("States.Format('{}', $)", "States.ArrayContains($, $)", "States.ArrayUnique($)", "States.JsonToString($)"):
        with pytest.raises(IntrinsicFailure):
            call(text, deep)


def test_there_are_eighteen_functions() -> None:
    assert len(FUNCTION_NAMES) == 18


def test_a_field_that_takes_a_path_or_a_call_compiles_either() -> None:
    assert isinstance(compile_expression("$.a"), AslPath)
    assert isinstance(compile_expression("States.UUID()"), IntrinsicCall)


@given(json_values)
def test_json_survives_the_way_through_its_text(value: Any) -> None:
    assert call("States.StringToJson(States.JsonToString($.v))", {"v": value}) == value


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=200))
def test_text_survives_the_way_through_base64(text: str) -> None:
    assert call("States.Base64Decode(States.Base64Encode($))", text) == text


@given(st.lists(json_values, max_size=12), st.integers(1, 5))
def test_partitions_put_together_are_the_array(array: list[Any], size: int) -> None:
    chunks = call("States.ArrayPartition($.a, $.n)", {"a": array, "n": size})

    assert [item for chunk in chunks for item in chunk] == array
    assert all(len(chunk) == size for chunk in chunks[:-1])


@given(json_objects, json_objects)
def test_a_merge_prefers_the_second_object(left: Any, right: Any) -> None:
    assert call("States.JsonMerge($.l, $.r, false)", {"l": left, "r": right}) == {**left, **right}


def test_a_merged_object_is_a_hash_map_of_javas() -> None:
    assert list(call("States.JsonMerge($.l, $.r, false)", {"l": {"z": 1, "b": 2}, "r": {"y": 3, "a": 4}})) == ["a", "b", "y", "z"]


@given(st.lists(json_values, max_size=10))
def test_unique_items_are_all_contained_and_stay_unique(array: list[Any]) -> None:
    unique = call("States.ArrayUnique($)", array)

    assert all(call("States.ArrayContains($.u, $.i)", {"u": unique, "i": item}) for item in array)
    assert call("States.ArrayUnique($)", unique) == unique


@given(
    st.sampled_from(FUNCTION_NAMES),
    st.lists(st.sampled_from(["$", "$.a", "1", "'x'", "-2.5", "null", "true", "$v"]), max_size=4),
    json_values,
)
def test_no_arguments_raise_anything_but_an_intrinsic_failure(name: str, arguments: list[str], data: Any) -> None:
    with suppress(IntrinsicFailure, PathNotSingle):
        call(f"{name}({', '.join(arguments)})", data, v=data)


@given(st.text(alphabet="States.FormatArayUID('\\{}),$ 1-", max_size=40).map(lambda text: "States." + text))
def test_no_text_raises_anything_but_a_syntax_error(text: str) -> None:
    with suppress(ExpressionSyntaxError):
        IntrinsicCall.compile(text)
