"""Thousands of task tokens handed out through the embedded SQS, beside the same number of activities.

All are outstanding at once, then all are answered. `load.py` has the same without any other service.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from load_clients import Client
from server_process import ServerProcess, stepstack_up
from sizes import Size
from tables import Comparison, count
from workload import ROLE

__all__ = ["measure"]

CLIENTS = 16
DEADLINE_SECONDS = 300.0


def measure(size: Size) -> Iterator[Comparison]:
    activities, queue = asyncio.run(_run(_Activities(), size.callbacks)), asyncio.run(_run(_Queue(), size.callbacks))
    steps = (
        "all started, every token handed out, s",
        "all received, s",
        "all answered, s",
        "executions that have not succeeded then",
        "memory, MB",
    )
    cells = [(step, *figures) for step, *figures in zip(steps, activities, queue, strict=True)]
    yield Comparison(
        f"{count(size.callbacks)} task tokens outstanding at once", ("", "activities", "sqs:sendMessage.waitForTaskToken"), cells
    )


async def _call(client: Client, target: str, params: dict[str, Any]) -> dict[str, Any]:
    status, answer = await client.call(target, params)
    assert status == 200, answer
    return answer


class _Activities:
    """Tokens that workers poll for."""

    async def state(self, client: Client) -> dict[str, Any]:
        self.arn = (await _call(client, "AWSStepFunctions.CreateActivity", {"name": "tokens"}))["activityArn"]
        return {"Type": "Task", "Resource": self.arn, "End": True}

    async def handed_out(self, client: Client) -> int | None:
        return None

    async def receive(self, client: Client) -> list[str]:
        return [(await _call(client, "AWSStepFunctions.GetActivityTask", {"activityArn": self.arn}))["taskToken"]]


class _Queue:
    """Tokens in messages of a queue; those received are deleted."""

    async def state(self, client: Client) -> dict[str, Any]:
        self.url = (await _call(client, "AmazonSQS.CreateQueue", {"QueueName": "tokens"}))["QueueUrl"]
        parameters = {"QueueUrl": self.url, "MessageBody": {"token.$": "$$.Task.Token"}}
        return {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": parameters, "End": True}

    async def handed_out(self, client: Client) -> int | None:
        wanted = {"QueueUrl": self.url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return int((await _call(client, "AmazonSQS.GetQueueAttributes", wanted))["Attributes"]["ApproximateNumberOfMessages"])

    async def receive(self, client: Client) -> list[str]:
        answer = await _call(client, "AmazonSQS.ReceiveMessage", {"QueueUrl": self.url, "MaxNumberOfMessages": 10})
        messages = answer.get("Messages", [])
        if messages:
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
            await _call(client, "AmazonSQS.DeleteMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        return [json.loads(message["Body"])["token"] for message in messages]


async def _run(source: _Activities | _Queue, callbacks: int) -> list[str]:
    with stepstack_up("--keep-executions", str(callbacks * 2)) as server:
        clients = await asyncio.gather(*(Client(server.endpoint).connect() for _ in range(CLIENTS)))
        return await asyncio.wait_for(_figures(source, server, clients, callbacks), DEADLINE_SECONDS)


async def _figures(source: _Activities | _Queue, server: ServerProcess, clients: list[Client], callbacks: int) -> list[str]:
    definition = json.dumps({"StartAt": "S", "States": {"S": await source.state(clients[0])}})
    machine = await _call(clients[0], "AWSStepFunctions.CreateStateMachine", {"name": "m", "definition": definition, "roleArn": ROLE})
    begin = time.perf_counter()
    executions = await _all(clients, range(callbacks), lambda client, _: _start(client, machine["stateMachineArn"]))
    while await source.handed_out(clients[0]) not in {None, callbacks}:  # noqa: ASYNC110 - the server is another process
        await asyncio.sleep(0.05)
    handed_out = time.perf_counter()
    batches = -(-callbacks // 10) if isinstance(source, _Queue) else callbacks
    tokens = [token for got in await _all(clients, range(batches), lambda client, _: source.receive(client)) for token in got]
    while len(tokens) < callbacks:
        tokens += await source.receive(clients[0])
    received = time.perf_counter()
    memory = server.memory_megabytes()
    await _all(
        clients, tokens, lambda client, token: _call(client, "AWSStepFunctions.SendTaskSuccess", {"taskToken": token, "output": "{}"})
    )
    answered = time.perf_counter()
    described = await _all(
        clients, executions, lambda client, arn: _call(client, "AWSStepFunctions.DescribeExecution", {"executionArn": arn})
    )
    failed = sum(execution["status"] != "SUCCEEDED" for execution in described)
    seconds = (handed_out - begin, received - handed_out, answered - received)
    return [*(f"{figure:.1f}" for figure in seconds), count(failed), f"{memory:.0f}"]


async def _start(client: Client, machine: str) -> str:
    return str((await _call(client, "AWSStepFunctions.StartExecution", {"stateMachineArn": machine}))["executionArn"])


async def _all(clients: list[Client], items: Any, work: Any) -> list[Any]:
    """What `work(client, item)` answers for each item, the clients side by side."""
    waiting = list(items)
    answers: list[Any] = []

    async def work_off(client: Client) -> None:
        while waiting:
            answers.append(await work(client, waiting.pop()))

    await asyncio.gather(*map(work_off, clients))
    return answers
