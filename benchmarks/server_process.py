"""A server in a process of its own, on a free port of 127.0.0.1: started, waited for, measured, ended by its process id.

Used by `service.py`, `comparison.py` and `load.py`. Its memory and processor time are read from Linux's /proc.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

__all__ = ["ServerProcess", "free_port", "processor_seconds", "seconds_of", "stepstack_server", "stepstack_up", "with_bytecode"]

START_SECONDS = 60.0
HEALTH = "/_stepstack/health"
STEPSTACK = str(Path(sysconfig.get_path("scripts")) / "stepstack")
NO_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
BYTECODE = Path(tempfile.gettempdir()) / f"stepstack-benchmarks-{os.getuid()}"


def with_bytecode(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables`, and Python keeps compiled modules, as pip does of a package that it installs: a checkout would be compiled anew with
    every start in an environment that forbids to keep them.
    """
    return {**variables, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(BYTECODE)}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        return int(bound.getsockname()[1])


class ServerProcess:
    """A context manager; `ready_seconds` pass from the start of the process to its first good answer at `health`;
    `ready_processor_seconds` of them it was at work.
    """

    def __init__(self, command: Sequence[str], port: int, *, health: str, variables: Mapping[str, str] | None = None) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__, with the process
        started = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603 - the benchmark's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **NO_ACCOUNT, **(variables or {})},
        )
        try:
            self._wait_until_it_answers(health, started + START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.ready_seconds = time.perf_counter() - started
        self.ready_processor_seconds = self.processor_seconds()

    def _wait_until_it_answers(self, health: str, deadline: float) -> None:
        while not self._answers(health):
            if self.process.poll() is not None or time.perf_counter() > deadline:
                self.log.seek(0)
                last = self.log.read()[-2000:].decode(errors="replace")
                raise RuntimeError(f"the server has not come up: {self.process.args!r}\n{last}")
            time.sleep(0.002)  # noqa: TID251 - not stepstack's time

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path) in {200, 201}
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> int:
        """The status of a GET on a new connection."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status

    def memory_megabytes(self) -> float:
        """The resident memory now."""
        fields = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").split()
        return int(fields[fields.index("VmRSS:") + 1]) / 1024

    def processor_seconds(self) -> float:
        return processor_seconds(self.process.pid)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def stepstack_server(*options: str, files: int | None = None) -> ServerProcess:
    """`stepstack serve`: the Step Functions API alone; it may open so many `files`."""
    port = free_port()
    command = [STEPSTACK, "serve", "--port", str(port), *options]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *command]
    return ServerProcess(command, port, health=HEALTH, variables=with_bytecode({}))


def stepstack_up(*options: str) -> ServerProcess:
    """`stepstack up`: the whole embedded stack, every service on one port."""
    port = free_port()
    ports = ["--stepfunctions-port", str(port), "--dynamodb-port", str(port)]
    return ServerProcess([STEPSTACK, "up", *ports, *options], port, health=HEALTH, variables=with_bytecode({}))


def processor_seconds(process_id: int) -> float:
    """The processor time of a process since it began."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
