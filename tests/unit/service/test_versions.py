"""Versions and aliases."""

from __future__ import annotations

import collections
import json

import pytest

from .conftest import PASS

OTHER = json.dumps({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})


@pytest.fixture
def versioned(call):
    """A state machine with the versions 1 (PASS) and 2 (OTHER)."""
    created = call.machine(publish=True)
    updated = call("UpdateStateMachine", stateMachineArn=created["stateMachineArn"], definition=OTHER, publish=True)
    return created["stateMachineArn"], created["stateMachineVersionArn"], updated["stateMachineVersionArn"]


def alias(call, *routing, name="live", **params):
    configuration = [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in routing]
    return call("CreateStateMachineAlias", name=name, routingConfiguration=configuration, **params)["stateMachineAliasArn"]


def test_publishing_the_same_revision_again_answers_the_same_version(call):
    arn = call.machine()["stateMachineArn"]
    first = call("PublishStateMachineVersion", stateMachineArn=arn)
    assert call("PublishStateMachineVersion", stateMachineArn=arn) == first
    assert first["stateMachineVersionArn"] == f"{arn}:1"


def test_versions_are_listed_the_latest_first(call, versioned):
    arn, first, second = versioned
    listed = call("ListStateMachineVersions", stateMachineArn=arn)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in listed] == [second, first]


def test_a_version_keeps_its_definition(call, versioned):
    _, first, second = versioned
    assert call("DescribeStateMachine", stateMachineArn=first)["definition"] == PASS
    assert call("DescribeStateMachine", stateMachineArn=second)["definition"] == OTHER


def test_the_number_of_a_deleted_version_is_not_used_again(call, versioned):
    arn, _, second = versioned
    call("DeleteStateMachineVersion", stateMachineVersionArn=second)
    assert call("PublishStateMachineVersion", stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:3"


def test_publishing_another_revision_than_the_current_is_refused(call, versioned):
    refusal = call.refusal("PublishStateMachineVersion", stateMachineArn=versioned[0], revisionId="INITIAL")
    assert refusal.error_code == "ConflictException"


def test_a_version_cannot_be_updated(call, versioned):
    assert call.refusal("UpdateStateMachine", stateMachineArn=versioned[1], definition=PASS).error_code == "StateMachineDoesNotExist"


def test_an_alias_is_described_as_it_was_made(call, versioned):
    _, first, second = versioned
    arn = alias(call, (first, 30), (second, 70), description="both")
    described = call("DescribeStateMachineAlias", stateMachineAliasArn=arn)
    assert described["description"] == "both"
    assert described["routingConfiguration"] == [
        {"stateMachineVersionArn": first, "weight": 30},
        {"stateMachineVersionArn": second, "weight": 70},
    ]


def test_creating_an_alias_again_is_idempotent_only_with_the_same_parameters(call, versioned):
    _, first, second = versioned
    assert alias(call, (first, 100)) == alias(call, (first, 100))
    routing = [{"stateMachineVersionArn": second, "weight": 100}]
    assert call.refusal("CreateStateMachineAlias", name="live", routingConfiguration=routing).error_code == "ConflictException"


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        ([("1", 50), ("1", 50)], "distinct"),
        ([("", 100)], "must contain state machine version ARNs"),
        ([("1", 70), ("2", 29)], "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
    ],
    ids=["twice the same", "no version", "weights"],
)
def test_a_routing_that_makes_no_sense_is_refused(call, versioned, routing, message):
    configuration = [{"stateMachineVersionArn": f"{versioned[0]}:{name}".rstrip(":"), "weight": weight} for name, weight in routing]
    refusal = call.refusal("CreateStateMachineAlias", name="live", routingConfiguration=configuration)
    assert refusal.error_code == "ValidationException"
    assert message in refusal.message


def test_an_alias_routes_executions_by_weight(call, versioned):
    _, first, second = versioned
    arn = alias(call, (first, 25), (second, 75))
    drawn = collections.Counter(call.execution(arn)["stateMachineVersionArn"] for _ in range(200))
    assert 20 < drawn[first] < 90
    assert drawn[first] + drawn[second] == 200


def test_a_weight_of_zero_is_never_drawn(call, versioned):
    _, first, second = versioned
    arn = alias(call, (first, 0), (second, 100))
    assert {call.execution(arn)["stateMachineVersionArn"] for _ in range(50)} == {second}


def test_an_execution_tells_by_which_alias_and_version_it_was_started(call, versioned):
    machine, first, second = versioned
    arn = alias(call, (first, 100))
    by_alias = call.execution(arn)
    by_version = call.execution(second)
    plain = call.execution(machine)
    assert (by_alias["stateMachineAliasArn"], by_alias["stateMachineVersionArn"]) == (arn, first)
    assert "stateMachineAliasArn" not in by_version
    assert by_version["stateMachineVersionArn"] == second
    assert "stateMachineVersionArn" not in plain
    listed = call("ListExecutions", stateMachineArn=arn)["executions"]
    assert [item["executionArn"] for item in listed] == [by_alias["executionArn"]]


def test_a_version_that_an_alias_names_cannot_be_deleted(call, versioned):
    _, first, _ = versioned
    arn = alias(call, (first, 100))
    refusal = call.refusal("DeleteStateMachineVersion", stateMachineVersionArn=first)
    assert (refusal.error_code, refusal.message.rpartition(": ")[2]) == ("ConflictException", "[live]")
    call("DeleteStateMachineAlias", stateMachineAliasArn=arn)
    assert call("DeleteStateMachineVersion", stateMachineVersionArn=first) == {}


def test_an_alias_that_is_not_there_cannot_be_described_or_updated_but_deleted(call, versioned):
    arn = f"{versioned[0]}:none"
    assert call.refusal("DescribeStateMachineAlias", stateMachineAliasArn=arn).error_code == "ResourceNotFound"
    assert call.refusal("UpdateStateMachineAlias", stateMachineAliasArn=arn, description="x").error_code == "ResourceNotFound"
    assert call("DeleteStateMachineAlias", stateMachineAliasArn=arn) == {}


def test_aliases_are_listed_for_a_state_machine_and_for_a_version(call, versioned):
    machine, first, second = versioned
    one, two = alias(call, (first, 100), name="one"), alias(call, (second, 100), name="two")

    def listed(arn):
        return [item["stateMachineAliasArn"] for item in call("ListStateMachineAliases", stateMachineArn=arn)["stateMachineAliases"]]

    assert listed(machine) == [one, two]
    assert listed(second) == [two]
