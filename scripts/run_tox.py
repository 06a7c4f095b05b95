"""Runs tox as `python -m tox` does, and has SIGINT and SIGTERM end it in order. Called by scripts/tox.

A shell starts what stands in the background of a script with SIGINT ignored, and Python leaves it at that; SIGTERM ends Python at once.
Either way tox would not stop what it runs, and containers would stay for as long as the tests still take.
"""

import runpy
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    runpy.run_module("tox", run_name="__main__", alter_sys=True)
