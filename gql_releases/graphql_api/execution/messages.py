"""Texts of errors: long names and values are cut, and suggestions are removed if the schema is private."""

from __future__ import annotations

import re
from typing import Any

from graphql.pyutils import inspect

from gql_releases.domain.errors import QUOTED_LENGTH, shorten
from gql_releases.domain.numbers import WrittenNumber

MAX_MESSAGE = 2_000
"""Characters of a message."""
MAX_SHOWN_TEXT = 300
"""Characters of a text that graphql-core may quote: it cuts at 240 itself, after reading all of it."""

_LONG_NAME = re.compile(rf"\w{{{QUOTED_LENGTH + 1},}}")
_NO_ID = re.compile(r"ID cannot represent value: (.*)$", re.DOTALL)
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")


def has_long_name(text: str) -> bool:
    """Return whether a document has a name that is too long to be compared with the schema's names."""
    return len(text) > QUOTED_LENGTH and _LONG_NAME.search(text) is not None


def shorten_message(message: str) -> str:
    """Return a message with its long names cut, and cut if it is long itself."""
    if len(message) <= QUOTED_LENGTH:
        return message
    return shorten(_LONG_NAME.sub(lambda name: shorten(name[0]), message[: 2 * MAX_MESSAGE]), MAX_MESSAGE)


def explain_id(message: str) -> str:
    """Return graphql-core's message about an ID with the values that an ID may have."""
    return _NO_ID.sub(r"ID cannot represent \1: send a string or an integer.", message)


def drop_suggestions(message: str) -> str:
    """Return a message of graphql-core without its suggestions."""
    return _SUGGESTION.sub("", message)


def show_value(value: Any) -> str:
    """Return a value as graphql-core prints it in messages."""
    return inspect(shorten_value(value, 3))


def shorten_value(value: Any, depth: int = 50) -> Any:
    """Return a copy of a JSON value with long names and texts cut, so that a message about it takes bounded time.

    Lists and objects deeper than `depth` are null in the copy.
    """
    if isinstance(value, str):
        return value[:MAX_SHOWN_TEXT]
    if isinstance(value, WrittenNumber) and len(value.text) > QUOTED_LENGTH:
        return float(value)
    if not depth and isinstance(value, dict | list):
        return None
    if isinstance(value, dict):
        return {shorten(name): shorten_value(below, depth - 1) for name, below in value.items()}
    if isinstance(value, list):
        return [shorten_value(item, depth - 1) for item in value]
    return value
