"""Load on a server of its own: many clients, with and without a folder, a hundred thousand executions, thousands of outstanding callbacks.

The clients are `load_clients.py`, in a process of their own. The floor is what the same clients get from the server's health page.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from load_clients import Client
from server_process import ServerProcess, stepstack_server
from sizes import Size
from tables import Row, Table, count, milliseconds, times
from workload import ROLE

__all__ = ["measure"]

CALLBACK_CLIENTS = 16
DEADLINE_SECONDS = 300.0
PARENT, CHILD = "parent", "child"

KEEP_ALL = ("--keep-executions", "10000000")
"""So that each execution that was acknowledged can be looked up."""


def measure(size: Size) -> Iterator[Table]:
    floor, seen = _in_memory(size)
    yield Table(f"{size.clients} clients, {size.load_seconds:g} s, three states", _clients(floor, seen))
    yield Table(f"The same with --data: {size.clients} clients, {size.load_seconds:g} s, three states", _with_data(size, seen))
    yield Table(f"{count(size.callbacks)} callbacks outstanding at once", asyncio.run(_callbacks(size)))
    yield Table(f"Memory of the server over {count(size.memory_executions)} executions, with the default limit of 10,000", _memory(size))


def _load(server: ServerProcess, size: Size, *options: str) -> dict:
    clients = [sys.executable, str(Path(__file__).with_name("load_clients.py")), server.endpoint]
    clients += ["--clients", str(size.clients), "--server", str(server.process.pid)]
    return json.loads(subprocess.run([*clients, *options], check=True, capture_output=True, text=True).stdout)  # noqa: S603


def _in_memory(size: Size) -> tuple[dict, dict]:
    """The floor, and what the clients saw of a server that keeps everything in memory."""
    with stepstack_server(*KEEP_ALL) as server:
        floor = _load(server, size, "--seconds", str(size.load_seconds / 6), "--health")
        return floor, _load(server, size, "--seconds", str(size.load_seconds))


def _clients(floor: dict, seen: dict) -> list[Row]:
    rate, floor_rate = seen["calls"] / seen["seconds"], floor["calls"] / floor["seconds"]
    return [
        Row("floor: the health page, answers/s", count(floor_rate)),
        Row("floor: the health page, one answer", milliseconds(floor["median"]), milliseconds(floor["p99"])),
        Row("executions/s (ratio: of the floor)", count(rate), ratio=f"{rate / floor_rate:.2f}", aim="> 500", met=rate > 500),
        Row("executions for each second of the server's processor time", count(seen["calls"] / seen["server_seconds"])),
        *_answers(seen, floor),
    ]


def _with_data(size: Size, without: dict) -> list[Row]:
    """Every ratio is to the run without a folder."""
    with tempfile.TemporaryDirectory() as folder:
        with stepstack_server(*KEEP_ALL, "--data", folder) as server:
            seen = _load(server, size, "--seconds", str(size.load_seconds))
        # The server has ended: all is in one file.
        written = sum(file.stat().st_size for file in Path(folder).iterdir())
    rate, rate_without = seen["calls"] / seen["seconds"], without["calls"] / without["seconds"]
    work, work_without = seen["calls"] / seen["server_seconds"], without["calls"] / without["server_seconds"]
    return [
        Row("executions/s", count(rate), ratio=f"{rate / rate_without:.2f}", aim="> 500", met=rate > 500),
        Row("executions for each second of the server's processor time", count(work), ratio=f"{work / work_without:.2f}"),
        *_answers(seen, without),
        Row("bytes on disk for each execution", count(written / seen["calls"])),
    ]


def _answers(seen: dict, floor: dict) -> list[Row]:
    return [
        Row("share of a core that the server got", f"{seen['server_seconds'] / seen['seconds']:.2f}"),
        Row(
            "StartExecution (the aim is that of p99)",
            milliseconds(seen["median"]),
            milliseconds(seen["p99"]),
            times(seen["median"], floor["median"]),
            "< 100 ms",
            seen["p99"] < 0.1,
        ),
        Row("errors", count(seen["errors"]), aim="0", met=not seen["errors"]),
        Row(f"lost, of {count(seen['checked'])} looked up", count(seen["lost"]), aim="0", met=not seen["lost"]),
    ]


def _memory(size: Size) -> list[Row]:
    tenth = size.memory_executions // 10
    with stepstack_server() as server:
        figures = [server.memory_megabytes()]
        for _ in range(10):
            _load(server, size, "--executions", str(tenth), "--check", "0")
            figures.append(server.memory_megabytes())
    # After two tenths the limit is reached and the oldest executions make room.
    full, last = figures[2], figures[-1]
    return [
        Row("before the first", f"{figures[0]:.0f} MB"),
        *(Row(f"after {count(tenth * number)}", f"{figures[number]:.0f} MB") for number in (1, 2, 4, 6, 8)),
        Row(
            f"after {count(tenth * 10)} (ratio: to {count(tenth * 2)})",
            f"{last:.0f} MB",
            ratio=f"{last / full:.2f}",
            aim="flat",
            met=last < full * 1.1,
        ),
    ]


async def _callbacks(size: Size) -> list[Row]:
    with stepstack_server("--keep-executions", str(size.callbacks * 3)) as server:
        clients = await asyncio.gather(*(Client(server.endpoint).connect() for _ in range(CALLBACK_CLIENTS)))
        machine = await _machine(clients[0])
        begin = time.perf_counter()
        started: list[str] = []
        numbers = list(range(size.callbacks))
        await asyncio.gather(*(_start(client, machine, numbers, started) for client in clients))
        tokens: list[str] = []
        given = [arn.replace(f":{PARENT}:", f":{CHILD}:") for arn in started]
        await asyncio.wait_for(asyncio.gather(*(_tokens(client, given, tokens) for client in clients)), DEADLINE_SECONDS)
        opened = time.perf_counter() - begin
        memory, used = server.memory_megabytes(), server.processor_seconds()
        await asyncio.sleep(2)
        idle = (server.processor_seconds() - used) / 2
        begin = time.perf_counter()
        await asyncio.gather(*(_succeed(client, tokens) for client in clients))
        answered = time.perf_counter() - begin
        failed = sum(await asyncio.gather(*(_not_succeeded(client, started) for client in clients)))
    return [
        Row("all started and every token known, s", f"{opened:.1f}"),
        Row("memory of the server meanwhile", f"{memory:.0f} MB"),
        Row("share of a core while they wait", f"{idle:.3f}", aim="< 0.02", met=idle < 0.02),
        Row("SendTaskSuccess, calls/s", count(size.callbacks / answered)),
        Row("executions that have not succeeded then", count(failed), aim="0", met=not failed),
    ]


async def _machine(client: Client) -> str:
    """A state machine whose one task hands its token to an execution of another, and waits."""
    child = await _create(client, CHILD, {"Type": "Pass", "End": True})
    resource = "arn:aws:states:::states:startExecution.waitForTaskToken"
    parameters = {"StateMachineArn": child, "Name.$": "$$.Execution.Name", "Input": {"token.$": "$$.Task.Token"}}
    return await _create(client, PARENT, {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True})


async def _create(client: Client, name: str, state: dict) -> str:
    definition = json.dumps({"StartAt": "S", "States": {"S": state}})
    status, machine = await client.stepfunctions("CreateStateMachine", {"name": name, "definition": definition, "roleArn": ROLE})
    assert status == 200, machine
    return str(machine["stateMachineArn"])


async def _start(client: Client, machine: str, numbers: list[int], started: list[str]) -> None:
    while numbers:
        numbers.pop()
        status, answer = await client.stepfunctions("StartExecution", {"stateMachineArn": machine})
        assert status == 200, answer
        started.append(answer["executionArn"])


async def _tokens(client: Client, arns: list[str], tokens: list[str]) -> None:
    """Reads the tokens from the inputs of the executions `arns`, and takes them from the list; one that is not there yet is asked again."""
    while arns:
        arn = arns.pop()
        status, answer = await client.stepfunctions("DescribeExecution", {"executionArn": arn})
        if status == 200:
            tokens.append(json.loads(answer["input"])["token"])
        else:
            arns.append(arn)
            await asyncio.sleep(0.01)


async def _succeed(client: Client, tokens: list[str]) -> None:
    while tokens:
        status, answer = await client.stepfunctions("SendTaskSuccess", {"taskToken": tokens.pop(), "output": "{}"})
        assert status == 200, answer


async def _not_succeeded(client: Client, arns: list[str]) -> int:
    """How many of `arns` do not succeed; takes them from the list."""
    failed = 0
    while arns:
        arn = arns.pop()
        _, answer = await client.stepfunctions("DescribeExecution", {"executionArn": arn})
        failed += answer["status"] != "SUCCEEDED"
    return failed
