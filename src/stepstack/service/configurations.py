"""Logging, tracing and encryption configurations: completed with their defaults and checked as AWS checks them.

Called by the state machines and the activities, which store and answer them. Source: recorded answers of AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.errors import ServiceError

__all__ = ["AWS_OWNED_KEY", "encryption_configuration", "logging_configuration", "tracing_configuration"]

AWS_OWNED_KEY = {"type": "AWS_OWNED_KEY"}
DATA_KEY_REUSE_SECONDS = 300


def logging_configuration(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration with its defaults; raises InvalidLoggingConfiguration."""
    given = given or {}
    result: dict[str, Any] = {"level": given.get("level", "OFF"), "includeExecutionData": given.get("includeExecutionData", False)}
    if "destinations" in given:
        result["destinations"] = given["destinations"]
    destinations = given.get("destinations", ())
    if result["level"] != "OFF" or len(destinations) > 1:
        _check_destinations(destinations)
    return result


def _check_destinations(destinations: Any) -> None:
    if len(destinations) != 1:
        raise _invalid_logging("Must specify exactly one Log Destination.")
    arn = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    parts = arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "logs" or parts[5] != "log-group":
        raise _invalid_logging("Log Destination must be a CloudWatch Logs log group ARN.")
    if parts[-1] != "*":
        raise _invalid_logging("Log Destination ARN must end with ':*'.")


def _invalid_logging(reason: str) -> ServiceError:
    return ServiceError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {reason}")


def tracing_configuration(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration with its default: no tracing."""
    return {"enabled": (given or {}).get("enabled", False)}


def encryption_configuration(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The configuration with its defaults, None where none was given; raises InvalidEncryptionConfiguration."""
    if given is None:
        return None
    key, reuse = given.get("kmsKeyId"), given.get("kmsDataKeyReusePeriodSeconds")
    if given["type"] == "AWS_OWNED_KEY":
        if key is not None or reuse is not None:
            raise _invalid_encryption("kmsKeyId and kmsDataKeyReusePeriodSeconds cannot be set when type is AWS_OWNED_KEY")
        return dict(AWS_OWNED_KEY)
    if key is None:
        raise _invalid_encryption("kmsKeyId must be set when type is CUSTOMER_MANAGED_KMS_KEY")
    return {"kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": reuse or DATA_KEY_REUSE_SECONDS, "type": given["type"]}


def _invalid_encryption(reason: str) -> ServiceError:
    return ServiceError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: {reason}")
