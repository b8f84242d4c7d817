"""The log of requests: a line each, formatted and written together some times a second.

A record and a write of its own would be a third of the work of a point read. A killed process loses the lines of its last
50 ms.
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

DELAY = 0.05
"""Seconds that a line may wait for others."""
MAX_PATH_LENGTH = 2048
"""Characters of a path in the log."""
FindClient = Callable[[Scope], str]

_is_plain = re.compile(r"[!#-~]*").fullmatch
_unprintable = re.compile(r'[^!#-~]|"')


def stamp(moment: float) -> str:
    """Format a time, in seconds since 1970, as RFC 3339 with milliseconds, UTC."""
    return _stamp(int(moment * 1000))


@lru_cache(maxsize=64)
def _stamp(milliseconds: int) -> str:
    """Format a millisecond, once for all its lines."""
    return f"{_to_the_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=8)
def _to_the_second(moment: int) -> str:
    """Format a whole second, once for all its lines."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


@lru_cache(maxsize=512)
def _quote_path(raw: bytes) -> str:
    """Return a path as it came, without its query, for a line."""
    return quote_text(str(raw.partition(b"?")[0], "latin-1"))


@lru_cache(maxsize=512)
def _quote_word(text: str) -> str:
    """Return a method or an address for a line."""
    return quote_text(text, 64)


def quote_text(text: str, limit: int = MAX_PATH_LENGTH) -> str:
    """Return a text that a client chose for a line: printable ASCII without spaces, the rest as %XX, cut at a limit."""
    if len(text) > limit:
        text = text[:limit] + "..."
    if _is_plain(text):
        return text
    return _unprintable.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("latin-1", "replace")), text)


class RequestLog:
    """Lines of requests, as text or JSON. Log records come whole: their message has a line a request, each with its time."""

    def __init__(self, name: str, style: str = "text", find_client: FindClient | None = None) -> None:
        """`find_client` returns the address of a request's client, where that is not always the peer's."""
        self._find_client = find_client or _find_peer
        self._logger = logging.getLogger(name)
        self._heads = [f"{level} {name}:" for level in ("INFO", "DEBUG")]
        self._waiting: list[str] = []
        self._format = self._format_json if style == "json" else self._format_text

    def note(self, record: RequestRecord) -> None:
        """Write the line of a request that has ended, soon; on the event loop."""
        if not self._logger.isEnabledFor(logging.DEBUG if record.is_probe else logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(DELAY, self.flush)
        self._waiting.append(self._format(record))  # text, which keeps nothing of the request in memory

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._waiting = self._waiting, []
        if lines:
            self._logger.info("%s", "\n".join(lines), extra={"lines": len(lines)})

    def _format_text(self, record: RequestRecord) -> str:
        token = "-" if record.token is None else record.token
        codes = record.codes
        trace = f" trace={record.trace_id}" if record.trace_id else ""
        errors = f" errors={len(codes)} codes={','.join(_unique(codes))}" if codes else ""
        return (
            f"{_stamp(int(record.ended * 1000))} {self._heads[record.is_probe]} {self._describe(record)} token={token}"
            f" status={record.status} ms={1000 * record.seconds:.1f} bytes={record.size}{errors} request={record.id}{trace}"
        )

    def _format_json(self, record: RequestRecord) -> str:
        scope = record.scope
        method, path = _quote_word(scope["method"]), _quote_path(scope["raw_path"])
        client = _quote_word(self._find_client(scope))
        line: dict[str, Any] = {
            "time": stamp(record.ended),
            "level": "DEBUG" if record.is_probe else "INFO",
            "logger": self._logger.name,
            "message": "request",
            "method": method,
            "path": path,
            "route": record.route or None,
            "operation": record.operation or None,
            "token": record.token,
            "status": record.status,
            "ms": round(1000 * record.seconds, 1),
            "bytes": record.size,
            "errors": len(record.codes),
            "codes": _unique(record.codes),
            "client": client,
            "request": record.id,
        }
        if record.trace_id:
            line["trace"] = record.trace_id
        return orjson.dumps(line).decode()

    def _describe(self, record: RequestRecord) -> str:
        scope = record.scope
        operation = (record.operation or "-") if record.api == "graphql" else None
        path = scope["raw_path"]
        join = _join_words if len(path) < 512 else _join_words.__wrapped__  # what is kept has a bound
        return join(self._find_client(scope), scope["method"], path, operation)


def _find_peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "-"


@lru_cache(maxsize=512)
def _join_words(client: str, method: str, path: bytes, operation: str | None) -> str:
    words = [_quote_word(client), _quote_word(method), _quote_path(path)]
    return " ".join(words if operation is None else [*words, f"operation={operation}"])


def _unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))
