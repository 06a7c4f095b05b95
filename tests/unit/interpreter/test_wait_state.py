"""Timestamps of Wait states."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.interpreter.wait_state import epoch_seconds


@given(st.datetimes(min_value=dt.datetime(1970, 1, 2), max_value=dt.datetime(2200, 1, 1), timezones=st.just(dt.timezone.utc)))  # noqa: DTZ001
def test_a_timestamp_is_read_to_the_microsecond(moment):
    text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert epoch_seconds(text) == pytest.approx(moment.timestamp(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2016-12-05T21:29:29+02:00", "2016-12-05T19:29:29Z"),
        ("2016-12-05T21:29:29-05:30", "2016-12-06T02:59:29Z"),
        ("2016-12-05T21:29:29.000000000Z", "2016-12-05T21:29:29Z"),
        ("2016-12-05t21:29:29z", "2016-12-05T21:29:29Z"),
        ("2016-12-05T21:29Z", "2016-12-05T21:29:00Z"),
        ("2016-12-05T21:29:29+02", "2016-12-05T19:29:29Z"),
        ("2016-12-05T21:29:29+0230", "2016-12-05T18:59:29Z"),
        ("2016-12-05T21:29:29-18:00", "2016-12-06T15:29:29Z"),
    ],
)
def test_offsets_and_nanoseconds_are_read(text, same):
    assert epoch_seconds(text) == epoch_seconds(same)


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-05T21:29:29+18:01",
        "2016-12-05T21:29:29+02:60",
        "2016-02-30T21:29:29Z",
        "\u0662016-12-05T21:29:29Z",
        "2016-12-05 21:29:29Z",
        "2016-12-05T21:29:29",
        "2016-13-05T21:29:29Z",
        "2016-12-05T25:00:00Z",
        "",
        "tomorrow",
        "2016-12-05",
    ],
)
def test_what_is_no_timestamp_is_refused(text):
    assert epoch_seconds(text) is None


@pytest.mark.parametrize("text", ["9" * 5000, "\u0663"], ids=["more digits than a long", "digits of another script"])
def test_seconds_that_are_no_long_are_refused(with_engine, text):
    machine = {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}}
    execution = with_engine(lambda engine: engine.finish(machine, {"s": text}))
    assert execution.error == "States.Runtime"
    assert f"The SecondsPath parameter cannot be parsed as a long value: $.s == {text}" in execution.cause
