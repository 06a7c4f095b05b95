"""What a server acknowledged to the clients of `kills.py`, and whether a later one still has it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import dataclass

from load_clients import Client

from stepstack.clock import Randomness

__all__ = ["Ledger"]

CLIENTS = 16
INTERRUPTED = "stepstack ended while this execution was running"
END_SECONDS = 10.0
"""After so long everything that went on has ended, the Waits too."""


@dataclass
class Kept:
    """One execution that was acknowledged."""

    kind: str
    input: str
    may_abort: bool = False
    """Whether it calls something: where that was on its way, it is aborted."""
    told: str | None = None
    """What its description and history looked like, once it had ended."""
    output: str | None = None
    redrives: int = 0
    is_new: bool = True

    def expect(self, output: str) -> None:
        """Its answer was acknowledged: it can't be aborted any more."""
        self.output = output
        self.may_abort = False


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class Ledger:
    def __init__(self, chance: Randomness) -> None:
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self.machines: dict[str, dict] = {}
        self.deleted: set[str] = set()
        self.executions: dict[str, Kept] = {}
        self.map_runs: dict[str, tuple[dict, dict]] = {}
        self.answers: dict[str, str] = {}
        """What workers have answered, by the executions that awaited it."""
        self.aborted: set[str] = set()
        self._found: list[str] = []

    def acknowledged(self, operation: str) -> None:
        self.counts[operation] += 1

    def started(self, arn: str, kind: str, text: str, *, may_abort: bool = False) -> None:
        self.executions[arn] = Kept(kind, text, may_abort)

    def finished(self, arn: str, described: dict, history: dict) -> None:
        self.executions[arn].told = _digest(described, history)

    def unsettled(self, arn: str) -> None:
        """It is about to change."""
        self.executions[arn].told = None

    async def problems(self, endpoint: str, *, older: int | None) -> list[str]:
        """What is not there, or not as it was; of earlier rounds `older` executions are looked at, None for all."""
        self._found = []
        # What was seen ended before must not have changed; what had not is looked at each time.
        known = [arn for arn, kept in self.executions.items() if not kept.is_new and kept.told is not None]
        chosen = known if older is None else [known[self.chance.integer(0, len(known) - 1)] for _ in range(older) if known]
        chosen += [arn for arn, kept in self.executions.items() if kept.is_new or kept.told is None]
        clients = await asyncio.gather(*(Client(endpoint).connect() for _ in range(CLIENTS)))
        await asyncio.gather(*(self._executions(client, chosen) for client in clients))
        await self._resources(clients[0])
        for kept in self.executions.values():
            kept.is_new = False
        return self._found

    async def _executions(self, client: Client, arns: list[str]) -> None:
        while arns:
            arn = arns.pop()
            kept = self.executions[arn]
            status, described = await client.stepfunctions("DescribeExecution", {"executionArn": arn})
            if status != 200:
                self._found.append(f"lost: {arn} ({kept.kind}): {described}")
                continue
            described = await self._ended(client, arn, kept, described)
            _, history = await client.stepfunctions("GetExecutionHistory", {"executionArn": arn})
            self._compare(arn, kept, described, history)
            kept.told = _digest(described, history) if described["status"] != "RUNNING" else None

    async def _ended(self, client: Client, arn: str, kept: Kept, described: dict) -> dict:
        """The description once the execution has ended; that of an activity's may wait for a worker for ever."""
        waited = 0.0
        while described["status"] == "RUNNING" and kept.kind != "activity" and waited < END_SECONDS:
            if kept.kind == "callback" and kept.output is None:
                break
            await asyncio.sleep(0.05)
            waited += 0.05
            _, described = await client.stepfunctions("DescribeExecution", {"executionArn": arn})
        return described

    def _compare(self, arn: str, kept: Kept, described: dict, history: dict) -> None:
        status = described["status"]
        if described["input"] != kept.input:
            self._found.append(f"changed: the input of {arn}")
        if kept.told is not None and kept.told != _digest(described, history):
            self._found.append(f"changed: {arn} ({kept.kind}): {described}")
        elif status == "ABORTED":
            self.aborted.add(arn)
            if not kept.may_abort or not described.get("cause", "").startswith(INTERRUPTED):
                self._found.append(f"aborted: {arn} ({kept.kind}): {described}")
        elif kept.output is not None and described.get("output") != kept.output:
            self._found.append(f"the answer is lost: {arn} ({kept.kind}): {described}")
        elif kept.kind in {"three", "wait"} and status != "SUCCEEDED":
            self._found.append(f"has not gone on: {arn} ({kept.kind}): {described}")
        elif described["redriveCount"] < kept.redrives:
            self._found.append(f"the redrive is lost: {arn}: {described}")
        events = history["events"]
        if [event["id"] for event in events] != list(range(1, len(events) + 1)):
            self._found.append(f"the history has gaps: {arn}")

    async def _resources(self, client: Client) -> None:
        for arn, output in self.answers.items():
            _, described = await client.stepfunctions("DescribeExecution", {"executionArn": arn})
            if described.get("output") != output:
                self._found.append(f"the answer of a worker is lost: {arn}: {described}")
        self.answers.clear()
        for arn, machine in self.machines.items():
            await self._machine(client, arn, machine)
        for arn in self.deleted:
            if (await client.stepfunctions("DescribeStateMachine", {"stateMachineArn": arn}))[0] == 200:
                self._found.append(f"deleted, and there again: {arn}")
        for arn, before in self.map_runs.items():
            described = (await client.stepfunctions("DescribeMapRun", {"mapRunArn": arn}))[1]
            children = (await client.stepfunctions("ListExecutions", {"mapRunArn": arn}))[1]
            if (described, children) != before:
                self._found.append(f"the Map Run is lost or changed: {arn}: {described}")

    async def _machine(self, client: Client, arn: str, machine: dict) -> None:
        status, described = await client.stepfunctions("DescribeStateMachine", {"stateMachineArn": arn})
        if status != 200 or machine.get("definition", described["definition"]) != described["definition"]:
            self._found.append(f"lost or changed: {arn}: {described}")
            return
        _, tags = await client.stepfunctions("ListTagsForResource", {"resourceArn": arn})
        if tags["tags"] != machine.get("tags", tags["tags"]):
            self._found.append(f"the tags are lost: {arn}: {tags}")
        for version in machine.get("versions", ()):
            if (await client.stepfunctions("DescribeStateMachine", {"stateMachineArn": version}))[0] != 200:
                self._found.append(f"the version is lost: {version}")
        if "alias" in machine:
            alias, routing = machine["alias"]
            status, described = await client.stepfunctions("DescribeStateMachineAlias", {"stateMachineAliasArn": alias})
            if status != 200 or described["routingConfiguration"] != routing:
                self._found.append(f"the alias is lost or changed: {alias}: {described}")
