"""What is left to fill in hides nothing else, and is named where nothing can be said before it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepstack.language import Diagnostic
from stepstack.language.placeholders import diagnose_template
from stepstack.language.resources import TaskResource

ARN = "arn:aws:states:::kettle:boil"


class Catalog:
    """One resource, with one parameter."""

    def problem(self, resource: TaskResource) -> str | None:
        return None if resource.service == "kettle" and resource.action == "boil" else f"The resource provided {resource.arn} is not known."

    def required_parameters(self, resource: TaskResource) -> tuple[str, ...]:
        return ("Litres",)

    def supported_parameters(self, resource: TaskResource) -> frozenset[str] | None:
        return frozenset(("Litres",))


def found(definition: str) -> list[Diagnostic]:
    return diagnose_template(definition, catalog=Catalog())


def machine(resource: str, **members: Any) -> str:
    task = {"Type": "Task", "Resource": resource, "Parameters": {"Litres": 1}, "End": True, **members}
    return json.dumps({"StartAt": "A", "States": {"A": task}})


@pytest.mark.parametrize(
    "resource",
    [
        "${Function}",
        "${Function}:live",
        "${Function.Arn}",
        "arn:${AWS::Partition}:states:::kettle:boil",
        "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${Name}",
        "arn:${Partition}:states:${AWS::Region}:${AWS::AccountId}:activity:${Name}",
    ],
)
def test_placeholders_that_may_stand_for_the_right_thing_pass(resource: str) -> None:
    assert found(machine(resource)) == []


def test_what_placeholders_do_not_hide_is_judged_and_shown_as_it_is_written() -> None:
    [wrong] = found(machine("arn:${P}:states:::kettle:boil", Parameters={}))
    assert str(wrong) == "SCHEMA_VALIDATION_FAILED: The field 'Litres' is required but was missing at /States/A/Parameters"

    definition = json.loads(machine("arn:${P}:states:::kettle:boil"))
    del definition["States"]["A"]["Parameters"]
    [wrong] = found(json.dumps(definition))
    assert wrong.message == "Parameters field is required for resource ARN: arn:${P}:states:::kettle:boil"


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ("arn:aws:states:::kettle:${Action}", "'${Action}'"),
        ("${A}-${B}", "'${A}' and '${B}'"),
        ("arn:aws:s3:::${Bucket}/${Bucket}", "'${Bucket}'"),
    ],
)
def test_a_resource_that_cannot_be_judged_is_one_error_that_names_the_placeholder(resource: str, names: str) -> None:
    [wrong] = found(machine(resource))
    assert (wrong.code, wrong.location, wrong.beyond_aws) == ("UNFILLED_PLACEHOLDER", "/States/A/Resource", True)
    assert wrong.message == f"{names} of the Resource {resource} must be filled in before it can be judged"


def test_a_readers_resource_is_named_as_well() -> None:
    state = {
        "Type": "Map",
        "ItemReader": {"Resource": "${Reader}"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "B",
            "States": {"B": {"Type": "Succeed"}},
        },
        "End": True,
    }
    [wrong] = found(json.dumps({"StartAt": "A", "States": {"A": state}}))
    assert (wrong.code, wrong.location) == ("UNFILLED_PLACEHOLDER", "/States/A/ItemReader/Resource")


def test_a_placeholder_outside_of_texts_is_one_error_that_names_it() -> None:
    [wrong] = found('{"StartAt": "A", "TimeoutSeconds": ${Limit}, "States": {"A": {"Type": "Wait", "Seconds": ${Pause}, "End": true}}}')
    assert (wrong.code, wrong.message) == ("UNFILLED_PLACEHOLDER", "'${Limit}' is not filled in: the definition is no JSON before it is")
    assert wrong.location is not None
    assert wrong.location.endswith("line: 1, column: 37]")


@pytest.mark.parametrize("definition", ['{"a": "${X}", }', "[${", '"${X}"', "{}", "${X}", "[" * 100_000])
def test_other_mistakes_stay_as_they_are(definition: str) -> None:
    assert all(wrong.code != "UNFILLED_PLACEHOLDER" or "${X}" in wrong.message for wrong in found(definition))
    assert found(definition)


def test_a_resource_that_never_ends_is_judged_at_once() -> None:
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "' + "${" * 100_000
    assert [each.code for each in found(definition)] == ["INVALID_JSON_DESCRIPTION"]
