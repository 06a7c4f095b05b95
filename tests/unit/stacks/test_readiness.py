"""A service is ready when it answers as itself."""

from __future__ import annotations

import pytest

from stepstack.clock import Deadline
from stepstack.errors import StackError
from stepstack.stacks.readiness import problem_of, wait_until_ready


def test_a_service_that_answers_has_no_problem(answering):
    assert problem_of("dynamodb", answering((200, b'{"TableNames": []}'))) is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((400, b'{"__type": "UnknownOperationException"}'), "HTTP 400: "),
        ((200, b"<html>"), "Expecting value"),
        ((200, b'{"stateMachines": []}'), "something else answers there"),
    ],
    ids=["an error", "no JSON", "another service"],
)
def test_anything_else_that_answers_is_told(answering, answer, problem):
    assert problem in problem_of("dynamodb", answering(answer))


def test_nobody_there_is_told(unused_url):
    assert "refused" in problem_of("stepfunctions", unused_url)


def test_waiting_ends_when_the_service_answers(answering):
    url = answering((500, b"starting"), (500, b"starting"), (200, b'{"stateMachines": []}'))

    wait_until_ready("stepfunctions", url, Deadline(20))


def test_waiting_ends_at_the_deadline_with_the_last_problem(answering):
    with pytest.raises(StackError, match=r"dynamodb did not answer at .* within 0.1 s: it answers HTTP 503: not yet"):
        wait_until_ready("dynamodb", answering((503, b"not yet")), Deadline(0.1))
