"""boto3 against `stepstack serve` and `stepstack up`, next to the floor: bare calls of the same client to the same server.

Every call and its floor are measured in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from server_process import ServerProcess, seconds_of, stepstack_server, stepstack_up
from sizes import Size
from tables import Table, median, timed_row
from workload import Workload

TEN_SECONDS = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 10, "End": True}}})


def measure(size: Size) -> Iterator[Table]:
    with stepstack_up() as server:
        calls = _calls(server, size)
    with stepstack_server("--time", "skip") as server:
        waits = _waits(server, size)
    yield Table("boto3 against the server", [*calls, *waits])
    yield Table("From the start of the process to its first answer", _starts(size))


def _calls(server: ServerProcess, size: Size) -> list:
    workload = Workload(server.endpoint)
    workload.create_table()
    machine = workload.create_state_machine()
    workload.run_create(machine)
    put, two_calls, creations, executions = [], [], [], []
    for _ in range(size.calls):
        put.append(seconds_of(workload.put_item))
        two_calls.append(seconds_of(workload.list_state_machines) + seconds_of(workload.list_state_machines))
        executions.append(seconds_of(lambda: workload.run_create(machine)))
        creations.append(seconds_of(workload.create_state_machine))
    floor = median(put) + median(two_calls)
    return [
        timed_row("floor: DynamoDB PutItem", put),
        timed_row("floor: two ListStateMachines calls", two_calls),
        timed_row("CreateStateMachine of the CRUD definition (ratio: to one bare call)", creations, floor=median(two_calls) / 2, aim=0.010),
        timed_row("a Create execution, start to seen finished (ratio: to PutItem and two calls)", executions, floor=floor, aim=0.015),
    ]


def _waits(server: ServerProcess, size: Size) -> list:
    workload = Workload(server.endpoint)
    machine = workload.create_state_machine(TEN_SECONDS)
    workload.run(machine, {})
    two_calls, waits = [], []
    for _ in range(size.calls):
        two_calls.append(seconds_of(workload.list_state_machines) + seconds_of(workload.list_state_machines))
        waits.append(seconds_of(lambda: workload.run(machine, {})))
    return [timed_row("a Wait of 10 s, skipped (ratio: to two calls)", waits, floor=median(two_calls), aim=0.050)]


def _starts(size: Size) -> list:
    with stepstack_server(), stepstack_up():
        pass  # Python keeps what it compiled
    python: list[float] = []
    seconds: dict[str, list[float]] = {"serve": [], "up": []}
    processor: dict[str, list[float]] = {"serve": [], "up": []}
    for _ in range(size.starts):
        python.append(seconds_of(lambda: subprocess.run([sys.executable, "-c", "import asyncio"], check=True)))
        for name, start in (("serve", stepstack_server), ("up", stepstack_up)):
            with start() as server:
                seconds[name].append(server.ready_seconds)
                processor[name].append(server.ready_processor_seconds)
    return [
        timed_row("floor: Python with asyncio, started and ended", python),
        timed_row("stepstack serve", seconds["serve"], floor=median(python), aim=0.5),
        timed_row("stepstack serve, processor time of it", processor["serve"], aim=0.5),
        timed_row("stepstack up", seconds["up"], floor=median(python)),
        timed_row("stepstack up, processor time of it", processor["up"]),
    ]
