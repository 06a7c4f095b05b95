"""Whatever a definition holds, it is a machine or one DefinitionError; never another exception, never a hang."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepstack.errors import DefinitionError
from stepstack.language import Diagnostic, Severity, diagnose, parse, parse_state
from stepstack.language.known_fields import CHOICE_RULE, ITEM_READER, READER_CONFIG, RETRIER, STATES
from stepstack.language.placeholders import diagnose_template

BRANCH: dict[str, Any] = {"StartAt": "Leaf", "States": {"Leaf": {"Type": "Succeed"}}}
MACHINE: dict[str, Any] = {
    "Comment": "c",
    "StartAt": "Task",
    "TimeoutSeconds": 60,
    "States": {
        "Task": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f", "Payload.$": "$"},
            "ResultSelector": {"x.$": "$.Payload"},
            "ResultPath": "$.result",
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Fail", "Assign": {"e.$": "$.Error"}}],
            "Assign": {"v.$": "$.Payload.v"},
            "Next": "Choice",
        },
        "Choice": {
            "Type": "Choice",
            "Choices": [
                {"And": [{"Variable": "$.a", "IsPresent": True}, {"Not": {"Variable": "$v", "NumericLessThanPath": "$.b"}}], "Next": "Map"}
            ],
            "Default": "Computed",
        },
        "Computed": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"sum": "{% $sum($states.input.n) + $v %}"}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "TimestampPath": "$.t", "Next": "Map"},
        "Map": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemSelector": {"i.$": "$$.Map.Item.Index"},
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Inner",
                "States": {"Inner": {"Type": "Parallel", "Branches": [BRANCH], "End": True}},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 5},
            "ToleratedFailurePercentage": 5,
            "End": True,
        },
        "Fail": {"Type": "Fail", "ErrorPath": "$e", "CausePath": "States.Format('{}', $e)"},
    },
}

JSONATA_MACHINE: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Task",
    "States": {
        "Task": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "k"},
            "Assign": {"body": "{% $states.result.Body %}"},
            "Output": "{% $body %}",
            "TimeoutSeconds": "{% 5 %}",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Fail"}],
            "Next": "Choice",
        },
        "Choice": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $body = 1 %}", "Assign": {"z": 1}, "Output": {}, "Next": "Map"}],
            "Default": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": "{% $body %}", "Next": "Map"},
        "Map": {
            "Type": "Map",
            "MaxConcurrency": "{% 1 %}",
            "ItemSelector": {"x": "{% $states.context.Map.Item.Value %}"},
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "Arguments": {"Bucket": "b", "Key": "{% 'k' %}"},
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": "{% 4 %}"},
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Arguments": {"Bucket": "b"},
                "WriterConfig": {"OutputType": "JSON", "Transformation": "NONE"},
            },
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, **BRANCH},
            "Next": "Fail",
        },
        "Fail": {"Type": "Fail", "Error": "{% 'x' %}", "Cause": "c"},
    },
}

FIELD_NAMES = sorted(
    {"StartAt", "States", "Next", "End", "Type"}.union(
        *(known.jsonpath | known.jsonata for known in (*STATES.values(), RETRIER, CHOICE_RULE, ITEM_READER, READER_CONFIG))
    )
)

BEGINNINGS = ["", "$.", "$.a[?(", "$$.", "States.Format('", "{% ", "arn:aws:states:::", "arn:aws:states:::aws-sdk:", "arn:aws:lambda:"]
PIECES = [
    *(
        "$",
        "$x",
        "$$",
        ".",
        "..",
        "a",
        "é",
        "\ud800",
        "[",
        "]",
        "[*]",
        "?(",
        "(",
        ")",
        "@",
        "*",
        "'",
        '"',
        ",",
        "|",
        "~>",
        "||",
        "==",
        "=~",
        "/a(/",
    ),
    *(
        "in",
        "length()",
        "States.",
        "UUID",
        "MathAdd",
        "(((((",
        "[[[[[",
        "{",
        "}",
        "{%",
        "%}",
        "$states.input",
        "$x:=",
        "function($x){",
        "{}",
        "\\",
    ),
    *(
        "01",
        "1e999",
        "-1",
        ".5",
        "9" * 400,
        "null",
        "NaN",
        " ",
        "\n",
        "\0",
        "${Placeholder}",
        ":",
        "lambda",
        "function",
        "activity",
        "s3",
        "invoke",
    ),
    *("123456789012", "us-east-1", ".sync", ".sync:2", ".waitForTaskToken", "Map", "Task"),
]
ENDS = ["", ")]", "')", " %}"]
strange_texts = st.builds(
    lambda beginning, pieces, end: beginning + "".join(pieces) + end,
    st.sampled_from(BEGINNINGS),
    st.lists(st.sampled_from(PIECES), max_size=5),
    st.sampled_from(ENDS),
)
strange_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | strange_texts | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIELD_NAMES, "x.$", "x"]), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated_machines(draw: st.DrawFn) -> Any:
    machine = json.loads(json.dumps(draw(st.sampled_from([MACHINE, JSONATA_MACHINE]))))
    for _ in range(draw(st.integers(1, 4))):
        containers = [container for container in _containers(machine) if container]
        if not containers:
            break
        container = draw(st.sampled_from(containers))
        key = draw(st.sampled_from(sorted(container) if isinstance(container, dict) else list(range(len(container)))))
        action = draw(st.sampled_from(["remove", "replace", "rename"]))
        if action == "remove" or (action == "rename" and isinstance(container, list)):
            del container[key]
        elif action == "rename":
            container[draw(st.sampled_from(FIELD_NAMES))] = container.pop(key)
        else:
            container[key] = draw(strange_values)
    return machine


def _containers(value: Any) -> list[Any]:
    found: list[Any] = []
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, (dict, list)):
            found.append(current)
            waiting.extend(current.values() if isinstance(current, dict) else current)
    return found


def check(text: str) -> None:
    """The parser's promise for any text."""
    errors = errors_in(text)
    refusal = refusal_of(parse, text)
    assert refusal == (errors or None)
    assert {each.code for each in errors} <= {each.code for each in diagnose(text, hints=True)}
    assert refusal_of(parse_state, text) != []
    assert diagnose(text, machine_type="EXPRESS") is not None
    assert diagnose_template(text) is not None


def errors_in(text: str) -> list[Diagnostic]:
    return [each for each in diagnose(text) if each.severity is Severity.ERROR]


def refusal_of(read: Callable[[str], object], text: str) -> list[Diagnostic] | None:
    """The diagnostics with which `read` refuses `text`, None where it takes it."""
    try:
        read(text)
    except DefinitionError as refused:
        return list(refused.diagnostics)
    return None


@settings(max_examples=150, deadline=None)
@given(mutated_machines())
def test_a_mutated_definition_is_a_machine_or_one_error(machine: Any) -> None:
    check(json.dumps(machine))


@settings(max_examples=80, deadline=None)
@given(mutated_machines(), st.integers(0, 3000), st.text(max_size=3))
def test_a_definition_with_broken_text_is_a_machine_or_one_error(machine: Any, place: int, rubbish: str) -> None:
    text = json.dumps(machine)
    check(text[:place] + rubbish + text[place + len(rubbish) :])


@settings(max_examples=80, deadline=None)
@given(strange_values)
def test_any_json_is_a_machine_or_one_error(value: Any) -> None:
    check(json.dumps(value))


@settings(max_examples=100, deadline=None)
@given(strange_texts)
def test_any_text_is_a_path_an_expression_and_a_resource_or_one_error(text: str) -> None:
    passing = {"Type": "Pass", "InputPath": text, "OutputPath": f"$.a[?(@.b == {text})]", "Parameters": {"x.$": text}, "Next": "Expression"}
    expression = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": f"{{% {text} %}}", "Next": "Task"}
    task = {"Type": "Task", "Resource": text, "Parameters": {"x.$": text, text: 1}, "End": True}
    check(json.dumps({"StartAt": "Path", "States": {"Path": passing, "Expression": expression, "Task": task}}))


@pytest.mark.parametrize("machine", [MACHINE, JSONATA_MACHINE], ids=["JSONPath", "JSONata"])
def test_the_machine_that_is_mutated_is_good(machine: dict[str, Any]) -> None:
    assert not errors_in(json.dumps(machine))
