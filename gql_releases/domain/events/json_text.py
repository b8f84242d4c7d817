"""Parses the JSON of items: an invalid character or number is replaced, and the event is kept."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import orjson

MAX_DEPTH = 100
MAX_CONTAINERS = 50_000
"""Objects and lists of a text: an event of 1 MiB can hold 300,000 empty lists, which take 60 ms."""

_MAX_DIGITS = 300
"""Integers of more digits are kept as text: the time of a conversion grows with the square of their number."""
_REFUSED_TEXT = object()
_DEPTH_CHANGES = bytes(1 if byte in b"[{" else 255 if byte in b"]}" else 0 for byte in range(256))
_NOT_BRACKETS_OR_QUOTES = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_CONTROL_CHARACTERS = dict.fromkeys(range(1, 32), " ") | {0: None}
_LONG_NUMBER = re.compile(f"(?<![0-9])[0-9]{{{_MAX_DIGITS}}}")
# Both alternatives look at the six characters beside them: a pair of surrogates is a character.
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class InvalidEvent(Exception):
    """The data is no event: not JSON, no JSON object, or nested too deeply."""


def parse_json(payload: bytes) -> Any:
    """Parse JSON.

    Lone surrogates become U+FFFD and null characters are removed. NaN, infinite numbers, integers of any length, control
    characters in strings, a byte order mark and bytes that are not UTF-8 are accepted. Raises InvalidEvent for other
    text, and for more than MAX_DEPTH levels or MAX_CONTAINERS objects and lists, before it is parsed.
    """
    if payload.count(b"[") + payload.count(b"{") > MAX_DEPTH:
        _check_brackets(payload)
    has_null = b"\\" in payload and b"\\u0000" in payload  # the first alone takes a fiftieth of the time
    value = _REFUSED_TEXT if has_null else _parse_strictly(payload)
    if value is _REFUSED_TEXT:
        text = _clean_text(payload)
        value = _parse_strictly(text)
        if value is _REFUSED_TEXT:
            value = _parse_loosely(text)
    return value


def _parse_strictly(content: bytes | str) -> Any:
    """Return the value of JSON that orjson parses without loss; _REFUSED_TEXT for others.

    It converts integers of more than 64 bits to floats: an integer is a release, a float is not.
    """
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _REFUSED_TEXT
    return _REFUSED_TEXT if _has_float_release(value) else value


def _check_brackets(payload: bytes) -> None:
    """Check the number and the depth of the brackets outside of strings. Raises InvalidEvent."""
    if b"\\" in payload:
        payload = payload.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Of a string without brackets two quotes are left; to remove any two that are adjacent changes nothing for the others.
    kept = payload.translate(None, delete=_NOT_BRACKETS_OR_QUOTES).replace(b'""', b"")
    changes = b"".join(kept.split(b'"')[::2]).translate(_DEPTH_CHANGES)
    if len(changes) > 2 * MAX_CONTAINERS:
        raise InvalidEvent(f"JSON has more than {MAX_CONTAINERS} objects and lists")
    if max(itertools.accumulate(memoryview(changes).cast("b")), default=0) > MAX_DEPTH:
        raise InvalidEvent(f"JSON is nested more than {MAX_DEPTH} levels deep")


def _has_float_release(value: Any) -> bool:
    if type(value) is not dict:
        return False
    attributes = value.get("attrs")
    return type(value.get("release")) is float or (type(attributes) is dict and type(attributes.get("release")) is float)


def _clean_text(payload: bytes) -> str:
    """Return a payload as text without null characters, control characters and lone surrogates, escaped ones too."""
    text = payload.decode("utf-8-sig", "replace").translate(_CONTROL_CHARACTERS)
    if "\\u" not in text:
        return text
    # Without escaped backslashes, each backslash begins an escape; the text has no control characters any more.
    text = text.replace("\\\\", "\x01").replace("\\u0000", "")
    return _LONE_SURROGATE.sub(r"\\ufffd", text).replace("\x01", "\\\\")


def _parse_loosely(text: str) -> Any:
    try:
        if _LONG_NUMBER.search(text):
            return json.loads(text, parse_int=_parse_integer)
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"Invalid JSON: {error}") from error


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) < _MAX_DIGITS else digits
