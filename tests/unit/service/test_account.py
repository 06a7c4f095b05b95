"""What the families of operations share."""

from __future__ import annotations

import pytest

from stepstack.service.account import wire_milliseconds, wire_time


@pytest.mark.parametrize("seconds", [1795283161.4405, 1795283161.0015, 1795283161.25, 0.0], ids=str)
def test_a_moment_is_the_same_in_seconds_and_in_milliseconds(seconds):
    assert wire_milliseconds(seconds) / 1000 == wire_time(seconds)
