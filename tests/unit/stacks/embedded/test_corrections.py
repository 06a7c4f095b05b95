import asyncio
import json
from urllib.parse import urlencode

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
    entries = [{"Source": "tests", "DetailType": "made", **({} if detail is None else {"Detail": detail})} for detail in details]
    headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}
    status, _, body = send(services, "events", headers=headers, body=json.dumps({"Entries": entries}).encode())
    return status, json.loads(body)


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
def test_an_object_says_that_it_is_encrypted(services, method):
    send(services, "s3", "PUT", "/bucket")
    send(services, "s3", "PUT", "/bucket/key", body=b"x")
    status, headers, _ = send(services, "s3", method, "/bucket/key", body=b"x" if method == "PUT" else b"")
    assert (status, headers["x-amz-server-side-encryption"]) == (200, "AES256")


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


@pytest.mark.parametrize(("name", "status"), [("good/name-1", 200), ("bad name", 400)])
def test_a_secret_has_a_plain_name(services, name, status):
    headers = {"X-Amz-Target": "secretsmanager.CreateSecret", "Content-Type": "application/x-amz-json-1.1"}
    assert send(services, "secretsmanager", headers=headers, body=json.dumps({"Name": name, "SecretString": "s"}).encode())[0] == status
