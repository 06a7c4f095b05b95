"""One JSON object of a definition, read field by field, each value compiled or reported.

Made by the parser's modules for the machine, each state, each Retrier and so on. A method returns None where the field is absent or
wrong; what is wrong is in the findings by then. Source: AWS's messages as recorded and as quoted in public issues.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from stepstack.errors import ExpressionError
from stepstack.json_types import Json, JsonObject
from stepstack.language.field import Field, QueryLanguage
from stepstack.language.findings import Findings
from stepstack.language.resources import ResourceCatalog
from stepstack.query.intrinsic_functions import compile_expression
from stepstack.query.jsonata import JsonataExpression, JsonataTemplate, is_jsonata
from stepstack.query.jsonpath import AslPath
from stepstack.query.payload_template import PayloadTemplate
from stepstack.query.reference_path import ReferencePath
from stepstack.query.scope import Literal

__all__ = ["LARGEST_SECONDS", "Fields", "Surroundings", "root_path", "root_reference_path"]

LARGEST_SECONDS: Final = 99_999_999


@cache
def root_path() -> AslPath:
    """The path `$`."""
    return AslPath.compile("$")


@cache
def root_reference_path() -> ReferencePath:
    """The Reference Path `$`."""
    return ReferencePath.compile("$")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every part of a definition is read with."""

    findings: Findings
    machine_language: QueryLanguage = QueryLanguage.JSONPATH
    machine_type: str = "STANDARD"
    """EXPRESS too where the part runs as an Express child execution of a distributed Map."""
    catalog: ResourceCatalog | None = None

    def of_type(self, machine_type: str) -> Surroundings:
        return replace(self, machine_type=machine_type)


class Fields:
    """The members of an object at `location`, written in the query language `language`."""

    __slots__ = ("around", "language", "location", "members")

    def __init__(self, members: JsonObject, location: str, language: QueryLanguage, around: Surroundings) -> None:
        self.members = members
        self.location = location
        self.language = language
        self.around = around

    @property
    def is_jsonata(self) -> bool:
        return self.language is QueryLanguage.JSONATA

    def place(self, name: str) -> str:
        """Where the field `name` stands."""
        return f"{self.location}/{name}"

    def refuse(self, message: str, name: str | None = None) -> None:
        """Reports a problem of the field `name`, or of the object as a whole."""
        self.around.findings.refuse_schema(message, self.place(name) if name is not None else self.location or "/")

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.members:
            if name not in known:
                self.refuse("Field is not supported", name)

    def text(self, name: str) -> str | None:
        value = self.members.get(name)
        if value is None or isinstance(value, str):
            return value
        self.refuse("Expected value of type String", name)
        return None

    def choice(self, name: str, values: tuple[str, ...], default: str | None = None) -> str | None:
        """The text of a field that takes one of `values` only."""
        value = self.members.get(name, default)
        if value is default or value in values:
            return value
        self.refuse(f"The field '{name}' should have one of these values: [{', '.join(values)}]", name)
        return default

    def boolean(self, name: str) -> bool | None:
        value = self.members.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse("Expected value of type Boolean", name)
        return None

    def number(self, name: str, least: float, most: float, *, is_integer: bool = True) -> float | None:
        """A constant number from `least` to `most`."""
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int if is_integer else (int, float)):
            self.refuse(f"Expected value of type {'Integer' if is_integer else 'Number'}", name)
            return None
        if not least <= value <= most:
            self.refuse(f"Value must be between {least} and {most}", name)
            return None
        return value

    def object(self, name: str) -> Fields | None:
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Fields(value, self.place(name), self.language, self.around)
        self.refuse("Expected value of type Object", name)
        return None

    def objects(self, name: str) -> Iterator[Fields]:
        """The objects in the array `name`."""
        value = self.members.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self.refuse("Expected value of type Array", name)
            return
        for index, member in enumerate(value):
            place = f"{name}[{index}]"
            if isinstance(member, Mapping):
                yield Fields(member, self.place(place), self.language, self.around)
            else:
                self.refuse("Expected value of type Object", place)

    def path(self, name: str) -> AslPath | None:
        """InputPath, OutputPath: `$` where absent, None where null."""
        value = self.members.get(name, "$")
        if value is None:
            return None
        if value == "$":
            return root_path()
        return self._compiled_text(name, AslPath.compile, "Value must be a valid JSONPath") or root_path()

    def reference_path(self, name: str) -> ReferencePath | None:
        """ResultPath: `$` where absent, None where null."""
        value = self.members.get(name, "$")
        if value is None:
            return None
        if value == "$":
            return root_reference_path()
        return self._compiled_text(name, ReferencePath.compile, "Value is not a Reference Path") or root_reference_path()

    def _compiled_text(self, name: str, compile_text: Any, problem: str) -> Any:
        text = self.text(name)
        if text is None:
            return None
        try:
            return compile_text(text)
        except ExpressionError:
            self.refuse(problem, name)
            return None

    def asl_path(self, name: str) -> AslPath | None:
        """A path that must be there to mean anything: Variable, SecondsPath."""
        path: AslPath | None = self._compiled_text(name, AslPath.compile, "Value must be a valid JSONPath")
        return path

    def path_field(self, name: str) -> Field | None:
        """A field that holds a Path or an Intrinsic Function: SecondsPath, ItemsPath, ErrorPath."""
        expression = self._compiled_text(name, compile_expression, "Value must be a valid JSONPath")
        return None if expression is None else Field(name=name, expression=expression, text=str(self.members[name]))

    def template(self, name: str) -> Field | None:
        """A Payload Template, or a JSON value with JSONata expressions inside."""
        value = self.members.get(name, _ABSENT)
        if value is _ABSENT:
            return None
        if self.is_jsonata:
            return self.jsonata(name, value)
        try:
            return Field(name=name, expression=PayloadTemplate.compile(value))
        except ExpressionError as error:
            problem = "must be a valid JSONPath or a valid intrinsic function call"
            self.refuse(f"The value for the field '{error.field}' {problem}", name)
            return None

    def jsonata(self, name: str, value: Json) -> Field | None:
        """Any JSON value in which JSONata may stand."""
        try:
            if isinstance(value, str) and is_jsonata(value):
                expression = JsonataExpression.compile(value[2:-2])
                return Field(name=name, expression=expression, text=expression.text)
            return Field(name=name, expression=JsonataTemplate.compile(value, name))
        except ExpressionError as error:
            self.refuse(error.message, error.field or name)
            return None

    def literal(self, name: str) -> Field | None:
        value = self.members.get(name, _ABSENT)
        return None if value is _ABSENT else Field(name=name, expression=Literal(value))

    def number_field(self, name: str, least: float = 1, most: float = LARGEST_SECONDS, *, is_integer: bool = True) -> Field | None:
        """A number as a constant, behind `<name>Path`, or as a JSONata expression."""
        value = self.members.get(name)
        if self.is_jsonata:
            if isinstance(value, str) and is_jsonata(value):
                return self.jsonata(name, value)
        elif f"{name}Path" in self.members:
            if name in self.members:
                self.refuse(f"Only one of '{name}' and '{name}Path' may be set")
            return self.path_field(f"{name}Path")
        number = self.number(name, least, most, is_integer=is_integer)
        return None if number is None else Field(name=name, expression=Literal(number))

    def text_field(self, name: str) -> Field | None:
        """A text as a constant, behind `<name>Path`, or as a JSONata expression."""
        value = self.members.get(name)
        if self.is_jsonata:
            if isinstance(value, str) and is_jsonata(value):
                return self.jsonata(name, value)
        elif f"{name}Path" in self.members:
            return self.path_field(f"{name}Path")
        text = self.text(name)
        return None if text is None else Field(name=name, expression=Literal(text))


_ABSENT: Final[Any] = object()
