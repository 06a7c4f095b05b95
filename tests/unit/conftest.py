"""Histories written by hand, the end of loops that tests run by hand, and what holds for every HTML page."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest

from stepstack.testing import ExecutionResult

_VOID = {"meta", "input", "br"}
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3}
DETAILS = {
    "StateEntered": "stateEnteredEventDetails",
    "StateExited": "stateExitedEventDetails",
}


def history_of(*lines):
    """Events as boto3 has them: each line is `(type, previous id, details)`; ids count from 1."""
    events = []
    for number, (kind, previous, details) in enumerate(lines, 1):
        event = {"id": number, "type": kind, "previousEventId": previous, "timestamp": datetime(2026, 1, 1, tzinfo=timezone.utc)}
        if details:
            key = next((key for ending, key in DETAILS.items() if kind.endswith(ending)), f"{kind[0].lower()}{kind[1:]}EventDetails")
            event[key] = details
        events.append(event)
    return events


async def _cancel_all():
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def end_loop():
    """Cancels what still runs on a loop, and closes it."""

    def end(loop):
        loop.run_until_complete(_cancel_all())
        loop.close()

    return end


@pytest.fixture
def make_history():
    return history_of


@pytest.fixture
def make_execution():
    """An ExecutionResult with a history of lines; keywords change its other members."""

    def make(*lines, **members):
        given = {"status": "SUCCEEDED", "input_text": "{}", "output_text": "{}", **members}
        return ExecutionResult(
            arn="arn:aws:states:us-east-1:123456789012:execution:orders:one",
            name="one",
            state_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:orders",
            fetch_history=lambda: history_of(*lines),
            **given,
        )

    return make


class _Elements(HTMLParser):
    """Every element with its attributes; fails where one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.left_open = [], []
        self.feed(text)
        assert self.left_open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.left_open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.left_open.pop() == tag


def _checked_page(text):
    """The elements of a page, which is whole, loads nothing, and is used by keyboard and screen reader."""
    elements = _Elements(text).elements
    tags = {tag for tag, _ in elements}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert "url(" not in text
    assert "@import" not in text
    assert next(attributes for tag, attributes in elements if tag == "html")["lang"] == "en"
    levels = [_HEADINGS[tag] for tag, _ in elements if tag in _HEADINGS]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    identities = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on")]
        if attributes.get("class") in {"scroll", "figure"}:
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]
        if attributes.get("href"):
            assert attributes["href"].removeprefix("#") in identities, "every link leads somewhere on the page"
        if tag == "input":
            assert ("label", attributes["id"]) in [(other, given.get("for")) for other, given in elements]
        if tag == "th":
            assert attributes["scope"] in {"row", "col"}
        if tag == "svg":
            assert attributes.get("aria-hidden") or attributes["aria-label"]
    return elements


@pytest.fixture
def check_page():
    """A function of a page's text: its elements, once what holds for every page was asserted."""
    return _checked_page
