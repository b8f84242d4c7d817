"""The request log: one line for each request; lines are formatted and written in batches.

Formatting and writing each line by itself is a third of the work of a point read. A killed process loses the lines of its
last 50 ms.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import Scope

from gql_releases.web.request_record import RequestRecord

FLUSH_DELAY_SECONDS = 0.05
"""Seconds from the first line of a batch until the batch is written."""
MAX_PATH_LENGTH = 2048
"""Characters of a path in the log."""
FindClient = Callable[[Scope], str]
Entry = tuple[float, bool, str, str, bytes, str, str, str, int | None, int, float, int, list[str], str, str]
"""The values of a line, copied from a record: the record would keep the request in memory until the line is written."""

_is_plain = re.compile(r"[!#-~]*").fullmatch
_unprintable = re.compile(r'[^!#-~]|"')


def format_time(moment: float) -> str:
    """Format a time, in seconds since 1970, as RFC 3339 with milliseconds, UTC."""
    return _format_milliseconds(int(moment * 1000))


@lru_cache(maxsize=64)
def _format_milliseconds(milliseconds: int) -> str:
    """Format a time in milliseconds; cached, since many lines share it."""
    return f"{_format_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=8)
def _format_second(moment: int) -> str:
    """Format a time in whole seconds; cached, since many lines share it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


@lru_cache(maxsize=512)
def _quote_path(raw: bytes) -> str:
    """Return a raw path without its query, quoted for a line."""
    return quote_text(str(raw.partition(b"?")[0], "latin-1"))


@lru_cache(maxsize=512)
def _quote_word(text: str) -> str:
    """Return a method or an address, quoted for a line."""
    return quote_text(text, 64)


def quote_text(text: str, limit: int = MAX_PATH_LENGTH) -> str:
    """Return a text for a line: printable ASCII without spaces is kept, the rest becomes %XX, cut at a limit."""
    if len(text) > limit:
        text = text[:limit] + "..."
    if _is_plain(text):
        return text
    return _unprintable.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("latin-1", "replace")), text)


class RequestLog:
    """Logs requests as text or JSON. The message of a log record is a batch of lines, each with its own time."""

    def __init__(self, name: str, style: str = "text", find_client: FindClient | None = None) -> None:
        """`find_client` returns the address of a request's client (default: that of the peer)."""
        self._find_client = find_client or _find_peer
        self._logger = logging.getLogger(name)
        self._heads = [f"{level} {name}:" for level in ("INFO", "DEBUG")]
        self._waiting: list[Entry] = []
        self._format = self._format_json if style == "json" else self._format_text

    def note(self, record: RequestRecord) -> None:
        """Add the line of a request that has ended to the batch; called on the event loop."""
        if not self._logger.isEnabledFor(logging.DEBUG if record.is_probe else logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(FLUSH_DELAY_SECONDS, self.flush)
        scope = record.scope
        self._waiting.append((
            record.ended, record.is_probe, self._find_client(scope), scope["method"], scope["raw_path"], record.api,
            record.route, record.operation, record.token, record.status, record.seconds, record.size, record.codes,
            record.id, record.trace_id,
        ))  # fmt: skip

    def flush(self) -> None:
        """Write the batch."""
        entries, self._waiting = self._waiting, []
        if entries:
            lines = map(self._format, entries)
            self._logger.info("%s", "\n".join(lines), extra={"lines": len(entries)})

    def _format_text(self, entry: Entry) -> str:
        (
            ended, is_probe, client, method, path, api, _, operation, token, status, seconds, size, codes, request, trace,
        ) = entry  # fmt: skip
        join = _join_words if len(path) < 512 else _join_words.__wrapped__  # long paths are not cached
        words = join(client, method, path, (operation or "-") if api == "graphql" else None)
        errors = f" errors={len(codes)} codes={','.join(_list_unique(codes))}" if codes else ""
        return (
            f"{_format_milliseconds(int(ended * 1000))} {self._heads[is_probe]} {words}"
            f" token={'-' if token is None else token} status={status} ms={1000 * seconds:.1f} bytes={size}{errors}"
            f" request={request}"
            f"{' trace=' + trace if trace else ''}"
        )

    def _format_json(self, entry: Entry) -> str:
        (
            ended, is_probe, client, method, path, _, route, operation, token, status, seconds, size, codes, request, trace,
        ) = entry  # fmt: skip
        line: dict[str, Any] = {
            "time": format_time(ended),
            "level": "DEBUG" if is_probe else "INFO",
            "logger": self._logger.name,
            "message": "request",
            "method": _quote_word(method),
            "path": _quote_path(path),
            "route": route or None,
            "operation": operation or None,
            "token": token,
            "status": status,
            "ms": round(1000 * seconds, 1),
            "bytes": size,
            "errors": len(codes),
            "codes": _list_unique(codes),
            "client": _quote_word(client),
            "request": request,
        }
        if trace:
            line["trace"] = trace
        return orjson.dumps(line).decode()


def _find_peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "-"


@lru_cache(maxsize=512)
def _join_words(client: str, method: str, path: bytes, operation: str | None) -> str:
    words = [_quote_word(client), _quote_word(method), _quote_path(path)]
    return " ".join(words if operation is None else [*words, f"operation={operation}"])


def _list_unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))
