"""Docker Compose: brings the services of a compose file up, waits until they are healthy, takes them down.

Called by the plugin's controller (once for a test run). It runs the real `docker compose` of this machine with a list of words, never a
shell. A project has a name of its own for each folder, and takes a free port where the usual one is taken, so that checkouts
side by side do not meet. Docker runs in a session of its own: an interrupt reaches us, not it, and we take the project down in order.

Variables: `STEPSTACK_KEEP_UP=1` leaves the containers running; `COMPOSE_PROJECT_NAME` names the project; ports and images have the
variables of the compose file. `STEPSTACK_LAMBDA_HOST` is the address at which containers reach this machine, where it is not the gateway of
Docker's bridge.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from stepstack.clock import Deadline
from stepstack.errors import StackError
from stepstack.stacks.endpoints import USUAL_PORTS
from stepstack.stacks.readiness import wait_until_ready

__all__ = ["COMPOSITIONS", "KEEP_UP_VARIABLE", "ComposeProject", "Composition", "find_compose_file", "host_for_containers", "lambda_port"]

KEEP_UP_VARIABLE = "STEPSTACK_KEEP_UP"
LAMBDA_HOST_VARIABLE = "STEPSTACK_LAMBDA_HOST"
LAMBDA_ENDPOINT_VARIABLE = "LAMBDA_ENDPOINT"
NAME_OF_THIS_MACHINE = "host.docker.internal"
"""As containers know it."""
USUAL_LAMBDA_PORT = 3001
"""Of the compose file's LAMBDA_ENDPOINT."""
COMPOSE_FILE_NAMES = ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml")

LOOPBACK = "127.0.0.1"

UP_SECONDS = 600.0
"""For images to be pulled and built, and services to become healthy."""
DOWN_SECONDS = 120.0
ANSWER_SECONDS = 30.0
LOG_LINES = 20
_WITHOUT_DOCKER = "use the backend embedded, which needs none"


@dataclass(frozen=True, slots=True)
class Composition:
    """The services of one backend: their names in the compose file, its profiles, and which DynamoDB the others use."""

    services: tuple[str, ...]
    profiles: tuple[str, ...] = ()
    dynamodb: str = "dynamodb"
    """A key of USUAL_PORTS."""
    dynamodb_endpoint: str | None = None
    """As a container sees it; None for the compose file's default."""
    stepfunctions: str = "stepfunctions"
    """A key of USUAL_PORTS."""


COMPOSITIONS: Mapping[str, Composition] = {
    "local": Composition(("dynamodb-local", "stepfunctions-local")),
    "stepstack": Composition(("dynamodb-local", "stepstack"), profiles=("stepstack",), stepfunctions="stepstack"),
    "dynalite": Composition(
        ("dynalite", "stepfunctions-local"), profiles=("dynalite",), dynamodb="dynalite", dynamodb_endpoint="http://dynalite:4567"
    ),
}


def find_compose_file(folder: Path) -> Path:
    """The compose file of `folder`; StackError where it has none."""
    for name in COMPOSE_FILE_NAMES:
        if (folder / name).is_file():
            return folder / name
    names = ", ".join(COMPOSE_FILE_NAMES)
    raise StackError(f"there is no compose file ({names}) in {folder}; say --stepstack-compose-file=FILE where it is elsewhere")


def lambda_port(environment: Mapping[str, str] | None = None) -> int | None:
    """The port of this machine at which containers that are up already look for functions; None where LAMBDA_ENDPOINT leads elsewhere."""
    url = (os.environ if environment is None else environment).get(LAMBDA_ENDPOINT_VARIABLE)
    if not url:
        return USUAL_LAMBDA_PORT
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    return port if parts.hostname == NAME_OF_THIS_MACHINE else None


def host_for_containers(environment: Mapping[str, str] | None = None) -> str:
    """The address of this machine that `host.docker.internal` is in containers: where to listen for them.

    With Docker's engine on Linux that is the gateway of its bridge. Docker Desktop leads there to the machine's own loopback address.
    """
    variables = dict(os.environ if environment is None else environment)
    given = variables.get(LAMBDA_HOST_VARIABLE)
    if given:
        return given
    if not sys.platform.startswith("linux"):
        return LOOPBACK
    words = ["docker", "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}} {{end}}"]
    status, said = _run(words, variables, 30)
    address = None if status else _gateway_among(said.split())
    if address is None:
        raise StackError(f"the gateway of Docker's bridge is not known: {_last(said)}; set {LAMBDA_HOST_VARIABLE}")
    return address if _is_free(0, address) else LOOPBACK


def _gateway_among(words: Sequence[str]) -> str | None:
    """The IPv4 gateway; an engine that has just made its bridge tells the subnet alone, of which the bridge has the first address."""
    ipv4 = [word for word in words if "." in word]
    gateways = [word for word in ipv4 if "/" not in word]
    return next(iter([*gateways, *(str(ipaddress.ip_network(word, strict=False)[1]) for word in ipv4 if "/" in word)]), None)


class ComposeProject:
    """One backend's services under Docker Compose; a context manager that takes down what it brought up.

    `endpoints` are the URLs of `stepfunctions` and `dynamodb` on this machine, settled by `up()`.
    """

    def __init__(self, file: Path, backend: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.file = file.resolve()
        self.composition = COMPOSITIONS[backend]
        self._environment = dict(os.environ if environment is None else environment)
        digest = hashlib.sha256(str(self.file.parent).encode()).hexdigest()[:8]
        self.name = self._environment.get("COMPOSE_PROJECT_NAME") or f"stepstack-{backend}-{digest}"
        self.endpoints: dict[str, str] = {}
        self.lambda_port: int | None = None
        """Where containers look for functions on this machine, settled by `up()`; None where LAMBDA_ENDPOINT leads elsewhere."""
        self.begun: Callable[[int], object] | None = None
        """Called with the id of the process that brings the services up, the first of its own session."""

    def up(self, *, variables: Mapping[str, str] | None = None) -> None:
        """Starts the services and waits until they are healthy and answer; takes them down again where that fails.

        `variables` are handed to the compose file, such as WAIT_TIME_SCALE.
        """
        self.require_docker()
        self._environment.update(variables or {})
        self._settle_ports()
        try:
            self._start()
            deadline = Deadline(ANSWER_SECONDS)
            for service, url in self.endpoints.items():
                wait_until_ready(service, url, deadline)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Removes the project's containers and networks, unless STEPSTACK_KEEP_UP is set. An interrupt does not cut it short."""
        if self._environment.get(KEEP_UP_VARIABLE, "").lower() not in {"", "0", "no", "false"}:
            return
        with _uninterrupted():
            self._docker(["down", "--volumes", "--remove-orphans", "--timeout", "5"], DOWN_SECONDS)

    def __enter__(self) -> ComposeProject:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    def _start(self) -> None:
        words = ["up", "--detach", "--wait", "--wait-timeout", str(int(UP_SECONDS)), *self.composition.services]
        status, said = self._docker(words, UP_SECONDS + 30, self.begun)
        if status:
            logs = self._docker(["logs", "--no-color", "--tail", str(LOG_LINES)], 30)[1]
            raise StackError(f"docker compose could not bring {' and '.join(self.composition.services)} up:\n{_last(said)}\n{_last(logs)}")

    def _settle_ports(self) -> None:
        environment = self._environment
        if self.composition.dynamodb_endpoint:
            environment.setdefault("DYNAMODB_ENDPOINT", self.composition.dynamodb_endpoint)
        for service, key in (("stepfunctions", self.composition.stepfunctions), ("dynamodb", self.composition.dynamodb)):
            variables, usual = USUAL_PORTS[key]
            port = next(filter(None, map(environment.get, variables)), None) or str(usual if _is_free(usual) else _free_port())
            environment[variables[0]] = port
            self.endpoints[service] = f"http://127.0.0.1:{port}"
        # Any free port: two runs side by side would meet at the usual one, which nobody listens on before a test needs it.
        if not environment.get(LAMBDA_ENDPOINT_VARIABLE):
            environment[LAMBDA_ENDPOINT_VARIABLE] = f"http://{NAME_OF_THIS_MACHINE}:{_free_port()}"
        self.lambda_port = lambda_port(environment)

    def require_docker(self) -> None:
        """StackError where Docker, Compose or the engine is missing."""
        if shutil.which("docker") is None:
            raise StackError(f"Docker is missing: there is no `docker` command on this machine; install it, or {_WITHOUT_DOCKER}")
        status, said = _run(["docker", "compose", "version"], self._environment, 30)
        if status:
            raise StackError(f"Docker Compose v2 is missing: `docker compose version` says: {_last(said)}")
        status, said = _run(["docker", "info", "--format", "{{.ServerVersion}}"], self._environment, 30)
        if status:
            raise StackError(f"no Docker engine answers: {_reason(said)}; start it, or {_WITHOUT_DOCKER}")

    def _docker(self, words: Sequence[str], seconds: float, begun: Callable[[int], object] | None = None) -> tuple[int, str]:
        profiles = [word for profile in self.composition.profiles for word in ("--profile", profile)]
        command = ["docker", "compose", "--file", str(self.file), "--project-name", self.name, *profiles, *words]
        return _run(command, self._environment, seconds, begun)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignores interrupts for the body; in the main thread only, because no other receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    command: Sequence[str], environment: Mapping[str, str], seconds: float, begun: Callable[[int], object] | None = None
) -> tuple[int, str]:
    """The exit status of `command` and what it said; ended when `seconds` have passed or we are interrupted."""
    process = subprocess.Popen(  # noqa: S603 - a list of words that we wrote
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        if begun is not None:
            begun(process.pid)
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return 1, f"`{' '.join(command[:2])} ...` took longer than {seconds:g} s\n{_end(process)}"
    except BaseException:
        _end(process)
        raise
    return process.returncode, said.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> str:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=10)[0].decode(errors="replace")
    process.kill()
    return process.communicate()[0].decode(errors="replace")


def _reason(said: str) -> str:
    """Why `docker info` failed, in a line. Some versions go on to complain of the format, which has nothing to print."""
    lines = [line.strip().removeprefix("ERROR: ") for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("template:", "errors pretty printing"))]
    return telling[-1] if telling else "`docker info` fails"


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_LINES:])


def _is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server may listen there; with port 0, whether the address is this machine's at all."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
