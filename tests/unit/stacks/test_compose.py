"""Docker Compose, told by a `docker` command of ours that writes down what it is asked."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys

import pytest

from stepstack.errors import StackError
from stepstack.stacks.compose import ComposeProject, find_compose_file, host_for_containers, lambda_port

DOCKER = """#!{python}
import json, os, sys
words = sys.argv[1:]
told = {{name: value for name, value in os.environ.items() if name.endswith(("_PORT", "_ENDPOINT", "_SCALE"))}}
with open(os.environ["DOCKER_LOG"], "a") as log:
    log.write(json.dumps([words, told]) + "\\n")
if "info" in words and "DOCKER_SAYS" in os.environ:
    print(open(os.environ["DOCKER_SAYS"]).read(), end="")
    sys.exit(1)
for refused in json.loads(os.environ.get("DOCKER_REFUSES", "[]")):
    if refused in words:
        print("refused:", refused)
        sys.exit(1)
"""


class FakeDocker:
    """A folder for PATH with a `docker` in it."""

    def __init__(self, folder):
        self.log = folder / "log"
        self.folder = folder / "bin"
        self.folder.mkdir()
        command = self.folder / "docker"
        command.write_text(DOCKER.format(python=sys.executable))
        command.chmod(command.stat().st_mode | stat.S_IXUSR)

    def environment(self, **more):
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "DOCKER_LOG": str(self.log), **more}

    def calls(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def commands(self):
        return [words[words.index("--project-name") + 2 :] for words, _ in self.calls() if "--project-name" in words]


@pytest.fixture
def docker(tmp_path, monkeypatch):
    made = FakeDocker(tmp_path)
    monkeypatch.setenv("PATH", made.environment()["PATH"])
    return made


@pytest.fixture
def project(tmp_path, docker, answering):
    """Makes projects whose services answer at once."""
    stepfunctions, dynamodb = answering((200, b'{"stateMachines": []}')), answering((200, b'{"TableNames": []}'))
    ports = {"STEPFUNCTIONS_PORT": stepfunctions.rpartition(":")[2], "DYNAMODB_PORT": dynamodb.rpartition(":")[2]}
    ports["DYNALITE_PORT"] = ports["DYNAMODB_PORT"]
    (tmp_path / "compose.yaml").touch()

    def make(backend="local", **more):
        return ComposeProject(find_compose_file(tmp_path), backend, environment=docker.environment(**ports, **more))

    return make


def test_local_brings_up_both_services_waits_and_takes_them_down(project, docker):
    with project() as composed:
        assert set(composed.endpoints) == {"stepfunctions", "dynamodb"}

    up, down = docker.commands()
    assert up[:3] == ["up", "--detach", "--wait"]
    assert up[-2:] == ["dynamodb-local", "stepfunctions-local"]
    assert down[0] == "down"


def test_dynalite_has_its_profile_and_is_the_dynamodb_of_step_functions_local(project, docker):
    project("dynalite").up()

    words, environment = docker.calls()[-1]
    assert words[words.index("--profile") + 1] == "dynalite"
    assert environment["DYNAMODB_ENDPOINT"] == "http://dynalite:4567"


def test_variables_reach_the_compose_file(project, docker):
    project("stepstack").up(variables={"WAIT_TIME_SCALE": "0.01"})

    assert docker.calls()[-1][1]["WAIT_TIME_SCALE"] == "0.01"


def test_a_project_in_another_folder_has_another_name(tmp_path):
    names = {ComposeProject(tmp_path / folder / "compose.yaml", "local", environment={}).name for folder in ("a", "b")}

    assert len(names) == 2


def test_the_name_can_be_given(tmp_path):
    assert ComposeProject(tmp_path / "compose.yaml", "local", environment={"COMPOSE_PROJECT_NAME": "mine"}).name == "mine"


def test_what_does_not_come_up_is_taken_down_and_its_logs_are_told(project, docker):
    with pytest.raises(StackError, match=r"could not bring dynamodb-local and stepfunctions-local up:\nrefused: up"):
        project(DOCKER_REFUSES='["up"]').up()

    assert [words[0] for words in docker.commands()] == ["up", "logs", "down"]


def test_keep_up_leaves_the_containers(project, docker):
    project(STEPSTACK_KEEP_UP="1").down()

    assert docker.calls() == []


@pytest.mark.parametrize(
    ("refused", "message"),
    [("version", "Docker Compose v2 is missing"), ("info", "no Docker engine answers: refused: info")],
)
def test_what_is_missing_of_docker_is_told(project, refused, message):
    with pytest.raises(StackError, match=message):
        project(DOCKER_REFUSES=json.dumps([refused])).up()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///x.sock. Is it running?\n"
            'template: :1:2: executing "" at <.ServerVersion>: reflect: indirection through nil pointer to embedded struct field Info\n',
            "Cannot connect to the Docker daemon at unix:///x.sock. Is it running?",
        ),
        ("ERROR: permission denied\nerrors pretty printing info\n", "permission denied"),
        ("template: :1:2: executing\n", "`docker info` fails"),
        ("", "`docker info` fails"),
    ],
    ids=["a complaint of the format", "a heading", "that alone", "nothing"],
)
def test_an_engine_that_does_not_answer_is_one_line_that_says_what_to_do(project, tmp_path, said, reason):
    answer = tmp_path / "said"
    answer.write_text(said)

    with pytest.raises(StackError) as refused:
        project(DOCKER_SAYS=str(answer)).up()
    assert str(refused.value) == f"no Docker engine answers: {reason}; start it, or use the backend embedded, which needs none"


def test_a_machine_without_docker_is_told(project, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="Docker is missing"):
        project().up()


def test_a_folder_without_a_compose_file_is_told(tmp_path):
    with pytest.raises(StackError, match="there is no compose file"):
        find_compose_file(tmp_path)


def test_containers_are_told_where_functions_are_and_that_is_a_free_port(project, docker):
    made = project()
    made.up()

    told = docker.calls()[-1][1]["LAMBDA_ENDPOINT"]
    assert told == f"http://host.docker.internal:{made.lambda_port}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", made.lambda_port))


def test_a_lambda_endpoint_of_the_users_own_stays(project, docker):
    made = project(LAMBDA_ENDPOINT="http://lambda.test:9000")
    made.up()

    assert docker.calls()[-1][1]["LAMBDA_ENDPOINT"] == "http://lambda.test:9000"
    assert made.lambda_port is None


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("", 3001),
        ("http://host.docker.internal:4000", 4000),
        ("http://host.docker.internal", 80),
        ("http://localhost:3001", None),
        ("http://host.docker.internal:x", None),
    ],
    ids=["none", "this machine", "no port", "elsewhere", "malformed"],
)
def test_containers_that_are_up_look_for_functions_where_their_endpoint_leads(endpoint, port):
    assert lambda_port({"LAMBDA_ENDPOINT": endpoint}) == port


def machine_with(tmp_path, monkeypatch, said, status=0):
    """A Linux machine whose docker says `said`; its environment."""
    command = tmp_path / "docker"
    command.write_text(f"#!/bin/sh\necho '{said}'\nexit {status}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("127.0.0.2 127.0.0.0/16 ", "127.0.0.2"),
        ("fe80::1 fe80::/64 127.0.0.2 127.0.0.0/16", "127.0.0.2"),
        (" fe80::/64  127.0.4.0/24 ", "127.0.4.1"),
        ("192.0.2.55 192.0.2.0/24", "127.0.0.1"),
    ],
    ids=["the gateway of the bridge", "of two address families", "a bridge just made", "not this machine's, as with Docker Desktop"],
)
def test_containers_reach_this_machine_at_the_gateway_of_dockers_bridge(tmp_path, monkeypatch, said, address):
    assert host_for_containers(machine_with(tmp_path, monkeypatch, said)) == address


def test_a_gateway_that_docker_does_not_tell_can_be_given(tmp_path, monkeypatch):
    environment = machine_with(tmp_path, monkeypatch, "no such network", status=1)

    with pytest.raises(StackError, match="the gateway of Docker's bridge is not known: no such network; set STEPSTACK_LAMBDA_HOST"):
        host_for_containers(environment)
    assert host_for_containers({**environment, "STEPSTACK_LAMBDA_HOST": "10.0.0.1"}) == "10.0.0.1"


def test_where_docker_runs_in_a_virtual_machine_containers_reach_loopback(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    assert host_for_containers({}) == "127.0.0.1"
