"""One thing wrong, or doubtful, in a definition.

The parser collects them all; CreateStateMachine and ValidateStateMachineDefinition show them in AWS's words, `stepstack validate` shows
them with line and column besides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Diagnostic", "Severity"]


class Severity(str, enum.Enum):
    """Whether AWS refuses the definition for it, or takes it and warns."""

    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` and `message` are AWS's (`SCHEMA_VALIDATION_FAILED`); `location` is a path such as `/States/A/Next`."""

    severity: Severity
    code: str
    message: str
    location: str | None = None
    beyond_aws: bool = False
    """A hint of ours: AWS takes the definition without a word."""

    def __str__(self) -> str:
        """As CreateStateMachine shows it; AWS writes "null" where there is no location."""
        return f"{self.code}: {self.message} at {self.location or 'null'}"
