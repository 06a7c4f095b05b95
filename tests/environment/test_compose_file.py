"""docker-compose.yml and the images: what they promise about ports, rights, pins, variables and health."""

from __future__ import annotations

import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepstack.integrations.mock_file import MockFile

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)["services"]
DOCKERFILES = sorted(ROOT.glob("docker/*/Dockerfile"))

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^${}]*))?")
"""A variable of the compose file with its default; in a nested one, the default is a variable of its own."""


def used_variables() -> dict[str, str]:
    """Every variable that the compose file reads, with its default ("" where another variable is the default)."""
    # `$$` is how a compose file writes a `$` for the container's own shell.
    found = {match["name"]: match["default"] or "" for match in VARIABLE.finditer(COMPOSE_TEXT.replace("$$", ""))}
    handed_on = [name for service in SERVICES.values() for name, value in service.get("environment", {}).items() if value is None]
    return found | dict.fromkeys(handed_on, "")


def documented_variables() -> dict[str, str]:
    """The rows of the table of the compose file's variables in docs/environment.md."""
    text = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    table = text.split("## The Compose file", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)?", table, flags=re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_bind_the_loopback_address_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:${") for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_capabilities_and_gains_no_rights(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    default = VARIABLE.fullmatch(service["image"].rstrip("}"))
    assert default is not None
    assert re.search(r":(\d+(\.\d+)+|local)$", default["default"])
    assert ("build" in service) == (service.get("pull_policy") == "build"), "a name of our own is never asked of a registry"


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_an_image_built_here_runs_read_only_without_root_and_tells_its_health(name: str) -> None:
    build = SERVICES[name]["build"]
    dockerfile = ROOT / build["context"] / build.get("dockerfile", "Dockerfile")
    text = dockerfile.read_text(encoding="utf-8")
    assert SERVICES[name]["read_only"] is True
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, flags=re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_base_image_is_a_build_argument_with_a_pinned_default(dockerfile: Path) -> None:
    text = dockerfile.read_text(encoding="utf-8")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, flags=re.MULTILINE))
    bases = re.findall(r"^FROM \$\{(\w+)\}", text, flags=re.MULTILINE)
    assert len(bases) == len(re.findall(r"^FROM ", text, flags=re.MULTILINE))
    for base in bases:
        assert re.search(r":\d", arguments[base])
        assert used_variables()[base] == arguments[base], "the compose file and the Dockerfile agree on the default"


def test_the_table_in_the_docs_lists_every_variable_with_its_default() -> None:
    assert documented_variables() == used_variables()


def test_our_server_gets_what_step_functions_local_gets() -> None:
    ours, theirs = SERVICES["stepstack"], SERVICES["stepfunctions-local"]
    health = {"HEALTH_PORT", "HEALTH_OPERATION"}
    assert ours["environment"] == {name: value for name, value in theirs["environment"].items() if name not in health}
    for field in ("env_file", "extra_hosts", "volumes"):
        assert ours[field] == theirs[field]
    assert theirs["ports"] == ["127.0.0.1:${STEPFUNCTIONS_PORT:-8083}:8083"]
    assert ours["ports"] == ["127.0.0.1:${STEPSTACK_PORT:-${STEPFUNCTIONS_PORT:-8083}}:8083"]


def test_the_credentials_file_holds_no_secret_and_a_key_that_dynamodb_local_takes() -> None:
    lines = (ROOT / "aws-stepfunctions-local-credentials.txt").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert settings["AWS_ACCESS_KEY_ID"].isalnum()
    assert "DUMMY" in settings["AWS_ACCESS_KEY_ID"]
    assert "DUMMY" in settings["AWS_SECRET_ACCESS_KEY"]
    assert settings["AWS_ACCOUNT_ID"] == "123456789012"


def test_the_mock_file_that_is_mounted_by_default_is_one_that_the_server_takes() -> None:
    MockFile(ROOT / used_variables()["MOCK_CONFIG_FILE"])


def test_every_tag_of_dynalite_in_the_repository_is_one_version() -> None:
    manifest = yaml.safe_load((ROOT / "docker" / "dynalite" / "package.json").read_text(encoding="utf-8"))
    lock = yaml.safe_load((ROOT / "docker" / "dynalite" / "package-lock.json").read_text(encoding="utf-8"))
    version = manifest["dependencies"]["dynalite"]
    assert lock["packages"]["node_modules/dynalite"]["version"] == version
    assert used_variables()["DYNALITE_IMAGE"].endswith(f":{version}")


class Answering(socketserver.StreamRequestHandler):
    """Answers one HTTP request with the server's status, or closes the connection without a word where that is 0."""

    server: Answers

    def handle(self) -> None:
        if not self.server.status:
            return
        length = 0
        while (line := self.rfile.readline().strip()) != b"":
            self.server.seen.append(line.decode().lower())
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.rfile.read(length)
        self.wfile.write(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % self.server.status)


class Answers(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status = status
        self.seen: list[str] = []


@contextmanager
def service(status: int) -> Iterator[Answers]:
    with Answers(status) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def check_health(port: int, tool: str, folder: Path) -> int:
    """Runs the health check of the compose file where `tool` is the only one of curl, wget and bash; its exit code."""
    for name in {"sed", "head", "sh", tool}:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"there is no {name} here")
        (folder / name).symlink_to(os.path.realpath(program))
    script = SERVICES["stepfunctions-local"]["healthcheck"]["test"][1].replace("$$", "$")
    variables = {"PATH": str(folder), "HEALTH_PORT": str(port), "HEALTH_OPERATION": "AWSStepFunctions.ListStateMachines"}
    return subprocess.run([str(folder / "sh"), "-c", script], env=variables, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize("tool", ["curl", "wget", "bash"])
class TestHealth:
    """The check that AWS's images get, with whichever tool they have."""

    @pytest.mark.parametrize("status", [200, 400, 403])
    def test_an_answer_in_the_service_s_own_protocol_is_health(self, tool: str, status: int, tmp_path: Path) -> None:
        with service(status) as server:
            assert check_health(server.server_address[1], tool, tmp_path) == 0
        assert "x-amz-target: awsstepfunctions.liststatemachines" in server.seen
        assert "content-type: application/x-amz-json-1.0" in server.seen

    @pytest.mark.parametrize("status", [500, 503, 0], ids=["500", "503", "no word"])
    def test_a_failing_service_and_a_port_that_only_opens_are_no_health(self, tool: str, status: int, tmp_path: Path) -> None:
        with service(status) as server:
            assert check_health(server.server_address[1], tool, tmp_path) == 1

    def test_a_closed_port_is_no_health(self, tool: str, tmp_path: Path) -> None:
        with service(200) as server:
            port = server.server_address[1]
        assert check_health(port, tool, tmp_path) == 1
