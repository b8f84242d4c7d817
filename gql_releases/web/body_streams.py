"""Request bodies that are read while they arrive, within a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Receive, Scope

from gql_releases.domain.client import ClientGone
from gql_releases.web.bodies import BrokenEncoding, UnsupportedEncoding
from gql_releases.web.decoders import DecodedTooLarge, Decoder, GzipDecoder, ZstdDecoder, decode_chunks
from gql_releases.web.http import BodyTooLarge, header

DECODERS: dict[str, type[GzipDecoder] | type[ZstdDecoder]] = {
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,
    "zstd": ZstdDecoder,
}
"""Content coding -> decoder."""


class BodyStream:
    """The body of a request: it can be read once, and has at most `limit` bytes, before and after decoding.

    Nothing is read before its iterators are used, and the next data is received when the consumer asks for more.
    `coding` is the Content-Encoding in lower case, "" for none. `declared_size` is the number of bytes of
    its Content-Length, None without a valid one. `is_complete`: all of the body was read.
    """

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self.limit, self.received, self.is_complete = limit, 0, False
        self.content_type = header(scope, b"content-type")
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"content-encoding"]
        codings = [coding.strip().lower() for coding in ",".join(values).split(",")]
        self.coding = ", ".join(coding for coding in codings if coding not in ("", "identity"))
        length = header(scope, b"content-length") or ""
        self.declared_size = int(length[:20]) if length.isascii() and length.isdigit() else None
        self._receive = receive

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it was sent. Raises BodyTooLarge, before any byte is read if possible, and ClientGone."""
        if self.declared_size is not None and self.declared_size > self.limit:
            raise BodyTooLarge("Request too large")
        while not self.is_complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone("the client closed the connection")
            data = message.get("body", b"")
            self.is_complete = not message.get("more_body", False)
            self.received += len(data)
            if self.received > self.limit:
                raise BodyTooLarge("Request too large")
            if data:
                yield data

    def decode(self) -> AsyncIterator[bytes]:
        """Return an iterator of the body without its gzip or zstd coding; an empty body needs no coding.

        Raises UnsupportedEncoding at once. The iterator raises BrokenEncoding, BodyTooLarge, ClientGone.
        """
        if not self.coding:
            return self.chunks()
        if self.coding not in DECODERS:
            raise UnsupportedEncoding("Unsupported Content-Encoding")
        return self._decode_chunks(DECODERS[self.coding](self.limit))

    async def _decode_chunks(self, decoder: Decoder) -> AsyncIterator[bytes]:
        try:
            async for piece in decode_chunks(self.chunks(), decoder):
                yield piece
        except DecodedTooLarge:
            raise BodyTooLarge("Request too large") from None
        except BrokenEncoding:
            if self.received:
                raise
