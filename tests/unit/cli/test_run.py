"""`stepstack run`."""

from __future__ import annotations

import json

import pytest

from stepstack.cli import main

WORK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
MACHINE = {
    "StartAt": "Load",
    "States": {
        "Load": {"Type": "Pass", "Parameters": {"items.$": "$.items"}, "Next": "Each"},
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "StartAt": "Work",
                "States": {"Work": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}},
            },
            "Next": "Rest",
        },
        "Rest": {"Type": "Wait", "Seconds": 90, "End": True},
    },
}


@pytest.fixture
def machine(tmp_path):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE), encoding="utf-8")
    return str(path)


def test_the_way_through_the_states_is_a_table(machine, capsys):
    code = main(["run", machine, "--input", '{"items": [1, 2]}', "--task", 'Work="done"'])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines[2:7]] == ["Load", "Each", "Work", "Work", "Rest"]
    assert lines[4].startswith("  Work [0]")
    assert "90.0" in lines[6]
    assert lines[8].startswith("SUCCEEDED after 90.0")
    assert lines[9] == 'output: ["done","done"]'


def test_a_failure_shows_its_error_and_sets_the_exit_code(machine, capsys):
    assert main(["run", machine, "--input", '{"items": 5}']) == 1
    printed = capsys.readouterr().out
    assert "FAILED after" in printed
    assert "error:  States.Runtime" in printed
    assert 'Reference path "$.items" must point to array.' in printed


def test_everything_can_be_had_as_json(machine, capsys):
    assert main(["run", machine, "--input", '{"items": []}', "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["output"], document["states"]) == ("SUCCEEDED", [], ["Load", "Each", "Rest"])
    assert document["events"][0]["type"] == "ExecutionStarted"


def test_the_input_may_be_a_file(machine, tmp_path, capsys):
    path = tmp_path / "input.json"
    path.write_text('{"items": []}', encoding="utf-8")
    assert main(["run", machine, "--input", f"@{path}"]) == 0
    assert "output: []" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "{"], "--input is no JSON"),
        (["--input", "@nowhere.json"], "there is no file 'nowhere.json'"),
        (["--task", "Work"], "NAME=JSON is needed"),
        (["--task", "Work={"], "the answer is no JSON"),
        (["--endpoint", "dynamodb"], "SERVICE=URL is needed"),
        (["--time", "never"], "never"),
    ],
)
def test_wrong_usage_is_one_clear_line(machine, capsys, arguments, message):
    assert main(["run", machine, *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_a_missing_file_is_one_clear_line(capsys):
    assert main(["run", "nowhere.json"]) == 2
    assert "there is no file 'nowhere.json'" in capsys.readouterr().err


def test_a_definition_that_aws_would_refuse_is_told(tmp_path, capsys):
    path = tmp_path / "machine.json"
    path.write_text('{"StartAt": "A", "States": {"A": {"Type": "Nonsense"}}}', encoding="utf-8")
    assert main(["run", str(path)]) == 2
    assert "Type" in capsys.readouterr().err


PRICED = """
StartAt: Price
States:
  Price:
    Type: Task
    Resource: ${PriceArn}
    Next: Wait
  Wait:
    Type: Wait
    Seconds: ${Seconds}
    End: true
"""


@pytest.fixture
def priced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "priced.asl.yaml").write_text(PRICED)
    properties = {"DefinitionUri": "priced.asl.yaml", "DefinitionSubstitutions": {"PriceArn": FUNCTION, "Seconds": {"Ref": "Seconds"}}}
    resources = {name: {"Type": "AWS::Serverless::StateMachine", "Properties": properties} for name in ("Order", "Other")}
    document = {"Parameters": {"Seconds": {"Type": "Number", "Default": 5}}, "Resources": resources}
    (tmp_path / "template.json").write_text(json.dumps(document))
    return ["--task", "Price=7"]


FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:price"


def test_a_state_machine_of_a_template_is_chosen_by_its_logical_id(priced, capsys):
    assert main(["run", "template.json", *priced]) == 2
    assert "template.json has 2 state machines, and none is chosen; it has Order, Other" in capsys.readouterr().err
    assert main(["run", "template.json", "--resource", "Order", "--parameter", "Seconds=60", *priced]) == 0
    assert "SUCCEEDED after 60.0" in capsys.readouterr().out


def test_a_definitions_placeholders_are_filled_in_by_options(priced, capsys):
    assert main(["run", "priced.asl.yaml", *priced]) == 2
    assert "has placeholders that are not filled in: ${PriceArn}; say --substitution NAME=VALUE" in capsys.readouterr().err
    assert main(["run", "priced.asl.yaml", "--substitution", f"PriceArn={FUNCTION}", "--substitution", "Seconds=60", *priced]) == 0
    assert "SUCCEEDED after 60.0" in capsys.readouterr().out


def test_a_definition_with_placeholders_is_drawn(priced, capsys):
    assert main(["graph", "priced.asl.yaml", "--substitution", "Seconds=1", "--format", "mermaid"]) == 0
    assert "Price" in capsys.readouterr().out
    assert main(["graph", "template.json", "--resource", "Order", "--format", "mermaid"]) == 0


@pytest.mark.parametrize("name", ["Price", "price", FUNCTION], ids=["state", "function", "ARN"])
def test_an_answer_may_be_given_by_any_name_of_its_task(priced, name, capsys):
    assert main(["run", "template.json", "--resource", "Order", "--task", f"{name}=7"]) == 0
    assert "SUCCEEDED" in capsys.readouterr().out
