"""Reads fields of events and sessions whose type may be any: a value of another type is absent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

MAX_INTEGER = 2**31 - 1
MAX_ITEMS = 1_000
"""Items that are looked at in a list or object whose length an SDK determines."""
MAX_CONVERTED_BITS = 1024
"""Bits of an integer that is converted to text."""

_UUID = re.compile("[0-9a-f]{32}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_AUTHORITY = re.compile("[^/?#]*@")


def clean_text(text: str) -> str:
    """Return a text that can be stored: without null characters, with U+FFFD for lone surrogates."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return _UNSTORABLE.sub(lambda match: "" if match[0] == "\0" else "\ufffd", text)


def read_text(raw: Any, limit: int) -> str | None:
    """Return a text cut to `limit` characters, or the text of a number or boolean; None for the empty text and others."""
    if type(raw) is not str:
        if type(raw) is bool:
            return "true" if raw else "false"
        if type(raw) is not float and (type(raw) is not int or raw.bit_length() > MAX_CONVERTED_BITS):
            return None
        raw = str(raw)
    return clean_text(raw[:limit]) or None


def render_text(raw: Any, limit: int) -> str | None:
    """Return a text as `read_text`; of a list or object its JSON."""
    if type(raw) is dict or type(raw) is list:
        try:
            raw = orjson.dumps(raw)[: limit * 4].decode("utf-8", "ignore")
        except TypeError:  # surrogates, integers of more than 64 bits, more than 254 levels
            return None
    return read_text(raw, limit)


def read_object(raw: Any) -> dict[str, Any]:
    """Return an object; an empty one for other values."""
    return raw if type(raw) is dict else {}


def read_values(raw: Any) -> list[Any]:
    """Return the items of a list, or of `values` of an object; an object without `values` is the only item."""
    if type(raw) is dict:
        if "values" not in raw:
            return [raw] if raw else []
        raw = raw["values"]
        if type(raw) is dict:
            return [raw]
    return raw if type(raw) is list else []


def read_integer(raw: Any, least: int = 0) -> int | None:
    """Return an integer from `least` to MAX_INTEGER; None for others."""
    if type(raw) is float and raw.is_integer():
        raw = int(raw)
    return raw if type(raw) is int and least <= raw <= MAX_INTEGER else None


def read_boolean(raw: Any) -> bool | None:
    """Return a boolean; None for others."""
    return raw if type(raw) is bool else None


def read_time(raw: Any) -> datetime | None:
    """Return the time of seconds since 1970-01-01 or of an ISO 8601 text, in UTC; without a zone it is UTC."""
    try:
        if type(raw) is str:
            if len(raw) > 64:
                return None
            raw = raw.strip()
            if raw[4:5] == "-":
                moment = datetime.fromisoformat(raw)
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            raw = float(raw)
        if type(raw) is int or type(raw) is float:
            return datetime.fromtimestamp(raw, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def read_uuid(raw: Any) -> str | None:
    """Return the id of an event or session as 32 lower-case hex digits, without dashes; None if it is none."""
    if type(raw) is not str or len(raw) > 64:
        return None
    digits = raw.strip().replace("-", "").lower()
    return digits if _UUID.fullmatch(digits) else None


def read_user(raw: Any) -> str | None:
    """Return what identifies a user: id, e-mail address or name; never an IP address."""
    user = read_object(raw)
    for name in ("id", "email", "username", "name"):
        if (text := read_text(user.get(name), 256)) and (bare := text.strip()):
            return bare
    return None


def list_pairs(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Return the first MAX_ITEMS names and values of an object or of a list of pairs."""
    if type(raw) is dict:
        yield from islice(raw.items(), MAX_ITEMS)
    elif type(raw) is list:
        for pair in raw[:MAX_ITEMS]:
            if type(pair) is list and len(pair) == 2:
                yield pair[0], pair[1]
            elif type(pair) is dict and "key" in pair:
                yield pair["key"], pair.get("value")


def read_scalars(raw: Any, max_count: int, limit: int) -> dict[str, Any]:
    """Return the texts, numbers and booleans of an object, at most `max_count`, with texts cut to `limit`."""
    scalars: dict[str, Any] = {}
    for name, value in list_pairs(raw):
        if len(scalars) == max_count:
            break
        if type(name) is not str or not 0 < len(name) <= 64:
            continue
        if type(value) is str:
            scalars[clean_text(name)] = clean_text(value[:limit])
        elif type(value) is bool or _is_storable_number(value):
            scalars[clean_text(name)] = value
    return scalars


def _is_storable_number(value: Any) -> bool:
    return value.bit_length() < 64 if type(value) is int else type(value) is float and math.isfinite(value)


def cut_url(url: str) -> str:
    """Return a URL without user, query and fragment, which may contain secrets."""
    url = url.partition("?")[0].partition("#")[0]
    if "@" in url:
        scheme, separator, rest = url.partition("://")
        if separator:
            url = scheme + separator + _AUTHORITY.sub("", rest, count=1)
    return url
