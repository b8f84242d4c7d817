"""Dates: parses the forms of ISO 8601 that Sentry accepts, formats one form, always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from gql_releases.domain.errors import ErrorCode, invalid

_IN_UTC = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
WRONG_FORMAT = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)


def parse_date(text: str) -> datetime:
    """Parse an ISO 8601 date as an aware datetime in UTC; without an offset it is UTC, a fraction is cut to six digits.

    Raises InvalidInput. Source: docs/sentry-contract.md#2-4-dates.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(ErrorCode.INVALID_DATE, (), WRONG_FORMAT) from error


def format_date(moment: datetime) -> str:
    """Format a datetime as RFC 3339 in UTC, always with microseconds, so that texts sort in the order of time.

    Without a time zone it is UTC. orjson takes a fifth of isoformat's time, and omits microseconds that are zero.
    """
    zone = moment.tzinfo
    text = orjson.dumps(moment if zone is UTC or zone is None else moment.astimezone(UTC), option=_IN_UTC)[1:-1]
    return text.decode() if len(text) == 27 else text[:19].decode() + ".000000Z"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
