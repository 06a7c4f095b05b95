"""The one reader of time, jitter and ids.

Every room that needs to know the time, to wait, to draw a random number or to make an id asks here; a lint rule bans reading them
elsewhere. Called by the interpreter (waits, retry delays, timeouts), the service (dates, names) and the plugin's `clock` fixture.
"""

from stepstack.clock.clock import Clock, Timeline, Timer, awaiting, awaiting_timeline, set_off_by_schedule, time_scale
from stepstack.clock.deadline import Deadline
from stepstack.clock.randomness import Randomness
from stepstack.clock.timestamps import now_text, timestamp_text

__all__ = [
    "Clock",
    "Deadline",
    "Randomness",
    "Timeline",
    "Timer",
    "awaiting",
    "awaiting_timeline",
    "now_text",
    "set_off_by_schedule",
    "time_scale",
    "timestamp_text",
]
