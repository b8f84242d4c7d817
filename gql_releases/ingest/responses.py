"""Responses of the ingest endpoints. SDKs read the status and the header with the rate limits, never the body."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
from starlette.types import Scope, Send

from gql_releases.web.http import Headers, send
from gql_releases.web.ingest_paths import INGEST_CORS, OVERLOAD_LIMIT, RATE_LIMITS

NOT_STORED_LIMIT = (
    RATE_LIMITS,
    b"3600:transaction;span;log_item;trace_metric;replay;profile;profile_chunk;monitor;feedback;attachment:project:not_stored",
)
"""Sent with a 200: the SDK sends no items of these categories for an hour; errors and sessions are still sent."""
UNAVAILABLE_LIMIT = (RATE_LIMITS, b"10:error;default;session:organization:unavailable")
ALLOW: Headers = [(b"allow", b"POST, OPTIONS")]
NOSNIFF = (b"x-content-type-options", b"nosniff")
PREFLIGHT_SECONDS = b"3600"
MAX_ERROR_LENGTH = 500

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name. Source: RFC 9110 section 9.1."""
_UNPRINTABLE = re.compile(r"[^ -~]")


class Refusal(Exception):
    """A request is refused. `limit` is a header with rate limits, without which no 429 may be sent."""

    def __init__(
        self,
        status: int,
        detail: str,
        causes: Sequence[str] = (),
        *,
        code: str | None = None,
        limit: tuple[bytes, bytes] | None = None,
        reason: str | None = None,
    ) -> None:
        """`code` is that of logs and metrics, `reason` that of the outcome of an event, for a project that is known."""
        super().__init__(detail)
        self.status, self.detail, self.causes, self.code, self.limit = status, detail, list(causes), code, limit
        self.reason = reason


def refuse_overload() -> Refusal:
    """Return the refusal of an event while the queue is full."""
    return Refusal(429, "The server is overloaded.", code="OVERLOADED", limit=OVERLOAD_LIMIT, reason="overload")


def refuse_quota(seconds: int) -> Refusal:
    """Return the refusal of an event above the project's quota; `seconds` remain of the hour."""
    limit = (RATE_LIMITS, b"%d:error;default:project:quota" % max(seconds, 1))
    detail = "The project has sent as many events in this hour as it may."
    return Refusal(429, detail, code="QUOTA_EXCEEDED", limit=limit, reason="quota")


def refuse_unavailable() -> Refusal:
    """Return the refusal of a request while the store is unavailable. A 503 would not keep the SDK from sending more."""
    detail = "The store is not available at the moment."
    return Refusal(429, detail, code="UNAVAILABLE", limit=UNAVAILABLE_LIMIT, reason="unavailable")


async def send_result(send_: Send, event_id: str | None, *, has_skipped: bool) -> None:
    """Send the 200 of a request that was stored."""
    body = b"{}" if event_id is None else b'{"id":"%s"}' % event_id.encode()
    headers = [*INGEST_CORS, NOSNIFF]
    if has_skipped:
        headers.append(NOT_STORED_LIMIT)
    await send(send_, 200, body, headers)


async def send_refusal(send_: Send, refusal: Refusal) -> None:
    """Send a refusal, its reason also in the header in which Sentry has it."""
    detail = _UNPRINTABLE.sub("?", "; ".join([refusal.detail, *refusal.causes]))[:MAX_ERROR_LENGTH]
    headers = [*INGEST_CORS, NOSNIFF, (b"x-sentry-error", detail.encode())]
    if refusal.limit:
        headers.append(refusal.limit)
    if refusal.status == 405:
        headers += ALLOW
    body = {"detail": refusal.detail, "causes": refusal.causes} if refusal.status == 400 else {"detail": refusal.detail}
    await send(send_, refusal.status, orjson.dumps(body), headers)


async def send_preflight(scope: Scope, send_: Send) -> None:
    """Send the response to OPTIONS: all headers that are requested are allowed."""
    requested = b",".join(value for name, value in scope["headers"] if name == b"access-control-request-headers")
    names = [name.strip() for name in requested.decode("latin-1").split(",")]
    allowed = ", ".join(name for name in names if _TOKEN.fullmatch(name))
    headers = [
        *INGEST_CORS,
        *ALLOW,
        (b"access-control-allow-methods", b"POST, OPTIONS"),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    ]
    if allowed:
        headers.append((b"access-control-allow-headers", allowed.encode()))
    await send(send_, 200, b"", headers)
