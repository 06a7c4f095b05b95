"""Which fields AWS takes where, and in which query language.

Read by the parser's modules; `Fields.refuse_unknown` words what is wrong. Source: the developer guide's pages on each state, and what
ValidateStateMachineDefinition answers for every field on every type of state, as published by users.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stepstack.language.choice_rules import OPERATORS

__all__ = [
    "CATCHER",
    "CHOICE_RULE",
    "GRAPH",
    "ITEM_BATCHER",
    "ITEM_READER",
    "MACHINE",
    "NESTED_RULE",
    "PROCESSOR",
    "PROCESSOR_CONFIG",
    "READER_CONFIG",
    "RESULT_WRITER",
    "RETRIER",
    "STATES",
    "WRITER_CONFIG",
    "KnownFields",
]

_JSONPATH_ONLY: Final = frozenset(
    {
        "And",
        "CausePath",
        "ErrorPath",
        "HeartbeatSecondsPath",
        "InputPath",
        "ItemsPath",
        "MaxConcurrencyPath",
        "MaxInputBytesPerBatchPath",
        "MaxItemsPath",
        "MaxItemsPerBatchPath",
        "Not",
        "Or",
        "OutputPath",
        "Parameters",
        "Result",
        "ResultPath",
        "ResultSelector",
        "SecondsPath",
        "TimeoutSecondsPath",
        "TimestampPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
        "Variable",
    }
)
_JSONATA_ONLY: Final = frozenset({"Arguments", "Condition", "Items", "Output"})


class KnownFields:
    """The fields of one kind of object; those of the other query language are refused with other words than unknown ones."""

    __slots__ = ("jsonata", "jsonpath")

    def __init__(self, *names: str) -> None:
        everything = frozenset(names)
        self.jsonpath = everything - _JSONATA_ONLY
        self.jsonata = everything - _JSONPATH_ONLY

    def problem(self, name: str, *, is_jsonata: bool) -> str:
        """AWS's words for a field that is not among those of the language in use."""
        used, other = ("JSONata", "JSONPath") if is_jsonata else ("JSONPath", "JSONata")
        if name in (self.jsonpath if is_jsonata else self.jsonata):
            return f"The QueryLanguage is set to '{used}', but field '{name}' is only supported for the '{other}' QueryLanguage"
        return f"Field '{name}' is not supported"


_STATE: Final = ("Type", "Comment", "QueryLanguage")
_TRANSITION: Final = ("Next", "End")
_INPUT_AND_OUTPUT: Final = ("InputPath", "OutputPath", "Output")
_WORK: Final = ("Parameters", "ResultSelector", "ResultPath", "Retry", "Catch")

STATES: Final[Mapping[str, KnownFields]] = {
    "Pass": KnownFields(*_STATE, *_TRANSITION, *_INPUT_AND_OUTPUT, "Assign", "Parameters", "Result", "ResultPath"),
    "Task": KnownFields(
        *_STATE,
        *_TRANSITION,
        *_INPUT_AND_OUTPUT,
        *_WORK,
        "Arguments",
        "Assign",
        "Credentials",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Resource",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
    ),
    "Choice": KnownFields(*_STATE, *_INPUT_AND_OUTPUT, "Assign", "Choices", "Default"),
    "Wait": KnownFields(*_STATE, *_TRANSITION, *_INPUT_AND_OUTPUT, "Assign", "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    "Succeed": KnownFields(*_STATE, *_INPUT_AND_OUTPUT),
    "Fail": KnownFields(*_STATE, "Cause", "CausePath", "Error", "ErrorPath"),
    "Parallel": KnownFields(*_STATE, *_TRANSITION, *_INPUT_AND_OUTPUT, *_WORK, "Arguments", "Assign", "Branches"),
    "Map": KnownFields(
        *_STATE,
        *_TRANSITION,
        *_INPUT_AND_OUTPUT,
        *_WORK,
        "Assign",
        "ItemBatcher",
        "ItemProcessor",
        "ItemReader",
        "ItemSelector",
        "Items",
        "ItemsPath",
        "Iterator",
        "Label",
        "MaxConcurrency",
        "MaxConcurrencyPath",
        "ResultWriter",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    ),
}

MACHINE: Final = KnownFields("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version")
GRAPH: Final = KnownFields("Comment", "StartAt", "States")
PROCESSOR: Final = KnownFields("Comment", "ProcessorConfig", "StartAt", "States")
PROCESSOR_CONFIG: Final = KnownFields("Comment", "ExecutionType", "Mode")
RETRIER: Final = KnownFields("BackoffRate", "Comment", "ErrorEquals", "IntervalSeconds", "JitterStrategy", "MaxAttempts", "MaxDelaySeconds")
CATCHER: Final = KnownFields("Assign", "Comment", "ErrorEquals", "Next", "Output", "ResultPath")
ITEM_READER: Final = KnownFields("Arguments", "Comment", "Parameters", "ReaderConfig", "Resource")
READER_CONFIG: Final = KnownFields(
    "CSVDelimiter",
    "CSVHeaderLocation",
    "CSVHeaders",
    "Comment",
    "InputType",
    "ItemsPointer",
    "ManifestType",
    "MaxItems",
    "MaxItemsPath",
    "Transformation",
)
ITEM_BATCHER: Final = KnownFields(
    "BatchInput", "Comment", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "MaxItemsPerBatch", "MaxItemsPerBatchPath"
)
RESULT_WRITER: Final = KnownFields("Arguments", "Comment", "Parameters", "Resource", "WriterConfig")
WRITER_CONFIG: Final = KnownFields("Comment", "OutputType", "Transformation")

_RULE: Final = ("And", "Comment", "Condition", "Not", "Or", "Variable", *OPERATORS)
CHOICE_RULE: Final = KnownFields(*_RULE, "Assign", "Next", "Output")
NESTED_RULE: Final = KnownFields(*_RULE)
