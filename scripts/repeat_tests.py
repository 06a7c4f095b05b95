"""Runs the suites that use the plugin again and again under pytest-xdist, in random order, and looks at what each run leaves.

    python scripts/repeat_tests.py [--runs 50] [--workers 1,2,4,8] [TEST ...]

After each run: no test failed, no process is left, and no process of the run has left a thread, a task, a loop, an open file, a table, a
state machine, a mock or a function (`leftovers.py`). A run that fails is told with its seed, to be repeated with `--randomly-seed=N`.
Linux only: it reads /proc. The exit code is 1 where any run has failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = ["tests/crud", "tests/dynalite", "tests/unit/pytest_plugin/test_fixtures.py"]
RUN_SECONDS = 300


def main() -> int:
    parser = argparse.ArgumentParser(description="Repeats the plugin's suites under pytest-xdist and looks at what each run leaves.")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--workers", default="1,2,4,8", help="numbers of workers, taken in turn (default: 1,2,4,8)")
    parser.add_argument("tests", nargs="*", default=SUITE)
    arguments = parser.parse_args()
    workers = [int(word) for word in arguments.workers.split(",")]
    failures, seconds = 0, {number: list[float]() for number in workers}
    for run in range(arguments.runs):
        number = workers[run % len(workers)]
        began = time.monotonic()
        passed, problems = run_once(number, seed=run + 1, tests=arguments.tests)
        seconds[number].append(time.monotonic() - began)
        failures += bool(problems)
        line = f"run {run + 1}, {number} workers, seed {run + 1}: {passed} passed, {seconds[number][-1]:.1f} s"
        print(line, *problems, sep="\n  ", flush=True)
    for number, taken in seconds.items():
        if taken:
            print(f"{number} workers: {len(taken)} runs, median {statistics.median(taken):.1f} s, longest {max(taken):.1f} s")
    print(f"{arguments.runs} runs, {failures} failed")
    return 1 if failures else 0


def run_once(workers: int, *, seed: int, tests: list[str]) -> tuple[int, list[str]]:
    """How many tests passed, and what is wrong with the run."""
    mark = uuid.uuid4().hex  # noqa: TID251 - no part of the engine
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "LEFTOVERS": folder,
            "REPEATED_RUN": mark,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), str(ROOT / "src")]),
        }
        words = ["-q", "-p", "leftovers", "-p", "no:cacheprovider", "-n", str(workers), f"--randomly-seed={seed}"]
        try:
            done = subprocess.run(  # noqa: S603 - words of our own
                [sys.executable, "-m", "pytest", *words, "--stepstack-backend", "embedded", *tests],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return 0, [f"it did not end within {RUN_SECONDS} s", *str(error.stdout or "").splitlines()[-20:]]
        problems = [f"process {line}" for line in processes_of(mark)]
        problems += [line for file in sorted(Path(folder).glob("*.json")) for line in told(file)]
        if len(list(Path(folder).glob("*.json"))) != workers + 1:
            problems.append("not every process has told what it leaves")
    if done.returncode:
        problems += [f"exit code {done.returncode}", *(done.stdout + done.stderr).splitlines()[-60:]]
    counted = re.search(r"(\d+) passed", done.stdout)
    return int(counted[1]) if counted else 0, problems


def told(file: Path) -> Iterator[str]:
    for kind, left in json.loads(file.read_text(encoding="utf-8")).items():
        for one in left:
            yield f"{file.stem} leaves {kind}: {one}"


def processes_of(mark: str) -> Iterator[str]:
    """The processes that have `mark` in their environment: those of the run."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                yield f"{folder.name} {(folder / 'cmdline').read_bytes().replace(bytes(1), b' ').decode(errors='replace')}"


if __name__ == "__main__":
    sys.exit(main())
