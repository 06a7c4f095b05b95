"""dynalite without Docker: a Node process of ours, in memory, all its delays 0.

Called by the plugin for `--stepstack-backend dynalite` where there is no Docker but Node. The package is looked for beside the project
(`node_modules`), beside the `dynalite` command, and in a cache folder, into which npm installs it otherwise. The process ends with the
one that started it, because it watches its standard input. It leaves out persistence, TLS and streams, as dynalite does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from stepstack.clock import Deadline
from stepstack.errors import StackError
from stepstack.stacks.readiness import wait_until_ready

__all__ = ["DYNALITE_VERSION", "DynaliteProcess"]

DYNALITE_VERSION = "4.0.0"
START_SECONDS = 30.0
INSTALL_SECONDS = 180.0


class DynaliteProcess:
    """A dynalite of our own: `DynaliteProcess.start(folder)`, `.url`, `.close()`; a context manager."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    def start(cls, project_folder: Path, *, environment: Mapping[str, str] | None = None) -> DynaliteProcess:
        """Starts dynalite on a free port and waits until it answers. `project_folder` may hold a `node_modules` with dynalite."""
        variables = dict(os.environ if environment is None else environment)
        node = shutil.which("node", path=variables.get("PATH"))
        if node is None:
            raise StackError("Node is missing: there is no `node` command on this machine, and dynalite needs it")
        modules = _modules_with_dynalite(project_folder, variables)
        process = subprocess.Popen(  # noqa: S603 - a list of words that we wrote
            [node, str(Path(__file__).with_name("dynalite_server.cjs"))],
            env={**variables, "NODE_PATH": str(modules)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{_announced_port(process)}"
            wait_until_ready("dynamodb", url, Deadline(START_SECONDS))
        except BaseException:
            _end(process)
            raise
        return cls(process, url)

    def close(self) -> None:
        """Ends the process; safe to call again."""
        _end(self._process)

    def __enter__(self) -> DynaliteProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _announced_port(process: subprocess.Popen[bytes]) -> int:
    """The port that the server says; a watchdog ends a process that says nothing in time."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        line = process.stdout.readline()
    finally:
        watchdog.cancel()
    try:
        return int(json.loads(line)["port"])
    except (ValueError, KeyError, TypeError):
        process.kill()
        said = (line + process.stdout.read()).decode(errors="replace").strip()
        raise StackError(f"dynalite did not start: {said or 'it said nothing'}") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _modules_with_dynalite(project_folder: Path, environment: Mapping[str, str]) -> Path:
    """A `node_modules` folder that has dynalite; installs one into the cache where there is none."""
    candidates = [project_folder / "node_modules"]
    command = shutil.which("dynalite", path=environment.get("PATH"))
    if command is not None:
        candidates.extend(parent for parent in Path(command).resolve().parents if parent.name == "node_modules")
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepstack" / f"dynalite-{DYNALITE_VERSION}"
    candidates.append(cache / "node_modules")
    for modules in candidates:
        if (modules / "dynalite" / "package.json").is_file():
            return modules
    _install(cache, environment)
    return cache / "node_modules"


def _install(cache: Path, environment: Mapping[str, str]) -> None:
    """Installs into a folder of this process's own, which then takes its place, so that two runs never see half a package."""
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        raise StackError("dynalite is not installed, and there is no `npm` command to install it with")
    fresh = cache.with_name(f"{cache.name}.{os.getpid()}")
    fresh.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(fresh), f"dynalite@{DYNALITE_VERSION}"]
    try:
        done = subprocess.run(  # noqa: S603 - a list of words that we wrote
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            raise StackError(f"npm could not install dynalite: {(done.stderr or done.stdout).decode(errors='replace').strip()[-1500:]}")
        with suppress(OSError):  # another run was first: its folder is as good
            fresh.rename(cache)
    except subprocess.TimeoutExpired:
        raise StackError(f"npm did not install dynalite within {INSTALL_SECONDS:g} s") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
