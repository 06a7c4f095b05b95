"""docs/environment.md has every variable and option of ours."""

from __future__ import annotations

import re
from pathlib import Path

from stepstack.pytest_plugin.settings import PluginSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")


def test_every_variable_of_ours_that_the_code_reads_has_a_row() -> None:
    read = {
        name
        for file in (ROOT / "src" / "stepstack").rglob("*.py")
        for name in re.findall(r"\bSTEPSTACK_[A-Z_]*[A-Z]\b(?!_)", file.read_text(encoding="utf-8"))
    }
    rows = set(re.findall(r"`(STEPSTACK_\w+)`", "\n".join(line for line in TEXT.splitlines() if line.startswith("| "))))
    assert read <= rows


def test_every_setting_of_the_plugin_has_a_row() -> None:
    settings = {name.replace("_", "-").replace("endpoints", "endpoint") for name in PluginSettings.__dataclass_fields__}
    assert settings <= set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, flags=re.MULTILINE))
