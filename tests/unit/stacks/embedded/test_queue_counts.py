"""Queues' numbers of messages, counted when they are asked for."""

from __future__ import annotations

import asyncio
import json

import pytest
from moto import mock_aws
from moto.sqs.models import Queue

from stepstack.stacks.embedded.queue_counts import LateCount
from stepstack.stacks.embedded.services import EmbeddedServices

COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"]


@pytest.fixture
def sqs():
    services = EmbeddedServices()

    def call(operation, **params):
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        work = services.transport("POST", "http://sqs/", headers, json.dumps(params).encode(), service="sqs", region="us-east-1")
        status, _, body = asyncio.run(work)
        assert status == 200, body
        return json.loads(body)

    yield call
    services.close()


@pytest.mark.parametrize("names", [COUNTS, ["All"]], ids=["by name", "all"])
def test_a_queue_counts_what_is_visible_delayed_and_in_flight(sqs, names):
    url = sqs("CreateQueue", QueueName="counted")["QueueUrl"]
    for number in range(6):
        sqs("SendMessage", QueueUrl=url, MessageBody=str(number), DelaySeconds=60 if number == 0 else 0)
    received = sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    attributes = sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    assert [attributes[name] for name in COUNTS] == ["3", "1", "2"]
    assert [message["Body"] for message in received] == ["1", "2"]
    sqs("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"], VisibilityTimeout=0)
    sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=received[1]["ReceiptHandle"])
    attributes = sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    assert [attributes[name] for name in COUNTS] == ["4", "1", "0"]


def test_attributes_that_are_no_counts_cost_no_counting(sqs, monkeypatch):
    url = sqs("CreateQueue", QueueName="uncounted")["QueueUrl"]
    counted = []
    monkeypatch.setattr(LateCount, "__str__", lambda late: counted.append(late) or "0")
    sqs("SendMessage", QueueUrl=url, MessageBody="x")
    sqs("ReceiveMessage", QueueUrl=url)
    assert not counted
    sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=COUNTS[:1])
    assert counted


def test_a_late_count_is_a_number():
    late = LateCount(lambda: 3)
    assert (late, str(late), int(late), range(5)[late], hash(late)) == (3, "3", 3, 3, hash(3))
    assert late == LateCount(lambda: 3)


def test_who_looks_into_moto_s_queues_outside_of_a_stack_finds_numbers(sqs):
    sqs("CreateQueue", QueueName="of-the-stack")
    with mock_aws():
        queue = Queue("own", "us-east-1", "123456789012")
        counts = [
            queue.approximate_number_of_messages,
            queue.approximate_number_of_messages_delayed,
            queue.approximate_number_of_messages_not_visible,
        ]
    assert counts == [0, 0, 0]
    assert {type(count) for count in counts} == {int}
