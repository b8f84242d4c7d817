"""GraphQL's cursors: opaque texts with the order of their list and a version of their format."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, quote_value
from gql_releases.domain.paging import KEY_TYPES, KeyType, Position

CURSOR_VERSION = 1


def encode_cursor(position: Position) -> str:
    """Return the cursor of a position in a sorted list."""
    return base64.urlsafe_b64encode(orjson.dumps([CURSOR_VERSION, position.field, position.key, position.id])).decode()


def decode_cursor(text: str, field: str) -> Position:
    """Parse the cursor of a list sorted by `field`. Raises DomainError(INVALID_CURSOR): malformed, or of another order."""
    try:
        version, order, key, row_id = orjson.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise _invalid_cursor(text) from None
    if version != CURSOR_VERSION or not isinstance(row_id, int) or isinstance(row_id, bool) or abs(row_id) >= 2**63:
        raise _invalid_cursor(text)
    if order != field:
        raise DomainError(ErrorCode.INVALID_CURSOR, f"The cursor {quote_value(text)} belongs to a list in another order.")
    key = _check_key(key, KEY_TYPES[field])
    if key is None:
        raise _invalid_cursor(text)
    return Position(field, key, row_id)


def _check_key(key: Any, kind: KeyType) -> str | int | None:
    """Return a valid key of an order, with a date in the canonical format; None for an invalid key."""
    if kind == "number" and isinstance(key, int) and not isinstance(key, bool) and abs(key) < 2**63:
        return key
    if kind == "text" and isinstance(key, str) and "\0" not in key:
        return key
    if kind == "date" and isinstance(key, str):
        try:
            return format_date(parse_date(key))
        except DomainError:
            pass
    return None


def _invalid_cursor(text: str) -> DomainError:
    return DomainError(ErrorCode.INVALID_CURSOR, f"{quote_value(text)} is not a cursor of this API.")
