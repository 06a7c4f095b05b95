import subprocess
import sys

import pytest

from stepstack.integrations.service_model import describe, sdk_service


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("sfn", "stepfunctions"),
        ("cloudwatchlogs", "logs"),
        ("elasticloadbalancingv2", "elbv2"),
        ("eventbridge", "events"),
        ("cognitoidentityprovider", "cognito-idp"),
        ("databasemigration", "dms"),
        ("s3", "s3"),
        ("secretsmanager", "secretsmanager"),
    ],
)
def test_services_are_found_by_the_name_that_resources_give_them(spelling, name):
    assert sdk_service(spelling) == name


@pytest.mark.parametrize("spelling", ["stepfunctions", "S3", "nosuchservice", ""])
def test_other_names_are_no_services(spelling):
    assert sdk_service(spelling) is None


def test_a_task_on_dynamodbs_items_needs_no_botocore():
    code = """
import sys
from stepstack.integrations.integrations import Integrations
from stepstack.integrations.service_model import describe
from stepstack.integrations.endpoints import Endpoints
Integrations(Endpoints.from_environment({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}))
describe("dynamodb").operation("GetItem").parameters(is_sdk=False)
print([name for name in sys.modules if name.split(".")[0] in ("botocore", "moto")])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_actions_are_operations_with_a_small_beginning():
    actions = describe("s3").actions
    assert actions["listObjectsV2"] == "ListObjectsV2"
    assert "ListObjectsV2" not in actions


def test_errors_are_found_by_code_and_by_name():
    errors = describe("sns").errors
    assert errors["NotFound"] == errors["NotFoundException"] == ("NotFoundException", 404)


def test_a_described_service_is_kept():
    assert describe("sqs") is describe("sqs")


def test_the_two_spellings_of_a_member_differ_where_acronyms_lead():
    operation = describe("sqs").operation("SendMessage")
    assert "MD5OfMessageBody" in operation.answer(is_sdk=False).members
    assert "Md5OfMessageBody" in operation.answer(is_sdk=True).members


def test_members_that_java_has_a_word_for_are_renamed():
    retrieval_filter = describe("bedrock-agent-runtime").shapes(is_sdk=True).structure("RetrievalFilter")
    assert retrieval_filter.members["EqualsValue"][0] == "equals"
    assert "NotEquals" in retrieval_filter.members


def test_an_operation_without_input_takes_nothing():
    assert describe("sts").operation("GetCallerIdentity").parameters(is_sdk=True).problems({"X": 1}, "Parameters") == [
        "The field 'X' is not supported by Step Functions"
    ]
