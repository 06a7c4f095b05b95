"""Parameters are checked with AWS's words."""

from __future__ import annotations

import pytest
from botocore import session

from stepstack.api.service_model import known_operation
from stepstack.errors import ServiceError


def refusal(operation, params):
    with pytest.raises(ServiceError) as caught:
        known_operation(operation).check(params)
    return caught.value.error_code, caught.value.message


VERSION = "arn:aws:states:us-east-1:123456789012:stateMachine:m:1"


@pytest.mark.parametrize(
    ("operation", "params", "detail"),
    [
        (
            "ListActivities",
            {"maxResults": 1001},
            "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        (
            "ListActivities",
            {"maxResults": -1},
            "Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ),
        (
            "ListActivities",
            {"nextToken": ""},
            "Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        ("CreateActivity", {}, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
        ("CreateActivity", {"name": None}, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
        (
            "ListExecutions",
            {"statusFilter": "done"},
            "Value 'done' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "live", "routingConfiguration": [{"stateMachineVersionArn": VERSION, "weight": 101}]},
            "Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "live", "routingConfiguration": [{"stateMachineVersionArn": VERSION, "weight": 1}] * 3},
            f"Value '[{', '.join([f'RoutingConfigurationListItem(stateMachineVersionArn={VERSION}, weight=1)'] * 3)}]' at "
            "'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2",
        ),
    ],
    ids=["max", "min", "length", "missing", "null", "enum", "nested", "list"],
)
def test_a_broken_constraint_is_told_as_aws_tells_it(operation, params, detail):
    assert refusal(operation, params) == ("ValidationException", f"1 validation error detected: {detail}")


def test_a_value_that_the_model_calls_sensitive_is_not_shown():
    token = session.Session().get_service_model("stepfunctions").shape_for("TaskToken")
    if not token.metadata.get("sensitive"):
        pytest.skip("this botocore does not call it sensitive")
    detail = "Value at 'taskToken' failed to satisfy constraint: Member must have length less than or equal to 2048"
    told = refusal("SendTaskSuccess", {"taskToken": "x" * 2049, "output": ""})
    assert told == ("ValidationException", f"1 validation error detected: {detail}")


def test_all_broken_constraints_are_told_together():
    code, message = refusal("CreateStateMachine", {"name": "n" * 81})
    assert code == "ValidationException"
    assert message.startswith("3 validation errors detected: Value 'nnn")
    assert message.count("; ") == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"maxResults": "5"}, "STRING_VALUE can not be converted to an Integer"),
        ({"nextToken": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"nextToken": True}, "TRUE_VALUE can not be converted to a String"),
        ({"nextToken": {}}, "Start of structure or map found where not expected."),
        ({"nextToken": []}, "Start of list found where not expected"),
        ({"maxResults": 2**40}, "1099511627776 is out of range for Integer"),
    ],
    ids=["text for number", "number for text", "boolean", "structure", "list", "overflow"],
)
def test_a_value_of_the_wrong_type_is_a_serialization_exception(params, message):
    assert refusal("ListActivities", params) == ("SerializationException", message)


def test_unknown_members_and_nulls_are_dropped():
    params = {"maxResults": 5.0, "nextToken": None, "unknown": {"a": 1}}
    assert known_operation("ListActivities").check(params) == {"maxResults": 5}
