"""Reads multipart/form-data while it arrives: part by part, with one buffer in memory.

Source: RFC 7578, RFC 2046 section 5.1.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gql_releases.web.body_streams import BodyStream
from gql_releases.web.decoders import GzipDecoder, decode_chunks

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FEED_BYTES = 64 * 1024
"""Bytes that are parsed at once; other requests are served in between."""
MAX_DELIMITERS_IN_DATA = 1_000
"""Boundaries in data, which RFC 2046 section 5.1.1 forbids and the parser takes for data: 1 MiB of them takes 0.3 s."""
TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary")
"""Content-Transfer-Encodings that do not change the bytes of a part."""

_has_controls = re.compile(r"[\x00-\x1f\x7f]").search


class BrokenMultipart(Exception):
    """The body is not valid multipart/form-data, or it has no boundary."""

    def __init__(self) -> None:
        super().__init__("Invalid multipart body")


class TooManyParts(Exception):
    """The body has more parts than a limit allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit} parts")
        self.limit = limit


class FieldTooLarge(Exception):
    """A form field has more bytes than a limit allows."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"A form field has more than {limit} bytes")
        self.name, self.limit = name, limit


@dataclass(frozen=True, slots=True)
class MultipartLimits:
    """Limits of a multipart body: parts, headers and header bytes of a part, bytes of a field that is read as a text."""

    parts: int = 1_000
    headers: int = 8
    header_bytes: int = 8 * 1024
    field_bytes: int = 64 * 1024


class Part:
    """A part: iterate it for its bytes before the next part is requested. What is not read is discarded.

    `headers` have names in lower case; `filename` is None for a form field.
    """

    __slots__ = ("_field_bytes", "_source", "filename", "headers", "name")

    def __init__(
        self, name: str, filename: str | None, headers: dict[str, str], source: _PartSource, field_bytes: int
    ) -> None:
        self.name, self.filename, self.headers = name, filename, headers
        self._source, self._field_bytes = source, field_bytes

    def __repr__(self) -> str:
        return f"Part({self.name!r}, {self.filename!r})"

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return more bytes of the part. Raises BrokenMultipart, TooManyParts, and the errors of the body."""
        data = await self._source.read_data(self)
        if data is None:
            raise StopAsyncIteration
        return data

    def gunzip(self, limit: int) -> AsyncIterator[bytes]:
        """Return an iterator of the part's bytes without gzip, at most `limit` bytes.

        It raises DecodedTooLarge, BrokenEncoding, and the errors of the part.
        """
        return decode_chunks(self, GzipDecoder(limit))

    async def text(self) -> str:
        """Return the text of a form field. Raises FieldTooLarge, BrokenMultipart, and the errors of the body."""
        value = bytearray()
        async for data in self:
            value += data
            if len(value) > self._field_bytes:
                raise FieldTooLarge(self.name, self._field_bytes)
        return _decode(value)


DEFAULT_LIMITS = MultipartLimits()


async def read_parts(body: BodyStream, limits: MultipartLimits = DEFAULT_LIMITS) -> AsyncIterator[Part]:
    """Yield the parts of a body, which is decoded if it has a content coding. An empty body has no parts.

    Each part can be read until the next one is requested. After the last part the rest of the body is read, so that the
    connection stays open. Raises UnsupportedEncoding, BrokenMultipart, TooManyParts, BrokenEncoding, BodyTooLarge and
    ClientGone.
    """
    source = _PartSource(body.decode(), body.content_type, limits)
    while part := await source.read_part():
        yield part


class _PartSource:
    """Queues what the parser finds in one buffer: the start of a part, its data, its end. An error comes after them."""

    def __init__(self, chunks: AsyncIterator[bytes], content_type: str | None, limits: MultipartLimits) -> None:
        self._chunks, self._content_type, self._limits = chunks, content_type, limits
        self._chunk, self._position = b"", 0
        self._parser: MultipartParser | None = None
        self._queue: deque[Part | bytes | None] = deque()  # None: the end of a part
        self._error: Exception | None = None
        self._is_ended = False
        self._count = self._header_bytes = self._delimiters = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._headers: dict[str, str] = {}
        self._part: Part | None = None
        self._is_part_read = False

    async def read_part(self) -> Part | None:
        """Return the next part, None after the last one. What is left of the part before it is discarded."""
        self._part = None
        while await self._fill_queue():
            event = self._queue.popleft()
            if isinstance(event, Part):
                self._part, self._is_part_read = event, False
                return event
        return None

    async def read_data(self, part: Part) -> bytes | None:
        """Return more bytes of a part, None at its end."""
        if part is not self._part:
            raise RuntimeError("A part must be read before the next one is requested.")
        if self._is_part_read:
            return None
        await self._fill_queue()
        data = self._queue.popleft()
        assert not isinstance(data, Part)
        self._is_part_read = data is None
        return data

    async def _fill_queue(self) -> bool:
        """Read until something is in the queue, and return True; False at the end of the body."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._position < len(self._chunk):
                await asyncio.sleep(0)
            else:
                chunk = await anext(self._chunks, None)
                if chunk is None:
                    if self._parser is not None and not self._is_ended:
                        raise BrokenMultipart
                    return False
                self._chunk, self._position = chunk, 0
            self._parse(self._chunk[self._position : self._position + FEED_BYTES])
            self._position += FEED_BYTES
        return True

    def _parse(self, data: bytes) -> None:
        try:
            if self._parser is None:
                self._parser = self._create_parser()
            self._delimiters += data.count(self._parser.boundary)
            if self._delimiters > self._limits.parts + MAX_DELIMITERS_IN_DATA:
                raise TooManyParts(self._limits.parts)
            self._parser.write(data)
        except (BrokenMultipart, TooManyParts) as error:
            self._error = error
        except FormParserError:
            self._error = BrokenMultipart()

    def _create_parser(self) -> MultipartParser:
        media_type, options = parse_options_header(self._content_type)
        boundary = options.get(b"boundary", b"")
        if media_type != b"multipart/form-data" or not boundary:
            raise BrokenMultipart
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        limits = self._limits
        return MultipartParser(boundary, callbacks, max_header_count=limits.headers, max_header_size=limits.header_bytes)

    # Callbacks of the parser

    def _begin_part(self) -> None:
        self._count += 1
        if self._count > self._limits.parts:
            raise TooManyParts(self._limits.parts)
        self._headers, self._header_bytes = {}, 0

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        self._header_value += data[start:end]

    def _count_header_bytes(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._limits.header_bytes:
            raise BrokenMultipart

    def _end_header(self) -> None:
        name, value = self._header_name.decode("latin-1").lower(), self._header_value.decode("latin-1").strip()
        self._header_name.clear()
        self._header_value.clear()
        if name in self._headers:
            raise BrokenMultipart
        self._headers[name] = value

    def _end_headers(self) -> None:
        disposition, options = parse_options_header(self._headers.get("content-disposition"))
        encoding = self._headers.get("content-transfer-encoding", "").lower()
        if disposition != b"form-data" or b"name" not in options or encoding not in TRANSFER_ENCODINGS:
            raise BrokenMultipart
        name, filename = _decode(options[b"name"]), options.get(b"filename")
        part = Part(name, None if filename is None else _decode(filename), self._headers, self, self._limits.field_bytes)
        if _has_controls(part.name) or _has_controls(part.filename or ""):
            raise BrokenMultipart
        self._queue.append(part)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._queue.append(data[start:end])

    def _end_part(self) -> None:
        self._queue.append(None)

    def _end(self) -> None:
        self._is_ended = True


def _decode(value: bytes | bytearray) -> str:
    """Return a text in UTF-8. Raises BrokenMultipart."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BrokenMultipart from None
