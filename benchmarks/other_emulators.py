"""moto's server and MiniStack, each installed from PyPI into a virtual environment of its own, under a folder of caches, and started on
127.0.0.1. What cannot be installed is left out, with one line that says so.

Used by `comparison.py`. The versions are the newest that there are when they are installed; delete the folder to get newer ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server_process import ServerProcess, free_port

__all__ = ["EMULATORS", "Emulator"]

INSTALL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Emulator:
    name: str
    requirement: str
    start: Callable[[Path], ServerProcess]
    """Of the folder of its commands."""

    def commands(self, *, install: bool) -> Path | None:
        """The folder of its commands, installed if it must be; None, and a line on standard error, where it is not to be had."""
        folder = _cache() / self.name
        done = folder / "installed"
        if not done.exists():
            if not install:
                print(f"{self.name} is left out: not installed in {folder}", file=sys.stderr)
                return None
            print(f"installing {self.requirement} into {folder}", file=sys.stderr)
            problem = _install(folder, self.requirement)
            if problem:
                print(f"{self.name} is left out: {problem}", file=sys.stderr)
                return None
            done.touch()
        return folder / "bin"

    def version(self, commands: Path) -> str:
        package = self.requirement.partition("[")[0]
        program = f"from importlib.metadata import version; print(version({package!r}))"
        return subprocess.run([commands / "python", "-c", program], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepstack-benchmarks"


def _install(folder: Path, requirement: str) -> str | None:
    """What went wrong, in one line."""
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True, timeout=INSTALL_SECONDS)  # noqa: S603
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", requirement]
        subprocess.run(pip, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        return words[-1] if words else str(error)
    return None


def _moto(commands: Path) -> ServerProcess:
    port = free_port()
    # Its tasks call services with boto3, which must find the way back to it.
    variables = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    command = [str(commands / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = ServerProcess(command, port, health="/moto-api/config", variables=variables)
    execute = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
    request = urllib.request.Request(f"{server.endpoint}/moto-api/config", data=execute, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - http, to the server just started
        return server


def _ministack(commands: Path) -> ServerProcess:
    port = free_port()
    # Its own command listens on every address; hypercorn, on which it runs, can be told which.
    command = [str(commands / "hypercorn"), "--bind", f"127.0.0.1:{port}", "ministack.app:app"]
    return ServerProcess(command, port, health="/_localstack/health", variables={"GATEWAY_PORT": str(port)})


EMULATORS = (
    Emulator("moto", "moto[server,stepfunctions,dynamodb]", _moto),
    Emulator("ministack", "ministack", _ministack),
)
