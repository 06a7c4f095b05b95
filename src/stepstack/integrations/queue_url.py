"""The host of a queue's URL, to which AWS's SDK sends what is for the queue.

Here every request goes to the endpoint of SQS, whatever host the URL names. But a host that nobody knows must fail as it does on AWS, so an
unknown one is looked up. Called by the runner for `sqs:sendMessage`. Source: a recorded answer for a queue URL with a made-up host.
"""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.service_call import Unreachable

__all__ = ["check_queue_url"]

LOOK_UP_SECONDS = 2.0


async def check_queue_url(url: str, endpoints: Endpoints) -> None:
    """Raises Unreachable where the host of `url` does not exist."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return
    if parts.scheme not in {"http", "https"} or not host or _is_known(host, endpoints):
        return
    try:
        is_found = await _is_found(host)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
            raise Unreachable(f"Unable to execute HTTP request: {error}") from error
        is_found = False
    if not is_found:
        raise Unreachable(f"Unable to execute HTTP request: {host}: Name or service not known")


async def _is_found(host: str) -> bool:
    """Whether the host's name can be looked up in time."""
    looking = asyncio.ensure_future(asyncio.get_running_loop().getaddrinfo(host, None))
    try:
        # Not wait_for: until Python 3.11 it forgets that its caller was cancelled, where the answer comes just then.
        await asyncio.wait({looking}, timeout=LOOK_UP_SECONDS)
        return looking.done() and bool(looking.result())
    finally:
        looking.cancel()


def _is_known(host: str, endpoints: Endpoints) -> bool:
    if host == "localhost" or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".localhost")) or host.replace(".", "").isdigit():
        return True
    urls = [*endpoints.urls.values(), endpoints.default_url or "", endpoints.application_url]
    return host in {urlsplit(url).hostname for url in urls}
