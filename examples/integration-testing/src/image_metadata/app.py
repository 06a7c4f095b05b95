"""Writes an image's width and height into the metadata of its object. Called by S3 for each PNG that is put."""

from __future__ import annotations

import io
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

import boto3
from PIL import Image


@cache
def s3() -> Any:
    """One client for as long as the function is warm."""
    return boto3.client("s3")


def event_handler(event: dict[str, Any], _context: Any) -> None:
    for record in event["Records"]:
        # S3 writes keys into its events as they stand in URLs.
        write_size(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))


def write_size(bucket: str, key: str) -> None:
    stored = s3().get_object(Bucket=bucket, Key=key)
    with Image.open(io.BytesIO(stored["Body"].read()), formats=["PNG"]) as image:
        width, height = image.size
    # Metadata cannot be changed: the object is copied onto itself. That is no Put, so the function is not called again.
    s3().copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        ContentType=stored["ContentType"],
        Metadata={**stored["Metadata"], "image_width": str(width), "image_height": str(height)},
        MetadataDirective="REPLACE",
    )
