"""Sentry's cursors and Link header over keyset pages.

A cursor is `value:offset:is_prev`, three integers as Sentry's: here the value is the sort key in microseconds and the offset
the row's id, so that a page stays where it is while releases come and go. Clients hand cursors back as they got them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.paging import Order, PageRequest, Position

PER_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def spell_cursor(place: Position) -> str:
    """Spell a place in a list that is sorted by a date: everything of a cursor but its direction."""
    return f"{(parse_date(str(place.key)) - _EPOCH) // _MICROSECOND}:{place.id}"


def read_page(parameters: dict[str, list[str]], order: Order, conditions: tuple[tuple[str, Any], ...]) -> PageRequest:
    """Read `per_page` and `cursor`. Raises DomainError in the words of contract section 5."""
    size = _per_page(parameters.get("per_page", [""])[-1])
    cursor = parameters.get("cursor", [""])[-1]
    place, backward = _place(cursor, order.field) if cursor else (None, False)
    if backward:
        return PageRequest(size, order, before=place, backward=True, conditions=conditions)
    return PageRequest(size, order, after=place, conditions=conditions)


def _per_page(text: str) -> int:
    if not text:
        return PER_PAGE
    try:
        size = int(text)
    except ValueError:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page parameter.") from None
    if size > PER_PAGE:
        message = f"Invalid per_page value. Cannot exceed {PER_PAGE}."
        raise DomainError(ErrorCode.INVALID_ARGUMENT, message)
    if size < 1:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Invalid per_page value. Must be at least 1.")
    return size


def _place(cursor: str, field: str) -> tuple[Position | None, bool]:
    try:
        value, row_id, is_previous = map(int, cursor.split(":"))
        if is_previous not in (0, 1) or abs(row_id) >= 2**63:
            raise ValueError
        moment = _EPOCH + value * _MICROSECOND
    except (ValueError, OverflowError):
        raise DomainError(ErrorCode.INVALID_CURSOR, "Invalid cursor parameter.") from None
    if row_id < 0:
        raise DomainError(ErrorCode.INVALID_CURSOR, "Pagination offset cannot be negative")
    if row_id == 0:  # no row's id: Sentry's spelling of the first page
        return None, False
    return Position(field, format_date(moment), row_id), bool(is_previous)


def link_header(origin: str, path: str, query: str, size: int, info: dict[str, Any]) -> str:
    """Write the Link header of a page: both relations always, `results` telling whether there is anything."""
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "cursor"]
    base = f"<{origin}{path}?{urlencode(kept, quote_via=quote)}"
    start, end = info["start"], info["end"]
    previous = f"{start}:1" if start and info["fewer"] else f"{size}:-1:1"
    following = f"{end}:0" if end else f"{size}:0:0"
    return ", ".join(
        f'{base}&cursor={cursor}>; rel="{relation}"; results="{str(results).lower()}"; cursor="{cursor}"'
        for relation, cursor, results in (("previous", previous, info["fewer"]), ("next", following, info["more"]))
    )
