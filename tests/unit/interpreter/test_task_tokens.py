"""Task tokens: opened, answered once, remembered when closed."""

from __future__ import annotations

import asyncio

import pytest

from stepstack.clock import Randomness
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.task_tokens import TaskTokens, TokenClosed, TokenUnknown


def scenario(body):
    async def main():
        return await body(TaskTokens(Randomness(1)))

    return asyncio.run(main())


def test_an_answer_reaches_who_opened_the_token():
    async def body(tokens):
        pending = tokens.open()
        tokens.succeed(pending.token, '{"a": 1}')
        answer = await pending.answer
        assert isinstance(answer, Payload)
        return answer.text, tokens.is_open(pending.token)

    assert scenario(body) == ('{"a": 1}', False)


def test_a_failure_is_data():
    async def body(tokens):
        pending = tokens.open()
        tokens.fail(pending.token, "Oops", None)
        return await pending.answer

    assert scenario(body) == StateFailure("Oops", None)


@pytest.mark.parametrize("verb", ["succeed", "fail", "heartbeat"])
def test_a_token_that_never_was_is_told_from_one_that_is_closed(verb):
    arguments = {"succeed": ("{}",), "fail": ("E", "c"), "heartbeat": ()}[verb]

    async def body(tokens):
        pending = tokens.open()
        tokens.close(pending)
        with pytest.raises(TokenClosed):
            getattr(tokens, verb)(pending.token, *arguments)
        with pytest.raises(TokenUnknown):
            getattr(tokens, verb)("made up", *arguments)

    scenario(body)


def test_an_output_that_is_no_json_leaves_the_token_open():
    async def body(tokens):
        pending = tokens.open()
        with pytest.raises(ValueError, match="Expecting"):
            tokens.succeed(pending.token, "{")
        return tokens.is_open(pending.token)

    assert scenario(body)


def test_tokens_are_all_different():
    async def body(tokens):
        return [tokens.open().token for _ in range(500)]

    assert len(set(scenario(body))) == 500


def test_clearing_forgets_open_and_closed_ones():
    async def body(tokens):
        opened, closed = tokens.open(), tokens.open()
        tokens.close(closed)
        tokens.clear()
        for pending in (opened, closed):
            with pytest.raises(TokenUnknown):
                tokens.heartbeat(pending.token)

    scenario(body)
