"""Load on the server: many clients over kept connections, each starting executions of a three-state machine as fast as it can.

The clients speak raw HTTP on one asyncio loop, so that they are not what is measured. Every execution that was acknowledged is looked up
at the end: none may be lost. Prints executions a second and the percentiles of StartExecution.

    python benchmarks/service_load.py --endpoint http://127.0.0.1:8083 --clients 64 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit

DEFINITION = json.dumps(
    {
        "StartAt": "Greet",
        "States": {
            "Greet": {"Type": "Pass", "Result": "hello", "ResultPath": "$.greeting", "Next": "Decide"},
            "Decide": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.greeting", "StringEquals": "hello", "Next": "Done"}],
                "Default": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }
)
ROLE = "arn:aws:iam::123456789012:role/load"


class Client:
    """One kept connection."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def call(self, operation: str, params: dict) -> tuple[int, dict]:
        body = json.dumps(params).encode()
        self.writer.write(
            b"POST / HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AWSStepFunctions.%s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (self.host.encode(), self.port, operation.encode(), len(body), body)
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        return int(head[9:12]), json.loads(await self.reader.readexactly(length))


class Tally:
    """What all clients together have seen."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.started: list[str] = []
        self.errors: list[str] = []


async def start_until(client: Client, machine: str, until: float, tally: Tally) -> None:
    while time.perf_counter() < until:
        begin = time.perf_counter()
        status, answer = await client.call("StartExecution", {"stateMachineArn": machine, "input": '{"order": 1}'})
        tally.latencies.append(time.perf_counter() - begin)
        if status == 200:
            tally.started.append(answer["executionArn"])
        else:
            tally.errors.append(str(answer))


async def lost(client: Client, arns: list[str]) -> int:
    """How many of `arns` have not succeeded."""
    count = 0
    for arn in arns:
        status, answer = await client.call("DescribeExecution", {"executionArn": arn})
        count += status != 200 or answer["status"] != "SUCCEEDED"
    return count


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:8083")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--check", type=int, default=5000, help="how many of the latest executions are looked up at the end")
    options = parser.parse_args()
    parts = urlsplit(options.endpoint)
    clients = [Client(parts.hostname, parts.port) for _ in range(options.clients)]
    for client in clients:
        await client.connect()
    _, machine = await clients[0].call("CreateStateMachine", {"name": "load", "definition": DEFINITION, "roleArn": ROLE})
    tally = Tally()
    begin = time.perf_counter()
    until = begin + options.seconds
    await asyncio.gather(*(start_until(client, machine["stateMachineArn"], until, tally) for client in clients))
    seconds = time.perf_counter() - begin
    latencies = sorted(tally.latencies)
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    missing = await lost(clients[0], tally.started[-options.check :])
    rate = len(tally.started) / seconds
    print(f"{options.clients} clients, {seconds:.0f} s: {rate:.0f} executions/s, {len(tally.errors)} errors, {missing} lost")
    print(f"StartExecution: median {p50:.1f} ms, p99 {p99:.1f} ms, longest {latencies[-1] * 1000:.1f} ms")
    if tally.errors:
        print(tally.errors[0])


if __name__ == "__main__":
    asyncio.run(main())
