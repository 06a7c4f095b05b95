import subprocess
import sys

import pytest

INVOKED_UNDER_A_TRACER = """
import asyncio, sys, threading, time
from stepstack.clock import Randomness
from stepstack.stacks.embedded.functions.lambda_service import LambdaService

def traces(frame, event, argument):
    return traces if frame.f_code.co_name == "handler" else None

def handler(event, context):
    while event:
        time.sleep(0.001)
    return "done"

threading.settrace(traces)
sys.settrace(traces)
service = LambdaService(randomness=Randomness(1))
service.register("f", handler, timeout_seconds=1)
for event in sys.argv[1:]:
    print(asyncio.run(service.invoke("f", event.encode())).function_error)
"""


@pytest.mark.parametrize(
    ("events", "errors"),
    [(("null", "null"), ["None", "None"]), (("1", "null"), ["Unhandled", "None"])],
    ids=["of handlers that return", "after one that is interrupted"],
)
def test_what_handlers_run_can_be_traced_as_coverage_and_debuggers_do(events, errors):
    # In a process of its own: Python 3.11 would turn in a circle, and nothing would end it.
    words = [sys.executable, "-c", INVOKED_UNDER_A_TRACER, *events]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)

    assert ended.stdout.split() == errors, ended.stderr
