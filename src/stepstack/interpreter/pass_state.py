"""The Pass state: hands its input on, or a Result, or what Parameters (JSONPath) or Output (JSONata) make of it.

A Result makes InputPath and Parameters irrelevant.
"""

from __future__ import annotations

from typing import cast

from stepstack.interpreter.data_flow import is_jsonata, noted_arguments, noted_input, output_from_input, place_result
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit
from stepstack.language.state_machine import PassState

__all__ = ["run_pass"]


def run_pass(visit: Visit) -> Payload:
    """The state's output."""
    state = cast("PassState", visit.state)
    if is_jsonata(state):
        return output_from_input(visit, visit.raw_input)
    if state.result is None:
        result = noted_arguments(visit, noted_input(visit), state.parameters)
    else:
        result = Payload(visit.evaluate(state.result, visit.scope(visit.raw_input.value)))
        visit.note("result", result)
    return place_result(visit, state.result_path, result)
