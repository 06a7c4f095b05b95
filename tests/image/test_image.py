"""The image of docker/stepstack in the place of Step Functions Local's: what only a container shows.

Run by the environment `stepstack` of tox, whose composition has built the image; everywhere else these tests are skipped. What the image
runs is tested without Docker in tests/environment/test_image_commands.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stepstack.clock import Deadline
from stepstack.stacks.readiness import wait_until_ready
from stepstack.testing import Stack

ROLE = "arn:aws:iam::000000000042:role/r"
MOCK_FILE = "/home/StepFunctionsLocal/MockConfigFile.json"
MOCKS = {
    "StateMachines": {"orders": {"TestCases": {"Twice": {"Read": "Second"}}}},
    "MockedResponses": {"Second": {"0": {"Throw": {"Error": "Busy", "Cause": "once"}}, "1": {"Return": {"Item": {"Id": {"S": "125"}}}}}},
}
ORDERS = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 86400, "Next": "Read"},
        "Read": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": "orders", "Key": {"Id": {"S": "125"}}},
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
            "End": True,
        },
    },
}
VARIABLES = {
    "AWS_ACCOUNT_ID": "000000000042",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "DUMMYIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "DUMMYEXAMPLEKEY",
    "WAIT_TIME_SCALE": "0",
    "DYNAMODB_ENDPOINT": "http://127.0.0.1:9",
    "SFN_MOCK_CONFIG": MOCK_FILE,
}


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, timeout=120).stdout.strip()


def url_of(container: str) -> str:
    return f"http://{docker('port', container, '8083/tcp').splitlines()[0]}"


def inspected(name: str) -> Any:
    return json.loads(docker("inspect", name))[0]


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> str:
    if request.config.getoption("--stepstack-backend") != "stepstack":
        pytest.skip("the backend `stepstack` builds the image")
    return os.environ.get("STEPSTACK_IMAGE", "stepstack:local")


@pytest.fixture
def start(image: str, stepstack: Any, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Starts a container on a file system that cannot be written to; its id."""
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS), encoding="utf-8")
    (tmp_path / "mocks.json").chmod(0o644)
    tmp_path.chmod(0o755)
    started = []

    def run() -> str:
        variables = [word for item in VARIABLES.items() for word in ("--env", "=".join(item))]
        rights = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        mock_file = ["--mount", f"type=bind,source={tmp_path / 'mocks.json'},target={MOCK_FILE},readonly"]
        started.append(docker("run", "--detach", *rights, *variables, *mock_file, "--publish", "127.0.0.1::8083", image))
        return started[-1]

    yield run
    for container in started:
        docker("rm", "--force", container)


@pytest.fixture
def url(start: Callable[[], str]) -> str:
    url = url_of(start())
    wait_until_ready("stepfunctions", url, Deadline(30))
    return url


def test_it_runs_without_root_writes_nowhere_and_tells_its_health(start: Callable[[], str]) -> None:
    container = start()
    deadline = Deadline(60)
    while inspected(container)["State"]["Health"]["Status"] != "healthy":
        assert not deadline.has_passed()
        deadline.pause(0.1)
    assert docker("exec", container, "id", "-u") == "10001"
    assert docker("exec", container, "id", "-g") == "10001"
    # Docker's own mount point apart.
    assert [line for line in docker("diff", container).splitlines() if not line.split()[1].startswith("/home")] == []
    assert docker("logs", container).startswith("Starting server on port 8083 with account 000000000042, region eu-west-1")


def test_it_ends_in_order_when_it_is_stopped(start: Callable[[], str]) -> None:
    container = start()
    wait_until_ready("stepfunctions", url_of(container), Deadline(30))
    docker("stop", "--time", "30", container)
    assert inspected(container)["State"]["ExitCode"] == 0


def test_it_takes_step_functions_local_s_variables_and_mock_file(url: str) -> None:
    with Stack.at({"stepfunctions": url}, backend="stepstack") as stack:
        check_orders(stack.client("stepfunctions"))


def check_orders(client: Any) -> None:
    arn = client.create_state_machine(name="orders", definition=json.dumps(ORDERS), roleArn=ROLE)["stateMachineArn"]
    assert arn == "arn:aws:states:eu-west-1:000000000042:stateMachine:orders"

    def ended(execution: str) -> dict[str, Any]:
        deadline = Deadline(30)
        while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert not deadline.has_passed()
            deadline.pause(0.05)
        return dict(found)

    mocked = ended(client.start_execution(stateMachineArn=f"{arn}#Twice")["executionArn"])
    assert json.loads(mocked["output"]) == {"Item": {"Id": {"S": "125"}}}
    called = ended(client.start_execution(stateMachineArn=arn)["executionArn"])
    assert called["status"] == "FAILED"
    assert "127.0.0.1:9" in called["cause"]


def test_it_adds_little_to_its_base(image: str, stepstack: Any) -> None:
    history = docker("history", "--human=false", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}", image)
    ours = [int(line.split()[0]) for line in history.splitlines() if "/opt/stepstack /opt/stepstack" in line]
    assert 0 < sum(ours) < 80_000_000
