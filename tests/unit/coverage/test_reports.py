"""What the reports say of a machine of which a known part ran."""

from __future__ import annotations

import json

import pytest

import stepstack
from stepstack.coverage import CoverageData, analyse, observe
from stepstack.coverage.analysis import percent_text
from stepstack.coverage.counts import merged
from stepstack.coverage.html_report import html_report
from stepstack.coverage.json_report import json_report
from stepstack.coverage.text_report import text_report
from stepstack.errors import SettingsError
from stepstack.language import parse

DEFINITION = json.dumps(
    {
        "StartAt": "Choose",
        "States": {
            "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "Other <b>"},
            "One": {"Type": "Pass", "Next": "Other <b>"},
            "Other <b>": {"Type": "Pass", "End": True},
        },
    }
)


def data_of(*inputs, name="orders"):
    data = CoverageData()
    counts = data.machine(DEFINITION, name)
    for given in inputs:
        observe(counts, parse(DEFINITION), stepstack.run(DEFINITION, given).history)
    return data


def test_the_table_has_a_line_a_machine_and_says_what_is_missing():
    report = text_report(analyse(data_of({"n": 2})))
    assert "orders" in report
    assert "2/3" in report, "states"
    assert "1/2" in report, "transitions"
    assert [line.strip() for line in report.splitlines()[-2:]] == ["Choose: rule 1 never true", "never entered: One"]


def test_a_machine_that_ran_whole_misses_nothing():
    analysis = analyse(data_of({"n": 1}, {"n": 2}))
    assert analysis.percent == 100
    assert "misses" not in text_report(analysis)


def test_the_json_report_has_every_item_with_its_count():
    report = json.loads(json_report(analyse(data_of({"n": 2}, {"n": 3}))))
    machine = report["machines"][0]
    counts = {(item["kind"], item["state"], item["detail"]): item["count"] for item in machine["items"]}
    assert counts[("state", "Choose", "")] == 2
    assert counts[("rule", "Choose", "1 true")] == 0
    assert machine["totals"]["state"] == [2, 3]
    assert machine["executions"] == 2


def test_the_page_escapes_names_loads_nothing_and_marks_the_drawing(check_page):
    elements = check_page(html_report(analyse(data_of({"n": 2}))))
    assert not {"b"} & {tag for tag, _ in elements}
    states = {attributes["data-state"]: attributes["class"] for tag, attributes in elements if "data-state" in attributes}
    assert states == {"One": "node missed", "Choose": "node partial", "Other <b>": "node covered"}


def test_the_page_says_in_words_what_is_missing_and_where():
    page = html_report(analyse(data_of({"n": 2})))
    assert '<a href="#machine-0-state-0-drawn">Choose</a>: rule 1 never true' in page
    assert 'never entered: <a href="#machine-0-state-1-drawn">One</a>' in page
    assert 'aria-label="Choice Choose, partial, entered once; rule 1 never true, leads to One (#1 $.n = 1, never true)' in page


def test_a_page_without_executions_says_so(check_page):
    page = html_report(analyse(CoverageData()))
    check_page(page)
    assert "No execution was counted" in page


@pytest.mark.parametrize(
    ("percent", "digits", "shown"),
    [
        pytest.param(99.6, 0, "99", id="not everything"),
        pytest.param(99.97, 1, "99.9", id="not everything, with a decimal"),
        pytest.param(100, 0, "100", id="everything"),
        pytest.param(0.2, 0, "1", id="not nothing"),
        pytest.param(0, 0, "0", id="nothing"),
        pytest.param(66.6, 0, "67", id="between"),
    ],
)
def test_a_hundred_percent_is_shown_only_where_nothing_is_missing(percent, digits, shown):
    assert percent_text(percent, digits) == shown


def test_numbered_things_are_told_together():
    rules = [{"Variable": "$.n", "NumericEquals": number, "Next": "Done"} for number in range(8)]
    definition = json.dumps({"StartAt": "Choose", "States": {"Choose": {"Type": "Choice", "Choices": rules}, "Done": {"Type": "Succeed"}}})
    data = CoverageData()
    for number in (1, 3):
        observe(data.machine(definition, "orders"), parse(definition), stepstack.run(definition, {"n": number}).history)
    (machine,) = analyse(data).machines
    assert list(machine.missing_words()) == ["Choose: rules 1, 3, 5-8 never true, rules 4-8 never false"]


def test_data_survives_its_file(tmp_path):
    data = data_of({"n": 1})
    data.write(tmp_path / "coverage.json")
    read = CoverageData.read(tmp_path / "coverage.json")
    assert read.to_json() == data.to_json()


def test_the_same_definition_under_two_names_is_one_machine():
    total = merged([data_of({"n": 1}, name="run1-gw0-orders"), data_of({"n": 2}, name="run1-gw1-orders")])
    (machine,) = total.machines.values()
    assert machine.executions == 2
    assert analyse(total).percent == 100


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param('{"format": "stepstack-coverage", "version": 99, "machines": {}}', id="a version of the future"),
        pytest.param('{"format": "stepstack-coverage", "version": 1, "machines": {"x": {}}}', id="a damaged machine"),
    ],
)
def test_a_file_that_is_no_coverage_data_is_one_clear_error(tmp_path, content):
    path = tmp_path / "coverage.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="coverage"):
        CoverageData.read(path)
