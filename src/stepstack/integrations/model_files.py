"""Botocore's service models, read from its data files: importing botocore itself costs more than all the rest of a first task.

Called by the service descriptions. It leaves out botocore's own additions to models, which are no parameters of AWS's APIs.
Source: botocore's package; AWS's developer guide, "Supported AWS SDK service integrations", for the names in Resource ARNs.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepstack.errors import SettingsError

__all__ = ["NAMES_THAT_DIFFER", "read_model", "sdk_name", "sdk_services"]

NAMES_THAT_DIFFER: Mapping[str, str] = {
    "ce": "cost-explorer",
    "cognito-idp": "cognito-identity-provider",
    "cur": "cost-and-usage-report-service",
    "discovery": "application-discovery-service",
    "dms": "database-migration-service",
    "ds": "directory-service",
    "ds-data": "directory-service-data",
    "elb": "elastic-load-balancing",
    "elbv2": "elastic-load-balancing-v2",
    "es": "elasticsearch-service",
    "events": "eventbridge",
    "iot-data": "iot-data-plane",
    "iot-jobs-data": "iot-jobs-data-plane",
    "lex-models": "lex-model-building-service",
    "lexv2-models": "lex-models-v2",
    "lexv2-runtime": "lex-runtime-v2",
    "logs": "cloudwatch-logs",
    "meteringmarketplace": "marketplace-metering",
    "mgh": "migration-hub",
    "sdb": "simpledb",
    "serverlessrepo": "serverlessapplicationrepository",
    "sms-voice": "pinpoint-sms-voice",
    "stepfunctions": "sfn",
}
"""Botocore's names of services that are not made of the words of the service's id, and those words. No new ones are added to botocore."""


@functools.lru_cache(maxsize=1)
def _folder() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise SettingsError("botocore is not installed: its service models say how services are called")
    return Path(spec.origin).parent / "data"


def sdk_name(words: str) -> str:
    """The words of a service's id as `aws-sdk` Resource ARNs join them: `secretsmanager`, and `config` for `config-service`."""
    return words.replace("-", "").removeprefix("amazon").removeprefix("aws").removesuffix("service")


@functools.lru_cache(maxsize=1)
def sdk_services() -> Mapping[str, str]:
    """Botocore's names of services by their names in `aws-sdk` Resource ARNs: `{"sfn": "stepfunctions"}`."""
    names: dict[str, str] = {}
    for folder in sorted(_folder().iterdir()):
        if folder.is_dir():
            names.setdefault(sdk_name(NAMES_THAT_DIFFER.get(folder.name, folder.name)), folder.name)
    return names


def read_model(service: str) -> Mapping[str, Any]:
    """The newest model of the service of that name in botocore; KeyError where there is none."""
    if service not in sdk_services().values():
        raise KeyError(service)
    for path in sorted(_folder().joinpath(service).glob("*/service-2.json*"), reverse=True):
        content = path.read_bytes()
        return _without_documentation(json.loads(gzip.decompress(content) if path.suffix == ".gz" else content))
    raise KeyError(service)


def _without_documentation(model: dict[str, Any]) -> Mapping[str, Any]:
    """The model without its texts, which are more than half of it in memory."""
    for described in (*model["operations"].values(), *model["shapes"].values()):
        described.pop("documentation", None)
        for member in described.get("members", {}).values():
            member.pop("documentation", None)
    return model
