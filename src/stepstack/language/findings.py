"""What the parser has found so far.

Made once for each definition; every module of the parser reports to it and goes on, so that all problems come out at once.
"""

from __future__ import annotations

from stepstack.language.diagnostics import Diagnostic, Severity

__all__ = ["Findings"]


class Findings:
    """`diagnostics` in the order in which they were found."""

    __slots__ = ("diagnostics",)

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    @property
    def errors(self) -> list[Diagnostic]:
        return [diagnostic for diagnostic in self.diagnostics if diagnostic.severity is Severity.ERROR]

    @property
    def has_errors(self) -> bool:
        return bool(self.errors)

    def refuse(self, code: str, message: str, location: str | None) -> None:
        """AWS refuses the definition for this."""
        self.diagnostics.append(Diagnostic(Severity.ERROR, code, message, location))

    def refuse_schema(self, message: str, location: str | None) -> None:
        """AWS refuses the definition: a field is missing, unknown, or has a value that it does not take."""
        self.refuse("SCHEMA_VALIDATION_FAILED", message, location)

    def warn(self, code: str, message: str, location: str | None) -> None:
        """AWS takes it, and says on request that it is doubtful."""
        self.diagnostics.append(Diagnostic(Severity.WARNING, code, message, location))

    def hint(self, code: str, message: str, location: str | None) -> None:
        """AWS takes it without a word, and it is still doubtful."""
        self.diagnostics.append(Diagnostic(Severity.WARNING, code, message, location, beyond_aws=True))
