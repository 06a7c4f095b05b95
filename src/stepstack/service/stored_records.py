"""The store's records as JSON, and back: what `stepstack.service.sqlite_journal` writes into its columns.

What changes while an execution lives (`standing_json`) is apart from what never does (`execution_json`). Revisions are written once and
named by number. Left out: tables and transactions.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from stepstack.history import HistoryEvent
from stepstack.interpreter.map_run import MapRunCounts
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.json_types import parse_json
from stepstack.language import parse
from stepstack.language.resources import ResourceCatalog
from stepstack.language.state_machine import StateMachine
from stepstack.service.store import ActivityRecord, AliasRecord, ExecutionRecord, MapRunRecord, Revision, StateMachineRecord, VersionRecord

__all__ = [
    "Revisions",
    "Task",
    "activity",
    "activity_json",
    "execution",
    "execution_json",
    "map_run",
    "map_run_json",
    "packed_events",
    "revision_json",
    "standing_json",
    "state_machine",
    "state_machine_json",
    "task",
    "task_json",
    "text_of",
    "unpacked_events",
]

EXECUTION_FIELDS = (
    "arn",
    "name",
    "state_machine_arn",
    "state_machine_name",
    "input",
    "started_at",
    "version_arn",
    "alias_arn",
    "trace_header",
    "test_case",
    "map_run_arn",
    "item_count",
)
STANDING_FIELDS = ("final_status", "output", "error", "cause", "stopped_at", "redrive_count", "redriven_at")
MAP_RUN_FIELDS = (
    "state_machine_arn",
    "state_machine_name",
    "started_at",
    "status",
    "stopped_at",
    "max_concurrency",
    "tolerated_failure_count",
    "tolerated_failure_percentage",
    "redrive_count",
    "redriven_at",
    "started",
)
REVISION_FIELDS = ("type", "definition", "role_arn", "logging", "tracing", "encryption", "revision_id", "updated_at")
COMPRESSION_LEVEL = 1
EXPRESS_CHILDREN_CHARACTERS = 32 * 1024 * 1024
"""How much the inputs and outputs of a Map Run's Express children may come to, to be kept."""


@dataclass(slots=True)
class Task:
    """A task token."""

    token: str
    execution: int
    """The number of the execution; 0 for one that is not kept."""
    entered_event_id: int
    is_taken: bool = False
    worker: str | None = None
    answer: Payload | StateFailure | None = None
    heartbeat_at: float | None = None
    is_closed: bool = False


class Revisions:
    """Stored revisions by number. A definition is parsed once for all that share it."""

    def __init__(self, catalog: ResourceCatalog | None) -> None:
        self._catalog = catalog
        self._texts: dict[int, str] = {}
        self._revisions: dict[int, Revision] = {}
        self._machines: dict[tuple[str, str], StateMachine] = {}

    def add(self, number: int, text: str) -> None:
        self._texts[number] = text

    def of(self, number: int) -> Revision:
        """Raises DefinitionError where its definition is no longer accepted."""
        revision = self._revisions.get(number)
        if revision is None:
            value = _object(self._texts[number])
            fields = {name: value[name] for name in REVISION_FIELDS}
            machine = self._machine(value["definition"], value["type"])
            revision = self._revisions[number] = Revision(machine=machine, stored_as=number, **fields)
        return revision

    def _machine(self, definition: str, kind: str) -> StateMachine:
        key = (definition, kind)
        if key not in self._machines:
            self._machines[key] = parse(definition, catalog=self._catalog, machine_type=kind)
        return self._machines[key]


text_of = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""A record as text: ASCII alone, because an input or an output may hold half of a surrogate pair, which no database takes."""


def _object(text: str) -> dict[str, Any]:
    return cast("dict[str, Any]", parse_json(text))


def revision_json(revision: Revision) -> dict[str, Any]:
    return {name: getattr(revision, name) for name in REVISION_FIELDS}


def state_machine_json(record: StateMachineRecord, revision_id: Callable[[Revision], int]) -> dict[str, Any]:
    """The record; `revisions` has the number of the current one, then those of the versions in their order."""
    versions = record.versions.values()
    return {
        "name": record.name,
        "type": record.type,
        "created_at": record.created_at,
        "number": record.number,
        "tags": record.tags,
        "last_version": record.last_version,
        "revisions": [revision_id(revision) for revision in (record.revision, *(version.revision for version in versions))],
        "versions": [
            {"number": version.number, "description": version.description, "created_at": version.created_at} for version in versions
        ],
        "aliases": [
            {
                "name": alias.name,
                "description": alias.description,
                "routing": [list(pair) for pair in alias.routing],
                "created_at": alias.created_at,
                "updated_at": alias.updated_at,
            }
            for alias in record.aliases.values()
        ],
    }


def state_machine(arn: str, text: str, revisions: Revisions) -> StateMachineRecord:
    value = _object(text)
    current, *published = [revisions.of(number) for number in value["revisions"]]
    record = StateMachineRecord(arn, value["name"], value["type"], value["created_at"], current, value["tags"])
    record.number, record.last_version = value["number"], value["last_version"]
    for version, revision in zip(value["versions"], published, strict=True):
        number = version["number"]
        record.versions[number] = VersionRecord(f"{arn}:{number}", number, revision, version["description"], version["created_at"])
    for alias in value["aliases"]:
        routing = tuple((version_arn, weight) for version_arn, weight in alias.pop("routing"))
        record.aliases[alias["name"]] = AliasRecord(arn=f"{arn}:{alias['name']}", routing=routing, **alias)
    return record


def activity_json(record: ActivityRecord) -> dict[str, Any]:
    return {"name": record.name, "created_at": record.created_at, "encryption": record.encryption, "tags": record.tags}


def activity(arn: str, text: str) -> ActivityRecord:
    value = _object(text)
    return ActivityRecord(arn, value["name"], value["created_at"], value["encryption"], value["tags"])


def execution_json(record: ExecutionRecord) -> dict[str, Any]:
    return {name: value for name in EXECUTION_FIELDS if (value := getattr(record, name)) is not None}


def standing_json(record: ExecutionRecord, event_count: int) -> dict[str, Any]:
    """How the execution stands; one that runs and was never redriven needs none."""
    value = {name: item for name in STANDING_FIELDS if (item := getattr(record, name)) is not None}
    value["final_status"] = record.status
    if record.redrive_tokens:
        value["redrive_tokens"] = sorted(record.redrive_tokens)
    value["event_count"] = event_count
    return value


def execution(number: int, revision: Revision, text: str, standing: str | None) -> ExecutionRecord:
    return _execution(number, "STANDARD", revision, _object(text), None if standing is None else _object(standing))


def _execution(number: int, kind: str, revision: Revision, value: Mapping[str, Any], standing: Mapping[str, Any] | None) -> ExecutionRecord:
    record = ExecutionRecord(number=number, type=kind, revision=revision, **value)
    if standing is not None:
        for name in STANDING_FIELDS:
            if name in standing:
                setattr(record, name, standing[name])
        record.redrive_tokens = set(standing.get("redrive_tokens", ()))
        record.kept_events = standing["event_count"]
    return record


def packed_events(events: Sequence[HistoryEvent]) -> bytes:
    return zlib.compress(text_of(events).encode("ascii"), COMPRESSION_LEVEL)


def unpacked_events(piece: bytes) -> list[HistoryEvent]:
    events = cast("list[list[Any]]", parse_json(zlib.decompress(piece).decode("utf-8", "surrogatepass")))
    return [HistoryEvent(*event) for event in events]


def map_run_json(record: MapRunRecord) -> dict[str, Any]:
    """The record; with its Express children where it has ended without success, for a redrive, unless they are too many to be kept."""
    value = {name: getattr(record, name) for name in MAP_RUN_FIELDS}
    value.update(executions=asdict(record.executions), items=asdict(record.items))
    if record.status != "RUNNING" and record.express_children:
        children = record.express_children.values()
        if sum(len(child.input) + len(child.output or "") for child in children) <= EXPRESS_CHILDREN_CHARACTERS:
            value["express_children"] = [[child.number, execution_json(child), standing_json(child, 0)] for child in children]
    return value


def map_run(arn: str, parent: ExecutionRecord, revision: Revision, text: str) -> MapRunRecord:
    value = _object(text)
    executions, items = MapRunCounts(**value.pop("executions")), MapRunCounts(**value.pop("items"))
    children = [_execution(number, "EXPRESS", revision, *parts) for number, *parts in value.pop("express_children", ())]
    record = MapRunRecord(arn=arn, parent=parent, revision=revision, executions=executions, items=items, **value)
    record.express_children = {child.arn: child for child in children}
    return record


def task_json(record: Task) -> dict[str, Any]:
    value: dict[str, Any] = {"entered_event_id": record.entered_event_id}
    if record.is_taken:
        value["worker"] = record.worker
    if record.heartbeat_at is not None:
        value["heartbeat_at"] = record.heartbeat_at
    if isinstance(record.answer, Payload):
        value["output"] = record.answer.text
    elif record.answer is not None:
        value["failure"] = [record.answer.error_name, record.answer.cause]
    return value


def task(token: str, number: int, text: str) -> Task:
    value = _object(text)
    answer: Payload | StateFailure | None = None
    if "output" in value:
        answer = Payload.parse(value["output"])
    elif "failure" in value:
        answer = StateFailure(*value["failure"])
    return Task(token, number, value["entered_event_id"], "worker" in value, value.get("worker"), answer, value.get("heartbeat_at"))
