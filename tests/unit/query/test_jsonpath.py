"""AslPath: what paths match, which are definite, and how failures read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.query.strategies import json_values, names

from stepstack.errors import ExpressionError, ExpressionSyntaxError, PathNotFound, PathNotSingle
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Scope


def evaluate(text: str, scope: Scope) -> Any:
    return AslPath.compile(text).evaluate(scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.order.id", 7),
        ("$['order']['customer'].name", "Ada"),
        ('$["order"]["id"]', 7),
        ("$.['order'].id", 7),
        ("$['strange name']['it\\'s']", 1),
        ("$.order.note", None),
        ("$.items[0].sku", "a"),
        ("$.items[-1].sku", "c"),
        ("$.order.customer.tags[1]", "vip"),
        ("$.items[1]['sku','price','gone']", {"sku": "b", "price": 12.5}),
        ("$$.Execution.Id", "arn:run"),
        ("$$", {"Execution": {"Id": "arn:run", "Name": "run", "Input": {"a": 1}}, "State": {"Name": "S"}}),
        ("$limit", 3),
        ("$config.ports[1]", 443),
        ("$nothing", None),
    ],
)
def test_a_definite_path_yields_the_one_value_that_it_names(text: str, expected: Any, scope: Scope) -> None:
    path = AslPath.compile(text)

    assert path.evaluate(scope) == expected
    assert path.is_definite


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.items[*].sku", ["a", "b", "c"]),
        ("$.order.customer.*", ["Ada", ["new", "vip"]]),
        ("$.numbers[1:3]", [1, 2]),
        ("$.numbers[:2]", [0, 1]),
        ("$.numbers[3:]", [3, 4]),
        ("$.numbers[-2:]", [3, 4]),
        ("$.numbers[:-3]", [0, 1]),
        ("$.numbers[-3:-1]", [2, 3]),
        ("$.numbers[1:-1]", []),
        ("$.numbers[0,2,9]", [0, 2]),
        ("$..sku", ["a", "b", "c"]),
        ("$..customer.name", ["Ada"]),
        ("$.items[*]['sku','price'].length", []),
        ("$['order','strange name'].id", [7]),
        ("$.empty[*]", []),
        ("$.items[*].gone", []),
        ("$.numbers[9][*]", []),
        ("$.numbers[-9].x[?(@.y)]", []),
    ],
)
def test_an_indefinite_path_yields_the_array_of_all_that_it_matches(text: str, expected: Any, scope: Scope) -> None:
    path = AslPath.compile(text)

    assert path.evaluate(scope) == expected
    assert not path.is_definite


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("@.price > 10", ["b", "c"]),
        ("@.price >= 5 && @.stock > 0", ["b", "c"]),
        ("@.price < 6 || @.price == 20", ["a", "c"]),
        ("!(@.stock == 0)", ["b", "c"]),
        ("!@.tags", ["a"]),
        ("@.tags", ["b", "c"]),
        ("@.sku == 'a'", ["a"]),
        ('@.sku != "a"', ["b", "c"]),
        ("@.gone != 1", ["a", "b", "c"]),
        ("@.price == '5'", ["a"]),
        ("@.price === '5'", []),
        ("@.price !== '5'", ["a", "b", "c"]),
        ("@.sku =~ /[AB]/i", ["a", "b"]),
        ("@.sku =~ /[AB]/", []),
        ("@.tags =~ /re./", ["b"]),
        ("@.sku in ['a', 'c']", ["a", "c"]),
        ("@.sku nin ['a', 'c']", ["b"]),
        ("@.tags contains 'red'", ["b"]),
        ("@.sku contains 'b'", ["b"]),
        ("@.tags size 2", ["b"]),
        ("@.tags empty true", ["c"]),
        ("@.tags subsetof ['red', 'blue', 'green']", ["b", "c"]),
        ("@.tags anyof ['red', 'green']", ["b"]),
        ("@.tags noneof ['red', 'green']", ["c"]),
        ("@.tags all ['red']", ["b"]),
        ("@.stock < $.order.id", ["a", "b", "c"]),
        ("@['price'] > 10 && (@.stock == 3 || @.stock == 9)", ["b"]),
        ("@.tags[0] == 'red'", ["b"]),
        ("@.stock == true", []),
        ("@.tags == []", ["c"]),
        ("@.tags[?(@.gone == 1)]", ["b", "c"]),
        ("!@.tags[*]", ["a"]),
        ("@.tags[*] empty true", ["c"]),
        ("3 == @.stock", ["b"]),
        ("@.sku==b", ["b"]),
        ("@.sku == a || @.sku == c && @.stock != null", ["a", "c"]),
        ("@.sku == two-words", []),
        ("@.stock > .5", ["b", "c"]),
        ("@.stock == 003", ["b"]),
    ],
)
def test_a_filter_keeps_the_items_that_meet_its_condition(condition: str, expected: list[str], scope: Scope) -> None:
    assert evaluate(f"$.items[?({condition})].sku", scope) == expected


def test_a_filter_on_an_object_tests_the_object_itself(scope: Scope) -> None:
    assert evaluate("$.order[?(@.id == 7)].id", scope) == [7]
    assert evaluate("$..[?(@.stock >= 1)].sku", scope) == ["b", "c"]


def test_a_dot_at_the_end_of_a_path_means_nothing(scope: Scope) -> None:
    assert evaluate("$.order.id.", scope) == evaluate("$.order.id", scope) == 7


def test_a_bare_at_sign_in_a_filter_does_not_match_scalars(scope: Scope) -> None:
    assert evaluate("$.numbers[?(@ > 1)]", scope) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.numbers.length()", 5),
        ("$.numbers.max()", 4),
        ("$.numbers.min()", 0),
        ("$.numbers.sum()", 10),
        ("$.numbers.avg()", 2),
        ("$..price.max()", 20),
        ("$.order.keys()", ["id", "customer", "note"]),
        ("$.numbers.first()", 0),
        ("$.numbers.last()", 4),
        ("$.numbers.index(-2)", 3),
        ("$.order.customer.tags.concat('!')", "newvip!"),
        ("$.numbers.append(5)", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_function_applies_to_what_stands_in_front_of_it(text: str, expected: Any, scope: Scope) -> None:
    assert evaluate(text.replace("'!'", '"!"'), scope) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$.gone", "No results for path: $['gone']"),
        ("$.order.gone", "No results for path: $['order']['gone']"),
        ("$.gone.deeper.still", "Missing property in path $['gone']"),
        ("$.numbers[9]", "No results for path: $['numbers'][9]"),
        ("$.numbers[9].x", "No results for path: $['numbers'][9]['x']"),
        ("$.order.customer[0].x", "Filter: [0]['x'] can only be applied to arrays. Current context is: {name=Ada, tags=[new, vip]}"),
        ("$.order.note[0]", "The path $['order']['note'] is null"),
        (
            "$.order.id.x",
            "Expected to find an object with property ['x'] in path $['order']['id'] but found 'java.lang.Integer'. This is not a json "
            "object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
        ("$.gone[*]", "Missing property in path $['gone']"),
        ("$undefined", "No results for path: $['undefined']"),
    ],
)
def test_a_path_that_matches_nothing_says_why(text: str, reason: str, scope: Scope) -> None:
    with pytest.raises(PathNotFound) as raised:
        evaluate(text, scope)

    assert raised.value.message == reason
    assert raised.value.text == text


@pytest.mark.parametrize("numbers", [[int("9" * 400)], [1e308, 1e308]], ids=["a number", "their sum"])
@pytest.mark.parametrize("function", ["sum", "avg"])
def test_numbers_beyond_all_bounds_are_told(numbers: list[Any], function: str) -> None:
    with pytest.raises(PathNotFound, match=r"\(\) comes to a number that is too large"):
        evaluate(f"$.{function}()", Scope(numbers, {}, {}))


def test_a_path_that_matches_nothing_carries_what_was_searched(scope: Scope) -> None:
    with pytest.raises(PathNotFound) as raised:
        evaluate("$config.gone", scope)

    assert raised.value.data == {"url": "u", "ports": [80, 443]}


def test_in_a_template_an_indefinite_path_that_matches_nothing_is_an_empty_array(scope: Scope) -> None:
    assert AslPath.compile("$.gone.deeper[*].x").select(scope) == []


def test_in_a_template_a_function_matches_nothing(scope: Scope) -> None:
    with pytest.raises(PathNotFound):
        AslPath.compile("$.numbers.sum()").select(scope)


@pytest.mark.parametrize(
    ("text", "name"),
    [(r"$['a\"b']", r"a\"b"), (r"$['a\'b']", "a'b"), (r'$["a\"b"]', 'a"b'), (r"$['a\\b']", r"a\\b"), (r"$['a\n']", r"a\n")],
)
def test_in_a_quoted_name_a_backslash_escapes_the_quote_alone(text: str, name: str) -> None:
    assert evaluate(text, Scope({name: 1}, {}, {})) == 1


def test_in_a_text_of_a_filter_a_backslash_escapes_as_in_java() -> None:
    scope = Scope({"a": [{"b": "it's\n\u00fc"}]}, {}, {})

    assert evaluate(r"$.a[?(@.b == 'it\'s\n\u00fc')].b", scope) == ["it's\n\u00fc"]


@pytest.mark.parametrize("text", ["$.a", "$[0]", "$.a[*]", "$..a", "$.length()"])
def test_no_path_applies_to_data_that_are_null_as_a_whole(text: str) -> None:
    path = AslPath.compile(text)

    for apply in (path.evaluate, path.select):
        with pytest.raises(PathNotSingle) as raised:
            apply(Scope(None, {}, {}))
        assert raised.value.message == "Unable to apply Path transformation to null or empty input."


def test_the_root_path_is_null_where_the_data_are_but_not_in_a_template() -> None:
    assert AslPath.compile("$").evaluate(Scope(None, {}, {})) is None
    with pytest.raises(PathNotSingle):
        AslPath.compile("$").select(Scope(None, {}, {}))


def test_a_string_is_no_array_of_characters(scope: Scope) -> None:
    with pytest.raises(PathNotFound):
        evaluate("$.order.customer.name[0]", scope)


@pytest.mark.parametrize(
    ("text", "variables"), [("$.a", set()), ("$$.Execution.Id", set()), ("$limit", {"limit"}), ("$config.ports[0]", {"config"})]
)
def test_a_path_knows_the_variable_that_it_reads(text: str, variables: set[str]) -> None:
    assert AslPath.compile(text).variables == variables


def test_only_the_dollar_sign_alone_is_the_root() -> None:
    assert AslPath.compile("$").is_root
    assert not AslPath.compile("$$").is_root
    assert not AslPath.compile("$.a").is_root


@pytest.mark.parametrize(
    "text",
    [
        "", "a", ".a", "$.", "$..", "$...a", "$.a..", "$a b", "$.a b", "$[", "$[]", "$['a]", "$['a'", "$[a]", "$[:]", "$['a' 'b']",
        "$.a[?]", "$.a[?()]", "$.a[?(@.b ==)]", "$.a[?(@.b = 1)]", "$.a[?(1)]", "$.a[?(@.b like 'x')]", "$.a[?(@.b =~ /(/)]",
        "$.a[?(@.b == 'x)]", "$.a.unknown()", "$.a.length().b", "$.a.length(", "$.a[?(@.b == [1)]", "$.a[?(@.b == x y)]",
        "$.a[?(@.b == .)]", "$.a[?(@.b == 1e999)]", "$.a[?(x == @.b)]",
    ],
)  # fmt: skip
def test_a_malformed_path_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        AslPath.compile(text)

    assert 0 <= raised.value.offset <= len(text)


def test_the_place_of_a_mistake_is_told() -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        AslPath.compile("$.a[x]")

    assert (raised.value.text, raised.value.offset) == ("$.a[x]", 4)


def test_the_place_of_a_mistake_inside_a_filter_counts_from_the_beginning_of_the_path() -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        AslPath.compile("$.a[?(@.b like 1)]")

    assert (raised.value.text, raised.value.offset) == ("$.a[?(@.b like 1)]", 10)


def test_deep_nesting_is_refused_instead_of_exhausting_the_stack() -> None:
    for text in (
        "$[?(" + "(" * 5000 + "@.a" + ")" * 5000 + ")]",
        "$" + "[?(@" * 300 + ".a" + ")]" * 300,
        "$[?(@.a == " + "[" * 500 + "]" * 500 + ")]",
    ):
        with pytest.raises(ExpressionSyntaxError):
            AslPath.compile(text)


def test_data_that_are_nested_too_deeply_are_refused() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]
    scope = Scope({"a": [{"b": deep}], "b": deep}, {}, {})

    assert evaluate("$..c", scope) == []
    with pytest.raises(PathNotSingle, match="nested too deeply"):
        evaluate("$.a[?(@.b == $.b)]", scope)


def test_long_gaps_and_names_are_read_in_no_time() -> None:
    for text in ("$[" + " " * 200_000, "$[" + "1," * 100_000, "$['" + "a" * 200_000, "$." + "a" * 200_000, "$[?(" + " " * 200_000):
        with suppress(ExpressionSyntaxError):
            AslPath.compile(text)


def test_a_regular_expression_that_would_run_for_ever_matches_nothing() -> None:
    path = AslPath.compile("$.a[?(@.b =~ /(x+x+)+y/)]")

    assert path.evaluate(Scope({"a": [{"b": "x" * 5000}]}, {}, {})) == []


@given(st.lists(names.filter(lambda name: "\\" not in name) | st.integers(-3, 3), max_size=4), json_values)
def test_a_quoted_path_finds_what_indexing_finds(steps: list[str | int], data: Any) -> None:
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"[{quoted(step)}]" for step in steps)
    expected: Any = data
    for step in steps:
        fits = isinstance(expected, list if isinstance(step, int) else dict)
        try:
            expected = expected[step] if fits else missing
        except LookupError:
            expected = missing
    try:
        found = evaluate(text, Scope(data, {}, {}))
    except (PathNotFound, PathNotSingle):
        found = missing

    assert found is expected


@given(st.text(alphabet="$.@[]()'\"*:,?!&|=<>~/ab01 -\\", max_size=40).map(lambda text: "$" + text))
def test_no_text_raises_anything_but_a_syntax_error(text: str) -> None:
    try:
        path = AslPath.compile(text)
    except ExpressionSyntaxError:
        return
    with suppress(ExpressionError):
        path.evaluate(Scope({"a": [{"b": 1}], "b": "x"}, {}, {"a": 1}))


missing = object()


def quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'"


def test_a_filter_with_more_brackets_than_can_be_read_is_refused() -> None:
    with pytest.raises(ExpressionSyntaxError, match="the filter is nested too deeply"):
        AslPath.compile("$" + "[?(@.a" * 100_000 + ")]" * 100_000)
