"""Arrange and act of the S3 test: puts an image into the bucket."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

EXAMPLE = Path(__file__).with_name("example.png")


def event_handler(_event: Any, _context: Any) -> dict[str, Any]:
    key = f"test_file_{uuid.uuid4()}.png"
    try:
        boto3.client("s3").put_object(Bucket=os.environ["S3_BUCKET"], Key=key, Body=EXAMPLE.read_bytes(), ContentType="image/png")
    except (BotoCoreError, ClientError) as error:
        return {"act_success": False, "error_message": f"failed to put the object: {error}"}
    return {"act_success": True, "test_object_key": key}
