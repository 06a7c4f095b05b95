"""What an API's answer may be made of, wherever it comes from: a function, a mapping template, a service's answer.

A header's value that goes on in another line would be another header. Called by `api_gateway` and by what makes answers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from stepstack.stacks.embedded.request import ServiceResponse

__all__ = ["STATUSES", "header_text", "sendable", "status_code"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_OF_CONNECTIONS = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that are the server's to write."""

STATUSES = range(200, 600)
"""Of answers that end a request."""

_WITHOUT_BODY = frozenset({204, 304})


def status_code(value: Any) -> int:
    """A status that ends a request; ValueError or TypeError where it is none."""
    status = int(value)
    if status not in STATUSES:
        raise ValueError(f"{status} is no status of an answer")
    return status


def header_text(name: str, value: Any) -> str:
    """The text of a header's value; ValueError or TypeError where it, or the name, cannot be a header's."""
    if isinstance(value, (dict, list)):
        raise TypeError("a header's value is text")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not _NAME.fullmatch(name) or _CONTROL.search(text):
        raise ValueError(f"the header {name!r} cannot be written")
    return text


def sendable(response: ServiceResponse) -> ServiceResponse:
    """The answer without what is not the API's to say: what would be read as the next answer on the connection, or end it."""
    headers = {name: value for name, value in response.headers.items() if name.lower() not in _OF_CONNECTIONS}
    return replace(response, headers=headers, body=b"" if response.status in _WITHOUT_BODY else response.body)
