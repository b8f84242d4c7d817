"""Finds the message of an event, and normalizes texts, so that messages which differ in ids, numbers and dates are equal.

All patterns take time in proportion to the text: where a repetition can begin is bounded by the character before it, or
its length is bounded.
"""

from __future__ import annotations

import re
from typing import Any

MAX_NORMALIZED_LENGTH = 512
MAX_NORMALIZED_LINES = 2

_DIGIT = re.compile("[0-9]")
_URL = re.compile(r"(?<!\w)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s\"'<>()\[\]{}]+")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_UUID = re.compile(r"(?<!\w)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\w)")
_DATE = re.compile(
    r"(?<!\w)[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?(?!\w)"
)
_IP = re.compile(r"(?<!\w)(?<![0-9]\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])")
_HEX = re.compile(r"(?<!\w)(?:0[xX][0-9a-fA-F]+|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{16,})(?!\w)")
_NUMBER = re.compile(r"(?<!\w)(?<![0-9][.,])[+-]?[0-9]+(?:[.,][0-9]+)*(?!\w|[.,][0-9])")


def normalize_text(text: str) -> str:
    """Return the first two non-blank lines of a text's first 512 characters, with a mark for all that varies."""
    lines = (" ".join(line.split()) for line in text[:MAX_NORMALIZED_LENGTH].splitlines())
    text = "\n".join([line for line in lines if line][:MAX_NORMALIZED_LINES])
    if "://" in text:
        text = _URL.sub("<url>", text)
    if "@" in text:
        text = _EMAIL.sub("<email>", text)
    if _DIGIT.search(text) is None:
        return text
    if "-" in text:
        text = _UUID.sub("<uuid>", text)
        text = _DATE.sub("<date>", text)
    if "." in text:
        text = _IP.sub("<ip>", text)
    text = _HEX.sub("<hex>", text)
    return _NUMBER.sub("<n>", text)


def first_line(text: str) -> str:
    """Return the first non-blank line of a text, trimmed."""
    return text.strip().partition("\n")[0].strip()


def find_message(body: dict[str, Any]) -> str | None:
    """Return the message in an event's body, with its parameters filled in if the SDK did so; None if it has none."""
    entry = body.get("logentry", {})
    message: str | None = entry.get("formatted") or entry.get("message") or body.get("message")
    return message
