"""The pytest plugin: a suite that uses it a lot, and what it costs a suite that does not use it at all.

The first is generated: every test creates a state machine of its own and runs it once, with a mocked task and a Wait of ten seconds.
The second is one empty test, run with the plugin and with `-p no:stepstack` in turns; processor seconds are compared too, because
they are steadier than the clock's on a busy machine.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from server_process import with_bytecode
from sizes import Size
from tables import Row, Table, median, milliseconds, percentile, times

__all__ = ["measure"]

TESTS_IN_A_FILE = 50
TEST = """
def test_{number}(state_machine, mock_task):
    charge = mock_task("Charge", returns={{"paid": {number}}})
    definition = {{
        "StartAt": "Settle",
        "States": {{
            "Settle": {{"Type": "Wait", "Seconds": 10, "Next": "Charge"}},
            "Charge": {{
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {{"TableName": "t", "Item": {{}}}},
                "End": True,
            }},
        }},
    }}
    execution = state_machine(definition).run({{"order": {number}}}).succeeded()
    assert execution.output == {{"paid": {number}}}
    assert execution.states == ["Settle", "Charge"]
"""
EMPTY_TEST = "def test_nothing():\n    pass\n"
QUIET = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider"]


def measure(size: Size) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as folder:
        yield Table("The pytest plugin: a suite that uses it", _suite(Path(folder), size))
    with tempfile.TemporaryDirectory() as folder:
        yield Table("The pytest plugin: a suite that does not use it", _start(Path(folder), size))


def _suite(folder: Path, size: Size) -> list[Row]:
    for first in range(0, size.tests, TESTS_IN_A_FILE):
        tests = [TEST.format(number=number) for number in range(first, min(first + TESTS_IN_A_FILE, size.tests))]
        (folder / f"test_suite_{first}.py").write_text("\n".join(tests), encoding="utf-8")
    seconds, processor = [], []
    for _ in range(max(1, size.rounds)):
        taken, used, output = _pytest(folder, "-n", "2")
        assert re.search(rf"\b{size.tests} passed\b", output), output
        seconds.append(taken)
        processor.append(used)
    middle = median(seconds)
    aim = 20 if size.tests == 500 else None
    return [
        Row(
            f"{size.tests} tests, each its own machine, a mocked task and a Wait of 10 s, -n 2",
            f"{middle:.1f} s",
            aim=f"< {aim} s" if aim else "",
            met=middle < aim if aim else None,
        ),
        Row("of that, processor time of all processes", f"{median(processor):.1f} s"),
        Row("for each test, of two cores", milliseconds(middle * 2 / size.tests)),
    ]


def _start(folder: Path, size: Size) -> list[Row]:
    (folder / "test_nothing.py").write_text(EMPTY_TEST, encoding="utf-8")
    without, with_plugin, without_used, with_used = [], [], [], []
    _pytest(folder)
    for _ in range(size.starts):
        for options, seconds, processor in ((["-p", "no:stepstack"], without, without_used), ([], with_plugin, with_used)):
            taken, used, _ = _pytest(folder, *options)
            seconds.append(taken)
            processor.append(used)
    cost, used = median(with_plugin) - median(without), median(with_used) - median(without_used)
    return [
        Row("one empty test without the plugin", milliseconds(median(without)), milliseconds(percentile(without, 0.99))),
        Row(
            "one empty test with the plugin",
            milliseconds(median(with_plugin)),
            milliseconds(percentile(with_plugin, 0.99)),
            times(median(with_plugin), median(without)),
        ),
        Row("what the plugin costs a suite that does not use it", milliseconds(cost), aim="< 30 ms", met=cost < 0.03),
        Row("the same in processor time", milliseconds(used), aim="< 30 ms", met=used < 0.03),
    ]


def _pytest(folder: Path, *options: str) -> tuple[float, float, str]:
    """The seconds by the clock, those of the processor, and what pytest printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - the benchmark's own suite
        [sys.executable, "-m", "pytest", *QUIET, *options, "--rootdir", folder, folder],
        cwd=folder,
        env=with_bytecode({name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "STEPSTACK_"))}),
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout
