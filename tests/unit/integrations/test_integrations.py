import asyncio
import re
from urllib.parse import parse_qs

import pytest

from stepstack.errors import ServiceError
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.integrations.mocks import Mocks
from stepstack.interpreter.ports import TaskFailed, TaskFault

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def asked(called):
    """Makes one call of a service behind a socket: the answer or the failure, and what the service was asked."""
    return lambda service, name, parameters, answer: called(name, parameters, answer, service)


def test_sqs_gets_an_object_as_its_text(asked):
    reply = {"MD5OfMessageBody": "a" * 32, "MessageId": "b" * 36}
    answer, requests = asked("sqs", "sqs:sendMessage", {"QueueUrl": "http://127.0.0.1/1/q", "MessageBody": {"a": [1]}}, (200, reply))
    assert requests[0].json == {"QueueUrl": "http://127.0.0.1/1/q", "MessageBody": '{"a":[1]}'}
    assert answer["MessageId"] == "b" * 36
    assert answer["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == "106"
    assert list(answer["SdkHttpMetadata"]["AllHttpHeaders"]) == ["x-amzn-RequestId", "connection", "Content-Length", "Date", "Content-Type"]


@pytest.mark.parametrize(
    ("service", "action", "parameters", "content_type"),
    [
        ("sqs", "sqs:sendMessage", {"QueueUrl": "http://localhost/1/q", "MessageBody": "x"}, "application/x-amz-json-1.0"),
        ("ecs", "ecs:runTask", {"TaskDefinition": "t"}, "application/x-amz-json-1.1"),
        ("batch", "batch:submitJob", {"JobDefinition": "d", "JobName": "j", "JobQueue": "q"}, "application/json"),
    ],
    ids=["JSON 1.0", "JSON 1.1", "REST"],
)
def test_the_metadata_tell_the_type_of_the_services_protocol(asked, service, action, parameters, content_type):
    answer, _ = asked(service, action, parameters, (200, {}))
    assert answer["SdkHttpMetadata"]["HttpHeaders"]["Content-Type"] == content_type


def test_sqs_refusals_have_the_code_of_its_older_protocol(asked):
    reply = (
        400,
        {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "No."},
        {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
    )
    failure, _ = asked("sqs", "sqs:sendMessage", {"QueueUrl": "http://127.0.0.1/1/q", "MessageBody": "m"}, reply)
    assert failure.error_name == "SQS.QueueDoesNotExistException"
    assert "Service: AmazonSQS; Status Code: 400; Error Code: AWS.SimpleQueueService.NonExistentQueue" in failure.cause


def test_a_queue_url_with_a_host_that_nobody_has_fails_as_in_the_sdk(asked):
    failure, requests = asked("sqs", "sqs:sendMessage", {"QueueUrl": "http://no-such-host.invalid/q", "MessageBody": "m"}, (200, {}))
    assert (failure.error_name, failure.cause) == (
        "SQS.SdkClientException",
        "Unable to execute HTTP request: no-such-host.invalid: Name or service not known",
    )
    assert requests == []


SNS_ANSWER = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>' + b"m" * 36 + b"</MessageId>"
    b"<SequenceNumber>10000000000000003000</SequenceNumber></PublishResult></PublishResponse>"
)


def test_sns_is_asked_by_query_and_answers_by_xml(asked):
    parameters = {
        "TopicArn": "arn:aws:sns:us-east-1:1:t",
        "Message": {"a": 1},
        "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}},
    }
    answer, requests = asked("sns", "sns:publish", parameters, (200, SNS_ANSWER))
    sent = parse_qs(requests[0].body.decode())
    assert (sent["Action"], sent["Message"]) == (["Publish"], ['{"a":1}'])
    assert sent["MessageAttributes.entry.1.Value.StringValue"] == ["v"]
    assert (answer["MessageId"], answer["SequenceNumber"]) == ("m" * 36, "10000000000000003000")
    assert answer["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == "352"


def test_sns_errors_are_found_by_their_code(asked):
    error = b"<Error><Type>Sender</Type><Code>NotFound</Code><Message>Gone</Message></Error>"
    body = b"<ErrorResponse>" + error + b"<RequestId>R</RequestId></ErrorResponse>"
    failure, _ = asked("sns", "sns:publish", {"TopicArn": "a", "Message": "m"}, (404, body, {"x-amzn-RequestId": "R"}))
    assert failure.error_name == "SNS.NotFoundException"
    assert failure.cause == "Gone (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: R; Proxy: null)"


def test_events_get_details_as_text_and_the_execution_among_their_resources(asked):
    entries = [
        {"Detail": {"m": 1}, "Source": "s", "DetailType": "d"},
        {"Detail": '{"n": 2}', "Source": "s", "DetailType": "d", "Resources": ["r"]},
    ]
    answer, requests = asked(
        "events", "events:putEvents", {"Entries": entries}, (200, {"Entries": [{"EventId": "1"}], "FailedEntryCount": 0})
    )
    origin = ["arn:aws:states:us-east-1:123456789012:stateMachine:orders", "arn:aws:states:us-east-1:123456789012:execution:orders:e1"]
    assert [entry["Detail"] for entry in requests[0].json["Entries"]] == ['{"m":1}', '{"n": 2}']
    assert [entry["Resources"] for entry in requests[0].json["Entries"]] == [origin, ["r", *origin]]
    assert answer == {"Entries": [{"EventId": "1"}], "FailedEntryCount": 0}


def test_events_that_are_refused_fail_the_task(asked):
    reply = {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "Detail is malformed.", "ErrorCode": "MalformedDetail"}]}
    failure, _ = asked("events", "events:putEvents", {"Entries": [{"Detail": "x"}]}, (200, reply))
    assert failure.error_name == "EventBridge.FailedEntry"
    assert failure.cause == '{"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}'


def test_s3_is_asked_by_path_with_a_checksum_and_a_signature_of_its_own(asked):
    answer, requests = asked(
        "s3", "aws-sdk:s3:putObject", {"Bucket": "bucket", "Key": "a/b c", "Body": {"Dict": "Value"}}, (200, b"", {"ETag": '"e"'})
    )
    request = requests[0]
    assert (request.method, request.target, request.body) == ("PUT", "/bucket/a/b%20c", b'{"Dict":"Value"}')
    assert request.headers["x-amz-checksum-crc32"] == "hnEfWw=="
    assert request.headers["content-type"] == "text/plain; charset=UTF-8"
    assert "/us-east-1/s3/aws4_request" in request.headers["authorization"]
    assert answer == {"ETag": '"e"'}


def test_s3_refusals_tell_both_ids(asked):
    body = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
    headers = {"x-amz-request-id": "R", "x-amz-id-2": "E"}
    failure, _ = asked("s3", "aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, (404, body, headers))
    assert (failure.error_name, failure.cause) == (
        "S3.NoSuchKeyException",
        "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: R, Extended Request ID: E)",
    )


@pytest.mark.parametrize(
    ("action", "parameters", "status", "error_name"),
    [
        ("headObject", {"Bucket": "b", "Key": "k"}, 404, "S3.NoSuchKeyException"),
        ("headBucket", {"Bucket": "b"}, 404, "S3.NoSuchBucketException"),
        ("headObject", {"Bucket": "b", "Key": "k"}, 403, "S3.S3Exception"),
    ],
    ids=["no object", "no bucket", "no access"],
)
def test_an_error_of_a_request_whose_answer_has_no_body_has_no_words(asked, action, parameters, status, error_name):
    headers = {"x-amz-request-id": "R", "x-amz-id-2": "E"}
    failure, _ = asked("s3", f"aws-sdk:s3:{action}", parameters, (status, b"", headers))
    assert failure.error_name == error_name
    assert failure.cause == f"null (Service: S3, Status Code: {status}, Request ID: R, Extended Request ID: E)"


def test_an_item_readers_object_comes_byte_by_byte(local_server, task_call):
    content = bytes(range(256))

    async def scenario():
        async with local_server(lambda _request: (200, content, {"Last-Modified": "Thu, 06 Nov 2025 12:20:01 GMT"})) as server:
            integrations = Integrations(Endpoints(urls={"s3": server.url}))
            answer = await integrations.request(task_call("s3:getObject", {"Bucket": "b", "Key": "k"}, body_as_latin_1=True))
            await integrations.close()
            return answer

    answer = asyncio.run(scenario())
    assert answer["Body"].encode("latin-1") == content
    assert answer["LastModified"] == 1762431601


def test_newer_services_tell_the_attempts_of_the_sdk(asked):
    reply = (400, {"__type": "NotFoundException", "message": "No key."}, {"x-amzn-RequestId": "R"})
    failure, _ = asked("kms", "aws-sdk:kms:describeKey", {"KeyId": "k"}, reply)
    assert (failure.error_name, failure.cause) == (
        "Kms.NotFoundException",
        "No key. (Service: Kms, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)",
    )


def test_an_error_without_a_body_is_named_after_the_service(asked):
    failure, _ = asked("kms", "aws-sdk:kms:describeKey", {"KeyId": "k"}, (503, b"overloaded"))
    assert failure.error_name == "Kms.KmsException"
    assert "Status Code: 503" in failure.cause


def test_idempotency_tokens_are_filled_in(asked):
    _, requests = asked("athena", "athena:startQueryExecution", {"QueryString": "select 1"}, (200, {"QueryExecutionId": "q"}))
    assert re.fullmatch(UUID, requests[0].json["ClientRequestToken"])


def test_a_models_answer_is_json_again(asked):
    answer, requests = asked(
        "bedrock-runtime",
        "bedrock:invokeModel",
        {"ModelId": "m", "Body": {"prompt": "p"}},
        (200, b'{"completion":"c"}', {"Content-Type": "application/json"}),
    )
    assert requests[0].json == {"prompt": "p"}
    assert answer == {"Body": {"completion": "c"}, "ContentType": "application/json"}


def test_emr_steps_and_clusters_have_names_of_their_own(asked):
    step = {"Name": "s", "HadoopJarStep": {"Jar": "j"}}
    answer, requests = asked("emr", "elasticmapreduce:addStep", {"ClusterId": "c", "Step": step}, (200, {"StepIds": ["s-1"]}))
    assert requests[0].json == {"JobFlowId": "c", "Steps": [step]}
    assert answer["StepId"] == "s-1"
    answer, _ = asked(
        "emr", "elasticmapreduce:createCluster", {"Name": "n", "Instances": {}}, (200, {"JobFlowId": "j-1", "ClusterArn": "a"})
    )
    assert (answer["ClusterId"], answer["ClusterArn"], "JobFlowId" in answer) == ("j-1", "a", False)


@pytest.mark.parametrize(
    ("name", "parameters", "lists", "sent"),
    [
        (
            "elasticmapreduce:modifyInstanceFleetByName",
            {"ClusterId": "c", "InstanceFleetName": "f", "InstanceFleet": {"TargetSpotCapacity": 0}},
            {"InstanceFleets": [{"Name": "other", "Id": "1"}, {"Name": "f", "Id": "2"}]},
            {"ClusterId": "c", "InstanceFleet": {"TargetSpotCapacity": 0, "InstanceFleetId": "2"}},
        ),
        (
            "elasticmapreduce:modifyInstanceGroupByName",
            {"ClusterId": "c", "InstanceGroupName": "g", "InstanceGroup": {"InstanceCount": 2}},
            {"InstanceGroups": [{"Name": "g", "Id": "3"}]},
            {"ClusterId": "c", "InstanceGroups": [{"InstanceCount": 2, "InstanceGroupId": "3"}]},
        ),
    ],
    ids=["fleet", "group"],
)
def test_emr_fleets_and_groups_are_found_by_name(asked, name, parameters, lists, sent):
    _, requests = asked("emr", name, parameters, lambda request: (200, lists if request.operation.startswith("List") else {}))
    assert requests[1].json == sent
    unknown = {key: "unknown" if key.endswith("Name") else value for key, value in parameters.items()}
    failure, _ = asked("emr", name, unknown, lambda request: (200, lists))
    assert "named 'unknown'" in failure.cause


def test_without_an_endpoint_the_task_fails_beyond_any_catcher(task_call):
    async def scenario():
        with pytest.raises(TaskFailed) as failed:
            await Integrations(Endpoints()).request(task_call("dynamodb:getItem", {"TableName": "t", "Key": {}}))
        assert failed.value.failure.error_name == "States.Runtime"
        assert "DYNAMODB_ENDPOINT" in failed.value.failure.cause

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k", "IfModifiedSince": "soon"}),
        ("aws-sdk:cloudwatch:getMetricData", {"StartTime": {"a": 1}, "EndTime": [1], "MetricDataQueries": []}),
        ("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": "x", "ChecksumAlgorithm": "NONE"}),
    ],
    ids=["no date", "object for a date", "unknown checksum"],
)
def test_values_that_the_protocol_cannot_carry_fail_the_task_beyond_any_catcher(task_call, name, parameters):
    async def scenario():
        with pytest.raises(TaskFailed) as failed:
            await Integrations(Endpoints(default_url="http://127.0.0.1:1")).request(task_call(name, parameters))
        assert failed.value.failure.error_name == "States.Runtime"
        assert "cannot be sent" in failed.value.failure.cause

    asyncio.run(scenario())


def test_a_service_that_is_not_there_is_a_failure_of_the_sdk(task_call):
    async def scenario():
        integrations = Integrations(Endpoints(default_url="http://127.0.0.1:1"))
        failures = []
        for name in ("sns:publish", "aws-sdk:kms:listKeys"):
            with pytest.raises(TaskFailed) as failed:
                await integrations.request(task_call(name, {"Message": "m"} if name.startswith("sns") else {}))
            failures.append((failed.value.failure.error_name, failed.value.failure.cause))
        words = "Unable to execute HTTP request: Connect to 127.0.0.1:1 failed: Connection refused (Connection refused)"
        assert failures == [("SNS.SdkClientException", words), ("Kms.SdkClientException", words + " (SDK Attempt Count: 1)")]

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["eks:call", "bedrockagentcore:invokeHarness", "aws-sdk:lookoutvision:startModel"])
def test_what_can_be_defined_and_not_called_says_that_it_needs_a_mock(name, task_call):
    async def scenario():
        with pytest.raises(TaskFault, match="mock the state 'Work'") as failed:
            await Integrations(Endpoints()).request(task_call(name, {"ProjectName": "x"}))
        assert failed.value.failure.error_name == "States.Runtime"

    asyncio.run(scenario())


def test_what_can_be_defined_and_not_called_can_be_mocked(task_call):
    answer = {"HostingStatus": "STARTING_HOSTING"}
    mocks = Mocks()
    mocks.add(resource="aws-sdk:lookoutvision:startModel", returns=answer)
    call = task_call("aws-sdk:lookoutvision:startModel", {"ProjectName": "x"})
    integrations = Integrations(Endpoints(), mocks=mocks)

    assert integrations.problem(call) is None
    assert asyncio.run(integrations.request(call)) == answer


@pytest.mark.parametrize(
    ("name", "parameters", "problem"),
    [
        ("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, None),
        ("dynamodb:getItem", {"TableName": "t"}, "The field 'Key' is required but was missing"),
        ("dynamodb:getItem", [], "The value for the field 'Parameters' must be an OBJECT"),
        (
            "sqs:sendMessage",
            {"QueueUrl": 1, "MessageBody": {}, "Color": "red"},
            "The field 'Color' is not supported by Step Functions",
        ),
        ("sqs:sendMessage", {"QueueUrl": 1, "MessageBody": {}}, "The value for the field 'QueueUrl' must be a STRING"),
        ("events:putEvents", {"Entries": [{"Detail": {"any": "object"}, "Source": "s"}]}, None),
        ("events:putEvents", {"Entries": {}}, "The value for the field 'Entries' must be an ARRAY"),
        ("aws-sdk:s3:getObject", {"Bucket": "b"}, "The field 'Key' is required but was missing"),
        ("lambda:invoke", {"FunctionName": "f", "Payload": {"any": ["thing"]}, "LogType": "Tail"}, None),
        ("apigateway:invoke", {"ApiEndpoint": "a", "Method": "GET", "Headers": {"h": ["v"]}}, None),
        (
            "apigateway:invoke",
            {"ApiEndpoint": "a", "Method": "GET", "Headers": {"h": "v"}},
            "The value of the field 'Headers' has an invalid format",
        ),
        (
            "bedrock:invokeModel",
            {"ModelId": "m", "Input": {"S3Uri": "s3://b/k"}},
            "stepstack does not support the parameter Input of arn:aws:states:::bedrock:invokeModel",
        ),
        ("apigateway:invoke", {"ApiEndpoint": "a"}, "The field 'Method' is required but was missing"),
        ("http:invoke", {"ApiEndpoint": "a", "Method": "GET", "Headers": {"h": "v"}}, None),
        ("elasticmapreduce:addStep", {"ClusterId": "c", "Step": {"Nmae": "x"}}, None),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", [1], None),
    ],
)
def test_parameters_that_cannot_start_the_task_are_told_before(task_call, name, parameters, problem):
    found = Integrations(Endpoints()).problem(task_call(name, parameters))
    if name == "elasticmapreduce:addStep":
        assert "The field 'Nmae' is not supported by Step Functions" in found
    else:
        assert found == problem


def test_a_service_error_in_this_process_has_the_status_of_its_model(task_call):
    async def function(_service, _operation, _params):
        raise ServiceError("ResourceNotFoundException", "Function not found: f")

    async def scenario():
        integrations = Integrations(Endpoints(in_process={"lambda": function}))
        with pytest.raises(TaskFailed) as failed:
            await integrations.request(task_call("lambda:invoke", {"FunctionName": "f"}))
        assert failed.value.failure.error_name == "Lambda.ResourceNotFoundException"
        assert "Status Code: 404; Error Code: ResourceNotFoundException" in failed.value.failure.cause

    asyncio.run(scenario())


def test_an_answer_in_this_process_has_the_length_that_a_server_would_tell(task_call):
    async def application(method, url, headers, body, *, service, region):
        return 200, {"ETag": '"e"'}, b"nine here"

    async def scenario():
        integrations = Integrations(Endpoints(application=application))
        return await integrations.request(task_call("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}))

    assert asyncio.run(scenario()) == {"Body": "nine here", "ContentLength": 9, "ETag": '"e"', "Metadata": {}}


def test_cancelling_a_call_ends_it_at_once(local_server, task_call):
    async def scenario():
        arrived = asyncio.Event()

        async def never(_request):
            arrived.set()
            await asyncio.Event().wait()

        async with local_server(never) as server:
            integrations = Integrations(Endpoints(default_url=server.url))
            task = asyncio.create_task(integrations.request(task_call("aws-sdk:kms:listKeys", {})))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await integrations.close()

    asyncio.run(scenario())
