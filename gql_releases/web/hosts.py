"""The URLs under which clients reach this server, for links and DSNs in responses."""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.types import Scope

from gql_releases.web.http import header
from gql_releases.web.proxies import TrustedProxies

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]{2,45}(?:%25[A-Za-z0-9._~-]{1,32})?\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?)(?::[0-9]{1,5})?"
)
"""A name, an IPv4 or an IPv6 address, and a port. Source: RFC 9110 section 7.2, without characters that no host name has."""


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Return whether the value of a Host header is a host with or without a port."""
    return _HOST.fullmatch(value) is not None


class BaseUrls:
    """Finds the URLs of requests: of the setting for all of them, or else of each request."""

    def __init__(self, public_url: str | None, proxies: TrustedProxies) -> None:
        """Take the setting and the proxies that report the scheme."""
        self._public_url, self._proxies = public_url, proxies

    def find_origin(self, scope: Scope) -> str | None:
        """Return the scheme and host that the client used; None if the Host header is not a host."""
        if self._public_url:
            return self._public_url
        host = header(scope, b"host")
        if host is None:
            return self._own_origin(scope)
        return f"{self._proxies.scheme(scope)}://{host}" if is_host(host.encode("latin-1")) else None

    def find_base_url(self, scope: Scope) -> str:
        """Return the URL of the root of this application, without a slash at its end."""
        origin = self.find_origin(scope) or self._own_origin(scope)
        return origin + str(scope.get("root_path") or "").rstrip("/")

    def _own_origin(self, scope: Scope) -> str:
        """Return the origin of the address on which the server received the request."""
        server = scope.get("server") or ("localhost", None)
        host = f"{server[0]}:{server[1]}" if server[1] else server[0]
        return f"{self._proxies.scheme(scope)}://{host}"
