"""The assets of a CDK application: the code and definitions that `cdk synth` puts beside the template.

CDK 1 names them by parameters of the template, which `cdk deploy` fills in; CDK 2 by objects of its own bucket. Both contain the asset's
hash, and so does its file or folder: `asset.<hash>`. Called by `template` and `template_application`.
Source: what `cdk synth` of both versions writes. Left out: container images, assets of nested stacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["asset_parameters", "asset_path"]

_PARAMETER = re.compile(r"AssetParameters(?P<hash>[0-9a-f]{64})(?P<kind>S3Bucket|S3VersionKey|ArtifactHash)[0-9A-F]{8}")
_KEY = re.compile(r"(?:.*/)?(?P<hash>[0-9a-f]{64})(?:\.[A-Za-z0-9.]+)?")


def asset_parameters(folder: Path, names: Iterable[str], bucket: str) -> dict[str, str]:
    """Values for those of a template's parameters that name assets of CDK 1; `bucket` stands for the template's folder."""
    values = {}
    for name in names:
        found = _PARAMETER.fullmatch(name)
        asset = _asset(folder, found["hash"]) if found else None
        if found and asset:
            # The version and the key are one value, and the version is a prefix of the key.
            values[name] = {"S3Bucket": bucket, "S3VersionKey": f"{asset}||", "ArtifactHash": found["hash"]}[found["kind"]]
    return values


def asset_path(folder: Path, key: str) -> str | None:
    """The name of the file or folder beside the template that is meant by an object of CDK 2's bucket; None where there is none."""
    found = _KEY.fullmatch(key)
    return _asset(folder, found["hash"]) if found else None


def _asset(folder: Path, digest: str) -> str | None:
    return next((path.name for path in sorted(folder.glob(f"asset.{digest}*"))), None)
