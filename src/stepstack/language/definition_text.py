"""A definition's text to its JSON object, or to AWS's words for why it is none.

Called by the parser. Python's own reader does the work; only for a text that it refuses, `json_scanner` finds the words and the place as
AWS's reader (Jackson) gives them. Source: recorded answers of AWS.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NoReturn, TypeAlias

from stepstack.json_types import JsonObject
from stepstack.language.findings import Findings
from stepstack.language.json_scanner import JsonSyntaxError, check_json

__all__ = ["SIZE_LIMIT_BYTES", "DuplicateKeys", "read_definition"]

SIZE_LIMIT_BYTES: Final = 1_048_576
"""The largest definition that AWS takes."""

DuplicateKeys: TypeAlias = Sequence[tuple[JsonObject, str]]
"""Objects in which a key stands twice, and the key; the last value counts."""


def read_definition(definition: str, findings: Findings) -> tuple[JsonObject, DuplicateKeys] | None:
    """The object in `definition`; None where there is none, which is in the findings then."""
    duplicates: list[tuple[JsonObject, str]] = []

    def made_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            duplicates.extend((made, key) for key, count in counts.items() if count > 1)
        return made

    if len(definition) * 4 > SIZE_LIMIT_BYTES and len(definition.encode("utf-8", "surrogatepass")) > SIZE_LIMIT_BYTES:
        findings.refuse_schema(f"Definition must not be larger than {SIZE_LIMIT_BYTES} bytes", None)
        return None
    try:
        value = json.loads(definition, object_pairs_hook=made_object, parse_constant=_refuse_constant)
    except RecursionError:
        findings.refuse("TOO_DEEPLY_NESTED", "The definition is nested too deeply", None)
        return None
    except ValueError as error:
        _report(definition, str(error), findings)
        return None
    if not isinstance(value, dict):
        findings.refuse_schema("Definition must be a valid JSON object", None)
        return None
    return value, duplicates


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _report(definition: str, reason: str, findings: Findings) -> None:
    if not definition.strip(" \t\r\n"):
        findings.refuse_schema("Definition must be a valid JSON object", None)
        return
    try:
        check_json(definition)
    except JsonSyntaxError as error:
        findings.refuse("INVALID_JSON_DESCRIPTION", f"{error.message}\n at {error.place}", error.place)
    else:
        findings.refuse("INVALID_JSON_DESCRIPTION", reason, None)
