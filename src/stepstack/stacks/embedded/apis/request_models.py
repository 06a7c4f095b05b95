"""Models of REST APIs: what a request's body has to be, in JSON Schema, draft 4, whose expressions are Java's and end in time.

References lead into the model's document or, by the URLs that AWS gives them, to the API's other models, and nowhere else. Imported by
`request_validation` where a method has a model: it imports `jsonschema`. Source: "Data models for REST APIs" in the API Gateway developer
guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from stepstack.stacks.embedded.apis.java_patterns import JavaPattern

__all__ = ["compiled_model"]

Json: TypeAlias = dict[str, Any]

_MODEL = re.compile(r"https://apigateway\.amazonaws\.com/restapis/[^/]+/models/(?P<name>[^/#]+)")


def compiled_model(schema: Json, models: Mapping[str, Json]) -> Any:
    """What tells whether a value is as `schema` has it (`is_valid`); `models` are the API's others, by name. Raises ValueError."""
    registry = _registry(schema, models)
    try:
        for url in registry:
            known = registry.contents(url)
            # Its formats, which are regular expressions, would be Python's.
            jsonschema.Draft4Validator.check_schema(known, format_checker=jsonschema.FormatChecker(()))
            for name, value in _members(known):
                if name == "$ref":
                    registry.resolver(url).lookup(value)
                elif name == "pattern":
                    _pattern(value)
    except jsonschema.SchemaError as error:
        raise ValueError(f"what is no model: {error.message}") from None
    except Unresolvable as error:
        raise ValueError(f"a model that is not in the template: {error.ref}") from None
    # With a registry of its own it fetches nothing; without one, jsonschema would fetch what a reference names.
    return _Validator(schema, registry=registry)


def _registry(schema: Json, models: Mapping[str, Json]) -> Any:
    """What references are looked up in: the schema itself, and the models that it leads to."""
    schemas: dict[str, Json] = {"": schema}
    waiting = [schema]
    while waiting:
        for name, value in _members(waiting.pop()):
            found = _MODEL.match(value) if name == "$ref" else None
            if found is not None and found[0] not in schemas and found["name"] in models:
                schemas[found[0]] = models[found["name"]]
                waiting.append(schemas[found[0]])
    registry: Registry[Any] = Registry()
    return registry.with_resources((url, DRAFT4.create_resource(known)) for url, known in schemas.items())


def _members(schema: Json | list[Any]) -> Iterator[tuple[str, str]]:
    """References and expressions, wherever they stand; those of `patternProperties` are called `pattern`, too."""
    for name, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(value, str):
            yield str(name), value
        elif isinstance(value, (dict, list)):
            if name == "patternProperties":
                yield from (("pattern", text) for text in value)
            yield from _members(value)


@lru_cache(maxsize=512)
def _pattern(text: str) -> JavaPattern:
    try:
        return JavaPattern(text)
    except ValueError as error:
        raise ValueError(f"a model whose expression {text!r} cannot be read: {error}") from None


def _has_pattern(validator: Any, text: str, value: Any, _schema: Json) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _pattern(text).is_in(value):
        yield jsonschema.ValidationError(f"{value!r} does not match {text!r}")


def _has_pattern_properties(validator: Any, patterns: Json, value: Any, _schema: Json) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for text, schema in patterns.items():
        for name in filter(_pattern(text).is_in, value):
            yield from validator.descend(value[name], schema, path=name, schema_path=text)


def _has_additional_properties(validator: Any, allowed: Any, value: Any, schema: Json) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties") or {}, schema.get("patternProperties") or {}
    for name in value:
        if name in known or any(_pattern(text).is_in(name) for text in patterns):
            continue
        if validator.is_type(allowed, "object"):
            yield from validator.descend(value[name], allowed, path=name)
        elif not allowed:
            yield jsonschema.ValidationError(f"{name!r} is not expected")


_Validator = jsonschema.validators.extend(
    jsonschema.Draft4Validator,
    {
        "additionalProperties": _has_additional_properties,
        "pattern": _has_pattern,
        "patternProperties": _has_pattern_properties,
    },
)
