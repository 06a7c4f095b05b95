"""Keeps the data of one embedded stack apart from everybody else's moto in the same process.

moto keeps its data in one global `BackendDict` for each service, and `moto.mock_aws` empties them all when it starts and when it
ends. A test that uses `mock_aws` beside an embedded stack would wipe the stack's tables, and each would see the other's. So a stack has
a `BackendDict` of its own for each service, its twin, and while the stack handles a request every look into the global one is a
look into the twin. A context variable says whose request it is: other threads and tasks go on seeing the global data.

Called by `embedded.moto` alone. It replaces methods of moto's `BackendDict` once in a process, on first use; outside a
request of a stack they do what they always did. Regions are made on demand, which spares a stack 70 ms of reading botocore's
tables. Left out: module-level state that moto does not keep in a BackendDict (its seed for random ids, its recorder), and threads
that moto itself starts while it handles a request: they see the global data.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.core.base_backend import AccountSpecificBackend, BackendDict, backend_lock

__all__ = ["IsolatedBackends"]

_entered: ContextVar[IsolatedBackends | None] = ContextVar("stepstack_isolated_backends", default=None)

_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}")

_REDIRECTED = (
    "__contains__",
    "__delitem__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__setitem__",
    "clear",
    "get",
    "items",
    "iter_backends",
    "keys",
    "pop",
    "setdefault",
    "values",
)


class _Regions(list[str]):
    """The regions of a regional service: those that are listed, and any other of a region's form."""

    def __contains__(self, region: object) -> bool:
        return super().__contains__(region) or (isinstance(region, str) and _REGION.fullmatch(region) is not None)


class _Account(AccountSpecificBackend[Any]):
    """One service's data in one account of a stack."""

    def __init__(self, twin: _Twin, account_id: str) -> None:
        super().__init__(twin.service_name, account_id, twin.backend, use_boto3_regions=False, additional_regions=twin._additional_regions)
        if twin._use_boto3_regions:
            self.regions = _Regions(self.regions)


class _Twin(BackendDict[Any]):
    """A stack's own data of one service. Never registered with moto, so that `mock_aws` does not reset it."""

    def _create_account_specific_backend(self, account_id: str) -> None:
        with backend_lock:
            if not dict.__contains__(self, account_id):
                dict.__setitem__(self, account_id, _Account(self, account_id))


class IsolatedBackends:
    """The data of one stack, in all services."""

    def __init__(self) -> None:
        _redirect_once()
        self.outbox: deque[Any] = deque()
        """What requests have caused and somebody else has to deliver."""
        self._twins: dict[int, tuple[BackendDict[Any], _Twin]] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """For the body, in this thread or task, moto's data is this stack's."""
        token = _entered.set(self)
        try:
            yield
        finally:
            _entered.reset(token)

    @staticmethod
    def of_this_request() -> IsolatedBackends | None:
        """The stack that handles a request in this thread or task."""
        return _entered.get()

    def reset(self) -> None:
        """Forgets everything; files and buffers that moto holds are closed."""
        with self.entered(), backend_lock:
            for _, twin in self._twins.values():
                for account in list(dict.values(twin)):
                    account.reset()
            self._twins.clear()
            self.outbox.clear()

    def _twin_of(self, shared: BackendDict[Any]) -> _Twin:
        # The shared dict is kept beside its twin, so that its id stays its own.
        pair = self._twins.get(id(shared))
        if pair is None:
            with backend_lock:
                pair = self._twins.setdefault(id(shared), (shared, _new_twin(shared)))
        return pair[1]


def _new_twin(shared: BackendDict[Any]) -> _Twin:
    kind = type(shared)
    # S3 and Organizations subclass BackendDict to hold an index beside it: the twin has one too, and reads of it are redirected.
    twin_kind = _Twin if kind is BackendDict else type(f"Twin{kind.__name__}", (_Twin, kind), {})
    twin: _Twin = twin_kind(
        shared.backend, shared.service_name, use_boto3_regions=shared._use_boto3_regions, additional_regions=shared._additional_regions
    )
    for name in vars(twin).keys() - {"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"}:
        if not isinstance(getattr(kind, name, None), property):
            setattr(kind, name, _redirected_attribute(name))
    return twin


def _redirected_attribute(name: str) -> property:
    def read(self: BackendDict[Any]) -> Any:
        return vars(_resolve(self))[name]

    def write(self: BackendDict[Any], value: Any) -> None:
        vars(_resolve(self))[name] = value

    return property(read, write)


def _resolve(backends: BackendDict[Any]) -> BackendDict[Any]:
    """The dict that is meant by `backends` here and now."""
    stack = _entered.get()
    return backends if stack is None or isinstance(backends, _Twin) else stack._twin_of(backends)


def _redirected(original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: BackendDict[Any], *args: Any, **kwargs: Any) -> Any:
        stack = _entered.get()
        if stack is None or isinstance(self, _Twin):
            return original(self, *args, **kwargs)
        return original(stack._twin_of(self), *args, **kwargs)

    method.__name__ = original.__name__
    method.__doc__ = original.__doc__
    return method


_redirecting = threading.Lock()
_redirection_done = False


def _redirect_once() -> None:
    global _redirection_done  # noqa: PLW0603 - moto's class is changed once in a process
    with _redirecting:
        if not _redirection_done:
            for name in _REDIRECTED:
                setattr(BackendDict, name, _redirected(getattr(BackendDict, name)))
            _redirection_done = True
