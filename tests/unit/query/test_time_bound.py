"""Evaluations that take long: given up where somebody can wait, finished elsewhere, ended in the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from stepstack.clock import Randomness
from stepstack.errors import ExpressionError, QueryEvaluationFailure
from stepstack.query import time_bound
from stepstack.query.jsonata import JsonataExpression
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Scope, Sources
from stepstack.query.time_bound import TakesLong, outcomes_known

LONG = "$sum([1..1000].($ * 2))"
ENDLESS = "($f := function($n) { $f($n) }; $f(1))"
WAITING = Sources(lambda: 0.0, Randomness(1), can_wait=True)


def scope(data: Any = None, **options: Any) -> Scope:
    return Scope(data, {}, {}, **options)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_bound, "PATIENCE_SECONDS", -1.0)


def given_up(expression: Any, where: Scope) -> TakesLong:
    with pytest.raises(TakesLong) as caught:
        expression.evaluate(where)
    return caught.value


@pytest.mark.usefixtures("no_patience")
def test_an_evaluation_that_takes_long_is_given_up_and_finished_by_another_thread() -> None:
    long = given_up(JsonataExpression.compile(LONG), scope(sources=WAITING))
    outcomes: dict[object, Any] = {}
    thread = threading.Thread(target=lambda: outcomes.update({long.key: long.finish()}))
    thread.start()
    thread.join()
    assert outcomes[long.key].get() == 1_001_000


@pytest.mark.usefixtures("no_patience")
def test_nobody_who_cannot_wait_is_told_that_it_takes_long() -> None:
    assert JsonataExpression.compile(LONG).evaluate(scope()) == 1_001_000


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("text", ["$[?(@ > 1)]", "$..a", "$[?(@ in $)]"])
def test_paths_that_search_are_bounded_too(text: str) -> None:
    path = AslPath.compile(text)
    where = scope([1, 2, 3], sources=WAITING)
    assert given_up(path, where).finish().get() == path.evaluate(scope([1, 2, 3]))


@pytest.mark.usefixtures("no_patience")
def test_a_known_outcome_is_taken_for_the_same_data_alone() -> None:
    expression = JsonataExpression.compile("$sum([1..1000].($ * $states.input))")
    long = given_up(expression, scope(1, sources=WAITING))
    outcomes: Mapping[object, Any] = {long.key: long.finish()}
    with outcomes_known(outcomes):
        assert expression.evaluate(scope(1, sources=WAITING)) == 500_500
        given_up(expression, scope(1.0, sources=WAITING))
    given_up(expression, scope(1, sources=WAITING))


@pytest.mark.usefixtures("no_patience")
def test_a_failure_is_an_outcome_too() -> None:
    long = given_up(JsonataExpression.compile(f"({LONG}; $error('no'))"), scope(sources=WAITING))
    with pytest.raises(Exception, match="no"):
        long.finish().get()


@pytest.mark.usefixtures("no_patience")
def test_an_evaluation_that_nobody_waits_for_any_more_ends() -> None:
    long = given_up(JsonataExpression.compile(ENDLESS), scope(sources=WAITING))
    long.cancel()
    with pytest.raises(Exception, match="evaluation timeout"):
        long.finish().get()


def test_what_does_not_end_is_ended_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_bound, "TIME_LIMIT_SECONDS", 0.02)
    with pytest.raises(QueryEvaluationFailure, match="Check for infinite loop"):
        JsonataExpression.compile(ENDLESS).evaluate(scope())
    for text in ("$[?($ subsetof $)]", "$[?(@ in $)]"):
        with pytest.raises(ExpressionError, match="takes longer than"):
            AslPath.compile(text).evaluate(scope(list(range(100_000))))


def test_descents_that_multiply_are_refused() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ExpressionError, match="more than"):
        AslPath.compile("$" + "..[*]" * 4).evaluate(scope(deep))
