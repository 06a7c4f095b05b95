"""Fields that hold numbers: what is taken as one, and what AWS says of the rest."""

from __future__ import annotations

import pytest

from stepstack.in_process import run


def distributed(**fields):
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "End": True}},
    }
    return {"StartAt": "M", "States": {"M": {"Type": "Map", "End": True, "ItemProcessor": processor, **fields}}}


COUNT = distributed(ItemsPath="$.items", ToleratedFailureCountPath="$.n")
PERCENTAGE = distributed(ItemsPath="$.items", ToleratedFailurePercentagePath="$.n")
JSONATA = {**distributed(Items="{% $states.input.items %}", MaxConcurrency="{% $states.input.n %}"), "QueryLanguage": "JSONata"}


@pytest.mark.parametrize(
    ("machine", "value"),
    [(COUNT, 3), (COUNT, "3"), (COUNT, 3.0), (PERCENTAGE, 12.5), (PERCENTAGE, "12.5"), (PERCENTAGE, 100), (JSONATA, 3), (JSONATA, 3.0)],
)
def test_a_number_is_taken_also_as_text_in_paths(machine, value):
    assert run(machine, {"items": [1], "n": value}).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("machine", "value", "cause"),
    [
        (COUNT, 1.5, 'The ToleratedFailureCountPath field refers to value "1.5" which is not a valid integer: $.n'),
        (COUNT, True, 'The ToleratedFailureCountPath field refers to value "true" which is not a valid integer: $.n'),
        (COUNT, [1], 'The ToleratedFailureCountPath field refers to value "[1]" which is not a valid integer: $.n'),
        (PERCENTAGE, "much", 'The ToleratedFailurePercentagePath field refers to value "much" which is not a valid float: $.n'),
        (PERCENTAGE, "inf", 'The ToleratedFailurePercentagePath field refers to value "inf" which is not a valid float: $.n'),
        (PERCENTAGE, 100.5, "ToleratedFailurePercentage must be between 0 and 100."),
        (JSONATA, "3", "Expected 'number', but was 'string' for value: \"3\""),
        (JSONATA, 1.5, "Expected 'integer', but was 'number' for value: 1.5"),
        (JSONATA, -1, "MaxConcurrency cannot be negative."),
    ],
)
def test_what_is_no_number_is_said(machine, value, cause):
    execution = run(machine, {"items": [1], "n": value})
    assert execution.status == "FAILED"
    assert execution.cause.endswith(cause)
