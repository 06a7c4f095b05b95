"""What the state machine and the choice rules both consist of: an expressive field, and the two query languages.

Made by the parser, evaluated by the interpreter; `state_machine` shows both names again.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stepstack.query.scope import Expression

__all__ = ["Field", "QueryLanguage"]


class QueryLanguage(str, enum.Enum):
    """The value of QueryLanguage, as it is written."""

    JSONPATH = "JSONPath"
    JSONATA = "JSONata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An expressive field as it stands in the definition.

    `name` is the name that was written (`TimeoutSeconds`, `SecondsPath`, `Parameters`), which AWS's messages repeat; `expression` its
    compiled value. `text` is the source text of a Path or of a JSONata expression (without its braces), "" for other values.
    """

    name: str
    expression: Expression
    text: str = ""
