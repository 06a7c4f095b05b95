"""What only a Map state has: its items, where they come from and where the results go. Called by `states`."""

from __future__ import annotations

from stepstack.language.fields import Fields
from stepstack.language.state_machine import ItemBatcher, ItemReader, ResultWriter
from stepstack.language.task_resource import parse_resource

__all__ = ["read_item_batcher", "read_item_reader", "read_result_writer"]


def read_item_reader(state: Fields) -> ItemReader | None:
    fields = state.object("ItemReader")
    if fields is None:
        return None
    resource = parse_resource(fields.text("Resource") or "")
    if resource is None:
        fields.refuse("Value is not a valid resource ARN", "Resource")
        return None
    config = fields.object("ReaderConfig") or Fields({}, fields.place("ReaderConfig"), fields.language, fields.around)
    headers = config.members.get("CSVHeaders")
    return ItemReader(
        resource=resource,
        parameters=fields.template("Arguments" if fields.is_jsonata else "Parameters"),
        input_type=config.text("InputType"),
        csv_header_location=config.choice("CSVHeaderLocation", ("FIRST_ROW", "GIVEN")),
        csv_headers=tuple(map(str, headers)) if isinstance(headers, list) else None,
        csv_delimiter=config.text("CSVDelimiter"),
        max_items=config.number_field("MaxItems"),
        transformation=config.text("Transformation"),
        manifest_type=config.text("ManifestType"),
        items_pointer=config.text("ItemsPointer"),
    )


def read_item_batcher(state: Fields) -> ItemBatcher | None:
    fields = state.object("ItemBatcher")
    if fields is None:
        return None
    return ItemBatcher(
        max_items_per_batch=fields.number_field("MaxItemsPerBatch"),
        max_input_bytes_per_batch=fields.number_field("MaxInputBytesPerBatch", most=262_144),
        batch_input=fields.template("BatchInput"),
    )


def read_result_writer(state: Fields) -> ResultWriter | None:
    fields = state.object("ResultWriter")
    if fields is None:
        return None
    arn = fields.text("Resource")
    config = fields.object("WriterConfig")
    return ResultWriter(
        resource=None if arn is None else parse_resource(arn),
        parameters=fields.template("Arguments" if fields.is_jsonata else "Parameters"),
        writer_config={} if config is None else config.members,
    )
