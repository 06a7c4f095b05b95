"""Mapping templates of API Gateway: Velocity with `$input`, `$util`, `$context` and `$stageVariables`.

Compiled when an API is deployed, rendered for a request or for an integration's answer. Called by `service_integrations` and
`gateway_responses`. Source: "API Gateway mapping template and access logging variable reference" in the API Gateway developer guide.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote_plus, unquote_plus

from stepstack.errors import ExpressionError, ServiceError, UnsupportedFeature
from stepstack.json_types import parse_json
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Scope
from stepstack.stacks.embedded.apis.velocity import VelocityTemplate

__all__ = ["MappingTemplate", "TemplateData"]

Json: TypeAlias = dict[str, Any]


_SILENT = frozenset({"context", "input", "stageVariables"})
"""What these do not have is empty text."""


@dataclass(frozen=True, slots=True)
class TemplateData:
    """What a template is rendered with."""

    body: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Json = field(default_factory=dict)
    """`$context`; what a template overrides (`requestOverride`, `responseOverride`) is set in here."""
    stage_variables: Mapping[str, str] = field(default_factory=dict)


class MappingTemplate:
    """A compiled template. Raises UnsupportedFeature where it cannot be read."""

    def __init__(self, text: str) -> None:
        self._template = VelocityTemplate(text)

    def render(self, data: TemplateData) -> str:
        """The text. ServiceError (BadRequestException) where the body that it reads is no JSON."""
        variables = {
            "context": data.context,
            "input": _Input(data),
            "stageVariables": dict(data.stage_variables),
            "util": _Util(),
        }
        return self._template.render(variables, silent=_SILENT)


class _Input:
    """`$input`."""

    def __init__(self, data: TemplateData) -> None:
        self._data = data
        self._document: Any = None
        self._is_read = False
        self.methods: Mapping[str, Callable[..., Any]] = {"json": self._json, "params": self._params, "path": self._path}

    def property(self, name: str) -> Any:
        return self._data.body if name == "body" else None

    def _read(self) -> Any:
        if not self._is_read:
            try:
                self._document = parse_json(self._data.body) if self._data.body.strip() else {}
            except ValueError as error:
                raise ServiceError("BadRequestException", f"Could not parse request body into json: {error}") from None
            self._is_read = True
        return self._document

    def _path(self, path: str) -> Any:
        """The value there; None where there is none."""
        try:
            compiled = AslPath.compile(path if path.startswith("$") else f"$.{path}")
            return compiled.evaluate(Scope(data=self._read(), context={}, variables={}))
        except ExpressionError:
            return None

    def _json(self, path: str) -> str:
        value = self._path(path)
        return '""' if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def _params(self, name: str | None = None) -> Any:
        data = self._data
        if name is None:
            return {"path": dict(data.path), "querystring": dict(data.query), "header": dict(data.headers)}
        if name in data.path:
            return data.path[name]
        if name in data.query:
            return data.query[name]
        lowered = {known.lower(): value for known, value in data.headers.items()}
        return lowered.get(name.lower(), "")


class _Util:
    """`$util`."""

    def __init__(self) -> None:
        self.methods: Mapping[str, Callable[..., Any]] = {
            "base64Decode": lambda text: base64.b64decode(text).decode("utf-8", "replace"),
            "base64Encode": lambda text: base64.b64encode(str(text).encode()).decode(),
            "escapeJavaScript": _escape,
            "parseJson": _parse,
            "urlDecode": unquote_plus,
            "urlEncode": quote_plus,
        }


_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}


def _escape(text: Any) -> str:
    """As Java's StringEscapeUtils.escapeJavaScript writes text."""
    pieces = []
    for character in str(text):
        code = ord(character)
        if character in _ESCAPES:
            pieces.append(_ESCAPES[character])
        elif 32 <= code < 127:
            pieces.append(character)
        else:
            units = character.encode("utf-16-be")
            pieces += [f"\\u{units[place] << 8 | units[place + 1]:04X}" for place in range(0, len(units), 2)]
    return "".join(pieces)


def _parse(text: Any) -> Any:
    try:
        return parse_json(text)
    except (TypeError, ValueError):
        raise UnsupportedFeature("a mapping template calls $util.parseJson with what is no JSON") from None
