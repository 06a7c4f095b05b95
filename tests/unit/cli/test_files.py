"""Files on the command line that cannot be read: one line, exit code 2, the same for every subcommand."""

from __future__ import annotations

import io

import pytest

from stepstack.cli import main

COMMANDS = {
    "validate": ["validate"],
    "run": ["run"],
    "run --input": ["run", "state-machine.json", "--input"],
    "explore": ["explore"],
    "graph": ["graph"],
    "up --template": ["up", "--stepfunctions-port", "0", "--dynamodb-port", "0", "--template"],
}
MACHINE = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state-machine.json").write_text(MACHINE, encoding="utf-8")
    (tmp_path / "empty.json").touch()
    (tmp_path / "latin.json").write_bytes(b'{"Comment": "\xe9"}')
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("state-machin.json", "there is no file 'state-machin.json' (looked for in {folder}); there is 'state-machine.json'"),
        ("folder", "'folder' is a folder, and a file is needed"),
        ("empty.json", "'empty.json' is empty: "),
        ("latin.json", "'latin.json' is no text in UTF-8: line 1 has the byte 0xe9; save it as UTF-8"),
    ],
    ids=["missing", "folder", "empty", "not UTF-8"],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(folder, capsys, words, file, message):
    named = f"@{file}" if words[-1] == "--input" else file

    assert main([*words, named]) == 2
    printed = capsys.readouterr()
    assert message.format(folder=folder) in printed.err
    assert printed.err.startswith(f"stepstack {words[0]}: ")
    assert printed.err.count("\n") == 1
    assert not printed.out


@pytest.mark.parametrize("command", ["validate", "graph"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", "standard input is empty: a definition, in JSON or YAML, is needed"),
        (b'{"Comment": "\xe9"}', "what standard input holds is no text in UTF-8"),
    ],
    ids=["empty", "not UTF-8"],
)
def test_standard_input_that_cannot_be_read_is_one_clear_line(monkeypatch, capsys, command, content, message):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

    assert main([command, "-"]) == 2
    assert capsys.readouterr().err == f"stepstack {command}: {message}\n"


@pytest.mark.parametrize("command", ["run", "explore"])
def test_a_task_that_fits_no_state_is_one_clear_line(tmp_path, capsys, command):
    path = tmp_path / "order.json"
    path.write_text(
        '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters":'
        ' {"QueueUrl": "q", "MessageBody": "m"}, "Next": "Tell"},'
        ' "Tell": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:tell", "End": true}}}'
    )

    assert main([command, str(path), "--task", "Aks=1"]) == 2
    assert capsys.readouterr().err == f"stepstack {command}: --task: 'Aks' is no Task state: there are 'Ask', 'Tell'; was 'Ask' meant?\n"


@pytest.mark.parametrize("name", ["sqs:sendMessage", "arn:aws:states:::sqs:sendMessage"])
def test_a_task_may_be_named_by_what_it_calls(tmp_path, capsys, name):
    path = tmp_path / "order.json"
    path.write_text(
        '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters":'
        ' {"QueueUrl": "q", "MessageBody": "m"}, "End": true}}}'
    )

    assert main(["run", str(path), "--task", f'{name}="sent"']) == 0
    assert 'output: "sent"' in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "explore", "graph"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"StartAt":\n', "INVALID_JSON_DESCRIPTION: Unexpected end-of-input within/between Object entries at bad.json:2:1"),
        (
            MACHINE.replace('"A", ', '"B", '),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /StartAt (bad.json:1:2)",
        ),
    ],
    ids=["broken JSON", "a slip of the pen"],
)
def test_a_definition_that_is_refused_is_a_line_for_each_problem(folder, capsys, command, content, problem):
    (folder / "bad.json").write_text(content, encoding="utf-8")

    assert main([command, "bad.json"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[:2] == [f"stepstack {command}: the definition in bad.json is refused:", f"  {problem}"]
    assert not said.out
