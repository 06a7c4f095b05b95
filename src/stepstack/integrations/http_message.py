"""Requests that states describe, and answers as states see them: what `apigateway:invoke` and `http:invoke` have in common.

Called by both. Bodies that are JSON become JSON; headers are lists, in the order of their names. Source: AWS's developer guide, "Call HTTPS
APIs" and "Invoke API Gateway endpoints", and recorded answers.
"""

from __future__ import annotations

import http
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from stepstack.integrations.http_client import Headers, HttpResponse
from stepstack.json_types import Json, JsonObject, json_text, parse_json

__all__ = ["answer", "header_list", "query_text", "request_body", "status_text"]


def header_list(headers: Json) -> list[tuple[str, str]]:
    """The headers of a `Headers` parameter, whose values are text or lists of text."""
    if not isinstance(headers, Mapping):
        return []
    return [(name, _text(value)) for name, values in headers.items() for value in _values(values)]


def query_text(parameters: Json) -> str:
    """`a=1&b=2&b=3` for a `QueryParameters` parameter; empty where there is none."""
    if not isinstance(parameters, Mapping):
        return ""
    return urlencode([(name, _text(value)) for name, values in parameters.items() for value in _values(values)], quote_via=quote)


def request_body(value: Json) -> tuple[bytes, str | None]:
    """The body of a `RequestBody` parameter, and its type where that is known: text goes as it is, all else as JSON."""
    if value is None:
        return b"", None
    if isinstance(value, str):
        return value.encode(), None
    return json_text(value).encode(), "application/json"


def answer(response: HttpResponse) -> dict[str, Json]:
    """What the task answers: Headers, ResponseBody, StatusCode and StatusText."""
    return {
        "Headers": _grouped(response.headers),
        "ResponseBody": _body(response),
        "StatusCode": response.status,
        "StatusText": status_text(response),
    }


def status_text(response: HttpResponse) -> str:
    """The reason in the answer, or the one that the standard gives its status."""
    if response.reason:
        return response.reason
    try:
        return http.HTTPStatus(response.status).phrase
    except ValueError:
        return ""


def _values(values: Json) -> Iterator[Json]:
    if isinstance(values, (list, tuple)):
        yield from values
    elif values is not None:
        yield values


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _grouped(headers: Headers) -> JsonObject:
    grouped: dict[str, list[str]] = {}
    for name, value in sorted(headers, key=lambda header: header[0].lower()):
        grouped.setdefault(name, []).append(value)
    return grouped


def _body(response: HttpResponse) -> Json:
    text = response.body.decode("utf-8", "replace")
    try:
        return parse_json(text)
    except ValueError:
        return text
