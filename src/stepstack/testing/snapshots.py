"""An execution as plain data that is the same in every run: for syrupy, inline-snapshot, or a comparison by hand.

    assert machine.run({...}).snapshot() == snapshot

Times, ids, generated names, addresses and request metadata become words (`<time>`, `<id 1>`, `<name 1>`), the same word for the same value.
What runs side by side is put in order: branches as they stand in the definition, items by number. Called through `ExecutionResult`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stepstack.history.visits import StateVisit
from stepstack.json_types import Json, parse_json

if TYPE_CHECKING:
    from stepstack.testing.executions import ExecutionResult

__all__ = ["events_snapshot", "snapshot_of"]

_METADATA = frozenset({"SdkHttpMetadata", "SdkResponseMetadata", "ResponseMetadata"})
"""What services say of the request, not of its subject: headers, request ids, checksums, dates."""

_OPAQUE = re.compile(r"(task|next)?_?token|receipt_?handle|sequence_?number|md5of.*|etag|request_?id|message_?id", re.IGNORECASE)
_TIMES = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
)
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ADDRESSES = re.compile(r"https?://(?:127\.0\.0\.1|localhost|host\.docker\.internal|\[::1\])(?::\d+)?")
_ACCOUNTS = re.compile(r"(arn:aws[a-z-]*:[a-z0-9-]+:)([a-z0-9-]*):(\d{12}|):")
_UNIQUE_NAME = re.compile(r"^(.+?-[a-z0-9]{6}-(?:main|gw\d+)-)")
"""How a name of the fixture `unique_name` begins."""


def snapshot_of(execution: ExecutionResult) -> dict[str, Any]:
    """Status, output or error, and every visit with its input, output, attempts and failures; visits of a Parallel or Map within it."""
    scrubber = _Scrubber(execution)
    snapshot: dict[str, Any] = {"status": execution.status, "input": scrubber.json(execution.input_text)}
    if execution.output_text is not None:
        snapshot["output"] = scrubber.json(execution.output_text)
    for key, value in (("error", execution.error), ("cause", execution.cause)):
        if value is not None:
            snapshot[key] = scrubber.json(value)
    children: dict[int | None, list[StateVisit]] = {}
    for visit in execution.visits:
        children.setdefault(id(visit.parent) if visit.parent else None, []).append(visit)
    snapshot["states"] = [_visit_snapshot(visit, children, scrubber) for visit in children.get(None, [])]
    return snapshot


def events_snapshot(execution: ExecutionResult) -> list[dict[str, Any]]:
    """Every event: its number, the one before it, its type and its details."""
    scrubber = _Scrubber(execution)
    return [scrubber.value({key: value for key, value in event.items() if key != "timestamp"}) for event in execution.history]


def _visit_snapshot(visit: StateVisit, children: Mapping[int | None, Sequence[StateVisit]], scrubber: _Scrubber) -> dict[str, Any]:
    snapshot: dict[str, Any] = {"name": visit.name, "type": visit.type, "input": scrubber.json(visit.input_text)}
    if visit.parameters_text is not None:
        snapshot["parameters"] = scrubber.json(visit.parameters_text)
    if visit.attempts > 1:
        snapshot["attempts"] = visit.attempts
    if visit.failures:
        snapshot["failures"] = [{"error": failure.error, "cause": scrubber.json(failure.cause)} for failure in visit.failures]
    if visit.is_exited:
        snapshot["output"] = scrubber.json(visit.output_text)
    within = children.get(id(visit), [])
    if within:
        snapshot["within"] = [[_visit_snapshot(one, children, scrubber) for one in strand] for strand in _strands(within)]
    return snapshot


def _strands(visits: Iterable[StateVisit]) -> list[list[StateVisit]]:
    """The visits of each branch or item, apart; in the order of attempts, items and branches."""
    strands: dict[int, list[StateVisit]] = {}
    for visit in visits:
        first = visit
        while first.previous is not None:
            first = first.previous
        strands.setdefault(first.entered_event_id, []).append(visit)
    return sorted(strands.values(), key=lambda strand: (strand[0].parent_attempt, strand[0].iteration or 0, strand[0].entered_event_id))


class _Scrubber:
    """Replaces what differs from run to run; the same value gets the same word throughout an execution."""

    def __init__(self, execution: ExecutionResult) -> None:
        self._words: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        names = [re.escape(name) for name in (execution.name, execution.state_machine_name) if name]
        unique = _UNIQUE_NAME.match(execution.state_machine_name)
        if unique:
            names.insert(0, re.escape(unique.group(1)) + r"[A-Za-z0-9_-]*")
        self._names = re.compile("|".join(names))

    def json(self, text: str | None) -> Json:
        """JSON text as a value, scrubbed; other text as it is, scrubbed."""
        if text is None:
            return None
        try:
            parsed = parse_json(text)
        except ValueError:
            parsed = text
        scrubbed: Json = self.value(parsed)
        return scrubbed

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._member(key, member) for key, member in value.items() if key not in _METADATA}
        if isinstance(value, (list, tuple)):
            return [self.value(member) for member in value]
        if isinstance(value, datetime):
            return "<time>"
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        text = _TIMES.sub("<time>", text)
        text = self._names.sub(lambda match: self._word("name", match.group(0)), text)
        text = _IDS.sub(lambda match: self._word("id", match.group(0)), text)
        text = _ADDRESSES.sub("<stack>", text)
        return _ACCOUNTS.sub(lambda match: f"{match.group(1)}{match.group(2) and '<region>'}:{match.group(3) and '<account>'}:", text)

    def _member(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and _OPAQUE.fullmatch(key):
            return self._word("id", value)
        if isinstance(value, str) and key in {"input", "output", "parameters", "cause"}:
            return self.json(value)
        return self.value(value)

    def _word(self, kind: str, value: str) -> str:
        if (kind, value) not in self._words:
            self._numbers[kind] += 1
            self._words[kind, value] = f"<{kind} {self._numbers[kind]}>"
        return self._words[kind, value]
