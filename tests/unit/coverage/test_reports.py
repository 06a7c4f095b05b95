"""What the reports say of a machine of which a known part ran."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

import stepstack
from stepstack.coverage import CoverageData, analyse, observe
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
    assert "0/1" in report, "transitions"
    assert report.splitlines()[-1].strip() == "Choose: rule 1 never true; One"


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


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_escapes_names_loads_nothing_and_colours_the_drawing():
    page = html_report(analyse(data_of({"n": 2})))
    parsed = Texts()
    parsed.feed(page)
    tags = {tag for tag, _ in parsed.tags}
    assert not tags & {"script", "link", "img", "b"}
    states = {attributes["data-state"]: attributes["class"] for tag, attributes in parsed.tags if "data-state" in attributes}
    assert states["One"] == "node missed"
    assert states["Choose"] == "node partial"
    assert states["Other <b>"] == "node covered"


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
