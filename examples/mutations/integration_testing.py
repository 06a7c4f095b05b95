"""Mutations of integration-testing."""

from __future__ import annotations

from mutation import mutation

IMAGES = "src/image_metadata/app.py"
AUDIT = "src/user_audit/app.py"
TEMPLATE = "template.yaml"
MACHINE = "integration-tests.asl.json"
STEPS = "src/integration_tests"
REPORT = f"{STEPS}/report.py"

SIZE = "test_image_metadata::test_width_and_height_are_written_into_the_metadata"
SIZES = (f"{SIZE}[plain]", f"{SIZE}[to be quoted]")
ELSE = "test_image_metadata::test_what_else_the_object_says_of_itself_stays"
ONLY_PNG = "test_image_metadata::test_only_what_is_called_png_is_looked_at"

NEW_USER = "test_user_audit::test_a_new_user_is_written_into_the_audit_log"
CHANGE = "test_user_audit::test_a_change_of_a_user_is_not"
OTHER_ITEM = "test_user_audit::test_another_new_item_is_not"

BOTH_SUCCEED = "test_state_machine::test_both_tests_pass_and_are_reported"
TEN_SECONDS = "test_state_machine::test_both_tests_wait_ten_seconds_for_the_events"
NOTHING_LEFT = "test_state_machine::test_nothing_is_left_behind"
TOLD = "test_state_machine::test_cloudformation_is_told_of_success"
TEST_FAILS = "test_state_machine::test_a_test_that_fails_is_reported"
ACT_FAILS = "test_state_machine::test_an_act_that_fails_is_reported"
BRANCH_FAILS = "test_state_machine::test_an_error_in_a_branch_is_caught_and_reported"
DEPLOYMENT = "test_state_machine::test_a_deployment_runs_the_tests"

S3_TEST = (BOTH_SUCCEED, TOLD, ACT_FAILS, DEPLOYMENT)
"""What fails where the S3 test of the state machine does."""
DDB_TEST = (BOTH_SUCCEED, TOLD, TEST_FAILS, DEPLOYMENT)

PRINT = "        print(json.dumps("
SHORT_TIMEOUT = ((TEMPLATE, "ServiceTimeout: 300", "ServiceTimeout: 3"),)

MUTATIONS = [
    # The first system.
    mutation("wrong width", IMAGES, "str(width)", "str(width + 1)", *SIZES, *S3_TEST),
    mutation("wrong height", IMAGES, "str(height)", "str(height + 1)", *SIZES, *S3_TEST),
    mutation("width and height exchanged", IMAGES, "width, height = image", "height, width = image", *SIZES, *S3_TEST),
    mutation("no width", IMAGES, '"image_width": str(width), ', "", *SIZES, *S3_TEST, ELSE),
    mutation("other metadata lost", IMAGES, '{**stored["Metadata"], ', "{", ELSE),
    mutation("content type lost", IMAGES, 'ContentType=stored["ContentType"]', 'ContentType="text/plain"', ELSE),
    mutation(
        "content lost",
        IMAGES,
        "s3().copy_object(",
        "s3().put_object(",
        ELSE,
        more=(
            (IMAGES, 'CopySource={"Bucket": bucket, "Key": key},', 'Body=b"",'),
            (IMAGES, '        MetadataDirective="REPLACE",\n', ""),
        ),
    ),
    mutation("keys taken as they stand in URLs", IMAGES, "unquote_plus(record", "str(record", SIZES[1]),
    mutation("any object looked at", TEMPLATE, "                    Value: .png", "                    Value: ''", ONLY_PNG),
    # The second system.
    mutation("no audit line", AUDIT, PRINT, "        (json.dumps(", NEW_USER, CHANGE, OTHER_ITEM, *DDB_TEST),
    mutation("two audit lines", AUDIT, PRINT, f"        for _ in range(2):\n    {PRINT}", NEW_USER, CHANGE, *DDB_TEST),
    mutation("an audit line of another type", AUDIT, '"UserCreated"', '"Created"', NEW_USER, *DDB_TEST),
    mutation("an audit line with more in it", AUDIT, '"SK": keys["SK"]', '"SK": keys["SK"], "More": 1', NEW_USER, *DDB_TEST),
    mutation("an audit line for a change", TEMPLATE, '["INSERT"]', '["INSERT", "MODIFY"]', CHANGE),
    mutation("an audit line for any item", TEMPLATE, ', "dynamodb": {"Keys": {"PK": {"S": [{"prefix": "USER#"}]}}}', "", OTHER_ITEM),
    # The state machine.
    mutation(
        "a shorter wait of S3",
        MACHINE,
        '"S3: wait": { "Type": "Wait", "Seconds": 10',
        '"S3: wait": { "Type": "Wait", "Seconds": 9',
        TEN_SECONDS,
    ),
    mutation(
        "a longer wait of DynamoDB",
        MACHINE,
        '"DynamoDB: wait": { "Type": "Wait", "Seconds": 10',
        '"DynamoDB: wait": { "Type": "Wait", "Seconds": 600',
        TEN_SECONDS,
    ),
    mutation(
        "no catch",
        MACHINE,
        '      "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Report" }],\n',
        "",
        BRANCH_FAILS,
    ),
    mutation("never failed", MACHINE, '"BooleanEquals": true', '"IsPresent": true', TEST_FAILS, ACT_FAILS, BRANCH_FAILS),
    mutation("another error", MACHINE, '"Error": "IntegrationTestsFailed"', '"Error": "Failed"', TEST_FAILS, BRANCH_FAILS),
    # Its steps.
    mutation("the object is left", f"{STEPS}/s3_assert_clean_up.py", "        s3.delete_object(**stored)", "        pass", NOTHING_LEFT),
    mutation(
        "the user is left",
        f"{STEPS}/ddb_assert_clean_up.py",
        '        boto3.resource("dynamodb").Table(os.environ["DDB_TABLE"]).delete_item(Key=key)',
        "        pass",
        NOTHING_LEFT,
    ),
    mutation("the height is not asserted", f"{STEPS}/s3_assert_clean_up.py", '"image_height": "178", ', "", TEST_FAILS),
    mutation("the user's act is not caught", f"{STEPS}/ddb_arrange_act.py", "(BotoCoreError, ClientError)", "KeyError", ACT_FAILS),
    # The report.
    mutation("a failed test reported as success", REPORT, '"success": not failed', '"success": True', TEST_FAILS, ACT_FAILS),
    mutation("a failed branch reported as success", REPORT, '"success": False, "tests": []', '"success": True, "tests": []', BRANCH_FAILS),
    mutation("no reason", REPORT, '"reason": "; ".join(failed)', '"reason": ""', TEST_FAILS, ACT_FAILS),
    mutation("no cause of a failed branch", REPORT, "{event['error']['Error']}: {event['error']['Cause']}", "error", BRANCH_FAILS),
    mutation("tests left out", REPORT, '"tests": tests', '"tests": []', BOTH_SUCCEED, TOLD, TEST_FAILS, DEPLOYMENT),
    mutation("CloudFormation told another status", REPORT, '"SUCCESS" if', '"OK" if', TOLD, DEPLOYMENT),
    mutation("CloudFormation told of success only", REPORT, '"FAILED",', '"SUCCESS",', TEST_FAILS, BRANCH_FAILS),
    mutation("CloudFormation told no reason", REPORT, 'report["reason"] or "all', '"all', TEST_FAILS, BRANCH_FAILS),
    mutation("CloudFormation told no data", REPORT, '"Passed": ", ".join', '"More": ", ".join', TOLD, TEST_FAILS, DEPLOYMENT),
    mutation("CloudFormation told another request", REPORT, '"RequestId": request["RequestId"]', '"RequestId": "other"', TOLD),
    mutation(
        "CloudFormation not called back",
        REPORT,
        'if "ResponseURL" in request:',
        'if "Other" in request:',
        TOLD,
        TEST_FAILS,
        BRANCH_FAILS,
        DEPLOYMENT,
        more=SHORT_TIMEOUT,
    ),
    mutation(
        "the tests never started", f"{STEPS}/start.py", 'if event["RequestType"] == "Delete":', "if event:", DEPLOYMENT, more=SHORT_TIMEOUT
    ),
]
