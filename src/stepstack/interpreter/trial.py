"""What TestState wants to know and to set while it runs one state: the other side of `test_state`, as the state modules see it.

An ordinary execution has none. Source: botocore's service model of TestState, recorded answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.json_types import Json, JsonObject

__all__ = ["RetryDue", "StateMock", "StateTrial"]


class RetryDue(Exception):
    """A retrier takes the failure."""

    def __init__(self, failure: StateFailure, index: int, delay_seconds: float) -> None:
        self.failure = failure
        self.index = index
        self.delay_seconds = delay_seconds
        super().__init__(f"retrier {index}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMock:
    """TestState's `mock`: a result as JSON text, or a failure."""

    result: str | None = None
    failure: StateFailure | None = None


@dataclass(slots=True, kw_only=True)
class StateTrial:
    """`context` is the whole Context Object where TestState is given one; `inspection` gathers InspectionData's members."""

    context: JsonObject | None = None
    mock: StateMock | None = None
    retry_count: int = 0
    map_iteration_failure_count: int = 0
    map_item_reader_data: str | None = None
    inspection: dict[str, Json] = field(default_factory=dict)
    caught_failure: StateFailure | None = None
    """The failure that a catcher took."""

    @property
    def has_mock(self) -> bool:
        return self.mock is not None

    def mocked_result(self) -> Payload:
        """The mock's result; raises StateFailed where the mock is a failure."""
        mock = self.mock
        if mock is None or mock.failure is not None:
            raise StateFailed(StateFailure(None) if mock is None or mock.failure is None else mock.failure)
        return Payload.parse(mock.result or "{}")

    def note(self, name: str, value: Json) -> None:
        """Keeps one member of InspectionData."""
        self.inspection[name] = value

    def caught(self, failure: StateFailure, index: int) -> None:
        """The catcher at `index` takes `failure`."""
        self.caught_failure = failure
        self.inspection["errorDetails"] = {"catchIndex": index}
