"""A request's body for the embedded services, read whole, within a size and a time.

Called by `embedded.services`. moto keeps objects in memory, so the limit is what a test machine can hold a few times over, not S3's
5 GB for one PUT; larger objects have to come in parts. The time is from one piece to the next, for a client that stalls: however large a
body is, it may take its time as long as it moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stepstack.errors import ServiceError

__all__ = ["read_upload"]

UPLOAD_LIMIT_BYTES = 512 * 1024 * 1024
API_LIMIT_BYTES = 10 * 1024 * 1024
"""For the APIs of templates, which any web page may call: API Gateway's quota."""

STALL_SECONDS = 20.0


async def read_upload(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]], content_length: str | None, *, is_for_api: bool = False
) -> bytes | None:
    """The body; None where its client went away before its end: half an object must not be stored.

    ServiceError where it is too large, or its next piece does not come.
    """
    limit = API_LIMIT_BYTES if is_for_api else UPLOAD_LIMIT_BYTES
    if content_length is not None and content_length.isdigit() and int(content_length) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await _next(receive)
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if len(parts) > 1 else part


async def _next(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> MutableMapping[str, Any]:
    piece = asyncio.ensure_future(receive())
    try:
        # Not wait_for: until Python 3.11 it forgets that its caller was cancelled, where the piece comes just then.
        done, _ = await asyncio.wait({piece}, timeout=STALL_SECONDS)
    finally:
        piece.cancel()
    if not done:
        message = "Your socket connection to the server was not read from or written to within the timeout period."
        raise ServiceError("RequestTimeout", message)
    return piece.result()


def _too_large(limit: int) -> ServiceError:
    message = f"Your proposed upload exceeds the maximum allowed size: stepstack's embedded services take {limit} bytes at once"
    return ServiceError("EntityTooLarge", message)
