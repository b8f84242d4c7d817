"""Dates: read in the forms of ISO 8601 that Sentry accepts, written in one form, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from .errors import ErrorCode, invalid

WRONG_FORMAT = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)


def parse_date(text: str) -> datetime:
    """Read an ISO 8601 date as an aware datetime in UTC; no offset means UTC, more than six digits are cut.

    Raises InvalidInput. Source: contract section 2.4.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(ErrorCode.INVALID_DATE, (), WRONG_FORMAT) from error


def format_date(moment: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC, always with microseconds: one form, whose byte order is time's.

    orjson does it in a fifth of isoformat's time, and leaves out microseconds that are zero.
    """
    spelled = orjson.dumps(moment if moment.tzinfo is UTC else moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1]
    return spelled.decode() if len(spelled) == 27 else spelled[:19].decode() + ".000000Z"


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)
