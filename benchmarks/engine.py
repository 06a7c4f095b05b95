"""How fast the engine is, in this process, without HTTP.

Prints one line for each measurement: what was measured, the figure, the aim, and the ratio of the two (1.0 and more is good). Seconds are
those of the processor, and the best of several runs counts, because the machine has other work too.

    python benchmarks/engine.py [--repeat 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Callable

from stepstack.clock import Clock, Randomness
from stepstack.in_process import PythonTasks, run
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.ports import Environment
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.language import parse

ARN = "arn:aws:states:us-east-1:123456789012"


def pass_and_choice_machine() -> str:
    """Ten states: five Pass and five Choice, then one Pass that ends."""
    states: dict = {}
    for index in range(0, 10, 2):
        following = f"S{index + 2}" if index < 8 else "End"
        states[f"S{index}"] = {"Type": "Pass", "Next": f"S{index + 1}"}
        rule = {"Variable": "$.n", "NumericGreaterThan": 5, "Next": following}
        states[f"S{index + 1}"] = {"Type": "Choice", "Choices": [rule], "Default": "End"}
    states["End"] = {"Type": "Pass", "End": True}
    return json.dumps({"StartAt": "S0", "States": states})


def jsonata_machine() -> str:
    """Ten Pass states, each with a JSONata expression in its Output and one in its Assign."""
    states: dict = {}
    for index in range(10):
        state = {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}, "Assign": {"last": "{% $states.input.n %}"}}
        states[f"S{index}"] = {**state, **({"Next": f"S{index + 1}"} if index < 9 else {"End": True})}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "S0", "States": states})


def map_machine() -> str:
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    return json.dumps({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}})


def executions_per_second(definition: str, count: int) -> float:
    run(definition, {"n": 7})
    started = time.process_time()
    for _ in range(count):
        run(definition, {"n": 7})
    return count / (time.process_time() - started)


def map_seconds(items: int) -> float:
    values = list(range(items))
    started = time.process_time()
    assert run(map_machine(), values, event_limit=10**9).status == "SUCCEEDED"
    return time.process_time() - started


def cpu_share_of_parked_executions(count: int, seconds: float) -> float:
    """The share of one core that `count` executions take which all wait, on a real clock."""
    return asyncio.run(_parked(count, seconds))


async def _parked(count: int, seconds: float) -> float:
    machine = parse(json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}))
    randomness = Randomness()
    environment = Environment(
        clock=Clock(asyncio.get_running_loop(), 1.0), randomness=randomness, tasks=PythonTasks({}), tokens=TaskTokens(randomness)
    )
    executions = [
        Execution(
            machine,
            arn=f"{ARN}:execution:m:{index}",
            name=str(index),
            input_text="{}",
            environment=environment,
            state_machine_arn=f"{ARN}:stateMachine:m",
            state_machine_name="m",
        )
        for index in range(count)
    ]
    for execution in executions:
        execution.start()
    await asyncio.sleep(0.5)
    before = time.process_time()
    await asyncio.sleep(seconds)
    used = time.process_time() - before
    for execution in executions:
        execution.stop()
    await asyncio.sleep(0)
    return used / seconds


def peak_memory_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def best(measure: Callable[[], float], repeat: int, *, highest: bool) -> float:
    figures = [measure() for _ in range(repeat)]
    return max(figures) if highest else min(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    plain, jsonata = pass_and_choice_machine(), jsonata_machine()
    rows = [
        (
            "ten Pass and Choice states, executions/s",
            best(lambda: executions_per_second(plain, 2000), options.repeat, highest=True),
            2000,
            True,
        ),
        ("ten JSONata states, executions/s", best(lambda: executions_per_second(jsonata, 300), options.repeat, highest=True), 400, True),
    ]
    small = best(lambda: map_seconds(10_000), options.repeat, highest=False)
    large = best(lambda: map_seconds(20_000), options.repeat, highest=False)
    rows += [
        ("inline Map over 10,000 items, s", small, 2.0, False),
        ("20,000 items against 10,000, times", large / small, 2.5, False),
        ("peak memory so far, MB", peak_memory_megabytes(), 500, False),
        ("1,000 executions parked in Wait, share of a core", cpu_share_of_parked_executions(1000, 3.0), 0.01, False),
    ]
    print(f"{'measured':52} {'figure':>10} {'aim':>8} {'ratio':>7}")
    for name, figure, aim, is_rate in rows:
        ratio = figure / aim if is_rate else aim / max(figure, 1e-9)
        print(f"{name:52} {figure:10.3f} {aim:8} {ratio:7.1f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as target:  # noqa: PTH123 - a path from the command line
            json.dump({name: figure for name, figure, _, _ in rows}, target, indent=2)


if __name__ == "__main__":
    main()
