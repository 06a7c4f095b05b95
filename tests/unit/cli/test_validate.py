"""`stepstack validate`: what it prints and how it exits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from stepstack.cli import main

GOOD = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
BAD = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "No/where"},
    "No/where": {"Type": "Wait", "Seconds": "5", "End": true}
  }
}"""
DOUBTFUL = """\
StartAt: A
States:
  A:
    Type: Choice
    Choices:
      - Variable: $.a
        IsNull: true
        Next: B
  B:
    Type: Task
    Resource: !GetAtt Function.Arn
    End: true
"""


def task(resource: str) -> str:
    """A definition with one Task."""
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "End": True}}})


@pytest.fixture
def write(tmp_path: Path):
    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def test_a_good_definition_passes(write, capsys) -> None:
    assert main(["validate", write("good.json", GOOD)]) == 0
    assert capsys.readouterr().out == "1 definition, 0 errors, 0 warnings\n"


def test_an_error_is_printed_with_file_line_column_state_and_field(write, capsys) -> None:
    file = write("bad.json", BAD)
    assert main(["validate", file]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == f'{file}:5:34: error: Expected value of type Integer (state "No/where", field Seconds) [SCHEMA_VALIDATION_FAILED]'
    assert last == "1 definition, 1 error, 0 warnings"


def test_warnings_fail_only_when_they_are_asked_to(write, capsys) -> None:
    file = write("doubtful.yaml", DOUBTFUL)
    assert main(["validate", file]) == 0
    assert f'{file}:3:3: warning: Where no rule matches, the execution fails with States.Runtime. (state "A")' in capsys.readouterr().out
    assert main(["validate", "--strict", file]) == 1


def test_findings_are_json_on_request(write, capsys) -> None:
    file = write("bad.json", BAD)
    assert main(["validate", "--json", file]) == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding == {
        "file": file,
        "line": 5,
        "column": 34,
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Expected value of type Integer",
        "location": "/States/No/where/Seconds",
        "state": "No/where",
        "field": "Seconds",
        "beyond_aws": False,
    }


@pytest.mark.parametrize("text", [GOOD, DOUBTFUL], ids=["json", "yaml"])
def test_standard_input_is_json_or_yaml(text, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["validate", "-"]) == 0
    assert capsys.readouterr().out.endswith("\n")


def test_broken_json_is_told_with_its_place(write, capsys) -> None:
    file = write("broken.json", '{"StartAt": "A",\n "States": {"A" {}}}')
    assert main(["validate", file]) == 1
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{file}:2:18: error: Unexpected character ('{{' (code 123)): was expecting a colon to separate field name and value "
        "[INVALID_JSON_DESCRIPTION]"
    )


def test_broken_yaml_is_told_with_its_place(write, capsys) -> None:
    file = write("broken.yaml", "StartAt: A\nStates: [\n")
    assert main(["validate", file]) == 1
    assert capsys.readouterr().out.startswith(f"{file}:3:1: error: ")


def test_a_key_that_stands_twice_in_yaml_is_doubtful(write, capsys) -> None:
    file = write("twice.yaml", "StartAt: A\nStates:\n  A:\n    Type: Succeed\n    Comment: x\n    Comment: y\n")
    assert main(["validate", file]) == 0
    assert f"{file}:6:5: warning: The key 'Comment' stands twice. [DUPLICATE_KEY]" in capsys.readouterr().out


def test_a_placeholder_is_taken_for_a_resource(write, capsys) -> None:
    assert main(["validate", write("sam.asl.json", task("${Function}"))]) == 0


def test_a_placeholder_that_is_not_filled_in_is_named(write, capsys) -> None:
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": ${Delay}, "End": true}}}'
    file = write("terraform.asl.json", definition)
    assert main(["validate", file]) == 1
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{file}:1:63: error: '${{Delay}}' is not filled in: the definition is no JSON before it is [UNFILLED_PLACEHOLDER]"
    )


def test_an_integration_that_there_is_not_is_an_error(write, capsys) -> None:
    definition = (
        '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::teapot:brew", "Parameters": {}, "End": true}}}'
    )
    assert main(["validate", write("teapot.json", definition)]) == 1
    assert "The resource provided arn:aws:states:::teapot:brew is not recognized." in capsys.readouterr().out


def test_an_express_machine_is_held_to_its_own_rules(write, capsys) -> None:
    definition = (
        '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": true}}}'
    )
    file = write("express.json", definition)
    assert main(["validate", file]) == 0
    assert main(["validate", "--type", "EXPRESS", file]) == 1


def test_several_files_are_counted_together(write, capsys) -> None:
    assert main(["validate", write("a.json", GOOD), write("b.json", BAD)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 definitions, 1 error, 0 warnings"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"], ids=["missing", "no text"])
def test_a_file_that_cannot_be_read_is_one_clear_line(content, tmp_path, capsys) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["validate", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


WAITS = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": "soon", "End": True}}}


@pytest.fixture
def template(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.asl.yaml").write_text("StartAt: W\nStates:\n  W:\n    Type: Wait\n    Seconds: ${Days}\n    End: true\n")
    machines = {
        "Own": {
            "Type": "AWS::Serverless::StateMachine",
            "Properties": {"DefinitionUri": "own.asl.yaml", "DefinitionSubstitutions": {"Days": 3}},
        },
        "Within": {"Type": "AWS::Serverless::StateMachine", "Properties": {"Definition": WAITS}},
    }
    (tmp_path / "template.json").write_text(json.dumps({"Resources": machines}, indent=2))
    return "template.json"


def test_each_state_machine_of_a_template_is_looked_at(template, capsys) -> None:
    assert main(["validate", template]) == 1
    first, last = capsys.readouterr().out.splitlines()

    assert first.startswith('template.json:20:15: error: Expected value of type Integer (state "W", field Seconds)')
    assert last == "2 definitions, 1 error, 0 warnings"


def test_one_state_machine_of_a_template_is_chosen_by_its_logical_id(template, capsys) -> None:
    assert main(["validate", template, "--resource", "Own"]) == 0
    assert main(["validate", template, "--resource", "Owner"]) == 2
    assert "has no state machine 'Owner'; it has Own, Within" in capsys.readouterr().err


def test_a_problem_stands_in_the_file_that_a_template_names(template, tmp_path, capsys) -> None:
    file = tmp_path / "own.asl.yaml"
    file.write_text(file.read_text().replace("${Days}", "soon"))

    assert main(["validate", template, "--resource", "Own"]) == 1
    assert capsys.readouterr().out.startswith("own.asl.yaml:5:5: error: Expected value of type Integer")


def test_placeholders_are_filled_in_by_options(template, capsys) -> None:
    assert main(["validate", "own.asl.yaml"]) == 1
    assert main(["validate", "own.asl.yaml", "--substitution", "Days=3"]) == 0
    assert main(["validate", "own.asl.yaml", "--substitution", "Days"]) == 2
    assert "--substitution is 'Days': NAME=VALUE is needed" in capsys.readouterr().err


def test_options_of_templates_are_refused_where_there_is_none(template, write, capsys) -> None:
    file = write("good.json", GOOD)
    assert main(["validate", file, "--resource", "Own"]) == 2
    assert f"--resource and --parameter are for templates, and {file} is none" in capsys.readouterr().err
    assert main(["validate", file, template, "--resource", "Own"]) == 0


def test_a_piped_definition_has_its_placeholders_filled_in_and_no_options_of_templates(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD.replace('"A"', '"${Name}"')))
    assert main(["graph", "-", "--format", "mermaid", "--substitution", "Name=Begin"]) == 0
    assert "Begin" in capsys.readouterr().out
    assert main(["graph", "-", "--parameter", "Stage=test"]) == 2
    assert "--parameter are for templates, and standard input is none" in capsys.readouterr().err
