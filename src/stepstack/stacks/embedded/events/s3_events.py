"""S3's events for EventBridge: `Object Created` and `Object Deleted`, of buckets that have an EventBridgeConfiguration.

Called by `s3_notifications`, which sees what happens to objects. Source: "EventBridge event message structure" in the S3 user guide.
Left out: restores, tags, ACLs, storage classes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from stepstack.clock import Randomness

__all__ = ["BucketBridge"]

Json: TypeAlias = dict[str, Any]

_REASONS = {
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Put": "PutObject",
}


class BucketBridge:
    """Sends the events of buckets to the default event bus."""

    def __init__(self, send: Callable[[Json, str], Awaitable[None]], *, account_id: str) -> None:
        """`await send(event, region)` delivers an event to the default bus's rules."""
        self._send = send
        self._account_id = account_id
        self._randomness = Randomness()
        self.buckets: set[str] = set()
        """The buckets that have an EventBridgeConfiguration."""

    async def tell(self, name: str, bucket: str, described: Mapping[str, Any], *, region: str, time: str) -> None:
        """Tells of the event `name` (`ObjectCreated:Put`) of an object that is `described` as in notifications, but by its plain key."""
        is_created = name.startswith("ObjectCreated")
        members = {"key": "key", "size": "size", "eTag": "etag", "versionId": "version-id", "sequencer": "sequencer"}
        detail: Json = {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {told: described[known] for known, told in members.items() if known in described},
            "request-id": "STEPSTACK",
            "requester": self._account_id,
            "source-ip-address": "127.0.0.1",
            "reason": _REASONS.get(name, "PutObject") if is_created else "DeleteObject",
        }
        if not is_created:
            marked = name == "ObjectRemoved:DeleteMarkerCreated"
            detail["deletion-type"] = "Delete Marker Created" if marked else "Permanently Deleted"
        event = {
            "version": "0",
            "id": self._randomness.uuid(),
            "detail-type": "Object Created" if is_created else "Object Deleted",
            "source": "aws.s3",
            "account": self._account_id,
            "time": f"{time.partition('.')[0]}Z",
            "region": region,
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": detail,
        }
        await self._send(event, region)
