"""What only a Map state has: its items, where they come from and where the results go. Called by `states`."""

from __future__ import annotations

import re
from typing import Final

from stepstack.language import known_fields
from stepstack.language.field import Field
from stepstack.language.fields import Fields
from stepstack.language.state_machine import ItemBatcher, ItemReader, ResultWriter
from stepstack.language.task_resource import parse_resource

__all__ = ["INVALID_LABEL_NAME", "read_item_batcher", "read_item_reader", "read_items", "read_label", "read_result_writer"]

LARGEST_ITEM_COUNT: Final = 100_000_000
LARGEST_BATCH_BYTES: Final = 262_144
LONGEST_LABEL: Final = 40
INVALID_LABEL_NAME: Final = "INVALID_LABEL_NAME"

_NOT_IN_LABELS: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_READERS: Final = frozenset({"getObject", "listObjectsV2"})
_DELIMITERS: Final = ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")


def read_items(state: Fields) -> Field | None:
    """ItemsPath, or JSONata's Items."""
    if not state.is_jsonata:
        return state.path_field("ItemsPath")
    if "Items" not in state.members:
        return None
    value = state.members["Items"]
    if isinstance(value, (list, dict)) or (isinstance(value, str) and state.is_expression("Items", value)):
        return state.jsonata("Items")
    state.refuse("Expected value of type Array", "Items")
    return None


def read_label(state: Fields) -> str | None:
    """The Map Run's label. The messages are those recorded, without the words that CreateStateMachine puts around them."""
    label = state.text("Label")
    if label is None:
        return None
    invalid = _NOT_IN_LABELS.search(label)
    if len(label) > LONGEST_LABEL:
        problem = f"Label cannot exceed {LONGEST_LABEL} characters"
    elif not label:
        problem = "Label cannot be empty"
    elif invalid is not None:
        problem = f"Label contains invalid character: {invalid[0]!r}"
    else:
        return label
    state.refuse(problem, "Label", code=INVALID_LABEL_NAME)
    return None


def read_item_reader(state: Fields) -> ItemReader | None:
    """ItemReader; None where there is none, or its Resource is none that reads items."""
    fields = state.object("ItemReader")
    if fields is None:
        return None
    fields.refuse_unknown(known_fields.ITEM_READER)
    fields.require("Resource")
    arn = fields.text("Resource")
    resource = None if arn is None else parse_resource(arn)
    parameters = fields.template("Arguments" if fields.is_jsonata else "Parameters")
    config = fields.object("ReaderConfig") or Fields({}, fields.place("ReaderConfig"), fields.language, fields.around)
    config.refuse_unknown(known_fields.READER_CONFIG)
    _check_csv(config)
    if resource is None or resource.service != "s3" or resource.action not in _READERS:
        if arn is not None:
            fields.refuse("The field 'Resource' does not match any of the allowed values", "Resource")
        return None
    return ItemReader(
        resource=resource,
        parameters=parameters,
        input_type=config.choice("InputType", "CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"),
        csv_header_location=config.choice("CSVHeaderLocation", "FIRST_ROW", "GIVEN"),
        csv_headers=_texts(config, "CSVHeaders"),
        csv_delimiter=config.choice("CSVDelimiter", *_DELIMITERS),
        max_items=config.number_field("MaxItems", 0, LARGEST_ITEM_COUNT),
        transformation=config.choice("Transformation", "NONE", "LOAD_AND_FLATTEN"),
        manifest_type=config.choice("ManifestType", "ATHENA_DATA", "S3_INVENTORY"),
        items_pointer=config.text("ItemsPointer"),
    )


def _check_csv(config: Fields) -> None:
    if config.members.get("InputType") == "CSV":
        config.require("CSVHeaderLocation")
    elif config.members.get("InputType") == "JSON" and "CSVHeaderLocation" in config.members:
        config.refuse("Field 'CSVHeaderLocation' is not supported")
    if config.members.get("CSVHeaderLocation") == "GIVEN":
        config.require("CSVHeaders")


def _texts(fields: Fields, name: str) -> tuple[str, ...] | None:
    values = fields.array(name)
    if values is None:
        return None
    for index, value in enumerate(values):
        if not isinstance(value, str):
            fields.refuse("Expected value of type String", f"{name}[{index}]")
    return tuple(value for value in values if isinstance(value, str))


def read_item_batcher(state: Fields) -> ItemBatcher | None:
    """ItemBatcher; None where there is none."""
    fields = state.object("ItemBatcher")
    if fields is None:
        return None
    fields.refuse_unknown(known_fields.ITEM_BATCHER)
    return ItemBatcher(
        max_items_per_batch=fields.number_field("MaxItemsPerBatch", 0),
        max_input_bytes_per_batch=fields.number_field("MaxInputBytesPerBatch", 0, LARGEST_BATCH_BYTES),
        batch_input=fields.template("BatchInput"),
    )


def read_result_writer(state: Fields) -> ResultWriter | None:
    """ResultWriter; None where there is none."""
    fields = state.object("ResultWriter")
    if fields is None:
        return None
    fields.refuse_unknown(known_fields.RESULT_WRITER)
    arn = fields.text("Resource")
    resource = None if arn is None else parse_resource(arn)
    if arn is not None and (resource is None or (resource.service, resource.action) != ("s3", "putObject")):
        fields.refuse("The field 'Resource' does not match any of the allowed values", "Resource")
    config = fields.object("WriterConfig")
    if config is not None:
        config.refuse_unknown(known_fields.WRITER_CONFIG)
        config.choice("Transformation", "NONE", "COMPACT", "FLATTEN")
        config.choice("OutputType", "JSON", "JSONL")
    return ResultWriter(
        resource=resource,
        parameters=fields.template("Arguments" if fields.is_jsonata else "Parameters"),
        writer_config={} if config is None else config.members,
    )
