"""Sentry's cursors and Link header over keyset pages.

A cursor is `value:offset:is_prev`, three integers as with Sentry. Here the value is the sort key and the offset is the row's
id, so that inserts and deletes do not shift a page. Clients send cursors back unchanged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import KEY_TYPES, KeyType, Order, PageRequest, Position

PER_PAGE = 100
MAX_CURSOR_LENGTH = 4000
"""Maximum number of characters: enough for the longest path as a number, and below the limit of int() (4300 digits)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def render_cursor(position: Position) -> str:
    """Return the cursor of a position in a sorted list, without its direction.

    A date is rendered as microseconds since 1970, a number as itself, a text as the number that its bytes form.
    """
    kind = KEY_TYPES[position.field]
    if kind == "date":
        value = (parse_date(str(position.key)) - _EPOCH) // _MICROSECOND
    else:
        value = int.from_bytes(position.key.encode()) if isinstance(position.key, str) else position.key
    return f"{value}:{position.id}"


def read_page(
    parameters: dict[str, list[str]], order: Order, conditions: Conditions = (), max_size: int = PER_PAGE
) -> PageRequest:
    """Return the page that `per_page` (1 to `max_size`, default `max_size`) and `cursor` select.

    Raises DomainError with the messages of docs/sentry-contract.md#5-lists.
    """
    size = _read_size(parameters.get("per_page", [""])[-1], max_size)
    cursor = parameters.get("cursor", [""])[-1]
    position, backward = read_cursor(cursor, order.field) if cursor else (None, False)
    if backward:
        return PageRequest(size, order, before=position, backward=True, conditions=conditions)
    return PageRequest(size, order, after=position, conditions=conditions)


def read_integer(text: str) -> int:
    """Return the integer of a query string's text: ASCII digits with an optional minus. Raises ValueError for anything else.

    int() also accepts spaces, underscores, a plus and digits of other scripts.
    """
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise ValueError
    return int(text)


def _read_size(text: str, max_size: int) -> int:
    if not text:
        return max_size
    try:
        size = read_integer(text)
    except ValueError:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page parameter.") from None
    if size > max_size:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid per_page value. Cannot exceed {max_size}.")
    if size < 1:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page value. Must be at least 1.")
    return size


def read_cursor(cursor: str, field: str) -> tuple[Position | None, bool]:
    """Return the position of a cursor in a list sorted by `field` (None: the first page), and whether the page is before it.

    Raises DomainError(INVALID_CURSOR).
    """
    try:
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise ValueError
        value, row_id, is_previous = map(read_integer, cursor.split(":"))
        if is_previous not in (0, 1) or abs(row_id) >= 2**63:
            raise ValueError
        key = _decode_key(value, KEY_TYPES[field]) if row_id > 0 else 0
    except (ValueError, OverflowError):
        raise DomainError(ErrorCode.INVALID_CURSOR, "Invalid cursor parameter.") from None
    if row_id < 0:
        raise DomainError(ErrorCode.INVALID_CURSOR, "Pagination offset cannot be negative")
    if row_id == 0:  # not an id: Sentry's cursor of the first page
        return None, False
    return Position(field, key, row_id), bool(is_previous)


def _decode_key(value: int, kind: KeyType) -> str | int:
    if kind == "date":
        return format_date(_EPOCH + value * _MICROSECOND)
    if kind == "number":
        if abs(value) >= 2**63:
            raise ValueError
        return value
    text = value.to_bytes((value.bit_length() + 7) // 8).decode()
    if "\0" in text:  # neither database stores it
        raise ValueError
    return text


def link_header(origin: str, path: str, query: str, size: int, info: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the Link header of a page. It always has both relations; `results` is true if there are rows in that direction.

    `info` has the flags `fewer` and `more`, and the cursors `start` and `end` without their direction, or None.
    """
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "cursor"]
    base = f"<{origin}{path}?{urlencode(pairs, quote_via=quote)}"
    start, end = info["start"], info["end"]
    previous = f"{start}:1" if start and info["fewer"] else f"{size}:-1:1"
    following = f"{end}:0" if end else f"{size}:0:0"
    link = ", ".join(
        f'{base}&cursor={cursor}>; rel="{relation}"; results="{str(results).lower()}"; cursor="{cursor}"'
        for relation, cursor, results in (("previous", previous, info["fewer"]), ("next", following, info["more"]))
    )
    return b"link", link.encode("latin-1")
