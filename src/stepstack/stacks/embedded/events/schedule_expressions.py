"""Schedule expressions of EventBridge: `rate(5 minutes)`, `cron(0 10 ? * MON-FRI *)`, `at(2030-01-01T10:00:00)`.

Compiled once, then asked for the moment after a moment. Called by `event_schedules`. Source: "Schedule types" in the
EventBridge Scheduler user guide and "Cron expressions" in the EventBridge user guide.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stepstack.errors import ServiceError

__all__ = ["Schedule", "parse_schedule"]

_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)(s?)\s*\)")
_CRON = re.compile(r"cron\((.*)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LAST_YEAR = 2199

_DayTest: TypeAlias = "Callable[[date], bool]"


class Schedule:
    """When something happens."""

    def __init__(self, after: Callable[[float, float], float | None], *, is_rate: bool = False) -> None:
        self._after = after
        self.is_rate = is_rate

    def after(self, moment: float, begun: float) -> float | None:
        """The first moment behind `moment` (seconds since the epoch), None where there is none; `begun` is when the schedule began."""
        return self._after(moment, begun)


def parse_schedule(text: str, zone_name: str = "UTC", *, counts_strictly: bool = False) -> Schedule:
    """The schedule that an expression says, in a time zone; `counts_strictly` refuses "1 minutes", as EventBridge's rules do.

    Raises ServiceError (ValidationException) for anything else.
    """
    text = text.strip()
    rate, cron, at = _RATE.fullmatch(text), _CRON.fullmatch(text), _AT.fullmatch(text)
    if rate and int(rate[1]) > 0 and not (counts_strictly and (int(rate[1]) == 1) == bool(rate[3])):
        period = int(rate[1]) * _SECONDS[rate[2]]
        return Schedule(lambda moment, begun: begun + max(1, math.floor((moment - begun) / period) + 1) * period, is_rate=True)
    try:
        zone = timezone.utc if zone_name == "UTC" else ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError):
        raise _invalid(f"The time zone {zone_name} is not known.") from None
    if cron:
        return Schedule(_cron(cron[1], zone))
    if at:
        try:
            moment = datetime.fromisoformat(at[1]).replace(tzinfo=zone).timestamp()
        except ValueError:
            raise _invalid("Parameter ScheduleExpression is not valid.") from None
        return Schedule(lambda now, _begun: moment if moment > now else None)
    raise _invalid("Parameter ScheduleExpression is not valid.")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _cron(text: str, zone: tzinfo) -> Callable[[float, float], float | None]:
    fields = text.upper().split()
    if len(fields) != 6 or (fields[2] == "?") == (fields[4] == "?"):
        # One of the two days has to be left open, and only one.
        raise _invalid("Parameter ScheduleExpression is not valid.")
    minutes = sorted(_numbers(fields[0], 0, 59))
    hours = sorted(_numbers(fields[1], 0, 23))
    months = _numbers(fields[3], 1, 12, _MONTHS)
    years = _numbers(fields[5], 1970, _LAST_YEAR)
    is_day = _day_of_month(fields[2]) if fields[4] == "?" else _day_of_week(fields[4])

    def after(moment: float, _begun: float) -> float | None:
        start = datetime.fromtimestamp(moment, zone)
        for day in _days(start.date(), months, years):
            if is_day(day):
                for hour in hours:
                    for minute in minutes:
                        found = datetime.combine(day, time(hour, minute), zone)
                        # An hour that the zone skips in spring does not happen.
                        if found.timestamp() > moment and _exists(found, zone):
                            return found.timestamp()
        return None

    return after


def _exists(moment: datetime, zone: tzinfo) -> bool:
    return datetime.fromtimestamp(moment.timestamp(), zone).replace(tzinfo=None) == moment.replace(tzinfo=None)


def _days(first: date, months: frozenset[int], years: frozenset[int]) -> Iterator[date]:
    for year in sorted(number for number in years if number >= first.year):
        for month in sorted(months):
            last = calendar.monthrange(year, month)[1]
            if date(year, month, last) >= first:
                yield from (day for day in (date(year, month, number) for number in range(1, last + 1)) if day >= first)


def _numbers(text: str, least: int, most: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    """What a field of numbers allows: `*`, `5`, `1-5`, `MON,WED`, `0/15`."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = least, most
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, least, most, names)
            last = _number(last_text, least, most, names) if dash else most if slash else first
        size = _number(step, 1, most, None) if slash else 1
        if first > last:
            # FRI-MON goes over the end of the week.
            found |= {number for number in (*range(first, most + 1), *range(least, last + 1)) if (number - first) % size == 0}
        found |= set(range(first, last + 1, size))
    return frozenset(found)


def _number(text: str, least: int, most: int, names: Mapping[str, int] | None) -> int:
    number = (names or {}).get(text, int(text) if text.isascii() and text.isdigit() else -1)
    if not least <= number <= most:
        raise _invalid("Parameter ScheduleExpression is not valid.")
    return number


def _day_of_month(text: str) -> _DayTest:
    if text == "L":
        return lambda day: day.day == _last(day)
    if text.endswith("W"):
        wanted = None if text == "LW" else _number(text[:-1], 1, 31, None)
        return lambda day: day.day == _nearest_weekday(day, wanted)
    days = _numbers(text, 1, 31)
    return lambda day: day.day in days


def _day_of_week(text: str) -> _DayTest:
    name, hash_sign, count = text.partition("#")
    if hash_sign:
        wanted, week = _number(name, 1, 7, _DAYS), _number(count, 1, 5, None)
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == week
    if text.endswith("L") and text != "L":
        wanted = _number(text[:-1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == wanted and day.day + 7 > _last(day)
    days = _numbers("7" if text == "L" else text, 1, 7, _DAYS)
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    """Sunday is 1."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int | None) -> int:
    """The weekday of `day`'s month that is nearest to the day `wanted` (None: the last); it stays within the month."""
    last = _last(day)
    if wanted is not None and wanted > last:
        return 0
    target = day.replace(day=wanted or last)
    if target.isoweekday() == 6:
        target += timedelta(days=-1 if target.day > 1 else 2)
    elif target.isoweekday() == 7:
        target += timedelta(days=1 if target.day < last else -2)
    return target.day
