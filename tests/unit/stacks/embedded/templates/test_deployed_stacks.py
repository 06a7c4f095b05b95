"""CloudFormation's answers about what is deployed, through boto3."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from stepstack.assembly import Settings, embedded_stack
from stepstack.errors import SettingsError

TEMPLATE = {
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "audit"}}},
    "Outputs": {"Log": {"Value": {"Ref": "Log"}}, "Text": {"Value": "<a & b>"}},
}


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({})) as made:
        yield made


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


@pytest.fixture
def application(stack, template):
    made = stack.deploy(template, name="shop")
    yield made
    stack.run(made.delete())


@pytest.fixture
def cloudformation(stack):
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    yield client
    client.close()


@pytest.mark.parametrize("by", ["name", "stack_id"])
def test_a_stack_is_described_with_its_outputs(cloudformation, application, by):
    [described] = cloudformation.describe_stacks(StackName=getattr(application, by))["Stacks"]
    assert (described["StackName"], described["StackId"], described["StackStatus"]) == ("shop", application.stack_id, "CREATE_COMPLETE")
    assert {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]} == {"Log": "audit", "Text": "<a & b>"}


def test_its_resources_are_told_by_their_logical_ids(cloudformation, application):
    listed = cloudformation.get_paginator("list_stack_resources").paginate(StackName="shop").build_full_result()["StackResourceSummaries"]
    assert {entry["LogicalResourceId"]: entry["PhysicalResourceId"] for entry in listed} == application.physical_ids
    described = cloudformation.describe_stack_resources(StackName="shop", LogicalResourceId="Log")["StackResources"]
    assert [(entry["PhysicalResourceId"], entry["ResourceType"], entry["StackName"]) for entry in described] == [
        ("audit", "AWS::Logs::LogGroup", "shop")
    ]
    detail = cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId="Queue")["StackResourceDetail"]
    assert detail["PhysicalResourceId"] == application.physical_ids["Queue"]


def test_all_stacks_are_described_where_none_is_named(cloudformation, application):
    assert [described["StackName"] for described in cloudformation.describe_stacks()["Stacks"]] == ["shop"]


def test_a_stack_that_is_not_there_or_not_there_any_more_is_refused(stack, cloudformation, template):
    stack.run(stack.deploy(template, name="gone").delete())
    for name in ("gone", "other"):
        with pytest.raises(ClientError, match=f"Stack with id {name} does not exist") as refused:
            cloudformation.describe_stacks(StackName=name)
        assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_name_is_deployed_once(stack, application, template):
    with pytest.raises(SettingsError, match="a stack with the name shop is deployed already"):
        stack.deploy(template, name="shop")
