"""What Step Functions refuses, in a few lines."""

from __future__ import annotations

import json

import pytest

from stepstack.testing import RequestRefused, StateMachineHandle

BROKEN = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Pass", "Nxt": "B", "End": True},
        "C": {"Type": "Parallel", "Branches": [{"StartAt": "D", "States": {"D": {"Type": "Task", "End": True}}}], "End": True},
    },
}
GOOD = {
    "StartAt": "Each",
    "States": {
        "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Price", "States": {"Price": {"Type": "Pass", "End": True}}}, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}


def refusal(call, *words, **named):
    with pytest.raises(RequestRefused) as refused:
        call(*words, **named)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value


def test_each_problem_of_a_definition_has_a_line(state_machine):
    refused = refusal(state_machine, BROKEN, label="orders", name="orders")

    assert str(refused).splitlines() == [
        "the definition of orders is refused (InvalidDefinition):",
        "  SCHEMA_VALIDATION_FAILED: Field 'Nxt' is not supported at /States/A",
        "  SCHEMA_VALIDATION_FAILED: These fields are required: [Resource] at /States/C/Branches[0]/States/D",
    ]
    assert (refused.operation, refused.error_code) == ("CreateStateMachine", "InvalidDefinition")
    assert refused.message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'Nxt'")


def test_in_a_file_each_problem_has_line_and_column(state_machine, tmp_path):
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(BROKEN, indent=2), encoding="utf-8")

    told = str(refusal(state_machine, path)).splitlines()

    assert told[1].endswith("Field 'Nxt' is not supported at /States/A (orders.json:4:5)")
    assert told[2].endswith("at /States/C/Branches[0]/States/D (orders.json:15:13)")


def test_places_are_those_of_the_file_where_placeholders_were_filled_in(state_machine, tmp_path):
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(BROKEN, indent=2).replace("Nxt", "${Field}"), encoding="utf-8")

    told = str(refusal(state_machine, path, substitutions={"Field": "Nxt"}))

    assert "Field 'Nxt' is not supported at /States/A (orders.json:4:5)" in told


def test_in_yaml_each_problem_has_its_line_too(state_machine, tmp_path):
    path = tmp_path / "orders.asl.yaml"
    path.write_text("StartAt: A\nStates:\n  # the first\n  A:\n    Type: Wait\n    Seconds: soon\n    End: true\n", encoding="utf-8")

    assert "at /States/A/Seconds (orders.asl.yaml:6:5)" in str(refusal(state_machine, path))


def test_a_definition_within_a_template_has_no_line_of_the_template(state_machine, tmp_path):
    path = tmp_path / "template.json"
    properties = {"DefinitionString": json.dumps(BROKEN)}
    template = {"Resources": {"Orders": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    path.write_text(json.dumps(template), encoding="utf-8")

    assert "template.json" not in str(refusal(state_machine, path))


def test_broken_json_has_line_and_column_without_the_text(state_machine, tmp_path):
    path = tmp_path / "orders.json"
    path.write_text('{\n  "StartAt": "A",\n  oops\n}', encoding="utf-8")

    told = str(refusal(state_machine, path)).splitlines()

    assert len(told) == 2
    assert told[1].startswith("  INVALID_JSON_DESCRIPTION: ")
    assert "orders.json:3:" in told[1]
    assert "StartAt" not in told[1]


def test_a_state_that_is_not_there_is_told_with_those_that_are(state_machine):
    refused = refusal(state_machine(GOOD, label="orders").test_state, "Prize")

    assert str(refused) == "there is no state 'Prize' in orders: there are 'Each', 'Done', 'Price'; was 'Price' meant?"
    assert refused.operation == "TestState"


def test_other_refusals_are_one_line(state_machine):
    machine = state_machine(GOOD, label="orders")
    machine.start([], name="one")

    assert str(refusal(machine.start, [1], name="one")).startswith("StartExecution of orders is refused (ExecutionAlreadyExists): ")
    assert str(refusal(machine.run, "no json")).startswith("StartExecution of orders is refused (InvalidExecutionInput): ")
    assert str(refusal(machine.test_state, "Done", mock=1)).startswith("TestState of orders is refused (ValidationException): ")
    assert refusal(machine.update, "{}").operation == "UpdateStateMachine"
    assert machine.definition == json.dumps(GOOD, separators=(",", ":"))


def test_without_pytest_it_is_the_same(stepstack):
    assert refusal(StateMachineHandle.create, stepstack, "orders", "{").error_code == "InvalidDefinition"


def test_an_input_that_is_no_json_text_is_refused_with_what_to_write(state_machine):
    machine = state_machine({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})

    assert str(refusal(machine.run, "text")).endswith("; a str is JSON text, as boto3 takes it, in which a text has its quotes")
    assert machine.run('"text"').output == "text"
