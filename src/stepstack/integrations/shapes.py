"""Parameters and answers of a service, in the spelling that states see, and in that of the service's API.

A `Shape` is compiled once from botocore's model and shared. Parameters go in as JSON with PascalCase members (`StateMachineArn`), and come
out as botocore's serializer takes them (`stateMachineArn`); answers go the other way. Nulls are members that are left out. Called by the
runner, by the check before a task is scheduled, and by the mocks. It leaves out limits of values (the service itself judges them).
Source: AWS's developer guide, "Passing parameters to a service API"; recorded answers.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from stepstack.json_types import Json, json_text

__all__ = ["Shape", "ShapeCompiler", "StructureShape", "epoch_milliseconds", "epoch_seconds", "iso_timestamp"]

Timestamps = Callable[[dt.datetime], Json]


def iso_timestamp(moment: dt.datetime) -> Json:
    """As `aws-sdk` tasks answer: `2025-11-06T12:20:01.250Z`, without a fraction where it is zero."""
    moment = moment.astimezone(dt.timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def epoch_milliseconds(moment: dt.datetime) -> Json:
    """As optimized integrations answer: `1745486528077`."""
    return round(moment.timestamp() * 1000)


def epoch_seconds(moment: dt.datetime) -> Json:
    """As an ItemReader's objects are listed: `1745486528`."""
    return int(moment.timestamp())


class Shape:
    """One shape of a model, and what is done where a kind needs nothing done; `kind` is the model's type."""

    def __init__(self, kind: str, model: Mapping[str, Any]) -> None:
        self.kind = kind
        self.model = model

    def check(self, value: Json, field: str, found: list[str]) -> None:
        """Adds to `found` why `value`, which is not null, is not of this shape, in AWS's words."""

    def request(self, value: Json) -> Any:
        """`value`, which is not null, as botocore's serializer takes it."""
        return value

    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        """`value`, which is not null, as botocore's parser gives it, as states see it."""
        del timestamps
        return cast("Json", value)


class StructureShape(Shape):
    """`members` are by their name in states: each the name in the API, and the shape."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__("structure", model)
        self.members: dict[str, tuple[str, Shape]] = {}
        self.required: tuple[str, ...] = ()

    def problems(self, value: Json, field: str, json_fields: Sequence[str] = ()) -> list[str]:
        """Why `value` is not of this shape; members named in `json_fields` may be any JSON."""
        found: list[str] = []
        self._check_members(value, field, json_fields, found)
        return found

    def check(self, value: Json, field: str, found: list[str]) -> None:
        self._check_members(value, field, (), found)

    def _check_members(self, value: Json, field: str, json_fields: Sequence[str], found: list[str]) -> None:
        if not isinstance(value, Mapping):
            found.append(f"The value for the field '{field}' must be an OBJECT")
            return
        for name, item in value.items():
            member = self.members.get(name)
            if member is None:
                found.append(f"The field '{name}' is not supported by Step Functions")
            elif item is not None and name not in json_fields:
                member[1].check(item, name, found)
        found.extend(f"The field '{name}' is required but was missing" for name in self.required if name not in value)

    def request(self, value: Json) -> Any:
        return self.api_members(value) if isinstance(value, Mapping) else value

    def api_members(self, value: Json, json_fields: Sequence[str] = ()) -> dict[str, Any]:
        """The members in the API's spelling. Those named in `json_fields` go as JSON text, unless they are text already."""
        fields = {}
        for name, item in cast("Mapping[str, Json]", value).items():
            member = self.members.get(name)
            if member is None or item is None:
                continue
            text = json_text(item) if name in json_fields and not isinstance(item, str) else item
            fields[member[0]] = member[1].request(text)
        return fields

    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        return self.states_members(value, timestamps) if isinstance(value, Mapping) else cast("Json", value)

    def states_members(self, value: Mapping[str, Any], timestamps: Timestamps) -> dict[str, Json]:
        """The members as states see them, in alphabetical order."""
        return {
            name: shape.answer(value[wire], timestamps)
            for name, (wire, shape) in sorted(self.members.items())
            if value.get(wire) is not None
        }


class ListShape(Shape):
    element: Shape

    def check(self, value: Json, field: str, found: list[str]) -> None:
        if not isinstance(value, (list, tuple)):
            found.append(f"The value for the field '{field}' must be an ARRAY")
            return
        for item in value:
            if item is not None:
                self.element.check(item, field, found)

    def request(self, value: Json) -> Any:
        return [self.element.request(item) for item in cast("Sequence[Json]", value) if item is not None]

    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        return [self.element.answer(item, timestamps) for item in value if item is not None]


class MapShape(Shape):
    element: Shape

    def check(self, value: Json, field: str, found: list[str]) -> None:
        if not isinstance(value, Mapping):
            found.append(f"The value for the field '{field}' must be an OBJECT")
            return
        for name, item in value.items():
            if item is not None:
                self.element.check(item, name, found)

    def request(self, value: Json) -> Any:
        items = cast("Mapping[str, Json]", value).items()
        return {name: self.element.request(item) for name, item in items if item is not None}

    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        return {name: self.element.answer(item, timestamps) for name, item in value.items() if item is not None}


class StringShape(Shape):
    """With `takes_json` an object or an array may stand for text, and goes as its JSON."""

    takes_json = False

    def check(self, value: Json, field: str, found: list[str]) -> None:
        if not isinstance(value, str) and not (self.takes_json and isinstance(value, (Mapping, list, tuple))):
            found.append(f"The value for the field '{field}' must be a STRING")

    def request(self, value: Json) -> Any:
        return json_text(value) if isinstance(value, (Mapping, list, tuple)) else value


class NumberShape(Shape):
    def check(self, value: Json, field: str, found: list[str]) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            found.append(f"The value for the field '{field}' must be a NUMBER")


class BooleanShape(Shape):
    def check(self, value: Json, field: str, found: list[str]) -> None:
        if not isinstance(value, bool):
            found.append(f"The value for the field '{field}' must be a BOOLEAN")


class TimestampShape(Shape):
    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        return timestamps(_moment(value))


class BlobShape(Shape):
    """Bytes. One that is the body of a message (`is_payload`) is text in states; any other is base64, as in JSON APIs.

    With `takes_json` what goes out is the JSON of any value, of text too: AWS stores `"text"`, with its quotes.
    """

    is_payload = False
    takes_json = False

    def request(self, value: Json) -> Any:
        if isinstance(value, str) and not self.is_payload:
            try:
                return base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                pass
        return value.encode() if isinstance(value, str) and not self.takes_json else json_text(value).encode()

    def answer(self, value: Any, timestamps: Timestamps) -> Json:
        content = value.read() if hasattr(value, "read") else value
        if isinstance(content, str):
            return content
        return bytes(content).decode("utf-8", "replace") if self.is_payload else base64.b64encode(content).decode("ascii")


_KINDS: Mapping[str, type[Shape]] = {
    "blob": BlobShape,
    "boolean": BooleanShape,
    "double": NumberShape,
    "float": NumberShape,
    "integer": NumberShape,
    "list": ListShape,
    "long": NumberShape,
    "map": MapShape,
    "string": StringShape,
    "timestamp": TimestampShape,
}
_EMPTY = StructureShape({})


def _moment(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value if value.tzinfo else value.replace(tzinfo=dt.timezone.utc)
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return dt.datetime.fromtimestamp(value, dt.timezone.utc)


class ShapeCompiler:
    """Compiles the shapes of one service's model, each at its first use; `spelling` turns API member names into those of states.

    May be used from several threads: large definitions are read in one of their own.
    """

    def __init__(self, shapes: Mapping[str, Any], spelling: Callable[[str], str], *, takes_json: bool) -> None:
        self._models = shapes
        self._takes_json = takes_json
        self._spelling = spelling
        self._compiled: dict[tuple[str, bool], Shape] = {}
        """Also those that are being filled: they may contain themselves."""
        self._structures: dict[str, StructureShape] = {}
        """Those that were asked for, with all that is inside them."""
        self._compiling = threading.Lock()

    def structure(self, name: str | None) -> StructureShape:
        """The structure of that name; the empty one where an operation has no input or output."""
        if name is None:
            return _EMPTY
        structure = self._structures.get(name)
        if structure is None:
            with self._compiling:
                structure = self._structures[name] = cast("StructureShape", self._shape(name))
        return structure

    def _shape(self, name: str, *, is_payload: bool = False) -> Shape:
        shape = self._compiled.get((name, is_payload))
        if shape is None:
            model = self._models[name]
            shape = self._compiled[name, is_payload] = self._new(model, is_payload=is_payload or bool(model.get("streaming")))
            self._fill(shape, model)
        return shape

    def _new(self, model: Mapping[str, Any], *, is_payload: bool) -> Shape:
        kind = model["type"]
        if model.get("document"):
            return Shape("document", model)
        if kind == "structure":
            return StructureShape(model)
        shape = _KINDS.get(kind, Shape)(kind, model)
        if isinstance(shape, (StringShape, BlobShape)):
            shape.takes_json = self._takes_json
        if isinstance(shape, BlobShape):
            shape.is_payload = is_payload
        return shape

    def _fill(self, shape: Shape, model: Mapping[str, Any]) -> None:
        """The shapes inside: after this one is known, for it may contain itself."""
        if isinstance(shape, StructureShape):
            for member, reference in model.get("members", {}).items():
                is_body = member == model.get("payload") or bool(reference.get("streaming"))
                shape.members[self._spelling(member)] = (member, self._shape(reference["shape"], is_payload=is_body))
            shape.required = tuple(self._spelling(member) for member in model.get("required", ()))
        elif isinstance(shape, ListShape):
            shape.element = self._shape(model["member"]["shape"])
        elif isinstance(shape, MapShape):
            shape.element = self._shape(model["value"]["shape"])
