"""A failed test as one page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from stepstack.testing import Raises
from stepstack.testing.report_page import report_page

PAY = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:pay", "Retry": [{"ErrorEquals": ["Busy"]}], "End": True}
EACH = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": "Pay", "States": {"Pay": PAY}}, "Next": "Never <here>"}
ORDERS = {"StartAt": "Each", "States": {"Each": EACH, "Never <here>": {"Type": "Succeed"}}}


class Texts(HTMLParser):
    """What a browser would show."""

    def __init__(self, text):
        super().__init__()
        self.texts = []
        self.feed(text)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def page(state_machine, mock_task):
    mock_task("Pay", answers=[1, Raises("Busy", '{"errorMessage":"<come> back","errorType":"Busy"}'), Raises("Broken", "<b>")])
    execution = state_machine(ORDERS).run([1, 2])
    return report_page("test_orders.py::test_<pay>", "assert <1> == 2", [(json.dumps(ORDERS), execution.failed("Broken"))])


def test_the_page_is_whole_and_used_by_keyboard(page, check_page):
    elements = check_page(page)

    assert not {"b", "come", "pay"} & {tag for tag, _ in elements}


def test_it_tells_the_failure_the_path_and_each_visit(page):
    text = " ".join(" ".join(Texts(page).texts).split())

    assert "test_orders.py::test_<pay>" in text
    assert "assert <1> == 2" in text
    assert "ended in: Pay [1] (Task)" in text
    assert "Busy: <come> back" in text
    assert "Pay [1]" in text
    assert text.count("the execution ended here") == 2, "in the legend and in the row"
    assert "History (" in text


def test_the_drawing_marks_what_ran_and_where_it_failed(page, check_page):
    drawn = {attributes["data-state"]: attributes for _, attributes in check_page(page) if "data-state" in attributes}

    assert drawn["Pay"]["class"] == "node failed"
    assert drawn["Each"]["class"] == "node outer covered"
    assert drawn["Never <here>"]["class"] == "node"
    assert "Task Pay, failed, entered 2 times, 2 attempts, FAILED: Broken" in page


def test_a_state_that_went_on_after_an_error_is_marked_as_such(state_machine, mock_task, check_page):
    mock_task("Pay", answers=[Raises("Busy"), 1])
    execution = state_machine(ORDERS).run([1])

    elements = check_page(report_page("t", "f", [(json.dumps(ORDERS), execution)]))

    assert "node partial" in [attributes.get("class") for _, attributes in elements if attributes.get("data-state") == "Pay"]


def test_the_account_is_folded_where_pytest_has_told_it(state_machine):
    execution = state_machine({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}).run()
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Fail"}}}'

    assert "<summary>Account" in report_page("t", f"E {execution.explanation}", [(definition, execution)])
    assert "<summary>Account" not in report_page("t", "assert False", [(definition, execution)])


def test_a_long_text_is_on_the_page_once(state_machine, check_page):
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Fail", "Error": "E"}}}
    rows = [{"number": number, "text": "row <{number}>"} for number in range(4000)]
    execution = state_machine(definition).run({"rows": rows})

    page = report_page("t", "f", [(json.dumps(definition), execution)])

    check_page(page)
    assert len(page) < 3 * len(json.dumps(rows))
    assert page.count("characters, as above</a>") >= 3


def test_of_thousands_of_visits_the_first_and_the_last_are_shown(make_execution, check_page):
    lines = [("ExecutionStarted", 0, {})]
    for name in ["First", *["Again", "Once more"] * 1000, "Last"]:
        lines.append(("PassStateEntered", len(lines), {"name": name, "input": "1"}))
    definition = {"StartAt": "First", "States": {name: {"Type": "Succeed"} for name in ("First",)}}

    page = report_page("t", "f", [(json.dumps(definition), make_execution(*lines))])

    check_page(page)
    assert "1,402 more visits" in page
    assert "1,403 more events" in page
    assert "execution-1-visit-2001" in page
    assert len(page) < 600_000


def test_half_a_surrogate_pair_does_not_keep_the_page_from_being_written(make_execution):
    entered = ("PassStateEntered", 1, {"name": "A", "input": '"half \ud800"'})
    execution = make_execution(("ExecutionStarted", 0, {}), entered, input_text='"half \ud800"')

    page = report_page("t \ud800", "f", [('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', execution)])

    assert "half \\ud800" in page.encode().decode()


def test_a_definition_that_only_others_take_is_not_drawn(state_machine, check_page):
    execution = state_machine({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}).run()

    page = report_page("t", "f", [('{"StartAt": "B"}', execution)])

    assert "It cannot be drawn" in page
    check_page(page)
    assert "<svg" not in page
