"""Cursors as GraphQL spells them: opaque, naming their sort and their own version."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, quote_value
from gql_releases.domain.paging import KEY_TYPES, Position

VERSION = 1


def encode_cursor(place: Position) -> str:
    """Spell a place in a sorted list."""
    return base64.urlsafe_b64encode(orjson.dumps([VERSION, place.field, place.key, place.id])).decode()


def decode_cursor(text: str, field: str) -> Position:
    """Read the cursor of a list sorted by `field`. Raises DomainError(INVALID_CURSOR): broken, or of another sort."""
    try:
        version, named, key, row_id = orjson.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise _foreign(text) from None
    if version != VERSION or not isinstance(row_id, int) or isinstance(row_id, bool) or abs(row_id) >= 2**63:
        raise _foreign(text)
    if named != field:
        raise DomainError(ErrorCode.INVALID_CURSOR, f"The cursor {quote_value(text)} belongs to a list in another order.")
    checked = _checked(key, KEY_TYPES[field])
    if checked is None:
        raise _foreign(text)
    return Position(field, checked, row_id)


def _checked(key: Any, kind: str) -> str | int | None:
    """Return a key of a sort; None for what is none."""
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


def _foreign(text: str) -> DomainError:
    return DomainError(ErrorCode.INVALID_CURSOR, f"{quote_value(text)} is not a cursor of this API.")
