"""A client of a running Sentry: one origin, no redirects, no proxies, no cookies, timeouts and limits of size."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson

if TYPE_CHECKING:
    import httpx2

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""Bytes of a response at most: a page of a hundred releases is far smaller."""
_NEXT = re.compile(r'rel="next"; results="true"; cursor="([^"]+)"')
"""Finds the next page in a Link header."""


class ConnectionFailed(Exception):
    """There was no complete response: the upstream may or may not have received the request.

    `reached` is False if it cannot have received it.
    """

    def __init__(self, message: str, *, reached: bool = True) -> None:
        super().__init__(message)
        self.reached = reached


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """Status, headers by lower-case name, and JSON value of a response; `value` is None if the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    value: Any

    @property
    def retry_after(self) -> float | None:
        """Seconds of the Retry-After header, if it is a number."""
        value = self.headers.get("retry-after", "")
        return float(value) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", value) else None


class Connections:
    """Connections to upstreams, opened on demand. The library is imported at the first request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._client: httpx2.AsyncClient | None = None

    async def request(self, method: str, url: str, token: str, body: bytes | None = None) -> UpstreamResponse:
        """Send a request and return the response, within the timeout. Raises ConnectionFailed."""
        import httpx2

        if self._client is None:
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx2.AsyncClient(
                follow_redirects=False, trust_env=False, cookies=no_cookies, timeout=self._seconds
            )
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": f"gql-releases/{package_version('gql-releases')}",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # httpx's timeouts are for each read and write: this one covers the whole request.
            async with asyncio.timeout(self._seconds):
                async with self._client.stream(method, url, headers=headers, content=body) as response:
                    text = await _read_body(response)
                return UpstreamResponse(
                    response.status_code, {k.lower(): v for k, v in response.headers.items()}, _parse_json(text)
                )
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ConnectionFailed(_describe_error("cannot be reached", error), reached=False) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise ConnectionFailed(f"did not answer within {self._seconds:g} s") from error
        except httpx2.HTTPError as error:
            raise ConnectionFailed(_describe_error("closed the connection", error)) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.aclose()
            self._client = None


class SentryClient:
    """Requests for one organization of a running Sentry."""

    def __init__(self, connections: Connections, url: str, organization: str, token: str) -> None:
        self._connections, self._token = connections, token
        self._base = f"{url}/api/0/organizations/{quote(organization, safe='')}/"

    async def request(
        self,
        method: str,
        path: Sequence[str],
        body: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> UpstreamResponse:
        """Send a request below the organization's URL; `path` are unencoded segments. Raises ConnectionFailed."""
        url = self._base + "".join(quote(segment, safe="") + "/" for segment in path)
        if parameters:
            url += "?" + urlencode(parameters)
        return await self._connections.request(method, url, self._token, body)

    async def load_page(
        self, path: Sequence[str], cursor: str = "", parameters: Mapping[str, str] | None = None
    ) -> tuple[UpstreamResponse, str | None]:
        """Request a page of a list; return it with the cursor of the next page, None if it is the last.

        Only the cursor of the Link header is used, never its URL. Raises ConnectionFailed.
        """
        response = await self.request("GET", path, None, {**(parameters or {}), "cursor": cursor})
        match = _NEXT.search(response.headers.get("link", "")) if response.status == 200 else None
        return response, match[1] if match else None

    def hide(self, text: str) -> str:
        """Return a text in which the token is replaced, if it occurs."""
        return text.replace(self._token, "***")


async def _read_body(response: httpx2.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_RESPONSE_BYTES:
            raise ConnectionFailed("did not finish its response")
        parts.append(part)
    return b"".join(parts)


def _parse_json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _describe_error(what: str, error: Exception) -> str:
    return f"{what}: {error}" if str(error) else what
