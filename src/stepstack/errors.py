"""The exception tree: what stepstack raises for people.

    StepstackError
      DefinitionError             a definition does not compile: every diagnostic at once
      ExpressionError             a Path, Reference Path, Payload Template, Intrinsic Function or JSONata expression
        ExpressionSyntaxError       found while it is compiled: text, offset, caret
        PathNotFound                a path matched nothing
        PathNotSingle               a path that must yield one value yielded several, or a value of the wrong type
        IntrinsicFailure            an Intrinsic Function refused its arguments
        QueryEvaluationFailure      JSONata raised, or returned nothing or the wrong type
      SettingsError               an option, a variable or a settings file is wrong: what, where, what is valid
      StackError                  a stack did not come up or went away: status, last log lines, hint
      StorageError                what is to outlive the process cannot be written or read: which file, and why
      ServiceError                an operation of an API refuses: its error code and AWS's message
      NotJson                     a value that a program gives is no JSON: where in it, and why
      UnsupportedFeature          something AWS has and stepstack has not, found when the definition is created

Every class has a stable `code`. The failure of a state at run time is not in this tree: it is data (`StateFailure` in
`stepstack.interpreter`), and the interpreter is the one place that turns an ExpressionError into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "DefinitionError",
    "ExpressionError",
    "ExpressionSyntaxError",
    "IntrinsicFailure",
    "NotJson",
    "PathNotFound",
    "PathNotSingle",
    "QueryEvaluationFailure",
    "ServiceError",
    "SettingsError",
    "StackError",
    "StepstackError",
    "StorageError",
    "UnsupportedFeature",
]


class StepstackError(Exception):
    """The root of all that stepstack raises on purpose."""

    code = "stepstack"


class DefinitionError(StepstackError):
    """A definition that AWS would refuse; `diagnostics` holds every problem found (`stepstack.language.Diagnostic`)."""

    code = "definition"

    def __init__(self, diagnostics: Sequence[Any]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(", ".join(str(diagnostic) for diagnostic in self.diagnostics))


class ExpressionError(StepstackError):
    """An expression cannot be compiled or evaluated; `text` is the expression as it stands in the definition.

    `field` is the field inside a template that holds it, as AWS names it (`value.$`, `Output/result`), "" outside of templates.
    """

    code = "expression"

    def __init__(self, message: str, *, text: str = "", field: str = "") -> None:
        self.message = message
        self.text = text
        self.field = field
        super().__init__(message)


class ExpressionSyntaxError(ExpressionError):
    """The text of an expression is malformed at `offset` (characters from its beginning)."""

    code = "expression-syntax"

    def __init__(self, message: str, *, text: str = "", field: str = "", offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message, text=text, field=field)


class PathNotFound(ExpressionError):
    """A path matched nothing in its data.

    `message` says why in AWS's words ("No results for path: $['a']"); `data` is what was searched: the input, the Context Object or
    the value of a variable.
    """

    code = "path-not-found"

    def __init__(self, message: str, *, text: str = "", field: str = "", data: Any = None) -> None:
        self.data = data
        super().__init__(message, text=text, field=field)


class PathNotSingle(ExpressionError):
    """A path yielded several values, or a value of another type, where one of a kind is needed."""

    code = "path-not-single"


class IntrinsicFailure(ExpressionError):
    """An Intrinsic Function refused its arguments; `message` is AWS's wording."""

    code = "intrinsic-failure"


class QueryEvaluationFailure(ExpressionError):
    """A JSONata expression raised, returned nothing, or returned a value that its field does not take.

    `reason` is what AWS writes behind "The JSONata expression '...' specified for the field '...' ".
    """

    code = "query-evaluation"

    def __init__(self, reason: str, *, text: str = "", field: str = "") -> None:
        self.reason = reason
        super().__init__(reason, text=text, field=field)


class SettingsError(StepstackError):
    """An option, an environment variable or a settings file is wrong."""

    code = "settings"


class StackError(StepstackError):
    """A stack did not come up or went away; the text names the service, its status, its last log lines and a remedy."""

    code = "stack"


class StorageError(StepstackError):
    """What is to outlive the process cannot be written or read; what was asked for is not acknowledged, and may be asked for again."""

    code = "storage"


class ServiceError(StepstackError):
    """An operation refuses: `error_code` as the SDK sees it (`StateMachineDoesNotExist`), `message` in AWS's words.

    `members` are further members of the error's shape, such as `{"resourceName": arn}`.
    """

    code = "service"

    def __init__(self, error_code: str, message: str, members: Mapping[str, Any] | None = None) -> None:
        self.error_code = error_code
        self.message = message
        self.members = dict(members or {})
        super().__init__(f"{error_code}: {message}")


class NotJson(StepstackError, ValueError):
    """An input or an answer that a program gives is no JSON; the text says where in it, and why."""

    code = "not-json"


class UnsupportedFeature(StepstackError):
    """Something that AWS has and stepstack has not."""

    code = "unsupported"
