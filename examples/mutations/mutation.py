"""A change that breaks an example, and the tests that should notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

EXAMPLES = Path(__file__).parent.parent
RUN_SECONDS = 240
EVENTUALLY_SECONDS = 10
"""How long a test waits for what a broken system never does."""


@dataclass(frozen=True)
class Mutation:
    """Texts in files of an example, each there exactly once, replaced by others; and the tests that fail then, all of them."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    """File, text, other text."""
    fails: frozenset[str]
    """Names `module::test`."""


def mutation(name: str, file: str, text: str, other: str, *fails: str, more: tuple[tuple[str, str, str], ...] = ()) -> Mutation:
    return Mutation(name, ((file, text, other), *more), frozenset(fails))


def failed_tests(example: str, changes: tuple[tuple[str, str, str], ...], folder: Path) -> tuple[set[str], str]:
    """The tests of a copy of the example that fail with these changes, and what pytest said."""
    project = folder / example
    shutil.copytree(EXAMPLES / example, project, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.pyc"))
    for file, text, other in changes:
        path = project / file
        before = path.read_text()
        assert before.count(text) == 1, f"{file} has {text!r} {before.count(text)} times: the mutation is out of date"
        path.write_text(before.replace(text, other))
    report = folder / "report.xml"
    words = ["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", f"--junitxml={report}"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEPSTACK_", "PYTEST_"))}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", *words],
        cwd=project,
        env={**variables, "EVENTUALLY_SECONDS": str(EVENTUALLY_SECONDS), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert report.is_file(), said
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - written by the run above
    failed = {
        f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    return failed, said
