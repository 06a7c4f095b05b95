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


class Page(HTMLParser):
    """What a browser would show: `texts`, and which elements there are."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.left_open, self.texts, self.classes = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.opened.append(tag)
        self.classes += [(tag, name) for name in (dict(attributes).get("class") or "").split()]
        if tag != "meta":
            self.left_open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.left_open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def page(state_machine, mock_task):
    mock_task("Pay", answers=[1, Raises("Busy", '{"errorMessage":"<come> back","errorType":"Busy"}'), Raises("Broken", "<b>")])
    execution = state_machine(ORDERS).run([1, 2])
    return report_page("test_orders.py::test_<pay>", "assert <1> == 2", [(json.dumps(ORDERS), execution.failed("Broken"))])


def test_the_page_is_whole_and_loads_nothing(page):
    parsed = Page(page)

    assert parsed.left_open == []
    assert not {"script", "link", "img", "iframe"} & set(parsed.opened)
    assert "url(" not in page.replace("url(#", "")


def test_it_tells_the_failure_the_path_and_each_visit(page):
    text = " ".join(" ".join(Page(page).texts).split())

    assert "test_orders.py::test_<pay>" in text
    assert "assert <1> == 2" in text
    assert "ended in: Pay (Task)" in text
    assert "Busy: <come> back" in text
    assert "History (" in text


def test_the_drawing_marks_what_ran_and_where_it_failed(page):
    classes = Page(page).classes

    assert ("g", "failed") in classes
    assert ("g", "covered") in classes


def test_a_definition_that_only_others_take_is_not_drawn(state_machine):
    execution = state_machine({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}).run()

    page = report_page("t", "f", [('{"StartAt": "B"}', execution)])

    assert "It cannot be drawn" in page
    assert "svg" not in Page(page).opened
