"""State machines: create, describe, update, delete, list."""

from __future__ import annotations

import json

import pytest

from .conftest import PASS, ROLE, WAIT

OTHER = json.dumps({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


def test_a_new_state_machine_is_described_with_its_defaults(call):
    created = call.machine()
    described = call("DescribeStateMachine", stateMachineArn=created["stateMachineArn"])
    assert described == {
        "stateMachineArn": ARN,
        "name": "machine",
        "status": "ACTIVE",
        "definition": PASS,
        "roleArn": ROLE,
        "type": "STANDARD",
        "creationDate": created["creationDate"],
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }


def test_creating_the_same_state_machine_again_answers_the_same(call):
    assert call.machine() == call.machine(tags=[{"key": "a", "value": "b"}])


@pytest.mark.parametrize(
    "changed",
    [{"definition": OTHER}, {"type": "EXPRESS"}, {"tracingConfiguration": {"enabled": True}}],
    ids=["definition", "type", "tracing"],
)
def test_creating_another_state_machine_of_the_same_name_is_refused(call, changed):
    call.machine()
    refusal = call.refusal("CreateStateMachine", **{"name": "machine", "definition": PASS, "roleArn": ROLE, **changed})
    assert (refusal.error_code, refusal.message) == ("StateMachineAlreadyExists", f"State Machine Already Exists: '{ARN}'")


def test_an_invalid_definition_is_refused_with_every_diagnostic(call):
    refusal = call.refusal("CreateStateMachine", name="machine", definition="{}", roleArn=ROLE)
    assert refusal.error_code == "InvalidDefinition"
    assert refusal.message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required:")


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("a b", """["Label contains invalid character: ' '"]"""),
        ('a"', r"""['Label contains invalid character: \'"\'']"""),
        ("a\t", r"""["Label contains invalid character: '\\t'"]"""),
        ("a" * 41, "['Label cannot exceed 40 characters']"),
    ],
    ids=["space", "quotation mark", "tab", "41 characters"],
)
def test_a_bad_label_is_refused_with_the_whole_definition(call, label, reason):
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **json.loads(PASS)}
    each = {"Type": "Map", "Label": label, "ItemProcessor": processor, "End": True}
    definition = json.dumps({"StartAt": "Each", "States": {"Each": each}})
    refusal = call.refusal("CreateStateMachine", name="machine", definition=definition, roleArn=ROLE)
    assert refusal.error_code == "InvalidDefinition"
    assert str(refusal) == f"InvalidDefinition: Error=ValueError Args={reason} in definition '{definition}'."


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a\x00", "a<b", 'a"b', "a\x7f", "\ud800"], ids=repr)
def test_names_that_aws_does_not_take_are_refused(call, name):
    assert call.refusal("CreateStateMachine", name=name, definition=PASS, roleArn=ROLE).error_code == "InvalidName"


def test_an_update_makes_a_revision_only_where_it_changes_something(call):
    arn = call.machine()["stateMachineArn"]
    assert "revisionId" not in call("UpdateStateMachine", stateMachineArn=arn, definition=PASS)
    first = call("UpdateStateMachine", stateMachineArn=arn, definition=OTHER)["revisionId"]
    assert call("UpdateStateMachine", stateMachineArn=arn, definition=OTHER)["revisionId"] == first
    assert call("UpdateStateMachine", stateMachineArn=arn, definition=PASS)["revisionId"] != first
    assert call("DescribeStateMachine", stateMachineArn=arn)["definition"] == PASS


def test_an_update_of_nothing_is_refused(call):
    arn = call.machine()["stateMachineArn"]
    assert call.refusal("UpdateStateMachine", stateMachineArn=arn).error_code == "MissingRequiredParameter"


def test_a_running_execution_keeps_the_definition_that_it_was_started_with(call):
    arn = call.machine(definition=WAIT)["stateMachineArn"]
    execution = call("StartExecution", stateMachineArn=arn)["executionArn"]
    call("UpdateStateMachine", stateMachineArn=arn, definition=PASS)
    assert call("DescribeStateMachineForExecution", executionArn=execution)["definition"] == WAIT


def test_deleting_a_state_machine_stops_its_executions_and_may_be_repeated(call):
    arn = call.machine(definition=WAIT)["stateMachineArn"]
    execution = call("StartExecution", stateMachineArn=arn)["executionArn"]
    assert call("DeleteStateMachine", stateMachineArn=arn) == {}
    assert call("DeleteStateMachine", stateMachineArn=arn) == {}
    assert call("DescribeExecution", executionArn=execution)["status"] == "ABORTED"
    assert call.refusal("DescribeStateMachine", stateMachineArn=arn).error_code == "StateMachineDoesNotExist"


def test_state_machines_are_listed_by_name_page_by_page(call):
    names = ["b", "a", "d", "c", "e"]
    for name in names:
        call.machine(name)
    found, token = [], None
    while True:
        page = call("ListStateMachines", maxResults=2, **({"nextToken": token} if token else {}))
        found += [item["name"] for item in page["stateMachines"]]
        token = page.get("nextToken")
        if token is None:
            break
    assert found == sorted(names)


def test_a_page_goes_on_behind_what_was_told_when_the_list_changes(call):
    for name in ("a", "b", "c"):
        call.machine(name)
    first = call("ListStateMachines", maxResults=2)
    call("DeleteStateMachine", stateMachineArn=first["stateMachines"][0]["stateMachineArn"])
    second = call("ListStateMachines", maxResults=2, nextToken=first["nextToken"])
    assert [item["name"] for item in second["stateMachines"]] == ["c"]


@pytest.mark.parametrize("token", ["x", "bm8=", "WyJhIiwxXQ=="], ids=["no base64", "no json", "of another list"])
def test_a_made_up_page_token_is_refused(call, token):
    refusal = call.refusal("ListStateMachines", nextToken=token)
    assert (refusal.error_code, refusal.message) == ("InvalidToken", "Invalid Token: 'Invalid token'")


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("nonsense", "Invalid Arn: 'Invalid ARN prefix: nonsense'"),
        ("arn:aws:states:us-east-1:123456789012:activity:a", "Invalid Arn: 'Resource type not valid in this context: activity'"),
        ("arn:aws:sqs:us-east-1:123456789012:stateMachine:a", "Invalid Arn: 'Invalid ARN service: sqs'"),
    ],
    ids=["no arn", "another resource", "another service"],
)
def test_a_wrong_arn_is_refused(call, arn, message):
    refusal = call.refusal("DescribeStateMachine", stateMachineArn=arn)
    assert (refusal.error_code, refusal.message) == ("InvalidArn", message)


def test_a_description_of_metadata_alone_has_an_empty_definition(call):
    arn = call.machine()["stateMachineArn"]
    execution = call.execution(arn)["executionArn"]
    described = [
        call("DescribeStateMachine", stateMachineArn=arn, includedData="METADATA_ONLY"),
        call("DescribeStateMachineForExecution", executionArn=execution, includedData="METADATA_ONLY"),
    ]
    assert [(answer["definition"], answer["roleArn"]) for answer in described] == [("{}", ROLE)] * 2


@pytest.mark.parametrize(
    "role",
    ["nonsense", "arn:aws:iam::aws:policy/AWSBatchFullAccess", "arn:aws:sts::123456789012:role/r"],
    ids=["no arn", "policy", "not IAM"],
)
def test_a_role_is_one_of_iam(call, role):
    arn = call.machine()["stateMachineArn"]
    refusals = [
        call.refusal("CreateStateMachine", name="other", definition=PASS, roleArn=role),
        call.refusal("UpdateStateMachine", stateMachineArn=arn, roleArn=role),
    ]
    assert [(refusal.error_code, refusal.message) for refusal in refusals] == [("InvalidArn", f"Invalid Role Arn: '{role}'")] * 2


@pytest.mark.parametrize(
    ("configuration", "error_code"),
    [
        ({"loggingConfiguration": {"level": "ALL"}}, "InvalidLoggingConfiguration"),
        ({"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}, "InvalidEncryptionConfiguration"),
        ({"versionDescription": "first"}, "ValidationException"),
        ({"tags": [{"key": str(number), "value": ""} for number in range(51)]}, "TooManyTags"),
    ],
    ids=["logging without destination", "encryption without key", "description without publish", "51 tags"],
)
def test_configurations_that_contradict_themselves_are_refused(call, configuration, error_code):
    params = {"name": "machine", "definition": PASS, "roleArn": ROLE, **configuration}
    assert call.refusal("CreateStateMachine", **params).error_code == error_code


def test_an_encryption_configuration_is_completed_and_answered(call):
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    arn = call.machine(encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key})["stateMachineArn"]
    described = call("DescribeStateMachine", stateMachineArn=arn)["encryptionConfiguration"]
    assert described == {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": 300}
