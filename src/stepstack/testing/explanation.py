"""An execution in a few lines: its way through the states, where and why it failed, its last events.

Called where an assertion fails, where a run does not end in time, and by the plugin for the report of a failed test. Computed from the
history alone. Long values are cut; a Lambda function's stack trace never is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepstack.history.visits import Event, Failure, StateVisit, event_details, failing_visit
from stepstack.json_types import Json, parse_json

if TYPE_CHECKING:
    from stepstack.testing.executions import ExecutionResult

__all__ = ["brief_cause", "explain", "explain_events"]

LAST_EVENTS = 6
TEXT_LIMIT = 400
PATH_LIMIT = 40


def explain(execution: ExecutionResult) -> str:
    """The compact account of `execution`; a line or two where it succeeded."""
    lines = [f"execution {execution.name} of {execution.state_machine_name}: {execution.status}"]
    if execution.error is not None:
        lines.append(f"  error: {execution.error}")
    if execution.cause is not None:
        lines.extend(_cause_lines("  cause: ", execution.cause))
    problem = execution.history_problem
    if problem is not None:
        return "\n".join([*lines, f"  no history: {problem}"])
    visits = execution.visits
    culprit = failing_visit(execution.history, visits) if execution.status != "SUCCEEDED" else None
    lines.append(f"  path: {_path(visits, culprit if execution.status == 'FAILED' else None)}")
    if execution.status != "SUCCEEDED":
        if culprit is not None:
            lines.extend(_culprit_lines(culprit))
        lines.append("  last events:")
        lines.extend(f"    {line}" for line in explain_events(execution.history))
    return "\n".join(lines)


def explain_events(events: Sequence[Event], count: int = LAST_EVENTS) -> list[str]:
    """The last `count` events, a line each: number, type, and what matters of its details."""
    return [f"{event['id']:>4} {event['type']}{_event_remark(event)}" for event in events[-count:]]


def _event_remark(event: Event) -> str:
    details = event_details(event)
    for keys in (
        ("error", "cause"),
        ("name", "output"),
        ("name", "input"),
        ("name",),
        ("resourceType", "resource"),
        ("output",),
        ("input",),
    ):
        values = [brief_cause(details[key]) if key == "cause" else details[key] for key in keys if isinstance(details.get(key), str)]
        if len(values) == len(keys):
            return ": " + " ".join(shortened(" ".join(value.split()), 160) for value in values)
    return f": {details['error']}" if details.get("error") else ""


def _path(visits: Sequence[StateVisit], culprit: StateVisit | None) -> str:
    if not visits:
        return "(no state was entered)"
    steps = [_step(visit, is_culprit=visit is culprit and visit.type != "Fail") for visit in visits]
    if len(steps) > PATH_LIMIT:
        half = PATH_LIMIT // 2
        steps = [*steps[:half], f"... {len(steps) - 2 * half} more ...", *steps[-half:]]
    return " -> ".join(steps)


def _step(visit: StateVisit, *, is_culprit: bool) -> str:
    remarks = []
    if visit.retries:
        remarks.append(f"{visit.attempts} attempts")
    if is_culprit or (visit.failures and not visit.is_exited):
        remarks.append("failed")
    return visit.full_name + (f" ({', '.join(remarks)})" if remarks else "")


def _culprit_lines(visit: StateVisit) -> list[str]:
    lines = [f"  ended in: {visit.full_name} ({visit.type})"]
    if visit.parameters_text is not None:
        lines.append(f"  its parameters: {shortened(visit.parameters_text)}")
    elif visit.input_text is not None:
        lines.append(f"  its input: {shortened(visit.input_text)}")
    if len(visit.failures) > 1:
        lines.append("  its attempts:")
        lines.extend(f"    {number}. {_failure_line(failure)}" for number, failure in enumerate(visit.failures, 1))
    return lines


def _failure_line(failure: Failure) -> str:
    cause = " ".join(brief_cause(failure.cause or "").split())
    return shortened(f"{failure.error}: {cause}" if cause else str(failure.error), 200)


def brief_cause(cause: str) -> str:
    """A Lambda function's message; any other cause as it is."""
    payload = _error_payload(cause)
    return cause if payload is None else str(payload["errorMessage"])


def _error_payload(cause: str) -> dict[str, Json] | None:
    """A Lambda function's error payload; None where `cause` is something else."""
    if not cause.startswith("{"):
        return None
    try:
        payload = parse_json(cause)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) and "errorMessage" in payload else None


def _cause_lines(label: str, cause: str) -> list[str]:
    """A Lambda function's error payload is taken apart; any other cause stands as it is."""
    payload = _error_payload(cause)
    if payload is None:
        return [label + shortened(cause)]
    lines = [f"{label}{payload.get('errorType', 'Error')}: {payload['errorMessage']}"]
    trace = payload.get("stackTrace", payload.get("trace"))
    if isinstance(trace, list):
        indent = " " * 4
        lines.extend(indent + line for entry in trace for line in str(entry).rstrip().splitlines())
    return lines


def shortened(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text`, cut to about `limit` characters."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
