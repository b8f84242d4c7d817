"""Sentry's cursors and Link header over keyset pages.

A cursor is `value:offset:is_prev`, three integers as Sentry's: here the value is the sort key and the offset the row's id,
so that a page stays where it is while rows come and go. Clients hand cursors back as they got them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import KEY_TYPES, Order, PageRequest, Position

PER_PAGE = 100
MAX_CURSOR_LENGTH = 4000
"""Digits of a cursor's value: enough for the longest path, and fewer than Python refuses to read."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def render_cursor(place: Position) -> str:
    """Spell a place in a sorted list: everything of a cursor but its direction.

    A date is its microseconds, a number itself, a text its bytes as one number.
    """
    kind = KEY_TYPES[place.field]
    if kind == "date":
        value = (parse_date(str(place.key)) - _EPOCH) // _MICROSECOND
    else:
        value = int.from_bytes(place.key.encode()) if isinstance(place.key, str) else place.key
    return f"{value}:{place.id}"


def read_page(
    parameters: dict[str, list[str]], order: Order, conditions: Conditions = (), most: int = PER_PAGE
) -> PageRequest:
    """Read `per_page` (`most` at most, and if it is not given) and `cursor`.

    Raises DomainError in the words of docs/sentry-contract.md#5-lists.
    """
    size = _per_page(parameters.get("per_page", [""])[-1], most)
    cursor = parameters.get("cursor", [""])[-1]
    place, backward = read_cursor(cursor, order.field) if cursor else (None, False)
    if backward:
        return PageRequest(size, order, before=place, backward=True, conditions=conditions)
    return PageRequest(size, order, after=place, conditions=conditions)


def read_integer(text: str) -> int:
    """Return a number of a query string: ASCII digits, perhaps behind a minus. Raises ValueError for anything else.

    int() itself reads spaces, underscores, a plus and other scripts' digits.
    """
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise ValueError
    return int(text)


def _per_page(text: str, most: int) -> int:
    if not text:
        return most
    try:
        size = read_integer(text)
    except ValueError:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page parameter.") from None
    if size > most:
        message = f"Invalid per_page value. Cannot exceed {most}."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)
    if size < 1:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page value. Must be at least 1.")
    return size


def read_cursor(cursor: str, field: str) -> tuple[Position | None, bool]:
    """Read a cursor of a list sorted by `field`: the place (None: the first page), and whether the page is before it.

    Raises DomainError(INVALID_CURSOR).
    """
    try:
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise ValueError
        value, row_id, is_previous = map(read_integer, cursor.split(":"))
        if is_previous not in (0, 1) or abs(row_id) >= 2**63:
            raise ValueError
        key = _key(value, KEY_TYPES[field]) if row_id > 0 else 0
    except (ValueError, OverflowError):
        raise DomainError(ErrorCode.INVALID_CURSOR, "Invalid cursor parameter.") from None
    if row_id < 0:
        raise DomainError(ErrorCode.INVALID_CURSOR, "Pagination offset cannot be negative")
    if row_id == 0:  # no row's id: Sentry's spelling of the first page
        return None, False
    return Position(field, key, row_id), bool(is_previous)


def _key(value: int, kind: str) -> str | int:
    if kind == "date":
        return format_date(_EPOCH + value * _MICROSECOND)
    if kind == "number":
        if abs(value) >= 2**63:
            raise ValueError
        return value
    text = value.to_bytes((value.bit_length() + 7) // 8).decode()
    if "\0" in text:  # no database takes it
        raise ValueError
    return text


def link_header(origin: str, path: str, query: str, size: int, info: dict[str, Any]) -> tuple[bytes, bytes]:
    """Write the Link header of a page: both relations always, `results` telling whether there is anything.

    `info` has `fewer` and `more`, and the cursors `start` and `end` without their direction, or None.
    """
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "cursor"]
    base = f"<{origin}{path}?{urlencode(kept, quote_via=quote)}"
    start, end = info["start"], info["end"]
    previous = f"{start}:1" if start and info["fewer"] else f"{size}:-1:1"
    following = f"{end}:0" if end else f"{size}:0:0"
    link = ", ".join(
        f'{base}&cursor={cursor}>; rel="{relation}"; results="{str(results).lower()}"; cursor="{cursor}"'
        for relation, cursor, results in (("previous", previous, info["fewer"]), ("next", following, info["more"]))
    )
    return b"link", link.encode("latin-1")
