"""Assert and clean up of the S3 test: the image's size is in the object's metadata; the object is deleted."""

from __future__ import annotations

import os
from typing import Any

import boto3

TEST_NAME = "s3_png_metadata"
EXPECTED = {"image_height": "178", "image_width": "172"}
"""Of example.png."""


def event_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    acted = event["arrange_act_payload"]
    if not acted["act_success"]:
        return {"success": False, "test_name": TEST_NAME, "error_message": acted["error_message"]}
    stored = {"Bucket": os.environ["S3_BUCKET"], "Key": acted["test_object_key"]}
    s3 = boto3.client("s3")
    try:
        trouble = trouble_of(s3.head_object(**stored)["Metadata"])
    finally:
        s3.delete_object(**stored)
    if trouble:
        return {"success": False, "test_name": TEST_NAME, "error_message": trouble}
    return {"success": True, "test_name": TEST_NAME}


def trouble_of(metadata: dict[str, str]) -> str | None:
    """What is wrong with the object's metadata; None where nothing is."""
    for name, expected in EXPECTED.items():
        if name not in metadata:
            return f"'{name}' metadata not found"
        if metadata[name] != expected:
            return f"'{name}' incorrect: {metadata[name]}"
    return None
