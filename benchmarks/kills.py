"""kill -9 under load, again and again: what `stepstack serve --data` acknowledged must be there afterwards.

In each round clients use most operations that change something, over raw HTTP; at a random moment the server is killed. The next one, on
the same folder, is asked for everything that was acknowledged (`kills_ledger.py`): all of that round, some of earlier ones, at the end all.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
from collections.abc import Iterator

from kills_ledger import Ledger
from load_clients import Client
from server_process import ServerProcess, stepstack_server
from sizes import Size
from tables import Row, Table, count, median, milliseconds
from workload import ROLE, THREE_STATES

from stepstack.clock import Randomness

__all__ = ["measure"]

SEED = 20261121
SECONDS = (0.2, 1.5)
"""When the kill comes."""
STARTERS = 4
OLDER = 300
"""How many executions of earlier rounds are compared in each round."""
GONE = (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError)

WAIT = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 2, "Next": "Done"}, "Done": {"Type": "Succeed"}}})
FAIL = json.dumps({"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Broken"}}})
MAP = json.dumps(
    {
        "StartAt": "Map",
        "States": {
            "Map": {
                "Type": "Map",
                "Label": "Each",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Do",
                    "States": {"Do": {"Type": "Pass", "End": True}},
                },
                "End": True,
            }
        },
    }
)


def _activity(arn: str) -> str:
    return json.dumps({"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": arn, "End": True}}})


def _callback(child: str) -> str:
    parameters = {"StateMachineArn": child, "Name.$": "$.child", "Input": {"token.$": "$$.Task.Token"}}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken",
        "Parameters": parameters,
        "End": True,
    }
    return json.dumps({"StartAt": "Ask", "States": {"Ask": task}})


class Refused(Exception):
    """An answer that is none of those that the load expects."""


class Load:
    """The clients of one round; what they were answered goes into the ledger."""

    def __init__(self, endpoint: str, ledger: Ledger) -> None:
        self.endpoint = endpoint
        self.ledger = ledger
        self.machines: dict[str, str] = {}
        self.activity = ""

    async def prepare(self) -> None:
        client = await Client(self.endpoint).connect()
        self.activity = (await self.call(client, "CreateActivity", name="work"))["activityArn"]
        texts = {"three": THREE_STATES, "wait": WAIT, "fail": FAIL, "map": MAP, "activity": _activity(self.activity)}
        for name, text in texts.items():
            self.machines[name] = await self.create(client, name, text)
        self.machines["callback"] = await self.create(client, "callback", _callback(self.machines["three"]))

    async def call(self, client: Client, operation: str, **params: object) -> dict:
        status, answer = await client.stepfunctions(operation, params)
        if status != 200:
            raise Refused(f"{operation}: {status} {answer}")
        self.ledger.acknowledged(operation)
        return answer

    async def create(self, client: Client, name: str, text: str) -> str:
        arn = (await self.call(client, "CreateStateMachine", name=name, definition=text, roleArn=ROLE))["stateMachineArn"]
        self.ledger.machines.setdefault(arn, {"definition": text})
        return arn

    async def start(self, client: Client, kind: str, value: object, name: str | None = None, **expected: object) -> str:
        text = json.dumps(value)
        names = {"name": name} if name else {}
        answer = await self.call(client, "StartExecution", stateMachineArn=self.machines[kind], input=text, **names)
        self.ledger.started(answer["executionArn"], kind, text, **expected)
        return answer["executionArn"]

    def execution(self, kind: str, name: str) -> str:
        return f"{self.machines[kind].replace(':stateMachine:', ':execution:')}:{name}"

    async def finish(self, client: Client, arn: str) -> None:
        """Sees the execution finished, and notes how it then answers."""
        for _ in range(100):
            described = await self.call(client, "DescribeExecution", executionArn=arn)
            if described["status"] != "RUNNING":
                history = await self.call(client, "GetExecutionHistory", executionArn=arn)
                self.ledger.finished(arn, described, history)
                return
            await asyncio.sleep(0.005)

    # --------------------------------------------------------------------------------------------------------------------- the clients

    async def starter(self, client: Client) -> None:
        for number in itertools.count():
            arn = await self.start(client, "three", {"order": number})
            if number % 2:
                await self.finish(client, arn)

    async def waiter(self, client: Client) -> None:
        for _ in range(20):
            await self.start(client, "wait", {})

    async def mapper(self, client: Client) -> None:
        while True:
            arn = await self.start(client, "map", [1, 2, 3], may_abort=True)
            await self.finish(client, arn)
            for run in (await self.call(client, "ListMapRuns", executionArn=arn))["mapRuns"]:
                described = await self.call(client, "DescribeMapRun", mapRunArn=run["mapRunArn"])
                children = await self.call(client, "ListExecutions", mapRunArn=run["mapRunArn"])
                self.ledger.map_runs[run["mapRunArn"]] = (described, children)

    async def redriver(self, client: Client) -> None:
        while True:
            arn = await self.start(client, "fail", {})
            await self.finish(client, arn)
            self.ledger.unsettled(arn)
            await self.call(client, "RedriveExecution", executionArn=arn)
            self.ledger.executions[arn].redrives += 1
            await self.finish(client, arn)

    async def worker(self, client: Client) -> None:
        while True:
            name = self.ledger.chance.uuid()
            await self.start(client, "activity", name, name)
            task = await self.call(client, "GetActivityTask", activityArn=self.activity, workerName="worker")
            if task:
                output = json.dumps(self.ledger.chance.uuid())
                await self.call(client, "SendTaskHeartbeat", taskToken=task["taskToken"])
                await self.call(client, "SendTaskSuccess", taskToken=task["taskToken"], output=output)
                # It may be the task of an execution whose start was written and not acknowledged any more.
                self.ledger.answers[self.execution("activity", json.loads(task["input"]))] = output

    async def caller_back(self, client: Client) -> None:
        while True:
            child = self.ledger.chance.uuid()
            arn = await self.start(client, "callback", {"child": child}, may_abort=True)
            child_arn = self.execution("three", child)
            for _ in range(200):
                status, answer = await client.stepfunctions("DescribeExecution", {"executionArn": child_arn})
                if status == 200:
                    break
            else:
                continue
            self.ledger.started(child_arn, "three", answer["input"])
            await asyncio.sleep(0.002)  # until the parent has seen its call answered
            output = json.dumps({"answer": child})
            await self.call(client, "SendTaskSuccess", taskToken=json.loads(answer["input"])["token"], output=output)
            self.ledger.executions[arn].expect(output)

    async def author(self, client: Client) -> None:
        while True:
            arn = await self.create(client, self.ledger.chance.uuid(), THREE_STATES)
            machine = self.ledger.machines[arn]
            version = await self.call(client, "PublishStateMachineVersion", stateMachineArn=arn)
            machine["versions"] = [version["stateMachineVersionArn"]]
            routing = [{"stateMachineVersionArn": version["stateMachineVersionArn"], "weight": 100}]
            alias = await self.call(client, "CreateStateMachineAlias", name="live", routingConfiguration=routing)
            machine["alias"] = (alias["stateMachineAliasArn"], routing)
            tags = [{"key": "a", "value": self.ledger.chance.uuid()}]
            await self.call(client, "TagResource", resourceArn=arn, tags=tags)
            machine["tags"] = tags
            machine.pop("definition")
            await self.call(client, "UpdateStateMachine", stateMachineArn=arn, definition=WAIT)
            machine["definition"] = WAIT
            if self.ledger.chance.random() < 0.2:
                del self.ledger.machines[arn]
                await self.call(client, "DeleteStateMachine", stateMachineArn=arn)
                self.ledger.deleted.add(arn)

    async def until_killed(self) -> list[BaseException]:
        works = [*[self.starter] * STARTERS, self.waiter, self.mapper, self.redriver, self.worker, self.caller_back, self.author]
        clients = await asyncio.gather(*(Client(self.endpoint).connect() for _ in works))
        ends = await asyncio.gather(*(work(client) for work, client in zip(works, clients, strict=True)), return_exceptions=True)
        return [end for end in ends if isinstance(end, BaseException) and not isinstance(end, GONE)]


async def _round(server: ServerProcess, ledger: Ledger, chance: Randomness) -> list[str]:
    """Load until the kill; what was refused meanwhile."""
    load = Load(server.endpoint, ledger)
    await load.prepare()
    asyncio.get_running_loop().call_later(chance.uniform(*SECONDS), server.process.kill)
    refusals = await load.until_killed()
    server.process.wait()
    return [f"refused: {refusal!r}" for refusal in refusals]


def measure(size: Size) -> Iterator[Table]:
    chance = Randomness(SEED)
    ledger, problems, restarts = Ledger(chance), [], []
    with tempfile.TemporaryDirectory() as folder:
        options = ("--data", folder, "--keep-executions", "10000000")
        for _ in range(size.kills):
            with stepstack_server(*options) as server:
                restarts.append(server.ready_seconds)
                problems += asyncio.run(ledger.problems(server.endpoint, older=OLDER))
                problems += asyncio.run(_round(server, ledger, chance))
        with stepstack_server(*options) as server:
            restarts.append(server.ready_seconds)
            problems += asyncio.run(ledger.problems(server.endpoint, older=None))
    yield Table(
        f"{size.kills} times kill -9 under load, with --data",
        [
            Row("operations acknowledged", count(sum(ledger.counts.values()))),
            Row("executions acknowledged", count(len(ledger.executions))),
            Row("of them seen finished, and whole again", count(sum(1 for kept in ledger.executions.values() if kept.told is not None))),
            Row("of them aborted with a cause: a call was on its way", count(len(ledger.aborted))),
            Row("state machines acknowledged", count(len(ledger.machines))),
            Row("start to first answer, median", milliseconds(median(restarts))),
            Row("start to first answer, the longest", milliseconds(max(restarts))),
            Row("lost or changed", count(len(problems)), aim="0", met=not problems),
        ],
        note="\n".join(problems[:20]),
    )
