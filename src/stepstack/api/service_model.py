"""The wire as botocore's service model of Step Functions describes it: operations and their parameters.

Called by `stepstack.api.app`, which asks for an `Operation` per request. The model is read once, from botocore's own data file, without
importing botocore (its loader costs more than all else at start); an operation's parameters are compiled to checks when it is first
called. What the checks say is in `stepstack.api.constraints`.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepstack.api.constraints import Check, compile_structure
from stepstack.errors import ServiceError, SettingsError
from stepstack.json_types import parse_json

__all__ = ["Operation", "known_operation", "operation_names"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API; `check` gives its parameters back as the service takes them, or raises a ServiceError."""

    name: str
    check: Check


@functools.cache
def _model() -> Mapping[str, Any]:
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise SettingsError("botocore is not installed: its service model says how requests and answers look")
    folder = Path(spec.origin).parent / "data" / "stepfunctions"
    for path in sorted(folder.glob("*/service-2.json*"), reverse=True):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        model: Any = parse_json(text)
        return model  # type: ignore[no-any-return]
    raise SettingsError(f"botocore's service model of Step Functions is not in {folder}")


def operation_names() -> tuple[str, ...]:
    """The names of all operations: `CreateActivity`, `CreateStateMachine`, ..."""
    return tuple(_model()["operations"])


@functools.cache
def known_operation(name: str) -> Operation:
    """The operation called `name`; raises UnknownOperationException where the API has none."""
    described = _model()["operations"].get(name)
    if described is None:
        raise ServiceError("UnknownOperationException", f"Step Functions has no operation {name!r}")
    return Operation(name, compile_structure(described["input"]["shape"], _model()["shapes"]))
