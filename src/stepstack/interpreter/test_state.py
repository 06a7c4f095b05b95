"""TestState: runs one state by itself, by the same code that runs it in an execution.

Called by the service, which checks the request and shapes the answer. A failure that a retrier would take ends the test as RETRIABLE; no
delay is waited for. Source: the API reference's TestState, recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stepstack.history.history import EventLimitReached
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.failures import ExecutionBroken, StateFailed
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import Environment, StateFailure
from stepstack.interpreter.states import IMMEDIATE_STATES, LASTING_STATES
from stepstack.interpreter.trial import RetryDue, StateMock, StateTrial
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject
from stepstack.language.state_machine import State, StateMachine

__all__ = ["StateMock", "StateTest", "run_state"]

StateTestStatus = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTest:
    """What a test came to. `inspection` holds InspectionData's members under the API's names: JSON text, numbers, objects."""

    status: StateTestStatus
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    inspection: Mapping[str, Json] = field(default_factory=dict)


async def run_state(
    state: State,
    *,
    input_text: str,
    environment: Environment,
    role_arn: str = "",
    context: JsonObject | None = None,
    variables: Mapping[str, Json] | None = None,
    mock: StateMock | None = None,
    retrier_retry_count: int = 0,
    map_iteration_failure_count: int = 0,
    map_item_reader_data: str | None = None,
) -> StateTest:
    """What `state` makes of `input_text`.

    `context`, where it is given, is the whole Context Object. `mock` stands for what a Task, a Parallel or a Map would have done.
    `retrier_retry_count` says how often each retrier has tried already.
    """
    trial = StateTrial(
        context=context,
        mock=mock,
        retry_count=retrier_retry_count,
        map_iteration_failure_count=map_iteration_failure_count,
        map_item_reader_data=map_item_reader_data,
    )
    execution = _execution(state, input_text, environment, role_arn, trial)
    branch = execution.root_branch()
    branch.variables = dict(variables or {})
    branch.visit = visit = Visit(branch, state, execution.input)
    visit.begin_attempt(retrier_retry_count)
    trial.note("input", execution.input.text)
    try:
        with execution.timeline.working():
            output = await _run(visit)
    except RetryDue as due:
        trial.note("errorDetails", {"retryIndex": due.index, "retryBackoffIntervalSeconds": _whole(due.delay_seconds)})
        return _failed(trial, "RETRIABLE", due.failure)
    except (StateFailed, ExecutionBroken) as failed:
        return _failed(trial, "FAILED", failed.failure)
    except EventLimitReached as reached:
        return _failed(trial, "FAILED", StateFailure("States.Runtime", str(reached)))
    if branch.variables:
        trial.note("variables", Payload(branch.variables).text)
    return _succeeded(trial, visit, output)


async def _run(visit: Visit) -> Payload:
    visit.enter()
    immediate = IMMEDIATE_STATES.get(visit.state.type)
    output = await (LASTING_STATES[visit.state.type](visit) if immediate is None else unhurried(immediate, visit))
    visit.exit(output)
    return output


def _succeeded(trial: StateTrial, visit: Visit, output: Payload) -> StateTest:
    """The state was left, by a catcher or as it is meant to be."""
    caught = trial.caught_failure
    return StateTest(
        status="SUCCEEDED" if caught is None else "CAUGHT_ERROR",
        output=output.text,
        error=None if caught is None else caught.error_name,
        cause=None if caught is None else caught.cause,
        next_state=visit.next,
        inspection=trial.inspection,
    )


def _failed(trial: StateTrial, status: StateTestStatus, failure: StateFailure) -> StateTest:
    return StateTest(status=status, error=failure.error_name, cause=failure.cause, inspection=trial.inspection)


def _whole(seconds: float) -> Json:
    return int(seconds) if float(seconds).is_integer() else seconds


def _execution(state: State, input_text: str, environment: Environment, role_arn: str, trial: StateTrial) -> Execution:
    """An Express execution of a machine that consists of `state`, under names of its own, as AWS makes one."""
    uuid = environment.randomness.uuid
    machine_name, name = uuid(), uuid()
    prefix = f"arn:aws:states:{environment.region}:{environment.account}"
    machine = StateMachine(start_at=state.name, states={state.name: state}, definition="", query_language=state.query_language)
    return Execution(
        machine,
        arn=f"{prefix}:express:{machine_name}:{name}",
        name=name,
        execution_input=Payload.parse(input_text),
        environment=environment,
        state_machine_arn=f"{prefix}:stateMachine:{machine_name}",
        state_machine_name=machine_name,
        role_arn=role_arn,
        is_express=True,
        trial=trial,
    )
