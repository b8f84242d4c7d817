"""Frames envelopes while they arrive: only items that are stored are held.

An envelope is a line with its header, then for each item a line with the item's header and the payload: its `length`
in bytes, else up to the end of the line. Source: https://develop.sentry.dev/sdk/data-model/envelopes/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gql_releases.domain.events.json_text import InvalidEvent, parse_json

MAX_ITEM_BYTES = 1024 * 1024
"""Bytes of an item that is held."""
MAX_HELD_BYTES = 4 * 1024 * 1024
"""Bytes of all items of an envelope that are held."""
MAX_LINE_BYTES = 64 * 1024
"""Bytes of the line with a header."""
MAX_ITEMS = 1_000
"""Items of an envelope, and blank lines between them: 20 MiB can hold millions, which take seconds."""
MAX_QUANTITY = 1_000_000
"""Number of parts that a skipped item may count for."""

HELD_ITEMS = frozenset({"event", "session", "sessions", "client_report"})
CATEGORIES = {
    "event": "error",
    "session": "session",
    "sessions": "session",
    "client_report": "internal",
    "attachment": "attachment",
    "transaction": "transaction",
    "span": "span",
    "log": "log_item",
    "otel_log": "log_item",
    "trace_metric": "trace_metric",
    "statsd": "metric_bucket",
    "metric_buckets": "metric_bucket",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "profile": "profile",
    "profile_chunk": "profile_chunk",
    "check_in": "monitor",
    "feedback": "feedback",
    "user_report": "feedback",
}
"""Type of an item -> category of Sentry's rate limits and outcomes."""
UNKNOWN_CATEGORY = "unknown"


class InvalidEnvelope(Exception):
    """The body is no envelope, or has more items than any SDK sends; the message is the reason."""


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item that is stored."""

    kind: str
    payload: bytes


@dataclass(slots=True)
class SkippedItems:
    """Number of items that were not held, and their bytes."""

    quantity: int = 0
    size: int = 0


class EnvelopeReader:
    """Reads an envelope that arrives in pieces.

    `header` is None until its line is complete. `fault` is why the rest of the envelope was discarded, if it was.
    `skipped` and `too_large` are by category.
    """

    def __init__(self) -> None:
        self.header: dict[str, Any] | None = None
        self.items: list[HeldItem] = []
        self.skipped: dict[str, SkippedItems] = {}
        self.too_large: dict[str, SkippedItems] = {}
        self.fault: str | None = None
        self.held = 0
        """Bytes of the items that are held."""
        self._read: Callable[[bytes, int], int] = self._read_header
        self._line = bytearray()
        self._items = 0
        self._kind = self._category = ""
        self._quantity = 1
        self._left = 0
        self._size = 0
        """Bytes of the current payload that arrived."""
        self._parts: list[bytes] | None = None
        """The current payload; None if it is skipped."""
        self._is_too_large = False

    def feed(self, data: bytes) -> None:
        """Read more data. Raises InvalidEnvelope."""
        at, end = 0, len(data)
        while at < end:
            at = self._read(data, at)

    def finish(self) -> None:
        """Complete the envelope. An item that is cut off is lost. Raises InvalidEnvelope."""
        if self._read == self._read_header:
            self._parse_header()
        elif self._read == self._read_item_header:
            if self._line.strip():
                self.fault = "the header of an item is cut off"
        elif self._read == self._read_counted:
            self.fault = "the payload of an item is cut off"
        elif self._read in (self._read_line, self._read_line_end):
            self._end_item()

    # States: each reads from a position, and returns the position up to which it has read.

    def _read_header(self, data: bytes, at: int) -> int:
        at, is_complete = self._collect_line(data, at)
        if is_complete:
            self._parse_header()
            self._read = self._read_item_header
        return at

    def _read_item_header(self, data: bytes, at: int) -> int:
        at, is_complete = self._collect_line(data, at)
        if is_complete:
            line = bytes(self._line)
            self._line.clear()
            self._items += 1
            if self._items > MAX_ITEMS:
                raise InvalidEnvelope(f"the envelope has more than {MAX_ITEMS} items")
            if line and not line.isspace():
                self._begin_item(line)
        return at

    def _read_counted(self, data: bytes, at: int) -> int:
        end = min(at + self._left, len(data))
        self._keep(data, at, end)
        self._left -= end - at
        if not self._left:
            self._read = self._read_line_end
        return end

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        if end < 0:
            self._keep(data, at, len(data))
            return len(data)
        self._keep(data, at, end)
        self._end_item()
        return end + 1

    def _read_line_end(self, data: bytes, at: int) -> int:
        if data[at] != 10:
            self._break("the length of an item is wrong")
            return at
        self._end_item()
        return at + 1

    def _discard(self, data: bytes, at: int) -> int:
        return len(data)

    def _collect_line(self, data: bytes, at: int) -> tuple[int, bool]:
        """Append to the line; return the position after it, and whether it is complete. Raises InvalidEnvelope."""
        end = data.find(b"\n", at)
        stop = len(data) if end < 0 else end
        if len(self._line) + stop - at > MAX_LINE_BYTES:
            if self.header is None:
                raise InvalidEnvelope(f"the header of the envelope has more than {MAX_LINE_BYTES} bytes")
            self._break(f"the header of an item has more than {MAX_LINE_BYTES} bytes")
            return len(data), False
        self._line += data[at:stop]
        return (stop, False) if end < 0 else (end + 1, True)

    def _parse_header(self) -> None:
        value = parse_line(bytes(self._line))
        self._line.clear()
        if value is None:
            raise InvalidEnvelope("the header of the envelope is not a JSON object")
        self.header = value

    def _begin_item(self, line: bytes) -> None:
        value = parse_line(line)
        kind = value.get("type") if value else None
        if value is None or type(kind) is not str:
            self._break("the header of an item is not a JSON object with a type")
            return
        length = value.get("length")
        if length is not None and (type(length) is not int or length < 0):
            self._break("the length of an item is not a number")
            return
        self._kind, self._category, self._size = kind, CATEGORIES.get(kind, UNKNOWN_CATEGORY), 0
        count = value.get("item_count")
        self._quantity = min(count, MAX_QUANTITY) if type(count) is int and count > 0 else 1
        self._parts = [] if kind in HELD_ITEMS else None
        self._is_too_large = False
        if self._parts is not None and length is not None and self._exceeds(length):
            self._parts, self._is_too_large = None, True
        if length is None:
            self._read = self._read_line
        else:
            self._left, self._read = length, self._read_counted if length else self._read_line_end

    def _exceeds(self, size: int) -> bool:
        return size > MAX_ITEM_BYTES or self.held + size > MAX_HELD_BYTES

    def _keep(self, data: bytes, start: int, end: int) -> None:
        """Count a part of the payload, and hold it if the item is stored."""
        size = end - start
        self._size += size
        if self._parts is None:
            return
        if size > MAX_ITEM_BYTES or self._size > MAX_ITEM_BYTES or self.held + size > MAX_HELD_BYTES:
            self.held -= self._size - size
            self._parts, self._is_too_large = None, True
            return
        self.held += size
        self._parts.append(data[start:end])

    def _end_item(self) -> None:
        self._read = self._read_item_header
        parts, self._parts = self._parts, None
        if parts is not None:
            self.items.append(HeldItem(self._kind, parts[0] if len(parts) == 1 else b"".join(parts)))
            return
        table = self.too_large if self._is_too_large else self.skipped
        items = table.setdefault(self._category, SkippedItems())
        items.quantity += self._quantity
        items.size += self._size

    def _break(self, fault: str) -> None:
        """Discard the rest: where the next item begins is not known."""
        if self._parts is not None:
            self.held -= self._size
            self._parts = None
        self.fault, self._read = fault, self._discard


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a line, None if it is none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            value = parse_json(line)
        except InvalidEvent:
            return None
    return value if type(value) is dict else None
