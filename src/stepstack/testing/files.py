"""Text files that somebody names: read, or refused in one line that says what is wrong, where, and what would do instead.

Called where definitions and templates are read, by the command line and by the fixtures.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from stepstack.errors import SettingsError
from stepstack.testing.close_names import listed

__all__ = ["find_file", "read_standard_input", "read_text"]

SUFFIXES = frozenset({".json", ".yaml", ".yml"})
NAMED = 3
"""How many files are named as what might be meant."""


def find_file(source: str | Path, folders: Sequence[Path] = ()) -> Path:
    """The first file of that name in `folders`, then in the current one; SettingsError that says where it was looked for."""
    candidates = [folder / source for folder in (*folders, Path.cwd())]
    for path in candidates:
        if path.is_file():
            return path
    for path in candidates:
        if path.is_dir():
            raise SettingsError(f"{str(source)!r} is a folder, and a file is needed{_instead(_documents(path))}")
    parents = list(dict.fromkeys(path.parent for path in candidates))
    names = [name for parent in parents for name in _documents(parent)]
    close = get_close_matches(Path(source).name, names, n=NAMED, cutoff=0.8)
    places = ", ".join(map(str, parents))
    raise SettingsError(f"there is no file {str(source)!r} (looked for in {places}){_instead(close or names)}")


def read_text(source: str | Path, what: str, folders: Sequence[Path] = ()) -> str:
    """The text of a file that is to be `what`, such as "a definition"; SettingsError where it cannot be had or is empty."""
    path = find_file(source, folders)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{str(source)!r} cannot be read: {error.strerror}; {what} that you may read is needed") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"{str(source)!r} is no text in UTF-8: line {line} has the byte 0x{content[error.start]:02x}"
        raise SettingsError(f"{problem}; save it as UTF-8") from None
    if not text.strip():
        raise SettingsError(f"{str(source)!r} is empty: {what}, in JSON or YAML, is needed")
    return text


def read_standard_input(what: str) -> str:
    """The text that is piped in and is to be `what`; SettingsError where it is empty or none in UTF-8."""
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise SettingsError("what standard input holds is no text in UTF-8") from None
    if not text.strip():
        raise SettingsError(f"standard input is empty: {what}, in JSON or YAML, is needed")
    return text


def _documents(folder: Path) -> list[str]:
    """The names of the files in `folder` that may be documents."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:
        return []


def _instead(names: Sequence[str]) -> str:
    """What there is in its place."""
    return f"; {listed(names, NAMED)}" if names else ""
