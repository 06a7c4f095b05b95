"""How AWS's SDK for Java spells names: Step Functions calls services through it, and its spelling shows in Resource ARNs, in parameters and
answers of `aws-sdk` tasks, and in Error Names.

Called by the service descriptions. Source: the SDK's public naming rules, checked against recorded answers (`Sfn.InvalidTokenException`,
`DynamoDb.DynamoDbException`, `ChecksumCRC32`, `ETag`).
"""

from __future__ import annotations

import re

__all__ = ["capitalised", "class_name", "exception_name", "service_prefix", "uncapitalised"]

_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]+")
_VERSION_AFTER_CAPITALS = re.compile(r"([^a-z]{2,})v([0-9]+)")
_VERSION_AFTER_SMALL = re.compile(r"([^A-Z]{2,})V([0-9]+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])")
_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_AFTER_NUMBER = re.compile(r"([0-9])([a-zA-Z])")


def words(name: str) -> list[str]:
    """`ACMSuccess` is `ACM`, `Success`; `Elastic Load Balancing v2` is four words."""
    text = _NOT_ALPHANUMERIC.sub(" ", name)
    text = _VERSION_AFTER_CAPITALS.sub(r"\1 v\2", text)
    text = _VERSION_AFTER_SMALL.sub(r"\1 V\2", text)
    text = _CAMEL.sub(" ", text)
    text = _ACRONYM.sub(r"\1 \2", text)
    return _AFTER_NUMBER.sub(r"\1 \2", text).split()


def class_name(name: str) -> str:
    """`DynamoDB` is `DynamoDb`, `SFN` is `Sfn`, `CloudWatch Logs` is `CloudWatchLogs`."""
    return "".join(word[:1].upper() + word[1:].lower() for word in words(name))


def service_prefix(service_id: str) -> str:
    """What stands before the dot of an Error Name of an `aws-sdk` task; in small letters, the service's name in the Resource."""
    name = class_name(service_id)
    name = name.removeprefix("Amazon").removeprefix("Aws")
    return name.removesuffix("Service")


def exception_name(error_shape: str) -> str:
    """`NoSuchBucket` is `NoSuchBucketException`."""
    if error_shape.endswith("Fault"):
        return class_name(error_shape.removesuffix("Fault")) + "Exception"
    if error_shape.endswith("Exception"):
        return class_name(error_shape)
    return class_name(error_shape) + "Exception"


def uncapitalised(name: str) -> str:
    """`SSEKMSKeyId` is `ssekmsKeyId`, `ETag` is `eTag`: a leading acronym is made small but for the letter that begins a word."""
    end = 1
    while end < len(name) and name[end].isupper() and not (end + 1 < len(name) and name[end + 1].islower()):
        end += 1
    return name[:end].lower() + name[end:]


def capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
