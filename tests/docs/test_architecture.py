"""docs/architecture.md, docs/decisions and CONTRIBUTING.md name what is there, and the first of them all rooms that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "stepstack"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_PATH = re.compile(r"`([\w./-]+(?:/|\.(?:py|json|md|toml|yml)))`")
NAMED = sorted(set(_PATH.findall(TEXT)))


def there_is(path: str) -> bool:
    """Paths stand as they are seen from the root, or from `src/stepstack`."""
    return (ROOT / path).exists() or (PACKAGE / path).exists()


def test_the_page_names_paths() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("path", sorted({*NAMED, *_PATH.findall(CONTRIBUTING)}))
def test_each_path_that_is_named_exists(path: str) -> None:
    assert there_is(path)


def test_each_name_in_code_behind_a_path_stands_in_that_file() -> None:
    for path, name in re.findall(r"`([\w/]+\.py)`: `([A-Za-z_.]+)", TEXT):
        text = (PACKAGE / path).read_text(encoding="utf-8")
        assert all(re.search(rf"\b{part}\b", text) for part in name.split(".")), f"{path} has no {name}"


def test_the_page_names_every_room() -> None:
    rooms = [folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file()]
    assert [room for room in rooms if f"`{room}/`" not in TEXT] == []


def test_the_page_gives_seven_files_to_read() -> None:
    order = TEXT.split("## Reading order", 1)[1].split("\n## ", 1)[0]
    assert len(re.findall(r"^\d\. `[\w/]+\.py`", order, flags=re.MULTILINE)) == 7


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_a_decision_says_its_situation_its_reasons_and_what_follows(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Situation", "Decision", "What follows"]
    assert len(text.splitlines()) < 60
