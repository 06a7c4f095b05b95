"""ItemReader: where a distributed Map gets its items from when they are not in its input.

Lists the objects of a bucket, reads all that it lists, or reads one object as JSON, JSON Lines, CSV or as a manifest that names further
objects. Called by `distributed_map`, and by `map_trial` for data that TestState is given; the calls to S3 are the TaskRunner's. Left out:
Parquet. Source: the developer guide's "ItemReader (Map)", recorded executions for the errors.
"""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, cast

from stepstack.interpreter.failures import StateFailed, call_failure, runtime_failure
from stepstack.interpreter.map_items import MapItem
from stepstack.interpreter.number_fields import whole_number
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure, TaskCall, TaskFailed
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject, json_text, parse_json
from stepstack.language.resources import TaskResource
from stepstack.language.state_machine import ItemReader

__all__ = ["ItemSource", "call_s3", "pointed_at"]

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
LISTED_MEMBERS: Final = {"ETag": "Etag", "LastModified": "LastModified", "Key": "Key", "Size": "Size", "StorageClass": "StorageClass"}
"""The members of a listed object that become an item, and their names there."""
MOST_ITEMS: Final = 100_000_000


class ItemSource:
    """An ItemReader with its parameters evaluated."""

    def __init__(self, visit: Visit, reader: ItemReader, effective: Payload) -> None:
        self._visit = visit
        self._reader = reader
        scope = visit.scope(effective.value)
        parameters = {} if reader.parameters is None else visit.evaluate(reader.parameters, scope)
        if not isinstance(parameters, dict):
            raise runtime_failure(visit, f"The Parameters '{json_text(parameters)}' could not be used to read the items.")
        self._parameters: JsonObject = parameters
        self._most = None if reader.max_items is None else whole_number(visit, reader.max_items, scope)

    async def items(self) -> list[MapItem]:
        """All items. Raises StateFailed with States.ItemReaderFailed."""
        most = self._limit()
        try:
            return await self._read(most)
        except TaskFailed as failed:
            raise call_failure(self._visit, failed, "States.ItemReaderFailed") from failed

    def items_of(self, text: str) -> list[MapItem]:
        """The items of `text`, which TestState is given in place of what would be read."""
        return [MapItem(item) for item in islice(items_in(self._reader, text), self._limit())]

    def _limit(self) -> int:
        if self._most is not None and self._most < 0:
            raise _failed("field MaxItems must be positive")
        return min(self._most or MOST_ITEMS, MOST_ITEMS)

    async def _read(self, most: int) -> list[MapItem]:
        reader = self._reader
        bucket = str(self._parameters.get("Bucket"))
        if reader.input_type == "PARQUET":
            raise _failed("stepstack does not read Parquet")
        if reader.resource.action == "listObjectsV2":
            if reader.transformation != "LOAD_AND_FLATTEN":
                return [MapItem(item, _uri(bucket)) for item in await self._objects(most)]
            return await self._from_objects(await self._places(bucket), most)
        text = await self._text(self._parameters)
        if reader.input_type == "MANIFEST" or reader.manifest_type is not None:
            return await self._manifest(text, most)
        source = _uri(bucket, str(self._parameters.get("Key")))
        return [MapItem(item, source) for item in islice(items_in(self._reader, text), most)]

    async def _objects(self, most: int) -> list[Json]:
        items: list[Json] = []
        parameters: dict[str, Json] = dict(self._parameters)
        while True:
            answer = await call_s3(self._visit, self._reader.resource, parameters)
            listed = cast("list[dict[str, Json]]", answer.get("Contents") or [])
            items += [{name: entry[member] for member, name in LISTED_MEMBERS.items() if member in entry} for entry in listed]
            token = answer.get("NextContinuationToken")
            if len(items) >= most or not token:
                return items[:most]
            parameters["ContinuationToken"] = token

    async def _places(self, bucket: str) -> list[tuple[str, str]]:
        """The bucket and the key of every listed object that has content; the objects that stand for folders have none."""
        listed = cast("list[dict[str, Json]]", await self._objects(MOST_ITEMS))
        return [(bucket, str(entry["Key"])) for entry in listed if not str(entry["Key"]).endswith("/")]

    async def _text(self, parameters: JsonObject) -> str:
        resource = dataclasses.replace(self._reader.resource, action="getObject")
        answer = await call_s3(self._visit, resource, parameters, body_as_latin_1=True)
        body = str(answer.get("Body") or "").encode("latin-1")
        if body[:2] == b"\x1f\x8b":
            try:
                body = await asyncio.to_thread(gzip.decompress, body)
            except (OSError, EOFError, zlib.error) as error:
                raise _failed(f"Unable to decompress the object {parameters.get('Key')}: {error}") from error
        return body.decode("utf-8-sig", "replace")

    async def _manifest(self, text: str, most: int) -> list[MapItem]:
        """An S3 inventory's manifest.json, or a list of `s3://bucket/key` lines as Athena's UNLOAD writes it."""
        if self._reader.manifest_type == "ATHENA_DATA":
            places = [_bucket_and_key(line.strip()) for line in _lines(text)]
            return await self._from_objects(places, most)
        manifest = _parse(text)
        if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), list):
            raise _failed("The manifest names no files.")
        bucket = str(manifest.get("sourceBucket") or self._parameters.get("Bucket"))
        target = str(manifest.get("destinationBucket") or bucket).rpartition(":")[2]
        headers = [name.strip() for name in str(manifest.get("fileSchema") or "").split(",")]
        items: list[MapItem] = []
        for file in cast("list[dict[str, Any]]", manifest["files"]):
            key = str(file.get("key"))
            rows, source = await self._text({"Bucket": target, "Key": key}), _uri(target, key)
            items += [MapItem(_record(headers, row), source) for row in _csv_rows(rows)]
            if len(items) >= most:
                break
        return items[:most]

    async def _from_objects(self, places: list[tuple[str, str]], most: int) -> list[MapItem]:
        """The items of all these objects, each of which has the reader's InputType."""
        items: list[MapItem] = []
        for bucket, key in places:
            if len(items) >= most:
                break
            read, source = items_in(self._reader, await self._text({"Bucket": bucket, "Key": key})), _uri(bucket, key)
            items += [MapItem(item, source) for item in islice(read, most - len(items))]
        return items


async def call_s3(visit: Visit, resource: TaskResource, parameters: JsonObject, *, body_as_latin_1: bool = False) -> JsonObject:
    """The answer of S3 to one call of an ItemReader or a ResultWriter."""
    execution = visit.branch.execution
    call = TaskCall(
        resource=resource,
        parameters=parameters,
        context_object=visit.context,
        state_name=visit.state.name,
        attempt=visit.retry_count,
        execution_arn=execution.arn,
        state_machine_arn=execution.state_machine_arn,
        test_case=None,
        timeline=visit.branch.timeline,
        body_as_latin_1=body_as_latin_1,
    )
    answer = await execution.environment.tasks.request(call)
    return answer if isinstance(answer, dict) else {}


def _failed(cause: str) -> StateFailed:
    return StateFailed(StateFailure("States.ItemReaderFailed", cause))


def items_in(reader: ItemReader, text: str) -> Iterator[Json]:
    """The items in an object's `text`, which has the reader's InputType; raises StateFailed with States.ItemReaderFailed."""
    if reader.input_type == "CSV":
        return _rows(reader, text)
    if reader.input_type == "JSONL":
        return (_parse(line) for line in _lines(text))
    value = pointed_at(reader, text)
    if not isinstance(value, list):
        raise _failed("Attempting to map over non-iterable node.")
    return iter(value)


def pointed_at(reader: ItemReader, text: str) -> Json:
    """What ItemsPointer names in JSON `text`; all of it without one."""
    value = _parse(text)
    for name in (reader.items_pointer or "").split("/")[1:]:
        value = _member(value, name)
    return value


def _rows(reader: ItemReader, text: str) -> Iterator[Json]:
    rows = _csv_rows(text, DELIMITERS.get(reader.csv_delimiter or "COMMA", ","))
    if reader.csv_header_location == "FIRST_ROW":
        headers: list[str] = next(rows, [])
    else:
        headers = list(reader.csv_headers or ())
    return (_record(headers, row) for row in rows)


def _lines(text: str) -> Iterator[str]:
    """The lines that are not empty. What else Python takes for the end of a line (U+2028) may stand in JSON's strings."""
    return (line for line in text.split("\n") if line.strip())


def _csv_rows(text: str, delimiter: str = ",") -> Iterator[list[str]]:
    """The rows that are not empty."""
    try:
        yield from (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)
    except csv.Error as error:
        raise _failed(f"Unable to parse the item as CSV: {error}") from error


def _parse(text: str) -> Json:
    try:
        return parse_json(text)
    except ValueError as error:
        raise _failed(f"Unable to parse the item as JSON: {error}") from error


def _member(value: Json, name: str) -> Json:
    key = name.replace("~1", "/").replace("~0", "~")
    if isinstance(value, dict) and key in value:
        return cast("Json", value[key])
    if isinstance(value, list) and re.fullmatch(r"0|[1-9]\d{0,8}", key) and int(key) < len(value):
        return cast("Json", value[int(key)])
    raise _failed(f"The ItemsPointer does not reference a value: {key}")


def _record(headers: list[str], row: list[str]) -> Json:
    """A row as an object: missing columns are empty, columns without a header are dropped."""
    return {header: row[index] if index < len(row) else "" for index, header in enumerate(headers)}


def _uri(bucket: str, key: str | None = None) -> str:
    """The Context Object's Source, with the capital letter that the developer guide writes."""
    return f"S3://{bucket}" if key is None else f"S3://{bucket}/{key}"


def _bucket_and_key(location: str) -> tuple[str, str]:
    bucket, _, key = location.strip('"').removeprefix("s3://").partition("/")
    return bucket, key
