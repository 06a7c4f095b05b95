"""Pages of a list, and the tokens that lead to the next one.

Called by every operation that lists, and by GetExecutionHistory. A token holds the key of the last item told, not a position, so that
what is created or deleted between two pages neither repeats nor hides the rest.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepstack.errors import ServiceError
from stepstack.json_types import json_text, parse_json

__all__ = ["DEFAULT_PAGE_SIZE", "listed"]

DEFAULT_PAGE_SIZE = 100

Item = TypeVar("Item")


def listed(
    member: str,
    items: Iterable[Item],
    key: Callable[[Item], str | int],
    told: Callable[[Item], dict[str, Any]],
    params: Mapping[str, Any],
    *,
    scope: str,
    descending: bool = False,
) -> dict[str, Any]:
    """The answer to `params` of an operation that lists: a page of `items`, each as `told` has it, and `nextToken` where there is more.

    `{"activities": [{...}], "nextToken": "..."}`, where `member` is `activities`.
    """
    token, size = params.get("nextToken"), params.get("maxResults")
    found, next_token = _page(items, key, scope=scope, token=token, size=size, descending=descending)
    answer: dict[str, Any] = {member: [told(item) for item in found]}
    return answer if next_token is None else {**answer, "nextToken": next_token}


def _page(
    items: Iterable[Item],
    key: Callable[[Item], str | int],
    *,
    scope: str,
    token: str | None,
    size: int | None,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """The page of `items` (in the order of their keys) behind `token`, and the token of the next page, None where there is none.

    `scope` names the list: a token of another list is refused. Raises InvalidToken.
    """
    rest: Iterable[Item] = items
    if token is not None:
        last = _key(token, scope)

        def is_told(item: Item) -> bool:
            value = key(item)
            if type(value) is not type(last):
                raise _invalid()
            return value >= last if descending else value <= last  # type: ignore[operator]

        rest = itertools.dropwhile(is_told, items)
    limit = size or DEFAULT_PAGE_SIZE
    found = list(itertools.islice(rest, limit + 1))
    if len(found) <= limit:
        return found, None
    found.pop()
    return found, _token(key(found[-1]), scope)


def _token(key: str | int, scope: str) -> str:
    return base64.urlsafe_b64encode(json_text([scope, key]).encode()).decode("ascii")


def _key(token: str, scope: str) -> str | int:
    try:
        value = parse_json(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _invalid() from None
    if isinstance(value, list) and len(value) == 2 and value[0] == scope and isinstance(value[1], (str, int)):
        return value[1]
    raise _invalid()


def _invalid() -> ServiceError:
    return ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
