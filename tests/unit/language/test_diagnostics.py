"""What is wrong with definitions, in AWS's words: the cases of diagnostics.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepstack.errors import DefinitionError
from stepstack.language import Severity, diagnose, parse
from stepstack.language.resources import TaskResource

CASES = yaml.safe_load(Path(__file__).with_name("diagnostics.yaml").read_text(encoding="utf-8"))


class Kitchen:
    """A catalog of one service with one action."""

    def problem(self, resource: TaskResource) -> str | None:
        return None if resource.service in {"kettle", "s3"} else f"The resource provided {resource.arn} is not recognized."

    def required_parameters(self, resource: TaskResource) -> tuple[str, ...]:
        return ("Litres",)

    def supported_parameters(self, resource: TaskResource) -> frozenset[str] | None:
        return frozenset({"Litres", "Degrees"})


def text_of(case: dict[str, Any]) -> str:
    if "text" in case:
        return str(case["text"])
    if "definition" in case:
        return json.dumps(case["definition"])
    return json.dumps({"StartAt": next(iter(case["states"])), "States": case["states"]})


each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


@each_case
def test_a_definition_is_refused_with_every_diagnostic_of_aws(case: dict[str, Any]) -> None:
    arguments: Any = {"catalog": Kitchen(), "machine_type": case.get("type", "STANDARD")}
    if case["expected"]:
        with pytest.raises(DefinitionError) as refused:
            parse(text_of(case), **arguments)
        assert [str(diagnostic) for diagnostic in refused.value.diagnostics] == case["expected"]
    else:
        assert parse(text_of(case), **arguments).states


@each_case
def test_diagnosing_finds_the_same_errors_and_the_warnings_of_aws(case: dict[str, Any]) -> None:
    found = diagnose(text_of(case), catalog=Kitchen(), machine_type=case.get("type", "STANDARD"))
    assert [str(each) for each in found if each.severity is Severity.ERROR] == case["expected"]
    assert not any(each.beyond_aws for each in found)
    if "warnings" in case:
        assert [str(each) for each in found if each.severity is Severity.WARNING] == case["warnings"]


@each_case
def test_hints_come_besides_and_are_marked_as_ours(case: dict[str, Any]) -> None:
    found = diagnose(text_of(case), catalog=Kitchen(), machine_type=case.get("type", "STANDARD"), hints=True)
    assert set(case["expected"]) <= {str(each) for each in found}
    if "hints" in case:
        assert [str(each) for each in found if each.beyond_aws] == case["hints"]


def test_hints_go_on_behind_the_first_errors() -> None:
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Z", "Retry": []}}})
    assert {each.code for each in diagnose(definition, hints=True)} >= {"SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"}


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_hints_bear_a_state_that_holds_the_graphs_of_another_type_too(kind: str) -> None:
    branch, processor = ({"StartAt": name, "States": {name: {"Type": "Pass", "End": True}}} for name in ("B", "P"))
    state = {"Type": kind, "End": True, "Branches": [branch], "ItemProcessor": processor}
    found = diagnose(json.dumps({"StartAt": "S", "States": {"S": state}}), hints=True)
    assert [each.code for each in found] == ["SCHEMA_VALIDATION_FAILED"]
