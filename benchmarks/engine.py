"""How fast the engine is, in this process, without HTTP.

Seconds are those of the processor, because the machine has other work too. The best of several runs counts; the median stands beside it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Callable

from sizes import Size
from tables import Row, Table, count, median, milliseconds, times
from workload import CRUD_DEFINITION

from stepstack.clock import Clock, Randomness
from stepstack.in_process import PythonTasks, run
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.payload import EMPTY_OBJECT
from stepstack.interpreter.ports import Environment
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.language import parse

__all__ = ["measure"]

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
            execution_input=EMPTY_OBJECT,
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


def parse_seconds(repeat: int) -> float:
    """The time to parse the CRUD definition once: the mean of `repeat`."""
    parse(CRUD_DEFINITION)
    started = time.process_time()
    for _ in range(repeat):
        parse(CRUD_DEFINITION)
    return (time.process_time() - started) / repeat


def measure(size: Size) -> list[Table]:
    table = Table(
        "The engine in process, on one core",
        [
            *_rates(size),
            _seconds_row("parsing the CRUD definition", lambda: parse_seconds(max(1, size.calls // 3)), size, aim=0.002),
            *_maps(size),
            _parked_row(size),
        ],
        head=("measured", "best", "median", "ratio", "aim", ""),
    )
    return [table]


def _rates(size: Size) -> list[Row]:
    rows = []
    for measured, definition, executions, aim in (
        ("ten Pass and Choice states, executions/s", pass_and_choice_machine(), size.engine_executions, 2000),
        ("ten JSONata states, executions/s", jsonata_machine(), max(1, size.engine_executions // 6), 400),
    ):
        rates = [executions_per_second(definition, executions) for _ in range(size.repeat)]
        rows.append(
            Row(
                measured, count(max(rates)), count(median(rates)), f"{max(rates) / aim:.1f} of the aim", f"> {count(aim)}", max(rates) > aim
            )
        )
    return rows


def _maps(size: Size) -> list[Row]:
    pairs = [(map_seconds(size.map_items), map_seconds(size.map_items * 2)) for _ in range(size.repeat)]
    small, large = (min(figures) for figures in zip(*pairs, strict=True))
    middles = [median(figures) for figures in zip(*pairs, strict=True)]
    memory = peak_memory_megabytes()
    return [
        Row(f"inline Map over {count(size.map_items)} items", milliseconds(small), milliseconds(middles[0]), "", "< 2,000 ms", small < 2),
        Row(
            f"inline Map over {count(size.map_items * 2)} items (ratio: to half of them)",
            milliseconds(large),
            milliseconds(middles[1]),
            times(large, small),
            "2 x",
            large / small < 2.5,
        ),
        Row("peak memory of the process so far", f"{memory:.0f} MB", aim="< 500 MB", met=memory < 500),
    ]


def _seconds_row(measured: str, take: Callable[[], float], size: Size, *, aim: float) -> Row:
    figures = [take() for _ in range(size.repeat)]
    return Row(measured, milliseconds(min(figures)), milliseconds(median(figures)), aim=f"< {aim * 1000:g} ms", met=min(figures) < aim)


def _parked_row(size: Size) -> Row:
    share = cpu_share_of_parked_executions(size.parked, min(3.0, size.repeat))
    return Row(f"{count(size.parked)} executions parked in Wait, share of a core", f"{share:.4f}", aim="0", met=share < 0.01)
