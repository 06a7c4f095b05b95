import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import moto
import pytest

from stepstack.stacks.embedded import body as embedded_body
from stepstack.stacks.embedded import services as embedded_services
from stepstack.stacks.embedded.request import ServiceRequest, json_response
from stepstack.stacks.embedded.services import EmbeddedServices

TABLE = {
    "TableName": "people",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def services():
    embedded = EmbeddedServices()
    yield embedded
    embedded.close()


def call(services, service, target, parameters, *, region="us-east-1"):
    async def run():
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        return await services.transport(
            "POST", "http://anywhere/", headers, json.dumps(parameters).encode(), service=service, region=region
        )

    status, _, body = asyncio.run(run())
    return status, json.loads(body)


def dynamodb(services, operation, parameters, **options):
    return call(services, "dynamodb", f"DynamoDB_20120810.{operation}", parameters, **options)


def sqs(services, operation, parameters):
    return call(services, "sqs", f"AmazonSQS.{operation}", parameters)


def test_what_is_put_is_read_back(services):
    dynamodb(services, "CreateTable", TABLE)
    assert dynamodb(services, "PutItem", {"TableName": "people", "Item": {"id": {"S": "1"}}}) == (200, {})
    assert dynamodb(services, "GetItem", {"TableName": "people", "Key": {"id": {"S": "1"}}}) == (200, {"Item": {"id": {"S": "1"}}})


def test_two_stacks_in_one_process_share_nothing(services):
    dynamodb(services, "CreateTable", TABLE)
    other = EmbeddedServices()
    try:
        assert dynamodb(other, "ListTables", {}) == (200, {"TableNames": []})
    finally:
        other.close()


def test_regions_are_apart(services):
    dynamodb(services, "CreateTable", TABLE, region="eu-west-1")
    assert dynamodb(services, "ListTables", {}) == (200, {"TableNames": []})
    assert dynamodb(services, "ListTables", {}, region="eu-west-1") == (200, {"TableNames": ["people"]})


def test_names_carry_the_account_and_region_of_the_settings():
    services = EmbeddedServices(account_id="111122223333", region="eu-central-1")
    try:
        status, table = dynamodb(services, "CreateTable", TABLE, region="eu-central-1")
    finally:
        services.close()
    assert status == 200
    assert table["TableDescription"]["TableArn"] == "arn:aws:dynamodb:eu-central-1:111122223333:table/people"


def test_mock_aws_in_the_same_process_neither_sees_nor_wipes_the_stack(services):
    dynamodb(services, "CreateTable", TABLE)
    with moto.mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        assert client.list_tables()["TableNames"] == []
        client.create_table(**{**TABLE, "TableName": "mocked"})
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="mocked")
        assert dynamodb(services, "ListTables", {}) == (200, {"TableNames": ["people"]})
    assert dynamodb(services, "ListTables", {}) == (200, {"TableNames": ["people"]})


def test_a_bucket_of_mock_aws_is_none_of_the_stack(services):
    async def put_bucket():
        return await services.transport("PUT", "http://anywhere/bucket", {}, b"", service="s3")

    with moto.mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
        status, _, _ = asyncio.run(put_bucket())
        assert status == 200
        assert "Contents" not in boto3.client("s3", region_name="us-east-1").list_objects_v2(Bucket="bucket")


def test_reset_forgets_everything(services):
    dynamodb(services, "CreateTable", TABLE)
    sqs(services, "CreateQueue", {"QueueName": "jobs"})
    services.reset()
    assert dynamodb(services, "ListTables", {}) == (200, {"TableNames": []})
    assert "QueueUrls" not in sqs(services, "ListQueues", {})[1]


def test_reset_before_the_first_request_does_nothing():
    services = EmbeddedServices()
    services.reset()
    services.close()


def test_of_many_concurrent_conditional_puts_one_succeeds(services):
    dynamodb(services, "CreateTable", TABLE)
    put = {"TableName": "people", "Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}
    barrier = threading.Barrier(8)

    def attempt(_):
        barrier.wait(timeout=30)
        return dynamodb(services, "PutItem", put)[0]

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(attempt, range(8)))
    assert statuses == [200] + [400] * 7


def test_concurrent_adds_are_all_counted(services):
    dynamodb(services, "CreateTable", TABLE)
    add = {
        "TableName": "people",
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": "ADD visits :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: dynamodb(services, "UpdateItem", add)[0], range(64))) == {200}
    _, answer = dynamodb(services, "GetItem", {"TableName": "people", "Key": {"id": {"S": "1"}}})
    assert answer["Item"]["visits"] == {"N": "64"}


def test_a_long_poll_does_not_keep_others_waiting_and_ends_with_the_message(services):
    url = sqs(services, "CreateQueue", {"QueueName": "jobs"})[1]["QueueUrl"]

    async def request(operation, parameters):
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        _, _, body = await services.transport("POST", "http://anywhere/", headers, json.dumps(parameters).encode(), service="sqs")
        return json.loads(body)

    async def run():
        poll = asyncio.create_task(request("ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20}))
        await asyncio.sleep(0)
        assert not poll.done()
        await request("SendMessage", {"QueueUrl": url, "MessageBody": "hello"})
        return await asyncio.wait_for(poll, 10)

    answer = asyncio.run(run())
    assert [message["Body"] for message in answer["Messages"]] == ["hello"]


def test_a_queue_s_own_wait_time_is_a_long_poll_too(services):
    attributes = {"ReceiveMessageWaitTimeSeconds": "1"}
    url = sqs(services, "CreateQueue", {"QueueName": "jobs", "Attributes": attributes})[1]["QueueUrl"]

    async def run():
        loop = asyncio.get_running_loop()
        started = loop.time()
        headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
        await services.transport("POST", "http://anywhere/", headers, json.dumps({"QueueUrl": url}).encode(), service="sqs")
        return loop.time() - started

    assert asyncio.run(run()) >= 0.9


def test_a_wait_time_that_sqs_refuses_is_refused(services):
    url = sqs(services, "CreateQueue", {"QueueName": "jobs"})[1]["QueueUrl"]
    status, answer = sqs(services, "ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 21})
    assert status == 400
    assert "WaitTimeSeconds" in str(answer)


def test_the_url_of_a_queue_is_the_server_s(services):
    services.endpoint_url = "http://127.0.0.1:8083"
    assert sqs(services, "CreateQueue", {"QueueName": "jobs"})[1]["QueueUrl"] == "http://127.0.0.1:8083/123456789012/jobs"


def test_a_service_that_moto_has_not_is_refused_by_name(services):
    status, answer = call(services, "nosuchservice", "NoSuchService.Do", {})
    assert status == 501
    assert "nosuchservice" in answer["message"]


def test_an_unsigned_request_is_told_by_its_target(services):
    async def run():
        headers = {"x-amz-target": "DynamoDB_20120810.ListTables", "content-type": "application/x-amz-json-1.0"}
        return await services.transport("POST", "http://anywhere/", headers, b"{}")

    status, _, body = asyncio.run(run())
    assert (status, json.loads(body)) == (200, {"TableNames": []})


async def asgi(services, method, path, *, query=b"", headers=(), chunks=(b"",)):
    """What an ASGI server gets for one request: status, headers, body."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": list(headers),
        "scheme": "http",
    }
    incoming = [{"type": "http.request", "body": chunk, "more_body": n + 1 < len(chunks)} for n, chunk in enumerate(chunks)]
    sent = []

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    await services(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


SIGNED_S3 = (b"authorization", b"AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")


def test_objects_keep_their_bytes_metadata_and_odd_keys_over_http(services):
    async def run():
        await asgi(services, "PUT", "/bucket", headers=[SIGNED_S3])
        stored = [SIGNED_S3, (b"x-amz-meta-file_name", b"a.bin"), (b"x-amz-meta-kind", b"binary")]
        await asgi(services, "PUT", "/bucket/a%2Fb%20%C3%BC", headers=stored, chunks=[b"\x00\xff", b"\x01"])
        got = await asgi(services, "GET", "/bucket/a%2Fb%20%C3%BC", headers=[SIGNED_S3])
        head = await asgi(services, "HEAD", "/bucket/a%2Fb%20%C3%BC", headers=[SIGNED_S3])
        listed = await asgi(services, "GET", "/bucket", query=b"list-type=2", headers=[SIGNED_S3])
        return got, head, listed

    (status, headers, body), (head_status, head_headers, head_body), (_, _, listing) = asyncio.run(run())
    assert (status, body) == (200, b"\x00\xff\x01")
    assert headers[b"x-amz-meta-file_name"] == b"a.bin"
    assert headers[b"x-amz-meta-kind"] == b"binary"
    assert (head_status, head_headers[b"content-length"], head_body) == (200, b"3", b"")
    assert "<Key>a/b ü</Key>" in listing.decode()


def test_an_object_whose_client_goes_away_in_the_middle_is_not_stored(services):
    sent = []
    scope = {"type": "http", "method": "PUT", "path": "/bucket/key", "raw_path": b"/bucket/key", "headers": [SIGNED_S3]}
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def scenario():
        await services.transport("PUT", "http://s3/bucket", {}, b"", service="s3")
        await services(scope, receive, send)
        return (await services.transport("GET", "http://s3/bucket/key", {}, b"", service="s3"))[0]

    assert asyncio.run(scenario()) == 404
    assert sent == []


def test_functions_are_there_while_moto_is_imported(services):
    with services._loading:
        assert services.lambda_service.listed() == []


def test_a_presigned_url_names_its_service_in_the_query(services):
    query = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F20260101%2Feu-west-1%2Fs3%2Faws4_request"
    status, _, body = asyncio.run(asgi(services, "GET", "/nosuchbucket/key", query=query))
    assert status == 404
    assert b"NoSuchBucket" in body


def test_the_query_protocol_is_served(services):
    headers = [
        (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
        (b"authorization", b"AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0"),
    ]
    status, _, body = asyncio.run(asgi(services, "POST", "/", headers=headers, chunks=[b"Action=GetCallerIdentity&Version=2011-06-15"]))
    assert status == 200
    assert b"<Account>123456789012</Account>" in body


def test_a_fault_inside_moto_is_an_answer_and_the_next_request_is_served(services, caplog):
    statement = {"Statement": "SELECT * FROM people WHERE id='x'"}
    dynamodb(services, "CreateTable", TABLE)
    status, answer = dynamodb(services, "ExecuteStatement", statement)
    assert status in {400, 500}
    assert answer["message"]
    assert dynamodb(services, "ListTables", {})[0] == 200


def test_a_fault_of_the_functions_own_code_is_an_answer_and_in_the_log(services, caplog):
    malformed = json.dumps({"FunctionName": "f", "Code": "no object"}).encode()
    status, headers, body = asyncio.run(services.transport("POST", "http://anywhere/2015-03-31/functions", {}, malformed, service="lambda"))
    assert (status, headers["x-amzn-ErrorType"]) == (500, "InternalFailure")
    assert "AttributeError" in json.loads(body)["message"]
    assert caplog.records[-1].exc_info is not None


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"11")]], ids=["in chunks", "announced"])
def test_an_upload_above_the_limit_is_refused_as_s3_refuses_it(services, monkeypatch, headers):
    monkeypatch.setattr(embedded_body, "UPLOAD_LIMIT_BYTES", 10)
    status, answered, body = asyncio.run(asgi(services, "PUT", "/bucket/key", headers=[SIGNED_S3, *headers], chunks=[b"123456", b"78901"]))
    assert (status, answered[b"connection"]) == (400, b"close")
    assert b"<Code>EntityTooLarge</Code>" in body


def test_an_upload_that_stalls_is_answered(services, monkeypatch):
    monkeypatch.setattr(embedded_body, "STALL_SECONDS", 0.01)
    scope = {"type": "http", "method": "PUT", "path": "/bucket/key", "raw_path": b"/bucket/key", "headers": [SIGNED_S3]}
    sent = []

    async def scenario():
        pieces = [{"type": "http.request", "body": b"half", "more_body": True}]

        async def receive():
            return pieces.pop() if pieces else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await services(scope, receive, send)

    asyncio.run(scenario())
    assert sent[0]["status"] == 400
    assert b"<Code>RequestTimeout</Code>" in sent[1]["body"]


def test_names_of_services_that_somebody_makes_up_take_no_room(services, monkeypatch):
    monkeypatch.setattr(embedded_services, "MAXIMUM_LOCKS", 3)

    for number in range(6):
        status, _, _ = asyncio.run(services.transport("POST", "http://anywhere/", {}, b"{}", service=f"made-up-{number}"))
        assert status >= 400

    assert len(services._locks) <= 4


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"11")]], ids=["in chunks", "announced"])
def test_a_body_for_an_api_has_the_limit_of_api_gateway(services, monkeypatch, headers):
    monkeypatch.setattr(embedded_body, "API_LIMIT_BYTES", 10)
    status, answered, _ = asyncio.run(asgi(services, "POST", "/execute-api/x/y", headers=headers, chunks=[b"123456", b"78901"]))
    assert (status, answered[b"connection"]) == (413, b"close")


@pytest.mark.parametrize("body", [b"a&" * 200_000, b"a" * 9_000_000], ids=["fields", "bytes"])
def test_an_object_that_curl_sends_as_a_form_is_not_read_as_one(body):
    request = ServiceRequest("PUT", "/bucket/key", "", {"content-type": "application/x-www-form-urlencoded"}, b"Action=Publish&" + body)

    assert (request.form(), request.operation) == ({}, "")


def test_half_of_a_surrogate_pair_in_a_refusal_is_a_question_mark():
    assert json_response(400, {"message": "a\ud800"}).body == b'{"message": "a?"}'
