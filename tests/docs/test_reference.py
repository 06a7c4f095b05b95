"""docs/reference says what the code says, and the pages name only what there is."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from stepstack import pytest_plugin
from stepstack.cli import COMMANDS
from stepstack.pytest_plugin.settings import PluginSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    specification = importlib.util.spec_from_file_location("reference_tables", ROOT / "scripts" / "reference.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda page: page.stem)
def test_a_page_has_the_tables_that_the_code_gives(page: Path, reference: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == reference.rendered(text), "run `python scripts/reference.py`"


def test_every_table_stands_on_a_page(reference: ModuleType) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    wanted = {*reference.TABLES, *(f"command {name}" for name in COMMANDS)}
    assert set(re.findall(r"<!-- table: ([\w ]+) -->", text)) == wanted


def test_every_option_of_pytest_that_a_page_names_is_one(reference: ModuleType) -> None:
    there_are = set(reference.options_of_plugin().options)
    named = {(page.name, option) for page in PAGES for option in re.findall(r"--stepstack-[a-z-]*[a-z]", page.read_text(encoding="utf-8"))}
    assert {pair for pair in named if pair[1] not in there_are} == set()


def test_the_marker_names_every_setting() -> None:
    source = Path(pytest_plugin.__file__).read_text(encoding="utf-8")
    (told,) = re.findall(r'"stepstack\(([\w, ]+)\): "', source)
    assert sorted(told.split(", ")) == sorted(PluginSettings.__dataclass_fields__)


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8"))}
    pages = [page for page in (ROOT / "docs").glob("**/*.md") if page.parent.name != "decisions" and page != index]
    assert [str(page.relative_to(ROOT)) for page in pages if page not in linked] == []
