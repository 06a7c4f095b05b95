"""The same workload on stepstack and on other emulators that run state machines, in one run: all servers are up, and take turns.

Each has its own process; the client is the same boto3, in this one.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import ExitStack

from other_emulators import EMULATORS
from server_process import ServerProcess, seconds_of, stepstack_up
from sizes import Size
from tables import Comparison, count, median, milliseconds, percentile
from workload import THREE_STATES, Workload

import stepstack

__all__ = ["measure"]

THREADS = 16
LATENCY_SECONDS = 10.0
"""A server that needs seconds for a call gets fewer of them."""
MEASURED = {
    "server ready": milliseconds,
    "first CreateStateMachine, CRUD definition": milliseconds,
    "CreateStateMachine, CRUD definition": milliseconds,
    "DynamoDB PutItem": milliseconds,
    "CRUD Create, start to seen finished": milliseconds,
    f"executions/s of three states, {THREADS} boto3 clients": count,
}
Samples = dict[str, list[float]]


def measure(size: Size, *, install: bool = True) -> list[Comparison]:
    with ExitStack() as stack:
        workloads: dict[str, Workload] = {}
        samples: dict[str, Samples] = {}

        def add(name: str, server: ServerProcess) -> None:
            stack.enter_context(server)
            workloads[name] = Workload(server.endpoint, connections=THREADS)
            samples[name] = defaultdict(list, {"server ready": [server.ready_seconds]})

        with stepstack_up():
            pass  # Python keeps what it compiled, as pip has compiled the others
        add(f"stepstack {stepstack.__version__}", stepstack_up())
        for emulator in EMULATORS:
            commands = emulator.commands(install=install)
            if commands is None:
                continue
            try:
                add(f"{emulator.name} {emulator.version(commands)}", emulator.start(commands))
            except (OSError, RuntimeError) as error:
                print(f"{emulator.name} is left out: {error}", file=sys.stderr)
        for name, workload in workloads.items():
            workload.create_table()
            samples[name]["first CreateStateMachine, CRUD definition"].append(seconds_of(workload.create_state_machine))
        for _ in range(size.rounds):
            for name, workload in workloads.items():
                _round(workload, samples[name], size)
    return [_comparison(samples)]


def _round(workload: Workload, samples: Samples, size: Size) -> None:
    machine, small = workload.create_state_machine(), workload.create_state_machine(THREE_STATES)
    workload.run_create(machine)
    spent = 0.0
    for _ in range(size.calls // size.rounds):
        for measured, call in {
            "CreateStateMachine, CRUD definition": workload.create_state_machine,
            "DynamoDB PutItem": workload.put_item,
            "CRUD Create, start to seen finished": lambda: workload.run_create(machine),
        }.items():
            samples[measured].append(seconds_of(call))
            spent += samples[measured][-1]
        if spent > LATENCY_SECONDS:
            break
    rate = workload.executions_per_second(small, clients=THREADS, seconds=min(size.load_seconds, LATENCY_SECONDS))
    samples[f"executions/s of three states, {THREADS} boto3 clients"].append(rate)


def _comparison(samples: dict[str, Samples]) -> Comparison:
    (ours, own), *others = samples.items()
    head = ("median", ours, *(text for name, _ in others for text in (name, "ratio")))
    cells = []
    for measured, words in MEASURED.items():
        figure = median(own[measured])
        row = [measured, words(figure)]
        for _, theirs in others:
            other = median(theirs[measured])
            row += [words(other), _ratio(figure, other, rate=words is count)]
        cells.append(row)
    taken = ", ".join(f"{name} {len(figures['CRUD Create, start to seen finished'])}" for name, figures in samples.items())
    slowest = ", ".join(f"{name} {milliseconds(percentile(s['CRUD Create, start to seen finished'], 0.99))}" for name, s in samples.items())
    return Comparison(
        "The same workload on other emulators",
        head,
        cells,
        f"A ratio says how many times as fast stepstack is. CRUD Create executions measured: {taken}; their 99th percentile: {slowest}.",
    )


def _ratio(ours: float, theirs: float, *, rate: bool) -> str:
    return f"{ours / theirs if rate else theirs / ours:.1f} x"
