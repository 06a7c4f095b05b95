import pytest

from stepstack.integrations.answer_check import answer_problem


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("events:putEvents", {"Entries": "text"}, "Field 'Entries' must be an array"),
        ("events:putEvents", {"Entries": [{"EventId": "1"}, {"EventId": ["2"]}]}, "Field 'EventId' must be a string"),
        ("states:startExecution", {}, "Required field 'ExecutionArn' is missing"),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": 1}, "Field 'StartDate' must be a string"),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": True}, "Field 'StartDate' must be a string"),
        ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
        ("lambda:invoke", {"Payload": {"any": ["thing"]}, "SdkHttpMetadata": 5}, None),
        ("dynamodb:putItem", {"ConsumedCapacity": {"CapacityUnits": "1.5"}}, "Field 'CapacityUnits' must be a number"),
        ("dynamodb:getItem", {"Item": {"id": {"BOOL": 1}}}, "Field 'BOOL' must be a boolean"),
        ("dynamodb:getItem", {"Item": []}, "Field 'Item' must be an object"),
        ("dynamodb:getItem", {"Item": None, "unknown": 1}, None),
        ("dynamodb:getItem", "text", "Mocked result must be a JSON object"),
        ("aws-sdk:s3:getObject", {"ContentLength": "9"}, "Field 'ContentLength' must be a number"),
        ("aws-sdk:s3:getObject", {"ContentLength": True}, "Field 'ContentLength' must be a number"),
        ("aws-sdk:s3:getObject", {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": 1}, "Field 'CiphertextBlob' must be a string"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": ""}, "Field 'CiphertextBlob' is smaller than the minimum length"),
        ("aws-sdk:lambda:getFunction", {"Configuration": {"MemorySize": 127}}, "Field 'MemorySize' is less than the minimum value"),
        ("aws-sdk:lambda:getFunction", {"Configuration": {"EphemeralStorage": {"Size": 99999}}}, "Field 'Size' exceeds the maximum value"),
        ("athena:startQueryExecution.sync", {"QueryExecution": []}, "Field 'QueryExecution' must be an object"),
        ("states:startExecution.sync", {"Output": {}}, "Required field 'ExecutionArn' is missing"),
        ("glue:startJobRun.sync", {"anything": 1}, None),
        ("sqs:sendMessage.waitForTaskToken", "what the callback brings", None),
        ("http:invoke", {"anything": 1}, None),
        ("elasticmapreduce:addStep", {"StepId": 1}, None),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", 5, None),
        ("arn:aws:states:us-east-1:123456789012:activity:a", 5, None),
    ],
)
def test_results_are_held_against_the_shape_of_the_services(resource, name, value, problem):
    assert answer_problem(resource(name), value) == problem


def test_required_members_may_be_left_out_where_only_what_is_there_counts(resource):
    assert answer_problem(resource("states:startExecution"), {}, requires_all=False) is None
    assert (
        answer_problem(resource("states:startExecution"), {"ExecutionArn": 1}, requires_all=False)
        == "Field 'ExecutionArn' must be a string"
    )


def test_the_second_version_of_startexecution_takes_json_as_output(resource):
    value = {
        "ExecutionArn": "a",
        "StateMachineArn": "s",
        "Status": "SUCCEEDED",
        "StartDate": "1745486528077",
        "Output": {"b": 1},
    }
    assert answer_problem(resource("states:startExecution.sync:2"), value) is None
    assert answer_problem(resource("states:startExecution.sync"), value) == "Field 'Output' must be a string"
