"""The state machine that tests both systems, with every deployment."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest

from stepstack.testing import StateMachineHandle

PASSED = [{"success": True, "test_name": "s3_png_metadata"}, {"success": True, "test_name": "ddb_user_audit_log"}]


@pytest.fixture
def integration_tests(system, stepstack):
    """The deployed state machine."""
    return StateMachineHandle(stepstack, system.outputs["IntegrationTests"], definition="")


@pytest.fixture
def response(system):
    """Stands for CloudFormation: a URL in the bucket, signed for PUT, as its ResponseURL is; and what was put there."""

    class Response:
        key = f"responses/{uuid.uuid4()}.json"
        url = system.s3.generate_presigned_url("put_object", Params={"Bucket": system.bucket, "Key": key})

        def request(self):
            return {
                "RequestType": "Create",
                "ResponseURL": self.url,
                "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/system/1",
                "RequestId": "request-1",
                "LogicalResourceId": "IntegrationTestRun",
            }

        def received(self):
            return json.loads(system.s3.get_object(Bucket=system.bucket, Key=self.key)["Body"].read())

    made = Response()
    yield made
    system.s3.delete_object(Bucket=system.bucket, Key=made.key)


@pytest.fixture
def embedded(stepstack):
    """For tests that break the system: never one that others use."""
    if stepstack.embedded_stack is None:
        pytest.skip("the deployed system is not broken for a test")


def test_both_tests_pass_and_are_reported(integration_tests):
    execution = integration_tests.run()

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"success": True, "tests": PASSED, "reason": ""}


def test_both_tests_wait_ten_seconds_for_the_events(integration_tests):
    execution = integration_tests.run()

    moments = {(event["type"], details["name"]): event["timestamp"] for event in execution.history for details in details_of(event)}
    for name in ("S3: wait", "DynamoDB: wait"):
        waited = moments["WaitStateExited", name] - moments["WaitStateEntered", name]
        assert timedelta(seconds=10) <= waited < timedelta(minutes=1)


def details_of(event):
    return [event[name] for name in ("stateEnteredEventDetails", "stateExitedEventDetails") if name in event]


def test_nothing_is_left_behind(integration_tests, system):
    execution = integration_tests.run()

    acted = {
        details["name"]: json.loads(details["output"])["arrange_act_payload"]
        for event in execution.history
        for details in details_of(event)
        if details["name"].endswith("arrange and act") and "output" in details
    }
    key = acted["S3: arrange and act"]["test_object_key"]
    assert system.s3.list_objects_v2(Bucket=system.bucket, Prefix=key)["KeyCount"] == 0
    assert "Item" not in system.users.get_item(Key=acted["DynamoDB: arrange and act"]["test_user_key"])


def test_cloudformation_is_told_of_success(integration_tests, response):
    integration_tests.run(response.request())

    assert response.received() == {
        "Status": "SUCCESS",
        "Reason": "all integration tests passed",
        "PhysicalResourceId": "IntegrationTestRun-request-1",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/system/1",
        "RequestId": "request-1",
        "LogicalResourceId": "IntegrationTestRun",
        "Data": {"Passed": "ddb_user_audit_log, s3_png_metadata"},
    }


def test_a_test_that_fails_is_reported(embedded, integration_tests, system, response):
    system.s3.put_bucket_notification_configuration(Bucket=system.bucket, NotificationConfiguration={})
    execution = integration_tests.run(response.request())

    assert (execution.status, execution.error) == ("FAILED", "IntegrationTestsFailed")
    assert execution.cause == "s3_png_metadata: 'image_height' metadata not found"
    received = response.received()
    assert (received["Status"], received["Reason"]) == ("FAILED", execution.cause)
    assert received["Data"] == {"Passed": "ddb_user_audit_log"}


def test_an_act_that_fails_is_reported(embedded, integration_tests, system):
    system.users.delete()
    execution = integration_tests.run()

    assert execution.cause.startswith("ddb_user_audit_log: failed to write to DynamoDB")


def test_an_error_in_a_branch_is_caught_and_reported(embedded, integration_tests, response, mock_task):
    mock_task("S3: assert and clean up", raises=("AccessDenied", "not allowed to read the object"))
    execution = integration_tests.run(response.request())

    assert (execution.status, execution.error) == ("FAILED", "IntegrationTestsFailed")
    assert execution.cause == "AccessDenied: not allowed to read the object"
    received = response.received()
    assert (received["Status"], received["Reason"]) == ("FAILED", execution.cause)


def test_a_deployment_runs_the_tests(application):
    deployed = application("../../template.yaml", parameters={"RunIntegrationTests": "true"})

    assert deployed.outputs["PassedTests"] == "ddb_user_audit_log, s3_png_metadata"
