"""Handlers that read their request's body as a stream, and responses whose body is a stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.types import Scope, Send

from gql_releases.domain.client import while_connected
from gql_releases.domain.counters import count_files
from gql_releases.rest_api.engine.multipart import BrokenMultipart, FieldTooLarge, TooManyParts
from gql_releases.rest_api.engine.requests import Answer, Handler, Request
from gql_releases.rest_api.engine.services import Services
from gql_releases.web.bodies import BrokenEncoding, UnsupportedEncoding
from gql_releases.web.decoders import DecodedTooLarge
from gql_releases.web.http import BodyTooLarge, Headers, header

OpenRange = Callable[[int, int], AsyncIterator[bytes]]
"""Returns an iterator of the bytes from a position up to, and without, another position."""

BODY_ERRORS: dict[type[Exception], int] = {
    BodyTooLarge: 413,
    DecodedTooLarge: 413,
    FieldTooLarge: 413,
    BrokenMultipart: 400,
    TooManyParts: 400,
    BrokenEncoding: 400,
    UnsupportedEncoding: 400,
}
"""Errors of a streamed body that a handler does not catch -> status. The message is the `error` of the response."""
OCTETS = b"application/octet-stream"

_parse_range = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})").fullmatch
_no_plain_character = re.compile(r'[^ -~]|["\\%]')


@dataclass(frozen=True, slots=True)
class StreamingHandler:
    """A handler that reads its body itself: `request.stream`, of at most `body_limit` bytes on the wire.

    It is put into ROUTES in place of a function; PARAMETERS names the function. Token, rate limit, method and query are
    checked before it runs, and nothing of the body is read by then. Its response is sent even if a part of the body is
    unread: the connection is then closed after the rest was discarded for a moment.
    """

    handle: Handler
    body_limit: int | Callable[[Services], int]

    async def __call__(self, request: Request) -> Answer:
        """Handle a request."""
        try:
            return await self.handle(request)
        except tuple(BODY_ERRORS) as error:
            status = next(status for kind, status in BODY_ERRORS.items() if isinstance(error, kind))
            return Answer(status, {"error": str(error)})

    def find_limit(self, services: Services) -> int:
        """Return the maximum size of a body."""
        return self.body_limit if isinstance(self.body_limit, int) else self.body_limit(services)


@dataclass(frozen=True, slots=True)
class StreamedBody:
    """The value of an Answer whose body is sent while it is read.

    `open` returns an iterator of the bytes [start, stop) of `size` bytes; it is not called if none are sent (HEAD, 416), and
    its iterator is closed at the end, or when the client is gone. An error before its first bytes is a response of its own;
    a later one closes the connection, as do too few bytes. With a `filename` browsers save the body as a file.
    """

    open: OpenRange
    size: int
    content_type: bytes = OCTETS
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """A body whose first bytes were read."""

    first: bytes
    rest: AsyncIterator[bytes] | None
    size: int
    content_type: bytes


async def open_body(scope: Scope, answer: Answer, body: StreamedBody) -> Answer:
    """Return the response with the part of its body that the request asks for: 200, 206 or 416; for HEAD without a body.

    Only a single range of a GET is supported; others are ignored. Source: RFC 9110 section 14.
    """
    status, start, stop = answer.status, 0, body.size
    headers = [(b"accept-ranges", b"bytes"), *answer.headers]
    if body.filename is not None:
        headers.append((b"content-disposition", format_attachment(body.filename)))
    if scope["method"] == "HEAD":
        return Answer(status, OpenedBody(b"", None, body.size, body.content_type), headers)
    part = find_range(scope, body.size) if status == 200 else None
    if part is not None:
        start, stop = part
        if start >= stop:
            headers = [*answer.headers, (b"content-range", b"bytes */%d" % body.size)]
            return Answer(416, {"detail": "The range is outside of the file."}, headers)
        status = 206
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, body.size)))
    if start == stop:
        return Answer(status, OpenedBody(b"", None, 0, body.content_type), headers)
    chunks = body.open(start, stop)
    try:
        first = await while_connected(_read_first(chunks))
    except BaseException:
        await _close(chunks)
        raise
    return Answer(status, OpenedBody(first, chunks, stop - start, body.content_type), headers)


async def send_body(send: Send, status: int, body: OpenedBody, headers: Headers) -> None:
    """Send a response. Raises ClientGone, the errors of the iterator, and EOFError if it has too few bytes."""
    try:
        sent = [(b"content-type", body.content_type), (b"content-length", b"%d" % body.size), *headers]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        if body.rest is not None:
            await while_connected(_send_chunks(send, body))
    finally:
        if body.rest is not None:
            await _close(body.rest)
    count_files("file_sent_bytes", "download", body.size if body.rest is not None else 0)
    await send({"type": "http.response.body", "body": b""})


def find_range(scope: Scope, size: int) -> tuple[int, int] | None:
    """Return start and stop of the single range of a request, None if the whole body is sent.

    A range outside of the body has no bytes. If-Range has a validator, and responses have none: it never matches.
    """
    value = header(scope, b"range")
    match = _parse_range(value.strip().lower()) if value else None
    if match is None or header(scope, b"if-range") is not None:
        return None
    first, last = match.groups()
    if not first:
        return (max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


def format_attachment(filename: str) -> bytes:
    """Return the Content-Disposition of a file. Source: RFC 6266 section 4.3 and appendix D."""
    plain = _no_plain_character.sub("_", filename)
    value = f'attachment; filename="{plain}"'
    if plain != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return value.encode()


async def _read_first(chunks: AsyncIterator[bytes]) -> bytes:
    async for chunk in chunks:
        if chunk:
            return chunk
    raise EOFError("a streamed body has no bytes")


async def _send_chunks(send: Send, body: OpenedBody) -> None:
    chunk, left = body.first[: body.size], body.size
    while True:
        left -= len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(0)  # neither the server nor the source needs to wait, for example if the client is gone
        if not left:
            return
        assert body.rest is not None
        following = await anext(body.rest, None)
        if following is None:
            raise EOFError(f"{left} bytes of a streamed body are missing")
        chunk = following[:left]


async def _close(chunks: AsyncIterator[bytes]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
