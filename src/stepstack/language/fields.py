"""One JSON object of a definition, read field by field, each value compiled or reported.

Made by the parser's modules for the machine, each state, each Retrier and so on. A method returns None where the field is absent or
wrong; what is wrong is in the findings by then. Source: AWS's messages as recorded, and as users publish them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, TypeVar

from stepstack.errors import ExpressionError
from stepstack.json_types import Json, JsonObject
from stepstack.language.definition_text import DuplicateKeys
from stepstack.language.field import Field, QueryLanguage
from stepstack.language.findings import Findings
from stepstack.language.known_fields import KnownFields
from stepstack.language.resources import ResourceCatalog
from stepstack.query.intrinsic_functions import compile_expression
from stepstack.query.jsonata import JsonataExpression, JsonataTemplate, expression_text, is_jsonata
from stepstack.query.jsonpath import AslPath
from stepstack.query.payload_template import PayloadTemplate
from stepstack.query.reference_path import ReferencePath
from stepstack.query.scope import Literal

__all__ = ["LARGEST_SECONDS", "Fields", "Surroundings", "root_path", "root_reference_path"]

LARGEST_SECONDS: Final = 99_999_999
LONGEST_VARIABLE_NAME: Final = 80
_ABSENT: Final[Any] = object()
_ERROR_CODE: Final = re.compile(r"^[A-Z]\d{4}: ")
"""JSONata's own code of an error, which AWS leaves out."""
_JSON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {"Integer": int, "Number": (int, float)}

_Compiled = TypeVar("_Compiled")


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
    duplicate_keys: DuplicateKeys = ()

    def of_type(self, machine_type: str) -> Surroundings:
        return replace(self, machine_type=machine_type)

    def in_language(self, language: QueryLanguage) -> Surroundings:
        return replace(self, machine_language=language)


class Fields:
    """The members of an object at `location`, written in the query language `language`.

    `inside` is the way to the object within its state, which AWS writes before a JSONata field's name: `Choices[0]/`, "" for the state.
    """

    __slots__ = ("around", "inside", "language", "location", "members")

    def __init__(self, members: JsonObject, location: str, language: QueryLanguage, around: Surroundings, inside: str = "") -> None:
        self.members = members
        self.location = location
        self.language = language
        self.around = around
        self.inside = inside

    @property
    def is_jsonata(self) -> bool:
        return self.language is QueryLanguage.JSONATA

    def place(self, name: str) -> str:
        """Where the field `name` stands."""
        return f"{self.location}/{name}"

    def _label(self, name: str) -> str:
        """How AWS names the field `name` in failures: JSONata's with the way to it, JSONPath's alone."""
        return self.inside + name if self.is_jsonata else name

    # What is wrong

    def refuse(self, message: str, name: str | None = None, *, code: str = "SCHEMA_VALIDATION_FAILED") -> None:
        """Reports a problem of the field `name`, or of the object as a whole."""
        self.around.findings.refuse(code, message, self.place(name) if name is not None else self.location or "/")

    def refuse_unknown(self, known: KnownFields) -> None:
        """Reports every field that AWS does not take in this place."""
        names = known.jsonata if self.is_jsonata else known.jsonpath
        if not self.members.keys() <= names:
            for name in self.members:
                if name not in names:
                    self.refuse(known.problem(name, is_jsonata=self.is_jsonata))

    def require(self, *names: str) -> bool:
        """Whether all of `names` are there; reports those that are not."""
        missing = [name for name in names if name not in self.members]
        if missing:
            self.refuse(f"These fields are required: [{', '.join(missing)}]")
        return not missing

    def require_one(self, *names: str) -> None:
        """Reports where more than one of `names` is there, or none."""
        count = sum(name in self.members for name in names)
        if count > 1:
            self.refuse(f"There should only be one of the following fields: [{', '.join(names)}]")
        elif count == 0:
            self.refuse(f"This object should have only one of the following fields: [{', '.join(names)}]")

    # Constants

    def text(self, name: str) -> str | None:
        value = self.members.get(name)
        if value is None and name not in self.members:
            return None
        if isinstance(value, str):
            return value
        self.refuse("Expected value of type String", name)
        return None

    def choice(self, name: str, *values: str) -> str | None:
        """The text of a field that takes one of `values` only."""
        value = self.text(name)
        if value is None or value in values:
            return value
        self.refuse(f"Value should be one of the following: [{', '.join(values)}]", name)
        return None

    def boolean(self, name: str) -> bool | None:
        value = self.members.get(name)
        if isinstance(value, bool) or (value is None and name not in self.members):
            return value
        self.refuse("Expected value of type Boolean", name)
        return None

    def number(self, name: str, least: float, most: float | None = None, *, kind: str = "Integer") -> float | None:
        """A constant Integer or Number, at least `least` and at most `most`."""
        value = self.members.get(name)
        if value is None and name not in self.members:
            return None
        if isinstance(value, bool) or not isinstance(value, _JSON_TYPES[kind]):
            self.refuse(f"Expected value of type {kind}", name)
            return None
        number: float = value  # type: ignore[assignment] # the isinstance above says so
        if number < least:
            self.refuse(f"Minimum value is {least}", name)
            return None
        if most is not None and number > most:
            self.refuse(f"Maximum value is {most}", name)
            return None
        return number

    def literal(self, name: str) -> Field | None:
        value = self.members.get(name, _ABSENT)
        return None if value is _ABSENT else Field(name=name, expression=Literal(value))

    # Objects inside

    def object(self, name: str) -> Fields | None:
        value = self.members.get(name)
        if isinstance(value, dict):
            return self._inner(value, name)
        if name in self.members:
            self.refuse("Expected value of type Object", name)
        return None

    def objects(self, name: str) -> Iterator[Fields]:
        """The objects in the array `name`."""
        values = self.array(name)
        for index, value in enumerate(values or ()):
            place = f"{name}[{index}]"
            if isinstance(value, dict):
                yield self._inner(value, place)
            else:
                self.refuse("Expected value of type Object", place)

    def array(self, name: str) -> Sequence[Json] | None:
        value = self.members.get(name)
        if isinstance(value, list):
            return value
        if name in self.members:
            self.refuse("Expected value of type Array", name)
        return None

    def _inner(self, members: JsonObject, name: str) -> Fields:
        return Fields(members, f"{self.location}/{name}", self.language, self.around, f"{self.inside}{name}/")

    # Paths

    def path(self, name: str) -> AslPath | None:
        """InputPath, OutputPath: `$` where absent, None where null."""
        value = self.members.get(name, "$")
        if value is None:
            return None
        if value == "$":
            return root_path()
        return self._compiled_text(name, AslPath.compile, "Value must be a valid JSONPath.") or root_path()

    def reference_path(self, name: str) -> ReferencePath | None:
        """ResultPath: `$` where absent, None where null."""
        value = self.members.get(name, "$")
        if value is None:
            return None
        if value == "$":
            return root_reference_path()
        if isinstance(value, str) and not value.startswith("$"):
            self.refuse("Value must be a valid JSONPath.", name)
            return root_reference_path()
        return self._compiled_text(name, ReferencePath.compile, "Value is not a Reference Path") or root_reference_path()

    def single_path(self, name: str, problem: str = "Value must be a valid JSONPath.") -> AslPath | None:
        """A path that names exactly one place in the data, the Context Object or a variable: Variable, SecondsPath.

        `problem` says what AWS writes where it does not begin with `$`.
        """
        text = self.text(name)
        if text is None:
            return None
        if not text.startswith("$"):
            self.refuse(problem, name)
            return None
        path = self._compiled_text(name, AslPath.compile, "Value must be a valid JSONPath.")
        if path is not None and (path.is_function or not path.is_definite):
            self.refuse("Value is not a Reference Path", name)
            return None
        return path

    def path_field(self, name: str) -> Field | None:
        """SecondsPath, ItemsPath and their like."""
        path = self.single_path(name)
        return None if path is None else Field(name=name, expression=path, text=path.text)

    def path_or_call_field(self, name: str) -> Field | None:
        """ErrorPath, CausePath: a Path or an Intrinsic Function."""
        expression = self._compiled_text(name, compile_expression, "Value must be a valid JSONPath.")
        return None if expression is None else Field(name=name, expression=expression, text=expression.text)

    def _compiled_text(self, name: str, compile_text: Callable[[str], _Compiled], problem: str) -> _Compiled | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return compile_text(text)
        except ExpressionError:
            self.refuse(problem, name)
            return None

    # Templates and JSONata

    def template(self, name: str) -> Field | None:
        """A Payload Template, or a JSON value with JSONata expressions inside."""
        value = self.members.get(name, _ABSENT)
        if value is _ABSENT:
            return None
        if self.is_jsonata:
            return self.jsonata(name)
        try:
            return Field(name=name, expression=PayloadTemplate.compile(value))
        except ExpressionError as error:
            self.refuse(error.message, name)
            return None

    def jsonata(self, name: str) -> Field | None:
        """Any JSON value in which JSONata may stand."""
        label = self._label(name)
        value = self.members[name]
        problems = [self._expression_problems(text, place) for place, text in _expressions(value, label)]
        if any(problems):
            return None
        try:
            expression = JsonataTemplate.compile(value, label)
        except ExpressionError as error:
            self.refuse(error.message, name)
            return None
        text = expression.text if isinstance(expression, JsonataExpression) else ""
        return Field(name=label, expression=expression, text=text)

    def _expression_problems(self, text: str, place: str) -> bool:
        """Reports what is wrong with a JSONata expression; whether anything is."""
        where = place[len(self.inside) :]
        try:
            expression = JsonataExpression.compile(expression_text(text))
        except ExpressionError as error:
            self.refuse(_ERROR_CODE.sub("", error.message), where, code="INVALID_JSONATA_EXPRESSION")
            return True
        messages = [
            f"Reference to '{name}' is not supported." if name == "$$" else f"Reference to '{name}' at the top level is not supported."
            for name in expression.context_references
        ]
        if "errorOutput" in expression.states_members and not self.inside.startswith("Catch["):
            messages.append("Field '$states.errorOutput' does not exist.")
        for message in messages:
            self.refuse(message, where, code="UNSUPPORTED_JSONATA_EXPRESSION")
        return bool(messages)

    def assign(self) -> Field | None:
        """Assign, the names of its variables checked."""
        value = self.members.get("Assign", _ABSENT)
        if value is _ABSENT:
            return None
        if not isinstance(value, dict):
            self.refuse("Expected value of type Object", "Assign")
            return None
        for key in value:
            name = key if self.is_jsonata else key.removesuffix(".$")
            if name == "states":
                self.refuse("Cannot assign to reserved variable '$states'.", "Assign", code="RESERVED_VARIABLE_NAME")
            elif not name.isidentifier() or len(name) > LONGEST_VARIABLE_NAME:
                why = "contains invalid characters" if not name.isidentifier() else "is too long"
                message = f"Invalid variable name '{name}': the variable name {why}."
                self.refuse(message, "Assign", code="INVALID_VARIABLE_NAME")
        return self.template("Assign")

    def jsonata_output(self) -> Field | None:
        """Output, which only JSONata has."""
        return self.jsonata("Output") if self.is_jsonata and "Output" in self.members else None

    def number_field(self, name: str, least: float = 1, most: float | None = None, *, kind: str = "Integer") -> Field | None:
        """A number as a constant, behind `<name>Path`, or as a JSONata expression."""
        members = self.members
        if self.is_jsonata:
            value = members.get(name)
            if isinstance(value, str) and self.is_expression(name, value):
                return self.jsonata(name)
        elif f"{name}Path" in members:
            self.require_one(name, f"{name}Path")
            return self.path_field(f"{name}Path")
        elif name not in members:
            return None
        number = self.number(name, least, most, kind=kind)
        return None if number is None else Field(name=self._label(name), expression=Literal(number))

    def text_field(self, name: str) -> Field | None:
        """A text as a constant or as a JSONata expression."""
        text = self.text(name)
        if text is None:
            return None
        if self.is_jsonata and self.is_expression(name, text):
            return self.jsonata(name)
        return Field(name=self._label(name), expression=Literal(text))

    def is_expression(self, name: str, text: str) -> bool:
        """Whether `text` is written `{% ... %}`; reports where only its beginning is."""
        if text.startswith("{%") and not is_jsonata(text):
            self.refuse("JSONata string must start with {% and end with %}", name)
        return is_jsonata(text)


def _expressions(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """The JSONata expressions in `value`, each with its place: `Output/items[0]`."""
    if isinstance(value, str):
        if is_jsonata(value):
            yield place, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _expressions(member, f"{place}/{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _expressions(member, f"{place}[{index}]")
