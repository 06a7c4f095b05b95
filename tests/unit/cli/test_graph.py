"""`stepstack graph`: the drawing on standard output or in a file."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

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


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def test_the_figure_in_the_documentation_is_what_is_drawn(tmp_path):
    """To a fifth of a pixel: sums of floats differ in their last digit between versions of Python."""
    root = Path(__file__).parents[3]
    assert main(["graph", str(root / "state-machine.json"), "-o", str(tmp_path / "drawn.svg")]) == 0
    drawn, figure = (tmp_path / "drawn.svg").read_text(), (root / "docs" / "howto" / "state-machine.svg").read_text()
    assert NUMBER.sub("0", drawn) == NUMBER.sub("0", figure)
    assert [float(text) for text in NUMBER.findall(drawn)] == pytest.approx([float(text) for text in NUMBER.findall(figure)], abs=0.2)


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
