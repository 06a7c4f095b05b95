"""Makes `.venv` with tox in it. Called by scripts/tox, by the interpreter that the environment shall have.

Several runs may start at once (a CI job, an editor): a lock lets one of them do the work and the others wait for it. The operating
system lets go of the lock when its holder dies, so there is no stale one. A `.venv` that somebody else made is kept and gets tox
besides. The standard library alone is there to build on.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path

INSTALL_SECONDS = 900
"""The longest that pip may take on a slow line, its own retries included."""


def main(root: Path) -> int:
    """Makes the environment below `root`, where no other run has made it meanwhile; the exit code."""
    environment = root / ".venv"
    try:
        lock = (root / ".venv.lock").open("w")
    except OSError as error:
        print(f"scripts/tox: .venv cannot be made in {root}: {error.strerror}", file=sys.stderr)
        return 2
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_whole(environment, root):
            return 0
        print("scripts/tox: making .venv with tox in it", file=sys.stderr)
        return make(environment, root)


def is_whole(environment: Path, root: Path) -> bool:
    stamp = stamp_of(environment)
    return stamp.is_file() and stamp.read_bytes() == requirements(root).read_bytes() and runs(environment)


def make(environment: Path, root: Path) -> int:
    if environment.exists() and not (environment / "pyvenv.cfg").is_file() and not stamp_of(environment).is_file():
        print(f"scripts/tox: {environment} is no virtual environment; move it away", file=sys.stderr)
        return 2
    if stamp_of(environment).is_file() or not runs(environment):
        shutil.rmtree(environment, ignore_errors=True)
        environment.mkdir()
        stamp_of(environment).touch()
        venv.EnvBuilder(with_pip=True).create(environment)
    install = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements(root)]
    try:
        installed = subprocess.run(install, check=False, timeout=INSTALL_SECONDS).returncode == 0  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        installed = False
    if not installed:
        print(f"scripts/tox: pip could not install {requirements(root).name}; see above", file=sys.stderr)
        return 1
    shutil.copyfile(requirements(root), stamp_of(environment))
    return 0


def runs(environment: Path) -> bool:
    """Whether the environment's interpreter is there; a link to one that was uninstalled is not."""
    return (environment / "bin" / "python").exists()


def stamp_of(environment: Path) -> Path:
    """Marks the environment as made here; holds the requirements once they are installed."""
    return environment / "tox-requirements.txt"


def requirements(root: Path) -> Path:
    return root / "scripts" / "tox-requirements.txt"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
