import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepstack.integrations.catalog import IntegrationCatalog
from stepstack.integrations.model_files import sdk_services
from stepstack.integrations.services_without_model import LATER_SERVICES, WITHDRAWN_ACTIONS, is_known_without_model
from stepstack.language import Diagnostic, diagnose

CATALOG = IntegrationCatalog()


@pytest.mark.parametrize(
    "name",
    [
        "dynamodb:putItem",
        "lambda:invoke.waitForTaskToken",
        "states:startExecution.sync:2",
        "ecs:runTask.sync",
        "http:invoke",
        "emr-serverless:startJobRun.sync",
        "aws-sdk:dynamodb:describeTable",
        "aws-sdk:sfn:startExecution",
        "aws-sdk:cloudwatchlogs:createLogGroup",
        "aws-sdk:elasticloadbalancingv2:describeLoadBalancers",
        "aws-sdk:s3:listBuckets.waitForTaskToken",
        "aws-sdk:rds:describeDBInstances",
        "bedrockagentcore:invokeHarness",
        "aws-sdk:lookoutvision:describeModel",
        "aws-sdk:qldb:createLedger.waitForTaskToken",
        "aws-sdk:chime:createMeeting",
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        "arn:aws:states:us-east-1:123456789012:activity:a",
    ],
)
def test_a_resource_that_aws_has_is_none_of_our_problems(name, resource):
    assert CATALOG.problem(resource(name)) is None


@pytest.mark.parametrize(
    "name",
    [
        "dynamodb:scan",
        "dynamodb:putItem.sync",
        "sqs:sendMessage.sync",
        "athena:startQueryExecution.waitForTaskToken",
        "nosuch:thing",
        "aws-sdk:nosuch:thing",
        "aws-sdk:dynamodb:nosuchAction",
        "aws-sdk:dynamodb:GetItem",
        "aws-sdk:stepfunctions:startExecution",
        "aws-sdk:ecs:runTask.sync",
        "lambda:invoke.sync:2",
        "s3:getObject",
        "s3:putObject",
        "aws-sdk:s3:selectObjectContent",
        "aws-sdk:lambda:invokeWithResponseStream",
        "aws-sdk:lookoutvision:nosuchAction",
        "aws-sdk:lookoutvision:describeModel.sync",
        "bedrockagentcore:invokeHarness.sync",
    ],
)
def test_any_other_resource_is_refused_in_the_words_of_aws(name, resource):
    assert CATALOG.problem(resource(name)) == (
        f"The resource provided arn:aws:states:::{name} is not recognized. "
        "The value is not a valid resource ARN, or the resource is not available in this region."
    )


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("dynamodb:putItem", {"Item", "TableName"}),
        ("aws-sdk:dynamodb:putItem", {"Item", "TableName"}),
        ("aws-sdk:sts:getCallerIdentity", set()),
        ("aws-sdk:nosuch:thing", set()),
        ("nosuch:thing", set()),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", set()),
    ],
)
def test_required_parameters_are_known(name, required, resource):
    assert set(CATALOG.required_parameters(resource(name))) == required


def test_parameters_of_what_has_no_model_are_not_judged(resource):
    withdrawn = resource("aws-sdk:iotanalytics:createDataset")
    assert CATALOG.required_parameters(withdrawn) == ()
    assert CATALOG.supported_parameters(withdrawn) is None


def test_whole_services_are_listed_that_botocore_has_dropped():
    if "panorama" in sdk_services():
        pytest.skip("this botocore still has what newer ones have dropped")
    only_shortened = {"chime", "datasync", "dsql", "networkfirewall", "rds", "securityhub"}
    assert WITHDRAWN_ACTIONS.keys() & sdk_services().keys() <= only_shortened


def test_what_the_installed_botocore_describes_is_judged_by_its_model_alone():
    for service in LATER_SERVICES:
        assert is_known_without_model(service, "anything") is (service not in sdk_services())


def test_supported_parameters_are_known_where_there_is_a_list(resource):
    assert CATALOG.supported_parameters(resource("sqs:sendMessage")) >= {"MessageBody", "QueueUrl", "DelaySeconds"}
    assert CATALOG.supported_parameters(resource("elasticmapreduce:addStep")) == {"ClusterId", "Step", "ExecutionRoleArn"}
    assert "Bucket" in CATALOG.supported_parameters(resource("aws-sdk:s3:getObject"))
    assert CATALOG.supported_parameters(resource("aws-sdk:nosuch:thing")) is None
    assert CATALOG.supported_parameters(resource("nosuch:thing")) is None
    assert CATALOG.supported_parameters(resource("arn:aws:lambda:us-east-1:123456789012:function:f")) is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["", "aws-sdk:", "aws-sdk", "AWS-SDK:"]),
    st.sampled_from(["s3", "S3", "qldb", "lambda", "dynamodb", "sfn", "bedrockagentcore", "..", "a/b", "é", "${Service}", ""])
    | st.text(max_size=4),
    st.sampled_from(["getObject", "GetObject", "invoke", "startExecution", "invokeHarness", "__class__", "${Action}", ""])
    | st.text(max_size=4),
    st.sampled_from(["", ".sync", ".sync:2", ".sync:3", ".waitForTaskToken", ".", ":"]),
)
def test_any_resource_is_known_or_one_error(prefix: str, service: str, action: str, suffix: str) -> None:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{prefix}{service}:{action}{suffix}", "Parameters": {"x": 1}, "End": True}
    found = diagnose(json.dumps({"StartAt": "A", "States": {"A": task}}), catalog=CATALOG)
    assert all(isinstance(each, Diagnostic) for each in found)
