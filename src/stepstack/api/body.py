"""A request's body, read whole, within a size and a time.

Called by `stepstack.api.app`. The size is AWS's largest definition with room for JSON's escapes; the time is for a client that stalls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["BODY_LIMIT_BYTES", "BodyError", "read_body"]

BODY_LIMIT_BYTES = 8 * 1024 * 1024
BODY_DEADLINE_SECONDS = 20.0


class BodyError(Exception):
    """There is no usable body; `status` is the HTTP status to answer, 0 where nobody is left to answer to."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(message)


async def read_body(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    content_length: str | None,
    *,
    limit: int = BODY_LIMIT_BYTES,
    deadline_seconds: float = BODY_DEADLINE_SECONDS,
) -> bytes:
    """The whole body; raises BodyError where it is larger than `limit`, does not arrive in time, or its client goes away."""
    if content_length is not None and content_length.isdigit() and int(content_length) > limit:
        raise _too_large(limit)
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - an ASGI application runs in a task
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    # A timer of the loop, not wait_for: nearly every body is there already, and a task for each would cost more than reading it.
    timer = asyncio.get_running_loop().call_later(deadline_seconds, expire)
    try:
        return await _whole(receive, limit)
    except asyncio.CancelledError:
        if not expired:
            raise
        if hasattr(task, "uncancel"):
            task.uncancel()
        message = f"the request's body did not arrive within {deadline_seconds:g} seconds"
        raise BodyError(408, "RequestTimeoutException", message) from None
    finally:
        timer.cancel()


async def _whole(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyError(0, "", "the client went away")
        body: bytes = message.get("body", b"")
        size += len(body)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return body if not parts else b"".join([*parts, body])
        parts.append(body)


def _too_large(limit: int) -> BodyError:
    return BodyError(413, "RequestEntityTooLargeException", f"the request's body exceeds {limit} bytes")
