"""What all subcommands have in common."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from stepstack.cli import main


@pytest.mark.parametrize(
    ("encoding", "given", "printed"),
    [("ascii", '"\u00e9"', '"\\xe9"'), ("latin-1", '"\u2192"', '"\\u2192"'), ("utf-8", '"\\ud800"', '"\\ud800"')],
    ids=["ASCII", "Latin-1", "half of a surrogate pair"],
)
def test_what_the_terminal_cannot_write_is_spelled_out(tmp_path, monkeypatch, encoding, given, printed):
    path = tmp_path / "machine.json"
    path.write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', encoding="utf-8")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", terminal)

    assert main(["run", str(path), "--input", given]) == 0

    terminal.flush()
    assert f"output: {printed}\n".encode() in terminal.buffer.getvalue()


@pytest.mark.parametrize(
    ("words", "usage", "message"),
    [
        (["run", "machine.json", "--inptu", "{}"], "stepstack run", "unrecognized arguments: --inptu {}; was --input meant?"),
        (["graph", "machine.json", "--ouput=x.svg"], "stepstack graph", "unrecognized arguments: --ouput=x.svg; was --output meant?"),
        (["explore", "machine.json", "--zzz"], "stepstack explore", "unrecognized arguments: --zzz\n"),
        (["validate", "--strickt", "machine.json"], "stepstack validate", "unrecognized arguments: --strickt; was --strict meant?"),
    ],
    ids=["a slip of the pen", "with its value", "nothing near", "before the file"],
)
def test_an_option_that_nobody_knows_shows_the_commands_usage_and_the_near_one(capsys, words, usage, message):
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr().err

    assert ended.value.code == 2
    assert told.startswith(f"usage: {usage} ")
    assert message in told


@pytest.mark.parametrize(("command", "status"), [("serve", 0), ("run", 143)])
def test_the_first_process_of_a_container_ends_when_asked_before_its_server_is_there(command, status):
    """The kernel would drop the signal. Any process can say that it is the first one."""
    code = f"""
import os, signal
own, os.getpid = os.getpid(), lambda: 1
from stepstack import cli
cli._Parser.parse_known_args = lambda *_: os.kill(own, signal.SIGTERM) or print("still there")
cli.main(["{command}"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
