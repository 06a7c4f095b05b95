import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from stepstack.clock import timestamp_text


@given(st.integers(0, 4_000_000_000_000))
def test_timestamps_are_utc_with_milliseconds(milliseconds):
    moment = dt.datetime.fromtimestamp(milliseconds // 1000, dt.timezone.utc)
    expected = f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
    assert timestamp_text(milliseconds / 1000 + 1e-6) == expected
