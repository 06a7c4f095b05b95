"""Moments as AWS's services write them. Called by the interpreter for the context object and dates, and by the embedded services."""

from __future__ import annotations

import time

__all__ = ["now_text", "timestamp_text"]

_second_texts: dict[int, str] = {}


def timestamp_text(seconds: float) -> str:
    """Seconds since the epoch as AWS writes them: `2026-11-21T10:00:00.123Z`."""
    milliseconds = int(seconds * 1000)
    whole = milliseconds // 1000
    text = _second_texts.get(whole)
    if text is None:
        if len(_second_texts) > 512:
            _second_texts.clear()
        text = _second_texts[whole] = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole))
    return f"{text}{milliseconds % 1000:03d}Z"


def now_text() -> str:
    """Real time, as `timestamp_text` writes it."""
    return timestamp_text(time.time())
