import asyncio
import json
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import pytest


@pytest.fixture(autouse=True)
def _reset(services):
    services.reset()


def send(services, service, method="POST", path="/", *, headers=None, body=b""):
    return asyncio.run(services.transport(method, f"http://anywhere{path}", headers or {}, body, service=service))


def sns(services, **parameters):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = send(services, "sns", headers=headers, body=urlencode({**parameters, "Version": "2010-03-31"}).encode())
    return status, body.decode()


def put_events(services, *details):
    return put(
        services, [{"Source": "tests", "DetailType": "made", **({} if detail is None else {"Detail": detail})} for detail in details]
    )


def put(services, entries):
    headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}
    status, _, body = send(services, "events", headers=headers, body=json.dumps({"Entries": entries}).encode())
    return status, json.loads(body)


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
def test_an_object_says_that_it_is_encrypted(services, method):
    send(services, "s3", "PUT", "/bucket")
    send(services, "s3", "PUT", "/bucket/key", body=b"x")
    status, headers, _ = send(services, "s3", method, "/bucket/key", body=b"x" if method == "PUT" else b"")
    assert (status, headers["x-amz-server-side-encryption"]) == (200, "AES256")


def test_so_does_a_part_of_an_object(services):
    send(services, "s3", "PUT", "/bucket")
    send(services, "s3", "PUT", "/bucket/key", body=b"abc")
    status, headers, body = send(services, "s3", "GET", "/bucket/key", headers={"range": "bytes=0-1"})
    assert (status, body, headers["x-amz-server-side-encryption"]) == (206, b"ab", "AES256")


def test_a_checksum_says_what_it_covers(services):
    send(services, "s3", "PUT", "/bucket")
    headers = {"x-amz-checksum-crc32": "jOw1mw==", "x-amz-sdk-checksum-algorithm": "CRC32"}
    _, answered, _ = send(services, "s3", "PUT", "/bucket/key", headers=headers, body=b"x")
    assert answered["x-amz-checksum-type"] == "FULL_OBJECT"


def test_a_fifo_topic_needs_a_group_and_gives_rising_sequence_numbers(services):
    _, created = sns(
        services, **{"Action": "CreateTopic", "Name": "t.fifo", "Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true"}
    )
    arn = "arn:aws:sns:us-east-1:123456789012:t.fifo"
    assert arn in created
    status, refused = sns(services, Action="Publish", TopicArn=arn, Message="m")
    assert (status, "<Code>InvalidParameter</Code>" in refused) == (400, True)
    answers = [sns(services, Action="Publish", TopicArn=arn, Message="m", MessageGroupId="g", MessageDeduplicationId=d)[1] for d in "ab"]
    first, second = (int(answer.split("<SequenceNumber>")[1].split("<")[0]) for answer in answers)
    assert len(str(first)) == 20
    assert second > first


def test_a_topic_that_is_not_there_is_called_a_topic(services):
    status, refused = sns(services, Action="Publish", TopicArn="arn:aws:sns:us-east-1:123456789012:nope", Message="m")
    assert (status, "Topic does not exist" in refused) == (404, True)


def test_events_with_malformed_details_are_told_apart(services):
    status, answer = put_events(services, '{"a": 1}', "not json", '"text"', '{"b": 2}')
    assert (status, answer["FailedEntryCount"]) == (200, 2)
    assert ["EventId" in entry for entry in answer["Entries"]] == [True, False, False, True]
    assert answer["Entries"][1] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def test_only_malformed_events_reach_nobody(services):
    assert put_events(services, "{")[1]["FailedEntryCount"] == 1


@pytest.mark.parametrize("name", ["Source", "DetailType", "Detail"])
def test_an_event_that_lacks_a_part_is_told_which(services, name):
    entry = {"Source": "tests", "DetailType": "made", "Detail": "{}"}
    status, answer = put(services, [{key: value for key, value in entry.items() if key != name}, entry])
    assert (status, answer["FailedEntryCount"], "EventId" in answer["Entries"][1]) == (200, 1, True)
    reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
    assert answer["Entries"][0] == {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}


def test_an_event_for_a_bus_that_is_not_there_is_taken(services):
    entry = {"Source": "tests", "DetailType": "made", "Detail": "{}"}
    status, answer = put(services, [{**entry, "EventBusName": "nope"}, entry])
    assert (status, answer["FailedEntryCount"]) == (200, 0)
    assert len({entry["EventId"] for entry in answer["Entries"]}) == 2


@pytest.mark.parametrize("count", [0, 11])
def test_one_request_brings_one_to_ten_events(services, count):
    status, answer = put_events(services, *["{}"] * count)
    assert (status, answer["__type"].rpartition("#")[2]) == (400, "ValidationException")


ARN = "arn:aws:sns:us-east-1:123456789012:t"
NULL = "1 validation error detected: Value null at 'message' failed to satisfy constraint: Member must not be null"


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"TopicArn": ARN}, "ValidationError", NULL),
        ({"TopicArn": ARN, "Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
        (
            {"Message": "m"},
            "InvalidParameter",
            "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
        ),
        (
            {"TopicArn": "t", "Message": "m"},
            "InvalidParameter",
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
        ),
        ({"TargetArn": ARN.replace("us-east-1", "eu-west-1"), "Message": "m"}, "InvalidParameter", "Invalid parameter: TargetArn"),
        (
            {"TopicArn": ARN, "Message": "m", "MessageStructure": "json"},
            "InvalidParameter",
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            {"TopicArn": ARN, "Message": '{"sqs": "m"}', "MessageStructure": "json"},
            "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
    ],
    ids=["no message", "empty", "nowhere", "no ARN", "other region", "no JSON", "no default"],
)
def test_what_cannot_be_published_is_refused_in_the_words_of_sns(services, parameters, code, words):
    send_sns = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"Action": "Publish", "Version": "2010-03-31", **parameters}).encode()
    status, _, answer = asyncio.run(services.transport("POST", "http://sns/", send_sns, body, service="sns", region="us-east-1"))
    message = escape(words)
    assert (status, f"<Code>{code}</Code><Message>{message}</Message>" in answer.decode()) == (400, True)


@pytest.mark.parametrize("body", [{}, {"MessageBody": None}, {"MessageBody": ""}], ids=["none", "null", "empty"])
def test_a_message_to_a_queue_has_a_body(services, body):
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    status, headers, answer = send(services, "sqs", headers=headers, body=json.dumps({"QueueUrl": "http://q/1/q", **body}).encode())
    assert (status, headers["x-amzn-query-error"]) == (400, "MissingParameter;Sender")
    assert json.loads(answer)["message"] == "The request must contain the parameter MessageBody."


def test_a_message_by_the_query_protocol_has_a_body(services):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"Action": "SendMessage", "QueueUrl": "http://q/1/q", "MessageBody": ""}).encode()
    status, _, answer = send(services, "sqs", headers=headers, body=body)
    assert (status, b"<Code>MissingParameter</Code>" in answer) == (400, True)


@pytest.mark.parametrize(("name", "status"), [("good/name-1", 200), ("bad name", 400)])
def test_a_secret_has_a_plain_name(services, name, status):
    headers = {"X-Amz-Target": "secretsmanager.CreateSecret", "Content-Type": "application/x-amz-json-1.1"}
    assert send(services, "secretsmanager", headers=headers, body=json.dumps({"Name": name, "SecretString": "s"}).encode())[0] == status


def as_json(services, service, target, parameters):
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    status, _, body = asyncio.run(
        services.transport("POST", "http://anywhere/", headers, json.dumps(parameters).encode(), service=service, region="us-east-1")
    )
    return status, json.loads(body)


def test_a_secret_that_is_not_there_is_a_bad_request(services):
    status, answer = as_json(services, "secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": "nope"})
    assert (status, answer["__type"]) == (400, "ResourceNotFoundException")


def test_a_secret_that_is_deleted_is_refused_in_the_services_words(services):
    as_json(services, "secretsmanager", "secretsmanager.CreateSecret", {"Name": "s", "SecretString": "x"})
    as_json(services, "secretsmanager", "secretsmanager.DeleteSecret", {"SecretId": "s"})
    status, answer = as_json(services, "secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": "s"})
    message = "You can't perform this operation on the secret because it was marked for deletion."
    assert (status, answer) == (400, {"__type": "InvalidRequestException", "message": message})


def test_of_a_parameter_that_is_not_there_nothing_is_said(services):
    assert as_json(services, "ssm", "AmazonSSM.GetParameter", {"Name": "nope"}) == (400, {"__type": "ParameterNotFound"})


def test_a_task_of_ecs_needs_its_definition_and_an_instance(services):
    target = "AmazonEC2ContainerServiceV20141113"
    as_json(services, "ecs", f"{target}.CreateCluster", {"clusterName": "c"})
    task = {"cluster": "c", "taskDefinition": "t"}
    missing = {"__type": "ClientException", "message": "TaskDefinition not found."}
    assert as_json(services, "ecs", f"{target}.RunTask", task) == (400, missing)
    definition = {"family": "t", "containerDefinitions": [{"name": "a", "image": "b", "memory": 1}]}
    as_json(services, "ecs", f"{target}.RegisterTaskDefinition", definition)
    refusal = {"__type": "InvalidParameterException", "message": "No Container Instances were found in your cluster."}
    assert as_json(services, "ecs", f"{target}.RunTask", task) == (400, refusal)
