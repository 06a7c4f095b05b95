"""Tags of state machines and activities.

Called by `stepstack.service.service`, and by the families whose resources are created with tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stepstack.errors import ServiceError
from stepstack.service.account import Account, Params, Result, resource_not_found
from stepstack.service.arns import parse_arn

__all__ = ["Tags", "tag_map"]

TAG_LIMIT = 50


def tag_map(tags: Iterable[Mapping[str, str]], known: Mapping[str, str] | None = None, arn: str | None = None) -> dict[str, str]:
    """`known` with `tags` added, by key; raises TooManyTags."""
    result = dict(known or {})
    result.update({tag.get("key", ""): tag.get("value", "") for tag in tags})
    if len(result) > TAG_LIMIT:
        members = {} if arn is None else {"resourceName": arn}
        raise ServiceError("TooManyTags", f"The number of tags exceeds the limit of {TAG_LIMIT}", members)
    return result


class Tags:
    def __init__(self, account: Account) -> None:
        self._account = account

    def tag(self, params: Params) -> Result:
        tags = self._tags_of(params["resourceArn"])
        tags.update(tag_map(params["tags"], tags, params["resourceArn"]))
        self._changed(params["resourceArn"])
        return {}

    def untag(self, params: Params) -> Result:
        tags = self._tags_of(params["resourceArn"])
        for key in params["tagKeys"]:
            tags.pop(key, None)
        self._changed(params["resourceArn"])
        return {}

    def list(self, params: Params) -> Result:
        tags = self._tags_of(params["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _tags_of(self, arn: str) -> dict[str, str]:
        parse_arn(arn, "stateMachine", "activity")
        store = self._account.store
        record = store.state_machines.get(arn) or store.activities.get(arn)
        if record is None:
            raise resource_not_found(arn)
        return record.tags

    def _changed(self, arn: str) -> None:
        store, journal = self._account.store, self._account.journal
        if arn in store.state_machines:
            journal.state_machine(store.state_machines[arn])
        else:
            journal.activity(store.activities[arn])
