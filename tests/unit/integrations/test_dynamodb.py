import asyncio
import re

import pytest

from stepstack.errors import ServiceError
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.interpreter.ports import TaskFailed

GET = {"TableName": "t", "Key": {"id": {"S": "1"}}}
ITEM = {"Item": {"id": {"S": "1"}, "data": {"S": "HelloWorld"}}}


@pytest.fixture
def answered(called):
    """Makes one call against a DynamoDB that answers so: the task's answer or its failure, and the requests."""
    return lambda name, parameters, answer: called(name, parameters, answer, "dynamodb")


def refused(code, message, status=400):
    return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}, {"x-amzn-RequestId": "R1"}


def test_a_request_is_the_parameters_signed(answered):
    _, requests = answered("dynamodb:getItem", GET, (200, ITEM))
    request = requests[0]
    assert (request.method, request.target, request.json) == ("POST", "/", GET)
    assert request.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/dynamodb/aws4_request, SignedHeaders=", request.headers["authorization"]
    )


def test_members_that_are_null_are_left_out(answered):
    parameters = {"TableName": "t", "Key": {"id": {"S": "null"}}, "ProjectionExpression": None}
    _, requests = answered("dynamodb:getItem", parameters, (200, ITEM))
    assert requests[0].json == {"TableName": "t", "Key": {"id": {"S": "null"}}}


def test_the_sdk_integration_answers_what_dynamodb_answers(answered):
    answer, _ = answered("aws-sdk:dynamodb:getItem", GET, (200, ITEM))
    assert answer == ITEM


def test_the_sdk_integration_spells_types_as_the_sdk_does_and_takes_both_spellings(answered):
    item = {"a": {"BOOL": True}, "b": {"M": {"c": {"NULL": True}}}}
    parameters = {"TableName": "t", "Item": {"a": {"Bool": True}, "b": {"M": {"c": {"NULL": True}}}}, "ReturnValues": "ALL_OLD"}
    answer, requests = answered("aws-sdk:dynamodb:putItem", parameters, (200, {"Attributes": item}))
    assert requests[0].json["Item"] == item
    assert answer == {"Attributes": {"a": {"Bool": True}, "b": {"M": {"c": {"Nul": True}}}}}
    answer, _ = answered("dynamodb:getItem", GET, (200, {"Item": item}))
    assert answer["Item"] == item


def test_the_optimized_integration_adds_the_metadata_of_the_sdk(answered):
    answer, _ = answered("dynamodb:getItem", GET, (200, ITEM, {"Server": "a stand-in"}))
    http = answer["SdkHttpMetadata"]
    assert list(answer) == ["Item", "SdkHttpMetadata", "SdkResponseMetadata"]
    assert answer["Item"] == ITEM["Item"]
    assert http["HttpStatusCode"] == 200
    assert list(http["AllHttpHeaders"]) == [
        "Server",
        "Connection",
        "x-amzn-RequestId",
        "x-amz-crc32",
        "Content-Length",
        "Date",
        "Content-Type",
    ]
    assert http["AllHttpHeaders"]["Content-Length"] == [str(len('{"Item":{"id":{"S":"1"},"data":{"S":"HelloWorld"}}}'))]
    assert http["HttpHeaders"]["Server"] == "Server"
    assert answer["SdkResponseMetadata"]["RequestId"] == http["HttpHeaders"]["x-amzn-RequestId"]


def test_members_are_in_alphabetical_order_and_attributes_in_their_own(answered):
    reply = {
        "ScannedCount": 1,
        "Items": [{"z": {"S": "1"}, "a": {"S": "2"}}],
        "ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1},
        "Count": 1,
    }
    answer, _ = answered("aws-sdk:dynamodb:query", {"TableName": "t"}, (200, reply))
    assert list(answer) == ["ConsumedCapacity", "Count", "Items", "ScannedCount"]
    assert list(answer["ConsumedCapacity"]) == ["CapacityUnits", "TableName"]
    assert list(answer["Items"][0]) == ["z", "a"]


@pytest.mark.parametrize(
    ("name", "code", "error_name", "cause"),
    [
        (
            "dynamodb:getItem",
            "ConditionalCheckFailedException",
            "DynamoDB.ConditionalCheckFailedException",
            "No. (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ConditionalCheckFailedException; Request ID: R1; Proxy: null)",
        ),
        (
            "dynamodb:getItem",
            "ValidationException",
            "DynamoDB.AmazonDynamoDBException",
            "No. (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: R1; Proxy: null)",
        ),
        (
            "aws-sdk:dynamodb:getItem",
            "ResourceNotFoundException",
            "DynamoDb.ResourceNotFoundException",
            "No. (Service: DynamoDb, Status Code: 400, Request ID: R1)",
        ),
        (
            "aws-sdk:dynamodb:getItem",
            "ValidationException",
            "DynamoDb.DynamoDbException",
            "No. (Service: DynamoDb, Status Code: 400, Request ID: R1)",
        ),
    ],
    ids=["optimized, modelled", "optimized, not modelled", "sdk, modelled", "sdk, not modelled"],
)
def test_refusals_are_named_and_worded_as_aws_does(answered, name, code, error_name, cause):
    failure, _ = answered(name, GET, refused(code, "No."))
    assert (failure.error_name, failure.cause) == (error_name, cause)


def test_an_answer_that_is_no_json_is_a_failure_of_the_sdk(answered):
    failure, _ = answered("dynamodb:getItem", GET, (200, b"<html>"))
    assert failure.error_name == "DynamoDB.SdkClientException"
    assert "unmarshall" in failure.cause


def test_many_calls_share_a_few_connections(local_server, task_call):
    async def scenario():
        async with local_server(lambda _request: (200, ITEM)) as server:
            integrations = Integrations(Endpoints(urls={"dynamodb": server.url}))
            answers = await asyncio.gather(*(integrations.request(task_call("aws-sdk:dynamodb:getItem", GET)) for _ in range(300)))
            await integrations.close()
            assert answers == [ITEM] * 300
            assert server.connections <= 64

    asyncio.run(scenario())


def test_a_dynamodb_in_this_process_is_called_as_a_function(task_call):
    called = []

    async def dynamodb(service, operation, params):
        called.append((service, operation, params))
        if operation == "PutItem":
            raise ServiceError("ResourceNotFoundException", "Requested resource not found")
        return ITEM

    async def scenario():
        integrations = Integrations(Endpoints(in_process={"dynamodb": dynamodb}))
        assert await integrations.request(task_call("aws-sdk:dynamodb:getItem", GET)) == ITEM
        with pytest.raises(TaskFailed) as failed:
            await integrations.request(task_call("aws-sdk:dynamodb:putItem", {"TableName": "t", "Item": {}}))
        assert failed.value.failure.error_name == "DynamoDb.ResourceNotFoundException"

    asyncio.run(scenario())
    assert called[0] == ("dynamodb", "GetItem", GET)


def test_an_application_in_this_process_gets_the_request_unsigned(task_call):
    seen = []

    async def application(method, url, headers, body, *, service, region):
        seen.append((method, url, dict(headers), body, service, region))
        return 200, {"Content-Type": "x"}, b'{"Count":0}'

    async def scenario():
        integrations = Integrations(Endpoints(application=application, region="eu-west-1"))
        assert await integrations.request(task_call("aws-sdk:dynamodb:scan", {"TableName": "t"})) == {"Count": 0}

    asyncio.run(scenario())
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.Scan"}
    assert seen == [("POST", "http://127.0.0.1/", headers, b'{"TableName":"t"}', "dynamodb", "eu-west-1")]
