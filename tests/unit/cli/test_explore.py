"""`stepstack explore`: what tasks answer that nobody gives an answer for."""

from __future__ import annotations

import json

import pytest

from stepstack.cli import main

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:price"


@pytest.fixture
def explored(tmp_path, monkeypatch, capsys):
    """What is told of one Task between its input and its end, with these words."""
    monkeypatch.chdir(tmp_path)

    def explore(task, *words):
        states = {"Price": {"Type": "Task", "End": True, **task}}
        (tmp_path / "machine.json").write_text(json.dumps({"StartAt": "Price", "States": states}), encoding="utf-8")
        status = main(["explore", "machine.json", "--examples", "5", *words])
        return status, capsys.readouterr().out

    return explore


def test_an_invocation_answers_a_payload(explored):
    task = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "price"}, "OutputPath": "$.Payload"}

    assert explored(task)[0] == 0


def test_a_defect_of_an_answer_that_was_assumed_says_so(explored):
    status, told = explored({"Resource": FUNCTION, "OutputPath": "$.net"})

    assert status == 1
    assert "    note: its task answers {}; --task 'Price=JSON' gives another answer\n" in told


@pytest.mark.parametrize("name", ["Price", "price", FUNCTION], ids=["state", "function", "ARN"])
def test_an_answer_may_be_given_by_any_name(explored, name):
    status, told = explored({"Resource": FUNCTION, "OutputPath": "$.net"}, "--task", f'{name}={{"net": 1}}')

    assert status == 0, told
    assert "5 inputs, 5 succeeded" in told
