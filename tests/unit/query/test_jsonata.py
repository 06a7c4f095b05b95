"""JsonataExpression and JsonataTemplate: values in, values out, failures in AWS's words, and bounds."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.query.strategies import json_values

from stepstack.clock import Randomness
from stepstack.errors import ExpressionError, ExpressionSyntaxError, QueryEvaluationFailure
from stepstack.json_types import json_text
from stepstack.query.jsonata import JsonataExpression, JsonataTemplate, expression_text, is_jsonata
from stepstack.query.jsonata_library import Jsonata
from stepstack.query.scope import ABSENT, Literal, Scope, Sources

DATA: dict[str, Any] = {
    "value": 25,
    "one": [1],
    "none": None,
    "holes": [1, None, 2],
    "empty": [],
    "items": [{"p": 1, "tags": ["a"]}, {"p": 2, "tags": ["b", "c"]}, {"q": 3}],
    "nested": {"deep": {"x": "y", "none": None}},
    "float": 1.0,
}
CONTEXT = {"Execution": {"Id": "arn:run", "Input": {"a": 1}}, "State": {"Name": "S"}}
VARIABLES: dict[str, Any] = {"n": 3, "list": [{"w": 1}, {"w": [2, 3]}], "null": None, "object": {"a": {"b": 1}}}


def evaluate(text: str, **more: Any) -> Any:
    return JsonataExpression.compile(text).evaluate(Scope(DATA, CONTEXT, VARIABLES, **more))


def failure(text: str, **more: Any) -> str:
    with pytest.raises(QueryEvaluationFailure) as raised:
        evaluate(text, **more)
    return raised.value.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.value", 25),
        ("$states.input.nested.deep.x", "y"),
        ("$states.input.none", None),
        ("$states.input.nested.deep.none", None),
        ("$states.input.one", [1]),
        ("$states.input.empty", []),
        ("$states.input.holes", [1, None, 2]),
        ("$states.input.float", 1.0),
        ("$states.context.Execution.Id", "arn:run"),
        ("$n", 3),
        ("$null", None),
        ("$object.a.b", 1),
        ("$states.input.items.p", [1, 2]),
        ("$states.input.items.q", 3),
        ("$states.input.items.tags", ["a", "b", "c"]),
        ("$list.w", [1, 2, 3]),
        ("$states.input.items[0].tags", ["a"]),
        ("$states.input.items[-1].q", 3),
        ("$states.input.items[p > 1].p", 2),
        ("$states.input.items[p > 1].p[]", [2]),
        ("$states.input.items[0]", {"p": 1, "tags": ["a"]}),
        ("$states.input.holes[1]", None),
        ("$states.input.one[0]", 1),
        ("$states.input.value >= 20 and $states.input.value < 30", True),
        ("$states.input.value * 2 + $n", 53),
        ("$states.input.float + 1", 2),
        ("10 / 4", 2.5),
        ("7.5 % 2", 1.5),
        ("-7 % 3", -1),
        ("0.1 + 0.2", 0.30000000000000004),
        ("2.5 * 2", 5),
        ("true in [1, 2]", False),
        ("2 in [1, 2]", True),
        ("[1..3]", [1, 2, 3]),
        ("[1]", [1]),
        ("[[1]]", [[1]]),
        ("{'a': [1..2], 'b': null}", {"a": [1, 2], "b": None}),
        ("null", None),
        ("$states.input.none = null", True),
        ("$exists($states.input.none)", True),
        ("$exists($states.input.gone)", False),
        ("$type($states.input.none)", "null"),
        ("$map($states.input.holes, function($v) { $v })", [1, None, 2]),
        ("$count($states.input.holes)", 3),
        ("$reverse($states.input.holes)", [2, None, 1]),
        ("$filter($list, function($x) { $x.w = 1 })", {"w": 1}),
        ("$variable := 1", 1),
        ("($x := $n; $x * 2)", 6),
        ("($states := {'input': 1}; $states.input)", 1),
        ("$map([1, 2], function($n) { $n * 10 })", [10, 20]),
        ("function($n) { $n }(5)", 5),
        ("$states.input.nested ~> |deep|{'x': 1}|", {"deep": {"x": 1, "none": None}}),
        ("$sum($states.input.items.p) & '/' & $string($n)", "3/3"),
        ("$merge([$object, {'c': 1}])", {"a": {"b": 1}, "c": 1}),
        ("$states.input.items#$i[$i = 1].p", 2),
        ("$states.input.items@$item[$item.p = 2].$item.tags", ["b", "c"]),
        ("$states.input.items.{'n': p}", [{"n": 1}, {"n": 2}, {}]),
        ("$states.input.empty{'a': 1}", {"a": 1}),
        ("$replace('abc', /b/, 'x')", "axc"),
        ("$match('ab', /(?<first>\\p{L})b/).groups", ["a"]),
        ("$fromMillis(0)", "1970-01-01T00:00:00.000Z"),
        ("$sum($states.input.items.(p ? p : 0))", 3),
    ],
)
def test_an_expression_yields(text: str, expected: Any) -> None:
    result = evaluate(text)

    assert json_text(result) == json_text(expected)
    assert type(result) in {dict, list, str, int, float, bool, type(None)}


def test_states_holds_result_and_error_output_where_the_state_has_them() -> None:
    assert evaluate("$states") == {"input": DATA, "context": CONTEXT}
    assert evaluate("$states.result.a", result={"a": 1}) == 1
    assert evaluate("$states.errorOutput.Error", error_output={"Error": "E"}) == "E"
    assert evaluate("$states.result", result=None) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$partition([0], 1)", [[0]]),
        ("$partition([0, 1], 5)", [[0, 1]]),
        ("$range(0, 9, 3)", [0, 3, 6, 9]),
        ("$range(1, 9, 9)", 1),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$partition([1, 2, 3], 2.9)", [[1, 2], [3]]),
        ("$count(null)", 1),
        ("1 / 0", None),
        ("{'a': -1 / 0, 'b': 1 % 0}", {"a": None, "b": None}),
        ("1e308 * 10", None),
        ("1 / 0 > 1", True),
        ("-5.5 % 2", -1.5),
        ("$string(1e20)", "100000000000000000000"),
        (
            "$string([1e21, 123456789012345680, 0.1 + 0.2, 1e-7, -0.000001, 1/3])",
            "[1e+21,123456789012345680,0.3,1e-7,-0.000001,0.333333333333333]",
        ),
        ("$string(['é', null, true, $string])", '["é",null,true,""]'),
        ("$string({'a': [1, {}], 'b': []}, true)", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'),
        ("1e20 & ''", "100000000000000000000"),
        ("$sort([3, 1, 2], function($a, $b) { $a > $b })", [1, 2, 3]),
        ("$sort([3, 1, 2], function($a, $b) { $b - $a > 0 })", [3, 2, 1]),
        ("$replace('abc', /(b)(c)/, '$2$1$$$0')", "acb$bc"),
        ("$replace('abc', /b/, '$1$12')", "a2c"),
        ("$replace('abcabc', /b/, 'x', 1)", "axcabc"),
        ("$replace('abc', /b/, 'x', 0)", "abc"),
        ("$parseInteger('twelve', '0')", None),
        ("$toMillis('2017-11')", 1_509_494_400_000),
        ("$toMillis('2017-13-07')", None),
        ("$formatInteger(-0.5, '0')", "-1"),
        ("$formatNumber(0.5, '#,###.00')", ".50"),
        ("$formatNumber(-12345678, '#,###.##')", "-12,345,678.0"),
        ("$formatNumber(1234.5, '$#,##0.00')", "$1,234.50"),
        ("$formatNumber(0.125, '0.00')", "0.12"),
        ("$formatNumber(0.125, '#0%')", "12%"),
        ("$number('0b11') + $number('0o7') + $number('0x1F') + $number('1e3')", 1041),
        ("$length('\\ud83d\\ude00')", 1),
        ("'\\\\ud83d\\u0041'", "\\ud83dA"),
        ("1 /* one */", 1),
        ("$hash('x', 'SHA-1')", "11f6ad8ec52a2984abaafd7c3b516503785c2072"),
        ("$hash('x')", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("""$parse('{"a": [1, null]}')""", {"a": [1, None]}),
        ("$parse('null')", None),
        ("$map(['1', '2'], $parse)", [1, 2]),
        ("$random(7) = $random(7)", True),
        ("$random() < 1", True),
        ("$distinct([1, 1.0, true, null, null, {'a': 1}, {'a': 1}, [1], [true]])", [1, True, None, {"a": 1}, [1], [True]]),
        ("$distinct([1, 1])", [1]),
        ("$pad('x', -3, '#')", "##x"),
        ("$pad('x', 3)", "x  "),
    ],
)
def test_a_function_yields(text: str, expected: Any) -> None:
    assert json_text(evaluate(text)) == json_text(expected)


def test_time_ids_and_random_numbers_come_from_the_sources_of_the_scope() -> None:
    text = "{'now': $now(), 'millis': $millis(), 'id': $uuid(), 'number': $random(), 'shuffled': $shuffle([1..9])}"

    def draw(seed: int) -> Any:
        return evaluate(text, sources=Sources(lambda: 1.5, Randomness(seed)))

    drawn = draw(1)
    assert (drawn["now"], drawn["millis"]) == ("1970-01-01T00:00:01.500Z", 1500)
    assert uuid.UUID(drawn["id"]).version == 4
    assert 0 <= drawn["number"] < 1
    assert sorted(drawn["shuffled"]) == list(range(1, 10))
    assert draw(1) == drawn
    assert draw(2)["id"] != drawn["id"]


@pytest.mark.parametrize(
    "text",
    [
        "$gone",
        "$gone.a",
        "$states.gone",
        "$states.input.items.gone",
        "$states.input.nested.deep.x.y",
        "$states.input.holes.x",
        "$",
        "$$",
        "a.b",
    ],
)
def test_an_expression_without_a_value_fails_in_the_words_of_aws(text: str) -> None:
    assert failure(text) == "returned nothing (undefined)."


@pytest.mark.parametrize("text", ["$sum", "$f := function($x) { $x }", "{'a': $sum}", "[$sum]", "/a/"])
def test_a_function_is_no_result(text: str) -> None:
    assert failure(text) == "returned an unsupported result type."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$nothing(1)", "T1006: Attempted to invoke a non-function"),
        ("$eval('1')", "T1006: Attempted to invoke a non-function"),
        ("'a' + 1", 'T2001: The left side of the "+" operator must evaluate to a number'),
        ("1 < 'a'", 'T2009: The values 1 and "a" either side of operator "<" must be of the same data type'),
        ("$uppercase(1)", 'T0410: Argument 1 of function "uppercase" does not match function signature'),
        ("$number('x')", 'D3030: Unable to cast value to a number: "x"'),
        ("1 / 0 + 1", "D1001: Number out of range: null"),
        ("-(1 / 0)", "D1001: Number out of range: null"),
        ("$string(1 / 0)", "D3001: Attempting to invoke string function on Infinity or NaN"),
        ("$sum(['a'])", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$abs(null)", 'T0410: Argument 1 of function "abs" does not match function signature'),
        ("$join(['a', null])", 'T0412: Argument 1 of function "join" must be an array of "strings"'),
        ("$pad('x', 1, 2)", 'T0410: Argument 3 of function "pad" does not match function signature'),
        ("$substring('x', 'y')", 'T0410: Argument 2 of function "substring" does not match function signature'),
        ("$replace('x', '', 'y')", "D3010: Second argument of replace function cannot be an empty string"),
        ("$replace('x', 'x', 'y', -1)", "D3011: Fourth argument of replace function must evaluate to a positive number"),
        ("$replace('x', /y*/, 'z')", "D1004: Regular expression matches zero length string"),
        ("-'x'", 'D1002: Cannot negate a non-numeric value: "x"'),
        (
            "$power(10, 400)",
            "D3061: The power function has resulted in a value that cannot be represented as a JSON number: base=10, exponent=400",
        ),
        ("$formatBase(1, 37)", "D3100: The radix of the formatBase function must be between 2 and 36.  It was given 37"),
        ("$fromMillis(0, '[q]')", 'D3132: Unknown component specifier "q" in date/time picture string'),
        ("$fromMillis(0, '[D')", "D3135: No matching closing bracket ']' in date/time picture string"),
        (
            "$formatInteger(1, 'x')",
            'D3130: Formatting or parsing an integer as a sequence starting with "x" is not supported by this implementation',
        ),
        ("$decodeUrl('%')", 'D3140: Malformed URL passed to $decodeUrl(): "%"'),
        ("$number(' 1')", 'D3030: Unable to cast value to a number: " 1"'),
        ("$number('NaN')", 'D3030: Unable to cast value to a number: "NaN"'),
        ("$random('x')", 'T0410: Argument 1 of function "random" does not match function signature'),
        ("$uuid(1)", 'T0410: Argument 1 of function "uuid" does not match function signature'),
        ("$toMillis('x')", 'D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "x"'),
        (
            "$sort([1, 'a'])",
            "D3070: The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  "
            "Use the second argument to specify a comparison function",
        ),
        ("$error('no stock')", "D3137: no stock"),
        ("$error('')", "D3137: $error() function evaluated"),
        (
            "$power(-1, 0.5)",
            "D3061: The power function has resulted in a value that cannot be represented as a JSON number: base=-1, exponent=0.5",
        ),
        ("$partition([1], -1)", 'T0410: Argument 2 of function "partition" does not match function signature'),
        ("$hash('x', 'CRC')", 'T0410: Argument 2 of function "hash" does not match function signature'),
    ],
)
def test_an_expression_that_fails_says_why_in_the_words_of_jsonata(text: str, reason: str) -> None:
    assert failure(text) == f"threw an error during evaluation. {reason}"


@pytest.mark.parametrize("text", ["$range(1, 1000001, 1)", "$pad('x', 1000001)"])
def test_a_value_that_is_too_large_ends_with_an_error(text: str) -> None:
    assert failure(text).startswith("threw an error during evaluation. D")


@pytest.mark.parametrize(
    "text",
    [
        "[1..873783] ~> $count()",
        "($f := function($n, $t) { $n = 0 ? $t : $f($n - 1, $t & $t) }; $f(23, 'x'))",
        "$reduce([1..40], function($t, $n) { $replace($t, 'a', 'aa') }, 'a')",
        "$reduce([1..40], function($t, $n) { $append($t, $t) }, [1, 2])",
        "$reduce([1..40], function($t, $n) { [$t, $t] }, [1, 2])",
        "[1..9999].([1..9999])",
        "($t := $pad('', 1000000, 'x'); $join([1..800].($t)))",
        "($t := $pad('', 900000, 'x'); $replace($t, /x/, $pad('', 90, 'y')))",
    ],
)
def test_a_value_beyond_awss_memory_limit_ends_with_its_error(text: str) -> None:
    reason = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
    assert failure(text) == f"threw an error during evaluation: {reason}"


def test_a_value_within_awss_memory_limit_is_taken() -> None:
    assert evaluate("[1..873782] ~> $count()") == 873_782
    assert evaluate("($f := function($n, $t) { $n = 0 ? $length($t) : $f($n - 1, $t & $t) }; $f(22, 'x'))") == 4_194_304


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$replace('banana', 'an', 'X$0$$Y')", "bX$0$$YX$0$$Ya"),
        ("$replace('banana', 'a', 'o', 2)", "bonona"),
        ("$replace('banana', 'x', 'o')", "banana"),
        ("$replace('banana', /a(n)/, '<$1>')", "b<n><n>a"),
        ("'banana' ~> $replace('a', 'o')", "bonono"),
    ],
)
def test_a_text_is_replaced(text: str, value: str) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$string(1e20)", "100000000000000000000"),
        ("$string(-1e20)", "-100000000000000000000"),
        ("$string(9223372036854775808)", "9223372036854776000"),
        ("$string(999999999999999868928)", "999999999999999900000"),
        ("$string(1e21)", "1e+21"),
        ("'id-' & 1e15", "id-1000000000000000"),
        ("$string(999999999999999)", "999999999999999"),
        ("$string(0.1 + 0.2)", "0.3"),
    ],
)
def test_large_whole_numbers_are_written_in_full_as_aws_does(text: str, value: str) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize("text", ["($f := function($n) { 1 + $f($n) }; $f(1))", "1" + " + 1" * 200], ids=["recursion", "200 terms"])
def test_parts_that_nest_too_deep_end_with_awss_error(text: str) -> None:
    reason = "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."
    assert failure(text) == f"threw an error during evaluation: {reason}"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 110 + "1" + "]" * 110,
        "(" * 1250 + "1" + ")" * 1250,
        "[" * 40_000 + "1" + "]" * 40_000,
        "$map([1], function($v) {" * 1250 + "1" + "})" * 1250,
        "($f := function($n) { $map([$n], $f) }; $f(1))",
        "($f := function($n) { true and (false or $f($n)) = 1 }; $f(1))",
    ],
    ids=["arrays", "blocks", "many arrays", "functions", "recursion through a function", "recursion behind and"],
)
def test_nesting_beyond_the_bound_ends_with_a_clean_error(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"Stack overflow error|the expression is nested too deeply"):
        evaluate(text)


def test_an_expression_within_the_bound_on_nesting_has_room_wherever_it_is_evaluated() -> None:
    expression = JsonataExpression.compile("$map([1], function($v) {" * 45 + "1" + "})" * 45)

    def below(frames: int) -> Any:
        return expression.evaluate(Scope(DATA, CONTEXT, VARIABLES)) if not frames else below(frames - 1)

    assert json_text(below(sys.getrecursionlimit() * 3 // 4)) == "[" * 44 + "1" + "]" * 44


def test_a_regular_expression_behind_and_takes_no_longer_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.05)
    assert failure("true and $contains($pad('', 5000, 'x') & 'z', /(x+x+)+y/)").endswith("timeout: Check for infinite loop")


def test_the_recursion_limit_stays_what_it_was() -> None:
    code = (
        "import sys; from stepstack.query.jsonata import JsonataExpression; from stepstack.query.scope import Scope;"
        "JsonataExpression.compile('[' * 95 + '1' + ']' * 95).evaluate(Scope({}, {}, {})); print(sys.getrecursionlimit())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert int(printed) == 1000


def test_an_evaluation_that_nested_too_deep_leaves_nothing_behind() -> None:
    failure("($f := function($n) { 1 + $f($n) }; $f(1))")
    assert evaluate("1" + " + 1" * 90) == 91


@pytest.mark.parametrize(
    "text",
    [
        "($f := function($n) { $f($n) }; $f(1))",
        "$reduce([1..800000], function($a, $b) { $a + $b })",
        "$match($pad('', 5000, 'x') & 'z', /(x+x+)+y/)",
        "$map([1..1000], function($n) { $replace($pad('', 5000, 'x') & 'z', /(x+x+)+y/, '') })",
    ],
    ids=["tail recursion", "reduction", "regular expression", "regular expressions"],
)
def test_an_evaluation_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.05)

    assert failure(text) == "threw an error during evaluation: Expression evaluation timeout: Check for infinite loop"


def test_data_stay_as_they_are_whatever_an_expression_does() -> None:
    before = copy.deepcopy((DATA, VARIABLES))
    for text in (
        "$states.input.empty{'a': 1}",
        "$states.input ~> |$|{'value': 0}, 'items'|",
        "$append($states.input.one, 2)",
        "$sort($states.input.items, function($a, $b) { $a.p < $b.p })",
        "($list := []; $append($list, 1))",
    ):
        with suppress(QueryEvaluationFailure):
            evaluate(text)

    assert before == (DATA, VARIABLES)


def test_a_large_part_of_the_data_is_passed_on_without_a_copy() -> None:
    assert evaluate("$states.input.nested") is DATA["nested"]
    assert evaluate("($states.input.nested)") is DATA["nested"]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("$states.input.a", set()),
        ("$x", {"x"}),
        ("$x.y.z", {"x"}),
        ("$sum($x) + $y.a[0]", {"x", "y"}),
        ("$map($x, function($v, $i) { $v + $i + $z })", {"x", "z"}),
        ("($a := $b; $a + $c)", {"b", "c"}),
        ("($a := $a + 1; $a)", {"a"}),
        ("$x@$v.{'k': $v.a}", {"x"}),
        ("$x#$i.[$i, $j]", {"x", "j"}),
        ("$x ~> $string", {"x"}),
        ("$uuid() & $now()", set()),
        ("$exists($status) ? $a : 'x'", {"status", "a"}),
        ("$x ~> |a|{'b': $y}|", {"x", "y"}),
        ("$x^($y)", {"x", "y"}),
    ],
)
def test_an_expression_knows_the_variables_that_it_reads(text: str, variables: set[str]) -> None:
    assert JsonataExpression.compile(text).variables == variables


@pytest.mark.parametrize("text", ["", "(", "1 +", "$x :=", "{'a' 1}", "[1, 2", "'open", "$f(", "/a", "@", "1e999", "$states..", "/(/"])
def test_a_malformed_expression_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        JsonataExpression.compile(text)

    assert 0 <= raised.value.offset <= len(text)
    assert raised.value.text == text


def test_deep_nesting_is_refused_instead_of_exhausting_the_stack() -> None:
    with pytest.raises(ExpressionSyntaxError):
        JsonataExpression.compile("(" * 20_000 + "1" + ")" * 20_000)
    with pytest.raises(ExpressionSyntaxError):
        JsonataExpression.compile("1" + " + 1" * 100_000)


@pytest.mark.parametrize(
    ("value", "expected"), [("{% 1 %}", True), ("{%%}", True), ("{% 1", False), (" {% 1 %}", False), ("{%}", False), (1, False)]
)
def test_a_string_in_braces_with_percent_signs_is_an_expression(value: Any, expected: bool) -> None:
    assert is_jsonata(value) is expected


def test_the_text_of_an_expression_is_what_stands_between_the_braces() -> None:
    assert expression_text("{%  $a + 1\n%}") == "$a + 1"


def template(value: Any, field: str = "Output") -> Any:
    return JsonataTemplate.compile(value, field).evaluate(Scope(DATA, CONTEXT, VARIABLES))


def test_expressions_stand_anywhere_in_a_template() -> None:
    value = {"a": "{% $n %}", "b": ["{% $n + 1 %}", "text", {"c": "{% $states.input.one %}"}], "d": None, "e": {"f": 1}}

    assert template(value) == {"a": 3, "b": [4, "text", {"c": [1]}], "d": None, "e": {"f": 1}}


def test_a_template_may_be_one_expression() -> None:
    assert template("{% $states.input.value %}") == 25


def test_a_template_without_expressions_is_a_constant() -> None:
    value = {"a": ["$n", "{ % 1 %}"]}

    assert isinstance(JsonataTemplate.compile(value, "Output"), Literal)
    assert template(value) is value


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("{% $gone %}", "Output"),
        ({"a": "{% $gone %}"}, "Output/a"),
        ({"a": {"b": ["x", "{% $gone %}"]}}, "Output/a/b[1]"),
    ],
)
def test_a_failure_names_the_field_inside_the_template(value: Any, field: str) -> None:
    with pytest.raises(QueryEvaluationFailure) as raised:
        template(value)

    assert (raised.value.field, raised.value.text) == (field, "$gone")


def test_a_malformed_expression_in_a_template_names_its_field() -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        JsonataTemplate.compile({"a": [{"b": "{% 1 + %}"}]}, "Arguments")

    assert (raised.value.field, raised.value.text) == ("Arguments/a[0]/b", "1 +")


def test_a_template_knows_the_variables_that_it_reads() -> None:
    assert JsonataTemplate.compile({"a": "{% $x %}", "b": ["{% $sum($y) %}"], "c": "$z"}, "Output").variables == {"x", "y"}


def without_nulls(value: Any) -> Any:
    """The library itself mistakes null in arrays for nothing, so it is no judge of them."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value


keys = st.sampled_from(["a", "b", "c"])
trees = st.recursive(
    st.integers(0, 3) | st.sampled_from(["x", ""]), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


@given(
    trees,
    st.lists(keys, min_size=1, max_size=3),
    st.sampled_from(["{}", "[{}]", "({}; {})", "{}[0]", "{}.a", "$count({})", "{{'k': {}}}", "{}.{{'k': $}}"]),
)
def test_a_path_yields_what_the_library_yields_for_it(data: Any, names: list[str], around: str) -> None:
    path = "$states.input." + ".".join(names)
    text = re.sub(r"\{\}", lambda _: path, around).replace("{{", "{").replace("}}", "}")
    expected = Jsonata(text).evaluate(None, {"states": {"input": copy.deepcopy(data)}})
    try:
        result: Any = JsonataExpression.compile(text).evaluate(Scope(data, {}, {}))
    except QueryEvaluationFailure as failed:
        assert failed.reason == "returned nothing (undefined)."  # noqa: PT017 - either way is right, if the library agrees
        result = None

    assert result == expected


@given(json_values)
def test_any_json_comes_through_unchanged(value: Any) -> None:
    scope = Scope(value, {}, {"v": value})
    for text in ("$states.input", "$v", "($v)", "{'a': $v}.a", "[$v, 1]", "$map([1, 2], function($i) { {'a': $v} })"):
        with suppress(QueryEvaluationFailure):
            json_text(JsonataExpression.compile(text).evaluate(scope))
    assert json_text(JsonataExpression.compile("{'a': $v}").evaluate(scope)) == json_text({"a": value})


@given(st.text(alphabet="$states.input(){}[]'\"/:;,+-*%=<>~|^@#?&\\ \n0123null", max_size=40))
def test_no_text_raises_anything_but_an_expression_error(text: str) -> None:
    try:
        expression = JsonataExpression.compile(text)
    except ExpressionSyntaxError:
        return
    with suppress(QueryEvaluationFailure):
        expression.evaluate(Scope(DATA, CONTEXT, VARIABLES, result=ABSENT))
