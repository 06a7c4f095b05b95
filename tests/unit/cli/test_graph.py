"""`stepstack graph`: the drawing on standard output or in a file."""

from __future__ import annotations

import io
import json

import pytest

from stepstack.cli import main

DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}})


@pytest.fixture
def definition(tmp_path):
    path = tmp_path / "machine <1>.json"
    path.write_text(DEFINITION)
    return path


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("out.svg", "<svg "), ("out.mmd", "flowchart TD"), ("out.html", "<!doctype html>")],
    ids=["svg", "mermaid", "html"],
)
def test_the_notation_follows_the_files_name(definition, tmp_path, name, beginning):
    assert main(["graph", str(definition), "-o", str(tmp_path / name)]) == 0
    text = (tmp_path / name).read_text()
    assert text.startswith(beginning)
    assert "<1>" not in text


def test_a_definition_is_read_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(DEFINITION))
    assert main(["graph", "-", "--format", "mermaid"]) == 0
    assert '["A"]' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["nowhere.json"], "nowhere.json", id="no such file"),
        pytest.param(["{file}", "-o", "/nowhere/out.svg"], "cannot be written to /nowhere/out.svg", id="no such folder"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(definition, capsys, words, message):
    assert main(["graph", *(word.replace("{file}", str(definition)) for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_definition_that_aws_refuses_is_not_drawn(tmp_path, capsys):
    path = tmp_path / "broken.json"
    path.write_text('{"StartAt": "A", "States": {}}')
    assert main(["graph", str(path)]) == 2
    assert "stepstack graph:" in capsys.readouterr().err
