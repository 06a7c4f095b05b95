"""What every page has: a language, a title, one heading, names for what scrolls, nothing from elsewhere."""

from __future__ import annotations

import json

import pytest

from stepstack.cli import main


@pytest.fixture
def page(tmp_path):
    definition = {"StartAt": "<b>", "States": {"<b>": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}
    (tmp_path / "</title><script>.json".replace("/", "_")).write_text(json.dumps(definition))
    assert main(["graph", str(tmp_path / "<_title><script>.json"), "-o", str(tmp_path / "out.html")]) == 0
    return (tmp_path / "out.html").read_text()


def test_the_page_of_a_drawing_is_whole_and_accessible(page, check_page):
    elements = check_page(page)
    assert [attributes["data-state"] for _, attributes in elements if "data-state" in attributes] == ["<b>", "B"]


def test_the_page_follows_the_scheme_on_screens_and_is_light_on_paper(page):
    assert "@media screen and (prefers-color-scheme: dark) { :root {" in page
    assert "@media screen and (prefers-color-scheme: dark) { svg.stepstack {" in page
    assert "@media print" in page
