"""Reads request bodies and decodes their content codings, within the size limit."""

from __future__ import annotations

import zlib

from starlette.types import Receive, Scope

from gql_releases.web.http import BodyTooLarge, header, read_body
from gql_releases.web.large_bodies import run_in_thread

ACCEPT_ENCODING = (b"accept-encoding", b"gzip, deflate")
"""The header of a 415. Source: RFC 9110 section 15.5.16."""
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
MAX_CODINGS = 3
MAX_GZIP_MEMBERS = 16
GZIP_WINDOW, ZLIB_WINDOW, RAW_WINDOW = 31, 15, -15
"""zlib's window bits, which select the format of a stream."""


class UnsupportedEncoding(Exception):
    """The body has a content coding that is not supported; the message is that of the response."""


class BrokenEncoding(Exception):
    """The body is not valid in its Content-Encoding; the message is that of the response."""


async def read_content(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the decoded body; it has at most `limit` bytes, before and after decoding.

    Raises UnsupportedEncoding before the body is read, BrokenEncoding, BodyTooLarge.
    """
    if header(scope, b"content-encoding") is None:
        return await read_body(scope, receive, limit)
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"content-encoding"]
    codings = parse_codings(",".join(values))
    body = await read_body(scope, receive, limit)
    return await run_in_thread(decode_body, body, codings, limit) if codings else body


def parse_codings(header_value: str) -> list[str]:
    """Return the codings of a Content-Encoding header in the order in which they were applied.

    Raises UnsupportedEncoding.
    """
    names = [name.strip().lower() for name in header_value.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    for name in names:
        if name not in CODINGS:
            raise UnsupportedEncoding(f'Unsupported content encoding "{name[:100]}" in request.')
    if len(names) > MAX_CODINGS:
        raise UnsupportedEncoding(f"More than {MAX_CODINGS} content encodings in request.")
    return [CODINGS[name] for name in names]


def decode_body(body: bytes, codings: list[str], limit: int) -> bytes:
    """Return the decoded body. Raises BrokenEncoding, and BodyTooLarge as soon as it has more than `limit` bytes."""
    for coding in reversed(codings):
        try:
            body = _inflate(body, coding, limit)
        except zlib.error:
            raise BrokenEncoding(f"The body is not valid {coding}.") from None
    return body


def choose_deflate_window(head: bytes) -> int:
    """Return the window of a deflate body that begins with `head`: a zlib stream, or the raw deflate of some clients.

    Source: RFC 9110 section 8.4.1.2. The first two bytes of a zlib stream are a multiple of 31 (RFC 1950).
    """
    is_zlib = len(head) > 1 and head[0] & 15 == 8 and int.from_bytes(head[:2]) % 31 == 0
    return ZLIB_WINDOW if is_zlib else RAW_WINDOW


def _inflate(body: bytes, coding: str, limit: int) -> bytes:
    if coding == "gzip":
        window = GZIP_WINDOW
    else:
        window = choose_deflate_window(body)
    parts: list[bytes] = []
    size = 0
    for _ in range(MAX_GZIP_MEMBERS):
        stream = zlib.decompressobj(window)
        part = stream.decompress(body, limit - size + 1)
        size += len(part)
        if size > limit:
            raise BodyTooLarge
        parts.append(part)
        body = stream.unused_data
        if not stream.eof or (body and coding != "gzip"):
            raise BrokenEncoding(f"The body is not valid {coding}.")
        if not body:
            return b"".join(parts)
    raise BrokenEncoding(f"The body has more than {MAX_GZIP_MEMBERS} gzip members.")
