"""`stepstack serve` and `up`, as processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEPSTACK_", "WAIT_", "SFN_"))}


@pytest.fixture
def start():
    processes = []

    def run(*arguments, **variables):
        command = [sys.executable, "-m", "stepstack.cli", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**CLEAN, **variables})
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate(timeout=20)


def endpoint(line):
    return next(word for word in line.replace(",", " ").split() if word.startswith("http://"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_serve_says_when_it_answers_and_ends_in_order_when_asked(start, number):
    process = start("serve", "--port", "0", AWS_ACCOUNT_ID="000000000001")
    line = process.stdout.readline()
    assert "account 000000000001, region us-east-1" in line
    with urllib.request.urlopen(f"{endpoint(line)}/_stepstack/health", timeout=20) as answer:  # noqa: S310 - the server of this test
        assert answer.status == 200
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_up_answers_on_both_ports_for_every_service(start):
    process = start("up", "--stepfunctions-port", "0", "--dynamodb-port", "0", "--time", "skip")
    line = process.stdout.readline()
    request = urllib.request.Request(endpoint(line), data=b"{}", headers={"X-Amz-Target": "AWSStepFunctions.ListStateMachines"})  # noqa: S310 - the server of this test
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the server of this test
        assert answer.read() == b'{"stateMachines":[]}'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--port", "{taken}"], "is taken by another program"),
        (["serve", "--port", "0", "--time", "soon"], "--time is 'soon'"),
        (["serve", "--port", "0", "--mocks", "none.json"], "none.json"),
        (["serve", "--port", "0", "--data", "/dev/null/data"], "cannot be used"),
        (["serve", "--port", "99999"], "cannot listen on 127.0.0.1:99999"),
    ],
    ids=["port taken", "time", "mock file", "data", "port too large"],
)
def test_what_cannot_be_served_is_one_clear_line_and_exit_code_2(start, arguments, message):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(*(argument.format(taken=taken.getsockname()[1]) for argument in arguments))
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("stepstack serve: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_server_that_is_killed_under_load_comes_back_with_all_that_it_had_acknowledged(start, tmp_path):
    def call(url, operation, **params):
        headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}"}
        request = urllib.request.Request(url, data=json.dumps(params).encode(), headers=headers)  # noqa: S310 - the server of this test
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the server of this test
            return json.load(answer)

    def serve():
        process = start("serve", "--port", "0", "--data", str(tmp_path / "data"))
        return process, endpoint(process.stdout.readline())

    def load(client):
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in range(10_000):
                started = call(url, "StartExecution", stateMachineArn=machine, name=f"{client}-{number}", input=json.dumps(number))
                acknowledged.append((started["executionArn"], json.dumps(number)))
                if len(acknowledged) >= 200:
                    process.kill()

    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = "arn:aws:iam::123456789012:role/test"
    acknowledged = []
    process, url = serve()
    machine = call(url, "CreateStateMachine", name="m", definition=definition, roleArn=role)["stateMachineArn"]
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(load, "abcd"))
    process.wait(timeout=20)
    _, url = serve()
    kept = [call(url, "DescribeExecution", executionArn=arn)["input"] for arn, _ in acknowledged]
    assert kept == [given for _, given in acknowledged]
    assert len(kept) >= 200
