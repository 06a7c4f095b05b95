"""Types of DynamoDB's attribute values, as `aws-sdk` tasks spell them: `{"Bool": true}` where DynamoDB writes `{"BOOL": true}`.

Called by the direct path to DynamoDB. What such a task sends may be in either spelling; what it answers is in AWS's SDK's. The optimized
integration spells them like DynamoDB. Source: the SDK for Java's names of members; public reports of what AWS answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepstack.json_types import Json

__all__ = ["WIRE_NAMES", "in_sdk_spelling", "in_wire_spelling"]

WIRE_NAMES: Mapping[str, str] = {"Bool": "BOOL", "Bs": "BS", "Ns": "NS", "Nul": "NULL", "Ss": "SS"}
"""DynamoDB's names of types by those of the SDK; all other types have the same name in both."""

_SDK_NAMES = {wire: sdk for sdk, wire in WIRE_NAMES.items()}


def in_sdk_spelling(value: Json) -> Json:
    return _respelled(value, _SDK_NAMES)


def in_wire_spelling(value: Json) -> Json:
    return _respelled(value, WIRE_NAMES)


def _respelled(value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, Mapping):
        if len(value) == 1:
            [(name, content)] = value.items()
            # The value of an attribute that happens to be named like a type is an object.
            if name in names and isinstance(content, (bool, list, tuple)):
                return {names[name]: content}
        return {name: _respelled(item, names) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_respelled(item, names) for item in value]
    return value
