"""Where a state machine's definition comes from: a file, a dict or text, with substitutions.

Called by the `state_machine` fixture. JSON stays as it is written, so that messages point at the same place; YAML becomes JSON.
Substitutions replace `${Name}` as CloudFormation's DefinitionSubstitutions do; what is not named stays, because `${...}` may be the
definition's own text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from stepstack.errors import SettingsError
from stepstack.json_types import Json, json_text

__all__ = ["DefinitionSource", "definition_text"]

DefinitionSource: TypeAlias = "str | Path | Mapping[str, Json]"

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")


def definition_text(source: DefinitionSource, *, substitutions: Mapping[str, Json] | None = None, folders: Sequence[Path] = ()) -> str:
    """The definition as text. A `str` is text where it begins like JSON or has several lines, otherwise a file's path.

    A relative path is looked for in each of `folders`, then in the current one. SettingsError where there is no such file.
    """
    if isinstance(source, Mapping):
        text = json_text(source)
    elif isinstance(source, str) and (source.lstrip().startswith("{") or "\n" in source.strip()):
        text = _as_json(source)
    else:
        path = find_file(source, folders)
        text = _as_json(path.read_text(encoding="utf-8"), is_yaml=path.suffix.lower() in {".yaml", ".yml"})
    return substituted(text, substitutions or {})


def find_file(source: str | Path, folders: Sequence[Path]) -> Path:
    """The first file of that name; SettingsError that says where it was looked for."""
    candidates = [folder / source for folder in (*folders, Path.cwd())]
    for path in candidates:
        if path.is_file():
            return path
    places = ", ".join(dict.fromkeys(str(path.parent) for path in candidates))
    raise SettingsError(f"there is no file {str(source)!r} (looked for in {places})")


def substituted(text: str, substitutions: Mapping[str, Json]) -> str:
    """`text` with each `${Name}` of `substitutions` replaced by its value, escaped as the JSON string that it stands in needs it."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in substitutions:
            return match.group(0)
        replacement = substitutions[name]
        return json_text(replacement)[1:-1] if isinstance(replacement, str) else json_text(replacement)

    return _PLACEHOLDER.sub(value, text) if substitutions else text


def _as_json(text: str, *, is_yaml: bool | None = None) -> str:
    if is_yaml is None:
        is_yaml = not text.lstrip().startswith("{")
    if not is_yaml:
        return text
    import yaml  # noqa: PLC0415 - needed for YAML alone

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"the definition is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise SettingsError(f"the definition is no object but {type(document).__name__}")
    return json_text(document)
