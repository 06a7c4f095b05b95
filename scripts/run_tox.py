"""Runs tox as `python -m tox` does, and lets an interrupt end it. Called by scripts/tox.

A shell starts a program in the background of a script with interrupts ignored, and Python leaves it at that. The run would then not
end on SIGINT, and its containers would stay until it is through.
"""

import runpy
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module("tox", run_name="__main__", alter_sys=True)
