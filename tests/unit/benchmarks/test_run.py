"""`benchmarks/run.py`: each benchmark runs to its end, with as little as there is, and prints its tables. How fast is not asserted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[3] / "benchmarks" / "run.py"


def benchmarks(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True, check=False, timeout=110, env=environment)


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("engine", "parsing the CRUD definition"),
        ("service", "a Create execution, start to seen finished"),
        ("crowd", "calls that were not answered"),
        ("callbacks", "executions that have not succeeded then"),
        ("plugin", "what the plugin costs a suite that does not use it"),
    ],
)
def test_a_benchmark_prints_its_tables(name, measured, tmp_path):
    done = benchmarks(name, "--size", "tiny", cache=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.search(rf"^\| {measured}", done.stdout, flags=re.MULTILINE)


def test_load_makes_no_errors_and_loses_nothing(tmp_path):
    done = benchmarks("load", "--size", "tiny", cache=tmp_path)

    assert done.returncode == 0, done.stderr
    for row in ("errors", r"lost, of [\d,]+ looked up", "executions that have not succeeded then"):
        assert re.search(rf"^\| {row} +\| 0 ", done.stdout, flags=re.MULTILINE), done.stdout
    [kept] = re.findall(r"^## The same with --data.*?(?=^## )", done.stdout, flags=re.MULTILINE | re.DOTALL)
    for row in ("errors", r"lost, of [\d,]+ looked up"):
        assert re.search(rf"^\| {row} +\| 0 ", kept, flags=re.MULTILINE), kept
    assert re.search(r"^\| bytes on disk for each execution +\| [1-9]", kept, flags=re.MULTILINE), kept


def test_a_server_that_is_killed_under_load_loses_nothing_that_it_had_acknowledged(tmp_path):
    done = benchmarks("kills", "--size", "tiny", cache=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| lost or changed +\| 0 ", done.stdout, flags=re.MULTILINE), done.stdout


def test_a_comparison_leaves_out_what_is_not_installed_with_a_line(tmp_path):
    done = benchmarks("comparison", "--size", "tiny", "--no-install", cache=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| CRUD Create, start to seen finished +\| [\d.,]+ ms", done.stdout, flags=re.MULTILINE)
    assert "moto is left out: not installed" in done.stderr
    assert "ministack is left out: not installed" in done.stderr


def test_an_unknown_benchmark_is_a_usage_error(tmp_path):
    done = benchmarks("nothing", cache=tmp_path)

    assert done.returncode == 2
    assert "there is no benchmark 'nothing'" in done.stderr
