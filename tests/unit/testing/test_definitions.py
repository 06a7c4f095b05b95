"""Where a definition comes from."""

from __future__ import annotations

import json

import pytest

from stepstack.errors import SettingsError
from stepstack.testing import definition_text

DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
YAML = "StartAt: A\nStates:\n  A:\n    Type: Succeed\n"


def test_a_dict_becomes_text():
    assert json.loads(definition_text(DEFINITION)) == DEFINITION


def test_text_stays_as_it_is():
    text = json.dumps(DEFINITION, indent=3)

    assert definition_text(text) == text


def test_yaml_text_becomes_json():
    assert json.loads(definition_text(YAML)) == DEFINITION


def test_timestamps_and_tags_of_yaml_are_read_as_validate_reads_them():
    text = "StartAt: W\nStates:\n  W: {Type: Wait, Timestamp: 2026-01-01T00:00:00Z, End: true, Comment: !GetAtt F.Arn}\n"

    state = json.loads(definition_text(text, substitutions={"F.Arn": "arn"}))["States"]["W"]

    assert state == {"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z", "End": True, "Comment": "arn"}


@pytest.mark.parametrize(("name", "content"), [("a.asl.json", json.dumps(DEFINITION)), ("a.asl.yaml", YAML), ("a.yml", YAML)])
def test_a_file_is_looked_for_in_each_folder(tmp_path, name, content):
    (tmp_path / name).write_text(content)

    assert json.loads(definition_text(name, folders=[tmp_path / "elsewhere", tmp_path])) == DEFINITION


def test_a_path_is_a_file(tmp_path):
    (tmp_path / "a.json").write_text("{}")

    assert definition_text(tmp_path / "a.json") == "{}"


def test_a_missing_file_is_told_with_the_places(tmp_path):
    with pytest.raises(SettingsError) as refusal:
        definition_text("missing.json", folders=[tmp_path])

    assert "'missing.json'" in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_substitutions_are_escaped_where_they_stand():
    text = definition_text('{"Comment": "${Who}", "TimeoutSeconds": ${Seconds}}', substitutions={"Who": 'a "b"\\', "Seconds": 5})

    assert json.loads(text) == {"Comment": 'a "b"\\', "TimeoutSeconds": 5}


def test_what_is_not_substituted_stays():
    assert definition_text('{"Comment": "${Other} $.a"}', substitutions={"Who": "x"}) == '{"Comment": "${Other} $.a"}'


@pytest.mark.parametrize(
    ("text", "problem"), [("- a\n- b\n", "no object"), ("a: [\nb: 1\n", "no YAML: line 3, column 1")], ids=["a list", "no YAML"]
)
def test_yaml_that_is_no_definition_is_refused(text, problem):
    with pytest.raises(SettingsError, match=f"the definition is {problem}"):
        definition_text(text)


def test_yaml_is_filled_in_before_it_is_read_as_cloudformation_does():
    text = "StartAt: W\nStates:\n  W:\n    Type: Wait\n    Seconds: ${Days}\n    Comment: '${Days}'\n    End: true\n"

    state = json.loads(definition_text(text, substitutions={"Days": 5}))["States"]["W"]

    assert (state["Seconds"], state["Comment"]) == (5, "5")
