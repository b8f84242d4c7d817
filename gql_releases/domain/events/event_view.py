"""What the GraphQL API shows of an event's stored body, with the names of its schema."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gql_releases.domain.events.grouping import is_minified
from gql_releases.domain.events.message_text import find_message
from gql_releases.domain.events.stored_body import unpack_body

_PAGE_SCHEMES = ("http:", "https:", "blob:", "app:", "file:")
"""Schemes of the files of minified frames: others are files of a server, which are not minified."""


@lru_cache(maxsize=1)
def _read_body(stored: bytes) -> dict[str, Any]:
    """Return a stored body, which several fields of one event read one after the other."""
    return unpack_body(stored)


def list_exceptions(stored: bytes) -> list[dict[str, Any]]:
    """Return the exceptions of an event, the raised one first, then its causes."""
    values = _read_body(stored).get("exception", {}).get("values", ())
    return [_show_exception(exception) for exception in reversed(values)]


def list_tags(stored: bytes) -> list[dict[str, str]]:
    """Return the tags of an event, in the order in which they were sent."""
    return [{"key": key, "value": value} for key, value in _read_body(stored).get("tags", ())]


def read_message(stored: bytes) -> str | None:
    """Return the message of an event as it was written to a log; None if it has none."""
    return find_message(_read_body(stored))


def read_culprit(stored: bytes) -> str | None:
    """Return where an event happened."""
    culprit: str | None = _read_body(stored).get("culprit")
    return culprit


def _show_exception(exception: dict[str, Any]) -> dict[str, Any]:
    frames = exception.get("stacktrace", {}).get("frames", ())
    return {
        "type": exception.get("type"),
        "value": exception.get("value"),
        "module": exception.get("module"),
        "handled": exception.get("mechanism", {}).get("handled"),
        "frames": [_show_frame(frame) for frame in reversed(frames)],
    }


def _show_frame(frame: dict[str, Any]) -> dict[str, Any]:
    file = frame.get("filename") or frame.get("abs_path")
    return {
        "function": frame.get("function"),
        "file": file,
        "module": frame.get("module"),
        "line": frame.get("lineno"),
        "column": frame.get("colno"),
        "inApp": frame.get("in_app"),
        "contextLine": frame.get("context_line"),
        "preContext": frame.get("pre_context", []),
        "postContext": frame.get("post_context", []),
        "symbolicated": frame.get("symbolicated") is True,
        "minified": file is not None and file.startswith(_PAGE_SCHEMES) and is_minified(frame) is True,
    }
