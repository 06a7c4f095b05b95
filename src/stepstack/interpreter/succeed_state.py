"""The Succeed state: ends its graph with its input."""

from __future__ import annotations

from stepstack.interpreter.data_flow import noted_input, output_from_input
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit

__all__ = ["run_succeed"]


def run_succeed(visit: Visit) -> Payload:
    """The state's output."""
    return output_from_input(visit, noted_input(visit))
