"""What the image of docker/stepstack runs: its command, its health check and what it installs, without Docker."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "stepstack" / "Dockerfile").read_text(encoding="utf-8")
CREDENTIALS = (ROOT / "aws-stepfunctions-local-credentials.txt").read_text(encoding="utf-8")

SERVES = """
from stepstack.assembly import Settings, embedded_stack

definition = '{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed", "Output": "{% 1 + 1 %}"}}}'
machine = {"name": "m", "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/r"}
with embedded_stack(Settings(), with_services=False) as stack:
    assert stack.run(stack.service.call("CreateStateMachine", machine))["stateMachineArn"]
"""


def words_of(instruction: str) -> list[str]:
    """The words of a CMD in its JSON form, or of the one behind HEALTHCHECK."""
    text = DOCKERFILE.replace("\\\n", "")
    found = re.search(rf"^{instruction}.*?(\[.*\])$", text, flags=re.MULTILINE)
    assert found is not None
    return list(json.loads(found[1]))


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The image's command on a free port, with the variables of the credentials file; it and its port."""
    program, *words = words_of("CMD")
    assert program == "stepstack"
    assert words[-2:] == ["--port", "8083"]
    variables = dict(line.split("=", 1) for line in CREDENTIALS.splitlines() if line and not line.startswith("#"))
    process = subprocess.Popen(
        [sys.executable, "-m", "stepstack.cli", *words[:-1], "0"],
        env={**{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    started = re.match(r"Starting server on port (\d+) with account 123456789012, region us-east-1", process.stdout.readline())
    assert started is not None
    yield process, int(started[1])
    process.kill()
    process.communicate()


def is_healthy(port: int) -> bool:
    python, *words = [word.replace("8083", str(port)) for word in words_of("HEALTHCHECK")]
    assert python == "python"
    return subprocess.run([sys.executable, *words], capture_output=True, timeout=60, check=False).returncode == 0


def test_the_command_serves_is_healthy_and_ends_in_order_on_sigterm(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    assert is_healthy(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert not is_healthy(port)


def test_the_image_installs_what_serving_needs_and_leaves_out_what_tests_need() -> None:
    """The imports of a server are among what stays of the dependencies when the Dockerfile has taken out the others."""
    left_out = ast.literal_eval(re.search(r"not in (\{[^}]*\})", DOCKERFILE)[1])  # type: ignore[index]
    code = f"import sys; sys.modules.update(dict.fromkeys({sorted(left_out)}))\n{SERVES}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
