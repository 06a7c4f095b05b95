"""The clients of `load.py`, in a process of their own: raw HTTP on one asyncio loop, so that they are not what is measured.

Each client keeps one connection. Every execution that was acknowledged is looked up at the end: none may be lost. Prints what was seen
as one JSON object.

    python benchmarks/load_clients.py http://127.0.0.1:8083 --server PID --clients 64 --seconds 60
    python benchmarks/load_clients.py http://127.0.0.1:8083 --server PID --clients 64 --executions 100000
    python benchmarks/load_clients.py http://127.0.0.1:8083 --server PID --clients 64 --seconds 10 --health
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit

from server_process import processor_seconds
from tables import median, percentile
from workload import ROLE, THREE_STATES

DEADLINE_SECONDS = 60.0


class Client:
    """One kept connection."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def connect(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    async def call(self, target: str, params: dict) -> tuple[int, dict]:
        """The status and the answer; `target` is the API's name and the operation's."""
        body = json.dumps(params).encode()
        self.writer.write(
            b"POST / HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (self.host.encode(), self.port, target.encode(), len(body), body)
        )
        status, answer = await self._answer()
        return status, json.loads(answer or b"null")

    async def health(self) -> int:
        self.writer.write(b"GET /_stepstack/health HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (self.host.encode(), self.port))
        return (await self._answer())[0]

    async def stepfunctions(self, operation: str, params: dict) -> tuple[int, dict]:
        return await self.call(f"AWSStepFunctions.{operation}", params)

    async def _answer(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE_SECONDS)
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        return int(head[9:12]), await self.reader.readexactly(length)


class Tally:
    """What all clients together have seen."""

    def __init__(self, seconds: float | None, executions: int | None) -> None:
        self.until = time.perf_counter() + seconds if seconds else float("inf")
        self.left = float("inf") if executions is None else executions
        self.latencies: list[float] = []
        self.started: list[str] = []
        self.errors: list[str] = []

    def goes_on(self) -> bool:
        self.left -= 1
        return self.left >= 0 and time.perf_counter() < self.until


async def start_executions(client: Client, machine: str, tally: Tally) -> None:
    while tally.goes_on():
        begin = time.perf_counter()
        status, answer = await client.stepfunctions("StartExecution", {"stateMachineArn": machine, "input": '{"order": 1}'})
        tally.latencies.append(time.perf_counter() - begin)
        if status == 200:
            tally.started.append(answer["executionArn"])
        else:
            tally.errors.append(str(answer))


async def ask_for_health(client: Client, tally: Tally) -> None:
    while tally.goes_on():
        begin = time.perf_counter()
        status = await client.health()
        tally.latencies.append(time.perf_counter() - begin)
        if status != 200:
            tally.errors.append(str(status))


async def lost(client: Client, arns: list[str]) -> int:
    """How many of `arns` have not succeeded; takes them from the list."""
    count = 0
    while arns:
        status, answer = await client.stepfunctions("DescribeExecution", {"executionArn": arns.pop()})
        count += status != 200 or answer["status"] != "SUCCEEDED"
    return count


async def load(options: argparse.Namespace) -> dict:
    clients = await asyncio.gather(*(Client(options.endpoint).connect() for _ in range(options.clients)))
    tally = Tally(options.seconds, options.executions)
    begin, used = time.perf_counter(), processor_seconds(options.server)
    if options.health:
        await asyncio.gather(*(ask_for_health(client, tally) for client in clients))
    else:
        _, machine = await clients[0].stepfunctions("CreateStateMachine", {"name": "load", "definition": THREE_STATES, "roleArn": ROLE})
        await asyncio.gather(*(start_executions(client, machine["stateMachineArn"], tally) for client in clients))
    seconds = time.perf_counter() - begin
    used = processor_seconds(options.server) - used
    arns = tally.started[-options.check :] if options.check else []
    return {
        "calls": len(tally.latencies),
        "seconds": seconds,
        "server_seconds": used,
        "errors": len(tally.errors),
        "first_error": tally.errors[0] if tally.errors else None,
        "median": median(tally.latencies),
        "p99": percentile(tally.latencies, 0.99),
        "longest": max(tally.latencies),
        "checked": len(arns),
        "lost": sum(await asyncio.gather(*(lost(client, arns) for client in clients))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("endpoint")
    parser.add_argument("--server", type=int, required=True, metavar="PID", help="whose processor time is reported")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--executions", type=int, help="end after so many")
    parser.add_argument("--health", action="store_true", help="ask for the server's health instead: the floor of a call")
    parser.add_argument("--check", type=int, default=10_000_000, help="how many of the latest executions are looked up at the end")
    options = parser.parse_args()
    if options.seconds is None and options.executions is None:
        parser.error("--seconds or --executions is needed")
    print(json.dumps(asyncio.run(load(options))))


if __name__ == "__main__":
    main()
