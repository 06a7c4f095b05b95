"""AWS::Include: files beside a template whose content takes the place of an Fn::Transform, such as an API's OpenAPI document.

Called by `template`, before SAM's transform. Source: "AWS::Include transform" in the CloudFormation user guide. `sam deploy` uploads
files that are named by a path; files that a template names in S3 are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stepstack.errors import SettingsError, UnsupportedFeature

__all__ = ["with_includes"]

DEEPEST = 10
"""How deep files may include each other."""


def with_includes(value: Any, read: Callable[[Path], Any], folder: Path, parameters: Mapping[str, Any], depth: int = 0) -> Any:
    """`value` with the included files in it; `read` reads one. A file's members do not override those beside the Fn::Transform."""
    if isinstance(value, list):
        return [with_includes(part, read, folder, parameters, depth) for part in value]
    if not isinstance(value, dict):
        return value
    members = {name: with_includes(part, read, folder, parameters, depth) for name, part in value.items() if name != "Fn::Transform"}
    if "Fn::Transform" not in value:
        return members
    transforms = value["Fn::Transform"]
    for transform in transforms if isinstance(transforms, list) else [transforms]:
        path = _location(transform, folder, parameters)
        if depth >= DEEPEST:
            raise SettingsError(f"{path} is included by itself, or by {DEEPEST} files that include each other")
        included = with_includes(read(path), read, folder, parameters, depth + 1)
        if not isinstance(included, dict):
            raise SettingsError(f"{path}, which is included, holds no object")
        members = {**included, **members}
    return members


def _location(transform: Any, folder: Path, parameters: Mapping[str, Any]) -> Path:
    name = transform.get("Name") if isinstance(transform, dict) else transform
    if name != "AWS::Include":
        raise UnsupportedFeature(f"the template uses Fn::Transform with {name}: only AWS::Include is supported")
    location = (transform.get("Parameters") or {}).get("Location")
    if isinstance(location, dict) and list(location) == ["Ref"]:
        location = parameters.get(location["Ref"], location)
    if not isinstance(location, str) or "://" in location:
        raise UnsupportedFeature(f"the template includes {location}: only files beside it are supported")
    path = (folder / location).resolve()
    if not path.is_file():
        raise SettingsError(f"the template includes {path}, and there is no such file")
    return path
