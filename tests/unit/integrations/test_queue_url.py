"""The look-up of a queue URL's host."""

from __future__ import annotations

import asyncio
import socket

import pytest

from stepstack.integrations import queue_url
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.queue_url import check_queue_url
from stepstack.integrations.service_call import Unreachable

URL = "http://queues.example/123456789012/orders"


def look_up(monkeypatch, answer):
    """Has names looked up by `answer()`."""

    async def getaddrinfo(_host, _port):
        return await answer()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


def test_a_host_that_nobody_knows_is_unreachable(monkeypatch):
    async def unknown():
        raise socket.gaierror(-2, "Name or service not known")

    async def scenario():
        look_up(monkeypatch, unknown)
        with pytest.raises(Unreachable, match=r"queues\.example: Name or service not known"):
            await check_queue_url(URL, Endpoints())

    asyncio.run(scenario())


def test_a_look_up_that_takes_too_long_is_unreachable(monkeypatch):
    monkeypatch.setattr(queue_url, "LOOK_UP_SECONDS", 0.01)

    async def scenario():
        look_up(monkeypatch, asyncio.Event().wait)
        with pytest.raises(Unreachable, match=r"queues\.example"):
            await check_queue_url(URL, Endpoints())

    asyncio.run(scenario())


def test_a_cancellation_that_meets_the_answer_is_not_lost(monkeypatch):
    async def scenario():
        found = asyncio.Event()
        look_up(monkeypatch, found.wait)
        check = asyncio.ensure_future(check_queue_url(URL, Endpoints()))
        for _ in range(3):
            await asyncio.sleep(0)
        found.set()
        for _ in range(2):
            await asyncio.sleep(0)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check

    asyncio.run(scenario())
