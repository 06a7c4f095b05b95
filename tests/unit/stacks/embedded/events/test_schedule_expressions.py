from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.schedule_expressions import parse_schedule


def seconds(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def moments(expression, start, count=3, zone="UTC"):
    schedule = parse_schedule(expression, zone)
    found, moment, begun = [], seconds(start), seconds(start)
    for _ in range(count):
        moment = schedule.after(moment, begun)
        if moment is None:
            break
        found.append(f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("rate(5 minutes)", "2026-01-01T00:00:30", ["2026-01-01T00:05", "2026-01-01T00:10", "2026-01-01T00:15"]),
        ("rate(1 day)", "2026-02-27T10:00", ["2026-02-28T10:00", "2026-03-01T10:00", "2026-03-02T10:00"]),
        ("at(2026-01-01T10:00:00)", "2026-01-01T00:00", ["2026-01-01T10:00"]),
        ("at(2026-01-01T10:00:00)", "2026-01-01T10:00", []),
        ("cron(0 10 * * ? *)", "2026-01-01T10:00", ["2026-01-02T10:00", "2026-01-03T10:00", "2026-01-04T10:00"]),
        ("cron(15 12 * * ? *)", "2026-01-01T00:00", ["2026-01-01T12:15", "2026-01-02T12:15", "2026-01-03T12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02T19:00", ["2026-01-05T18:00", "2026-01-06T18:00", "2026-01-07T18:00"]),
        ("cron(0/15 9-10 1 * ? *)", "2026-01-01T10:20", ["2026-01-01T10:30", "2026-01-01T10:45", "2026-02-01T09:00"]),
        ("cron(0 0 L * ? *)", "2026-01-31T00:00", ["2026-02-28T00:00", "2026-03-31T00:00", "2026-04-30T00:00"]),
        ("cron(0 0 1W * ? *)", "2026-07-31T00:00", ["2026-08-03T00:00", "2026-09-01T00:00", "2026-10-01T00:00"]),
        ("cron(0 0 LW * ? *)", "2026-01-01T00:00", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-31T00:00"]),
        ("cron(0 0 ? * 6#3 *)", "2026-01-01T00:00", ["2026-01-16T00:00", "2026-02-20T00:00", "2026-03-20T00:00"]),
        ("cron(0 0 ? * FRIL *)", "2026-01-01T00:00", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-27T00:00"]),
        ("cron(0 0 ? * FRI-MON *)", "2026-01-01T00:00", ["2026-01-02T00:00", "2026-01-03T00:00", "2026-01-04T00:00"]),
        ("cron(0 0 29 FEB ? *)", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]),
        ("cron(0 0 1 1 ? 2027-2028)", "2026-06-01T00:00", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("cron(0 0 1,15 * ? *)", "2026-01-02T00:00", ["2026-01-15T00:00", "2026-02-01T00:00", "2026-02-15T00:00"]),
    ],
)
def test_a_schedule_has_its_moments(expression, start, expected):
    assert moments(expression, start) == expected


def test_a_time_zone_says_what_hour_it_is_in_summer_and_in_winter():
    found = moments("cron(30 2 * * ? *)", "2026-03-27T12:00", zone="Europe/Berlin")

    # On the 29th, half past two does not happen.
    assert found == ["2026-03-28T01:30", "2026-03-30T00:30", "2026-03-31T00:30"]
    assert moments("at(2026-07-01T12:00:00)", "2026-01-01T00:00", zone="America/New_York") == ["2026-07-01T16:00"]


@pytest.mark.parametrize(
    "expression",
    [
        "every day",
        "rate(0 minutes)",
        "rate(5 weeks)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 10 * * XYZ ?)",
        "cron(0 24 * * ? *)",
        "at(2026-02-30T00:00:00)",
        "at(tomorrow)",
    ],
)
def test_what_is_no_schedule_is_refused(expression):
    with pytest.raises(ServiceError, match="ScheduleExpression is not valid"):
        parse_schedule(expression)


def test_rules_count_strictly():
    assert parse_schedule("rate(1 minutes)")
    assert parse_schedule("rate(1 minute)", counts_strictly=True)
    for expression in ("rate(1 minutes)", "rate(5 minute)"):
        with pytest.raises(ServiceError, match="not valid"):
            parse_schedule(expression, counts_strictly=True)


def test_a_time_zone_that_nobody_knows_is_refused():
    with pytest.raises(ServiceError, match="Europe/Atlantis is not known"):
        parse_schedule("cron(0 10 * * ? *)", "Europe/Atlantis")


@given(st.integers(1, 90), st.sampled_from(["minutes", "hours", "days"]), st.floats(0, 1e9), st.floats(0, 1e6))
def test_the_next_moment_of_a_rate_is_behind_and_at_most_a_period_away(number, unit, begun, passed):
    period = number * {"minutes": 60, "hours": 3600, "days": 86400}[unit]
    moment = begun + passed

    found = parse_schedule(f"rate({number} {unit})").after(moment, begun)

    assert moment < found <= moment + period + 1e-3
