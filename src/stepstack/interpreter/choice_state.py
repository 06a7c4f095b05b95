"""The Choice state: goes on with the first rule that holds, or with Default.

Without a Default, an input that no rule matches ends the execution with States.Runtime. AWS's documentation has an error
States.NoChoiceMatched for it; its executions do not.
"""

from __future__ import annotations

from typing import cast

from stepstack.errors import ExpressionError
from stepstack.interpreter.data_flow import assign, is_jsonata, noted_input, output_from_input, through_path
from stepstack.interpreter.failures import expression_failure, runtime_failure
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit
from stepstack.language.choice_rules import ChoiceRule
from stepstack.language.state_machine import ChoiceState

__all__ = ["run_choice"]


def run_choice(visit: Visit) -> Payload:
    """The state's output; `visit.next` is the state chosen."""
    state = cast("ChoiceState", visit.state)
    effective = noted_input(visit)
    rule = _first_that_holds(visit, state, effective)
    if rule is not None:
        visit.next = rule.next
        return _output_of_rule(visit, rule, effective)
    if state.default is None:
        raise runtime_failure(visit, "Failed to transition out of the state. The state does not point to a next state.")
    visit.next = state.default
    return output_from_input(visit, effective)


def _first_that_holds(visit: Visit, state: ChoiceState, effective: Payload) -> ChoiceRule | None:
    scope = visit.scope(effective.value)
    try:
        return next((rule for rule in state.choices if rule.evaluate(scope)), None)
    except ExpressionError as error:
        raise expression_failure(visit, "Choices", error) from error


def _output_of_rule(visit: Visit, rule: ChoiceRule, effective: Payload) -> Payload:
    """A rule that holds brings its own Assign and Output; the state's are for Default."""
    state = visit.state
    raw = visit.raw_input
    if not is_jsonata(state):
        assign(visit, rule.assign, effective.value)
        return through_path(visit, state.output_path, effective, "OutputPath")
    assign(visit, rule.assign, raw.value)
    return raw if rule.output is None else Payload(visit.evaluate(rule.output, visit.scope(raw.value)))
