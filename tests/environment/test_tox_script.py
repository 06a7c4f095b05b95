"""scripts/tox: its own environment, made once, by one of several runs, and again when what it needs changes.

A tox of these tests' own stands in for the real one, so that nothing is fetched: a wheel that prints its arguments.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAYS_MAKING = "making .venv"


def write_wheel(folder: Path, version: str) -> Path:
    """A tox that prints its version and its arguments, and ends with the code that the last argument names."""
    wheel = folder / f"tox-{version}-py3-none-any.whl"
    main = f"import sys; print('tox {version}', sys.argv[1:]); sys.exit(int(sys.argv[-1]))"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tox/__init__.py", "")
        archive.writestr("tox/__main__.py", main)
        archive.writestr(f"tox-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: tox\nVersion: {version}\n")
        archive.writestr(
            f"tox-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"tox-{version}.dist-info/RECORD", "")
    return wheel


def require(project: Path, version: str) -> None:
    """Lets scripts/tox of `project` ask for the tox of that version."""
    wheel = write_wheel(project / "wheels", version)
    (project / "scripts" / "tox-requirements.txt").write_text(f"tox @ {wheel.as_uri()}\n", encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with scripts/tox and nothing else."""
    folder = tmp_path / "a checkout"
    (folder / "wheels").mkdir(parents=True)
    (folder / "scripts").mkdir()
    for name in ("tox", "make_tox_environment.py", "run_tox.py"):
        shutil.copy(ROOT / "scripts" / name, folder / "scripts" / name)
    require(folder, "4.91")
    return folder


def start(project: Path, *arguments: str, python: str = sys.executable) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(project / "scripts" / "tox"), *arguments],
        cwd=project.parent,
        env={**os.environ, "PYTHON": python},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project: Path, *arguments: str, python: str = sys.executable) -> tuple[int, str, str]:
    """The exit code, and what was said on standard output and standard error."""
    process = start(project, *arguments, python=python)
    said, complained = process.communicate(timeout=100)
    return process.returncode, said, complained


def test_the_environment_is_made_once_and_made_anew_when_the_requirements_change(project: Path) -> None:
    code, said, complained = run(project, "-e", "two words", "3")
    assert (code, said) == (3, "tox 4.91 ['-e', 'two words', '3']\n")
    assert SAYS_MAKING in complained

    assert run(project, "0") == (0, "tox 4.91 ['0']\n", "")

    require(project, "4.92")
    code, said, complained = run(project, "0")
    assert (code, said) == (0, "tox 4.92 ['0']\n")
    assert SAYS_MAKING in complained


def test_of_runs_that_start_at_once_one_makes_the_environment_and_all_use_it(project: Path) -> None:
    processes = [start(project, "0") for _ in range(3)]
    answers = [process.communicate(timeout=100) for process in processes]
    assert [said for said, _ in answers] == ["tox 4.91 ['0']\n"] * 3
    assert sum(SAYS_MAKING in complained for _, complained in answers) == 1


def test_a_checkout_may_lie_in_a_folder_of_any_name_in_any_locale(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.getfilesystemencoding() != "utf-8":
        pytest.skip("this interpreter cannot name such a folder itself")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    elsewhere = project.rename(project.with_name("Größe und Weite"))
    require(elsewhere, "4.91")
    assert run(elsewhere, "0")[:2] == (0, "tox 4.91 ['0']\n")


def test_an_environment_that_is_somebody_else_s_keeps_what_it_holds(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(project / ".venv")], check=True, timeout=100)
    (project / ".venv" / "mine.txt").touch()
    assert run(project, "0")[:2] == (0, "tox 4.91 ['0']\n")
    assert (project / ".venv" / "mine.txt").exists()


def test_a_folder_that_is_no_environment_is_left_alone(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "mine.txt").touch()
    code, said, complained = run(project, "0")
    assert (code, said) == (2, "")
    assert "no virtual environment" in complained
    assert (project / ".venv" / "mine.txt").exists()


def test_a_checkout_that_cannot_be_written_to_is_named(project: Path) -> None:
    (project / ".venv.lock").mkdir()  # as no rights do: root has them all
    code, said, complained = run(project, "0")
    assert (code, said) == (2, "")
    assert complained == f"scripts/tox: .venv cannot be made in {project}: Is a directory\n"


def test_an_interpreter_that_does_not_do_is_named(project: Path) -> None:
    code, said, complained = run(project, "0", python="/nowhere/python")
    assert (code, said) == (2, "")
    assert "needs Python 3.10 or newer" in complained
    assert "/nowhere/python" in complained


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_interrupts_tox_even_where_it_was_started_with_interrupts_ignored(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "tox").mkdir()
    (tmp_path / "tox" / "__init__.py").touch()
    (tmp_path / "tox" / "__main__.py").write_text("import signal\nprint('here', flush=True)\nsignal.pause()\n", encoding="utf-8")
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, str(ROOT / "scripts" / "run_tox.py")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    _, complained = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in complained


@pytest.mark.parametrize("script", ["scripts/tox", ".ci/run"])
def test_a_shell_script_is_plain_and_executable(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["sh", "-n", str(ROOT / script)], check=True, timeout=30)
