"""Who may drive the server: local programs, not a web page that happens to run in somebody's browser.

Called by `stepstack.api.app` for every request. A page can make a browser send requests to a loopback address: such requests carry an
`Origin` of another site, or (after DNS rebinding) a `Host` that is a name of the attacker's. Names that an attacker can't own are let
through: addresses, names of one label (a container's), `localhost` and what ends in it, names for local use, and those of the settings.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

__all__ = ["Guard"]

SAFE_SUFFIXES = (".localhost", ".local", ".internal", ".test", ".lan", ".amazonaws.com")
"""Names that no attacker can point at a loopback address: those that no public DNS answers (`host.docker.internal` is one), and AWS's own,
which an SDK still names where a hosts file or a proxy leads it here."""


class Guard:
    """`refusal` says why a request is turned away."""

    def __init__(self, allowed_hosts: Iterable[str] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._is_local = lru_cache(maxsize=1024)(self._decide)

    def refusal(self, host: str | None, origin: str | None, fetch_site: str | None = None) -> str | None:
        """Why a request with these headers is refused; None where it is welcome."""
        if host is not None and not self._is_local(host):
            return f"the host {host!r} is not one of this server's names; add it with --allow-host if it is yours"
        if origin is not None and not self._same_site(origin, host):
            return f"requests from the web page {origin!r} are not taken"
        if origin is None and fetch_site == "cross-site":
            return "requests from a web page of another site are not taken"
        return None

    def _same_site(self, origin: str, host: str | None) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and host is not None and parts.netloc.lower() == host.lower()

    def _decide(self, host: str) -> bool:
        name = _without_port(host).lower().rstrip(".")
        if name in self._allowed or "*" in self._allowed:
            return True
        if "." not in name or name.endswith(SAFE_SUFFIXES):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
