"""HTTP for both APIs: headers, bodies within a limit, JSON."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from gql_releases.domain.numbers import WrittenNumber, read_integer

Headers = list[tuple[bytes, bytes]]

MAX_KEPT_HEADER = 500
"""Characters of a header whose parsed value is cached."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

NEGATIVE_ZERO = re.compile(rb"-0(?<=[\[,: \t\r\n]-0)")
"""Finds what may be a negative zero, which orjson reads as 0; it may also match inside of a JSON string."""
HEADERS_BY_NAME = "gql_releases.headers"
"""Key of a scope for its headers by name, the first of each name; set by the protocol or the first call of `header`."""

COMMON: Headers = [
    (b"x-xss-protection", b"1; mode=block"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"deny"),
    (b"content-language", b"en"),
    (b"vary", b"Accept-Language, Cookie"),
]
"""Headers of all responses except those of the GraphQL API, as Sentry documents them.

Source: https://docs.sentry.io/api/releases/create-a-new-release-for-an-organization/
"""


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class NotJson(Exception):
    """The body is not JSON; the message is the reason. `is_syntax` is False if it is only nested too deeply."""

    def __init__(self, reason: str, *, is_syntax: bool = True) -> None:
        super().__init__(reason)
        self.is_syntax = is_syntax


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a request's first header of a name; None if there is none."""
    by_name = scope.get(HEADERS_BY_NAME)
    if by_name is None:
        by_name = scope[HEADERS_BY_NAME] = dict(reversed(scope["headers"]))
    value = by_name.get(name)
    return None if value is None else value.decode("latin-1")


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the whole body, at most `limit` bytes. Raises BodyTooLarge as early as possible."""
    declared = header(scope, b"content-length")
    if declared and declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise BodyTooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client closed the connection")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise BodyTooLarge
        if not more and not parts:
            return bytes(part)
        parts.append(part)
    return b"".join(parts)


def parse_json(body: bytes) -> Any:
    """Parse JSON. Raises NotJson.

    Numbers that are not integers of 64 bits are returned as floats; parse_exact_json keeps their text.
    orjson refuses lone surrogates, which Sentry reports for each field: the standard library parses what orjson refuses.
    """
    if NEGATIVE_ZERO.search(body):
        return parse_exact_json(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            return parse_exact_json(body)
        except NotJson as other:
            raise NotJson(str(error) if other.is_syntax else str(other)) from None


def parse_exact_json(body: bytes | str) -> Any:
    """Parse JSON with the text of its numbers: integers of 64 bits, and WrittenNumber. Raises NotJson.

    It takes twice the time of parse_json.
    """
    try:
        return json.loads(
            decode_text(body), parse_int=read_integer, parse_float=WrittenNumber, parse_constant=refuse_constant
        )
    except RecursionError:
        raise NotJson("nested too deeply", is_syntax=False) from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def decode_text(body: bytes | str) -> str:
    """Return the text of a JSON body, which is UTF-8 alone (RFC 8259 section 8.1); a byte order mark is skipped.

    Raises ValueError.
    """
    if isinstance(body, str):
        return body
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None


def refuse_constant(constant: str) -> Any:
    """Refuse NaN and Infinity, which Python reads and JSON does not have. Raises ValueError."""
    raise ValueError(f"{constant} is no JSON")


async def send(send: Send, status: int, body: bytes, headers: Headers | None = None, content_type: bytes = JSON) -> None:
    """Send a whole response. A 204 has neither a body nor a Content-Length (RFC 9110 section 8.6)."""
    if status == 204:
        sent = list(headers or ())
    else:
        sent = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *(headers or ())]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, without parameters, in lower case."""
    is_short = content_type is None or len(content_type) <= MAX_KEPT_HEADER
    return _media_type(content_type) if is_short else _media_type.__wrapped__(content_type)


@lru_cache(maxsize=256)
def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def negotiate(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """Return the offered media type that an Accept header ranks highest; None if none is accepted.

    The earlier offer wins a tie; without a header the first is returned. Source: RFC 9110 section 12.5.1.
    """
    is_short = accept is None or len(accept) <= MAX_KEPT_HEADER
    return _negotiate(accept, offered) if is_short else _negotiate.__wrapped__(accept, offered)


@lru_cache(maxsize=256)
def _negotiate(accept: str | None, offered: tuple[str, ...]) -> str | None:
    if not accept or not accept.strip():
        return offered[0]
    ranked = [_media_range(text) for text in accept.split(",") if text.strip()]
    best: tuple[float, str] | None = None
    for offer in offered:
        quality = _quality(offer, ranked)
        if quality > 0 and (best is None or quality > best[0]):
            best = quality, offer
    return best[1] if best else None


def _media_range(text: str) -> tuple[str, float]:
    name, *parameters = [part.strip().lower() for part in text.split(";")]
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
    return name, quality


def _quality(offer: str, ranked: list[tuple[str, float]]) -> float:
    """Return the quality of the most specific range that matches an offer."""
    by_range = dict(reversed(ranked))
    for candidate in (offer, offer.partition("/")[0] + "/*", "*/*"):
        if candidate in by_range:
            return by_range[candidate]
    return 0.0
