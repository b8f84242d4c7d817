"""The log: lines on standard error."""

from __future__ import annotations

import logging

from gql_releases.web.request_log import stamp


class LineFormatter(logging.Formatter):
    """Times in UTC; records of the request log come as whole lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Give a record's line or lines."""
        return record.getMessage() if hasattr(record, "lines") else super().format(record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Give the record's time as RFC 3339 with milliseconds."""
        return stamp(record.created)


def set_up_logging(level: str) -> None:
    """Log to standard error from a level on: debug, info, warning or error."""
    # What no line shows need not be found out: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for chatty in ("alembic", "httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel("WARNING")
