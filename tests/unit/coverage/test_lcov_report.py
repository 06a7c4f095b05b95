"""LCOV's format, as geninfo(1) and genhtml have it: each record adds up, and branches stand on lines that have a count."""

from __future__ import annotations

import json

import pytest

import stepstack
from stepstack.coverage import CoverageData, analyse, observe
from stepstack.coverage.lcov_report import lcov_report
from stepstack.language import parse

DEFINITION = {
    "StartAt": "Choose",
    "States": {
        "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "Work"},
        "One": {"Type": "Succeed"},
        "Work": {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:work",
            "Retry": [{"ErrorEquals": ["Busy"]}],
            "Catch": [{"ErrorEquals": ["Busy"], "Next": "One"}],
            "Next": "One",
        },
    },
}


def records_of(report):
    """The records: file name, and the numbers of each kind of line."""
    records = []
    for line in report.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "TN":
            assert rest == ""
            records.append({"DA": {}, "BRDA": []})
        elif kind == "DA":
            number, count = map(int, rest.split(","))
            records[-1]["DA"][number] = count
        elif kind == "BRDA":
            number, block, branch, taken = rest.split(",")
            records[-1]["BRDA"].append((int(number), int(block), int(branch), None if taken == "-" else int(taken)))
        elif kind != "end_of_record":
            records[-1][kind] = rest
    return records


@pytest.fixture(params=["indented", "on one line", "yaml"])
def record(request, tmp_path):
    name = "machine.asl.yaml" if request.param == "yaml" else "machine.json"
    text = json.dumps(DEFINITION, indent=None if request.param == "on one line" else 2)
    (tmp_path / name).write_text(f"# orders\n{text.replace('{', ' {', 1)}" if request.param == "yaml" else text)
    data = CoverageData()
    for number in (1, 2):
        history = stepstack.run(json.dumps(DEFINITION), {"n": number}, tasks={"work": {}}).history
        observe(data.machine(json.dumps(DEFINITION), name, name), parse(json.dumps(DEFINITION)), history)
    (record,) = records_of(lcov_report(analyse(data), tmp_path))
    assert record["SF"] == name
    return record


def test_the_sums_are_those_of_the_lines(record):
    lines, branches = record["DA"], record["BRDA"]
    assert int(record["LF"]) == len(lines)
    assert int(record["LH"]) == sum(1 for count in lines.values() if count)
    assert int(record["BRF"]) == len(branches) == 7
    assert int(record["BRH"]) == sum(1 for *_, taken in branches if taken) == 4


def test_branches_are_told_apart_and_stand_on_lines_with_a_count(record):
    assert {line for line, *_ in record["BRDA"]} <= record["DA"].keys()
    assert len({branch[:3] for branch in record["BRDA"]}) == len(record["BRDA"])


def test_a_state_is_the_line_of_its_name(tmp_path):
    text = json.dumps(DEFINITION, indent=2)
    (tmp_path / "machine.json").write_text(text)
    data = CoverageData()
    counts = data.machine(text, "machine.json", "machine.json")
    observe(counts, parse(text), stepstack.run(text, {"n": 1}).history)
    (record,) = records_of(lcov_report(analyse(data), tmp_path))
    places = {line.strip().partition('"')[2].partition('"')[0]: number for number, line in enumerate(text.splitlines(), 1)}
    assert record["DA"][places["Choose"]] == 1
    assert record["DA"][places["Work"]] == 0
    assert {taken for line, _, _, taken in record["BRDA"] if line > places["Work"]} == {None}


def test_machines_that_came_from_no_file_are_left_out(tmp_path):
    data = CoverageData()
    data.machine(json.dumps(DEFINITION), "orders")
    data.machine(json.dumps({**DEFINITION, "Comment": "gone"}), "gone.json", "gone.json")
    assert lcov_report(analyse(data), tmp_path) == ""
