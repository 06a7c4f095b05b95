"""Lines and columns of a definition's parts, in JSON and in YAML."""

from __future__ import annotations

import json

import pytest

from stepstack.language.source_map import SourceMap, YamlProblem, read_yaml

JSON = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass",
          "Next": "B"},
    "B": {"Type": "Choice", "Choices": [
      {"Next": "C"}
    ]}
  }
}"""

YAML = """\
# a comment
StartAt: A
States:
  A:
    Type: Choice
    Choices:
      - Next: B
"""


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/States/A/Next", (5, 11)),
        ("/States/B/Choices[0]/Next", (7, 8)),
        ("/States/B/Choices[0]", (7, 7)),
        ("/States/B/Choices[0]/Variable/deep[3]", (7, 7)),
        ("/States/Z", (3, 3)),
        ("/", (1, 1)),
        (None, (1, 1)),
        ('[Source: (String)"x"; line: 4, column: 7]', (4, 7)),
    ],
)
def test_a_location_in_json_is_its_key_or_the_nearest_part_around_it(location: str | None, place: tuple[int, int]) -> None:
    assert SourceMap.of_json(JSON).find(location) == place


def test_json_that_breaks_off_keeps_the_places_before() -> None:
    assert SourceMap.of_json(JSON[:60]).find("/States/A/Type") == (4, 11)


def test_yaml_becomes_json_with_the_places_of_the_yaml() -> None:
    definition, places = read_yaml(YAML)
    assert json.loads(definition) == {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Next": "B"}]}}}
    assert places.find("/States/A/Choices[0]/Next") == (7, 9)
    assert places.find("/States/A/Type") == (5, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Timestamp: 2024-05-06T07:08:09Z", {"Timestamp": "2024-05-06T07:08:09Z"}),
        ("a: 1\nb: 1.5\nc: true\nd:\ne: '1'", {"a": 1, "b": 1.5, "c": True, "d": None, "e": "1"}),
        ("1: one\non: two", {"1": "one", "on": "two"}),
        ("Resource: !GetAtt F.Arn", {"Resource": "${F.Arn}"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("base: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"base": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("", None),
    ],
    ids=["timestamp", "scalars", "keys", "tag", "alias", "merge", "empty"],
)
def test_yaml_means_what_it_means_to_aws(text: str, expected: object) -> None:
    assert json.loads(read_yaml(text)[0]) == expected


def test_keys_that_stand_twice_are_told() -> None:
    assert read_yaml("a: 1\nb: 2\na: 3\n")[1].duplicate_keys == (("a", (3, 1)),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2", 2),
        ("a: b: c", 1),
        ("a: &x [*x]", 1),
        ("[" * 1500, 1),
        ("a: 1\n---\nb: 2", 2),
        ("a: .nan", 1),
        ("a: \x00", 1),
        ("x0: &x0 [1,1,1,1,1,1,1,1,1]\n" + "".join(f"x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 9)), 1),
    ],
    ids=["open", "two colons", "recursive", "deep", "two documents", "not a number", "control character", "billion laughs"],
)
def test_what_is_no_yaml_is_one_problem_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlProblem) as refused:
        json.loads(read_yaml(text)[0], parse_constant=_refuse)
    assert refused.value.line >= line


def _refuse(name: str) -> None:
    raise YamlProblem(name)
