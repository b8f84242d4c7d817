"""Sets up the log: lines of text or JSON on standard error."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import orjson

from gql_releases.web.request_log import format_time


class LineFormatter(logging.Formatter):
    """Formats records as text with times in UTC; batches of the request log are lines already."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line or lines."""
        return record.getMessage() if hasattr(record, "lines") else super().format(record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the record's time as RFC 3339 with milliseconds."""
        return format_time(record.created)


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object; batches of the request log are lines already."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line or lines."""
        text = record.getMessage()
        if hasattr(record, "lines"):
            return text
        line: dict[str, Any] = {
            "time": format_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": text,
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json_line(line)


def json_line(value: dict[str, Any]) -> str:
    """Return an object as one line; lone surrogates, which UTF-8 cannot encode, are escaped."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value)


def set_up_logging(level: str, style: str = "text") -> None:
    """Log to standard error from a level on: debug, info, warning or error; `style` is text or json."""
    # Values that no line shows are not collected: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in ("alembic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel("WARNING")
    logging.getLogger("python_multipart").setLevel("ERROR")  # it warns of each invalid body
