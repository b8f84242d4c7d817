"""Validates raw input and converts it to values; all problems of an input are reported at once.

A reader gets a raw JSON value, its path and the list of problems; it returns the value, or appends a problem and returns
None. Accepted values and messages are those of the Django REST framework, which Sentry's clients expect
(docs/sentry-contract.md#2-2-body).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from gql_releases.domain.dates import WRONG_FORMAT, parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, InvalidInput, Path, Problem, UnwrittenNumber, shorten
from gql_releases.domain.numbers import WrittenNumber, type_name

Reader = Callable[[Any, Path, list[Problem]], Any]

NULL = "This field may not be null."
BLANK = "This field may not be blank."
REQUIRED = "This field is required."
NOT_TEXT = "Not a valid string."
NOT_BOOLEAN = "Must be a valid boolean."

URL_LENGTH = 200
JSON_BYTES = 16 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")


def read(reader: Reader, raw: Any) -> Any:
    """Read a whole input. Raises InvalidInput with all problems."""
    problems: list[Problem] = []
    value = reader(raw, (), problems)
    if problems:
        raise InvalidInput(problems)
    return value


def text(*, max: int | None = None, null: bool = False, blank: bool = False, trim: bool = True) -> Reader:
    """Return a reader of a string of at most `max` characters; a number is converted to its text.

    The reader raises UnwrittenNumber for a float whose text is not known.
    """
    limit = sys.maxsize if max is None else max

    def read_text(raw: Any, path: Path, problems: list[Problem]) -> str | None:
        if type(raw) is str and raw.isascii() and "\0" not in raw:  # fast path: most texts are ASCII and valid
            bare = raw.strip() if trim else raw
            if 0 < len(bare) <= limit and (trim or not bare.isspace()):
                return bare
        if raw is None:
            if not null:
                problems.append(Problem(ErrorCode.NOT_NULL, path, NULL))
            return None
        if type(raw) is not str:
            if not _is_number_of_text(raw):
                problems.append(Problem(ErrorCode.WRONG_TYPE, path, NOT_TEXT))
                return None
            if type(raw) is float:
                raise UnwrittenNumber(path, NOT_TEXT)
            raw = _number_text(raw)
        value: str = raw.strip() if trim else raw
        if not blank and not value.strip():
            problems.append(Problem(ErrorCode.BLANK, path, BLANK))
        elif len(value) > limit:
            message = f"Ensure this field has no more than {max} characters."
            problems.append(Problem(ErrorCode.TOO_LONG, path, message))
        elif wrong := wrong_characters(value):
            problems.append(Problem(ErrorCode.INVALID_CHARACTERS, path, wrong))
        return value

    return read_text


def _is_number_of_text(raw: Any) -> bool:
    """Return whether a value is a number that is accepted as a text: an integer of any length, or a double."""
    if isinstance(raw, WrittenNumber):
        return raw.is_finite or raw.is_written_as_integer
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def _number_text(raw: str | int | float) -> str:
    try:
        return str(raw)
    except ValueError:  # Python does not convert integers of more than 4300 digits
        return "9" * 4301


def wrong_characters(value: str) -> str | None:
    """Return the message for characters that no database accepts; None if the text has none."""
    if "\0" in value:
        return "Null characters are not allowed."
    if value.isascii():
        return None
    match = _SURROGATE.search(value)
    return f"Surrogate characters are not allowed: U+{ord(match[0]):X}." if match else None


def date(*, null: bool = True) -> Reader:
    """Return a reader of an ISO 8601 date; a datetime is returned unchanged."""

    def read_date(raw: Any, path: Path, problems: list[Problem]) -> datetime | None:
        if (raw is None and null) or isinstance(raw, datetime):
            return raw
        if raw is None:
            problems.append(Problem(ErrorCode.NOT_NULL, path, NULL))
            return None
        try:
            if isinstance(raw, str):
                return parse_date(raw.strip())
        except DomainError:
            pass
        problems.append(Problem(ErrorCode.INVALID_DATE, path, WRONG_FORMAT))
        return None

    return read_date


_HOST = re.compile(
    r"localhost|\[[0-9A-Fa-f:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"|(?:[^\W_](?:[^\W_]|-){0,62}\.)+(?!-)(?:[^\W\d_]|-|xn--[a-z0-9]){2,63}",
)
_BAD_IN_URL = re.compile(r"[\s\x00-\x20\x7f<>\"]")


def url() -> Reader:
    """Return a reader of a URL of http, https, ftp or ftps; null and blank are accepted."""
    as_text = text(max=URL_LENGTH, null=True, blank=True)

    def read_url(raw: Any, path: Path, problems: list[Problem]) -> str | None:
        before = len(problems)
        value: str | None = as_text(raw, path, problems)
        if value and len(problems) == before and not is_url(value):
            problems.append(Problem(ErrorCode.INVALID_URL, path, "Enter a valid URL."))
        return value

    return read_url


def is_url(value: str) -> bool:
    """Return whether a text is a URL by the rules of Django's validator: a known scheme, a host, no blanks."""
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or 0 <= parts.port <= 65535
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return False
    if parts.scheme.lower() not in ("http", "https", "ftp", "ftps") or _BAD_IN_URL.search(value):
        return False
    host = re.sub(r":[0-9]{1,5}$", "", host).removesuffix(".")
    return port_is_right and len(host) <= 253 and bool(_HOST.fullmatch(host))


def json_object(*, max_bytes: int = JSON_BYTES) -> Reader:
    """Return a reader of a small JSON object, whose value is its text; null is None."""

    def read_object(raw: Any, path: Path, problems: list[Problem]) -> str | None:
        if raw is None:
            return None
        if not isinstance(raw, dict):
            problems.append(Problem(ErrorCode.WRONG_TYPE, path, "Expected a JSON object."))
            return None
        try:
            json_bytes = orjson.dumps(raw, default=_write_number)
        except (orjson.JSONEncodeError, RecursionError):
            if not _report_numbers(raw, path, problems):
                problems.append(Problem(ErrorCode.INVALID_CHARACTERS, path, "This value cannot be written as JSON."))
            return None
        if len(json_bytes) > max_bytes:
            problems.append(Problem(ErrorCode.TOO_LONG, path, f"Ensure this object has no more than {max_bytes} bytes."))
        return json_bytes.decode()

    return read_object


def _write_number(value: object) -> orjson.Fragment:
    if not isinstance(value, WrittenNumber) or not value.is_finite:
        raise TypeError
    return orjson.Fragment(value.text)


def _report_numbers(raw: Any, path: Path, problems: list[Problem]) -> bool:
    """Append a problem for each number beyond the range of doubles; return whether there is one."""
    before = len(problems)
    waiting: list[tuple[Any, Path]] = [(raw, path)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, dict):
            waiting += [(below, (*place, name)) for name, below in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(below, (*place, index)) for index, below in reversed([*enumerate(value)])]
        elif isinstance(value, WrittenNumber) and not value.is_finite:
            message = f"{shorten(value.text)} is beyond the range of numbers: send it as a string."
            problems.append(Problem(ErrorCode.WRONG_TYPE, place, message))
    return len(problems) > before


def choice(values: Mapping[str, Any], wrong: Callable[[str], str]) -> Reader:
    """Return a reader of one of `values` by name; `wrong` returns the message for another name."""

    def read_choice(raw: Any, path: Path, problems: list[Problem]) -> Any:
        if raw is None:
            problems.append(Problem(ErrorCode.NOT_NULL, path, NULL))
        elif not isinstance(raw, str | int | float) or isinstance(raw, bool):
            problems.append(Problem(ErrorCode.WRONG_TYPE, path, NOT_TEXT))
        elif raw in values:
            return values[raw]  # type: ignore[index]
        else:
            text_value = _number_text(raw)
            message = wrong_characters(text_value) or (wrong(shorten(text_value)) if text_value.strip() else BLANK)
            problems.append(Problem(ErrorCode.INVALID_CHOICE, path, message))
        return None

    return read_choice


def boolean() -> Reader:
    """Return a reader of true or false."""

    def read_boolean(raw: Any, path: Path, problems: list[Problem]) -> bool | None:
        if isinstance(raw, bool):
            return raw
        code, message = (ErrorCode.NOT_NULL, NULL) if raw is None else (ErrorCode.WRONG_TYPE, NOT_BOOLEAN)
        problems.append(Problem(code, path, message))
        return None

    return read_boolean


def array(reader: Reader, *, null: bool = False, empty: bool = True) -> Reader:
    """Return a reader of a list, each item of which is read by `reader`."""

    def read_list(raw: Any, path: Path, problems: list[Problem]) -> tuple[Any, ...] | None:
        if raw is None:
            if not null:
                problems.append(Problem(ErrorCode.NOT_NULL, path, NULL))
            return None
        if not isinstance(raw, list | tuple):
            message = f'Expected a list of items but got type "{type_name(raw)}".'
            problems.append(Problem(ErrorCode.WRONG_TYPE, path, message))
            return None
        if not raw and not empty:
            problems.append(Problem(ErrorCode.EMPTY_LIST, path, "This list may not be empty."))
        return tuple([reader(item, (*path, index), problems) for index, item in enumerate(raw)])

    return read_list


def record(fields: Mapping[str, Reader], required: Sequence[str] = ()) -> Reader:
    """Return a reader of an object, whose value is a dict of the fields that were sent; unknown fields are ignored."""
    items = list(fields.items())

    def read_record(raw: Any, path: Path, problems: list[Problem]) -> dict[str, Any] | None:
        if raw is None:
            message = NULL if path else "No data provided"
            problems.append(Problem(ErrorCode.NOT_NULL, path, message))
            return None
        if not isinstance(raw, dict):
            message = f"Invalid data. Expected a dictionary, but got {type_name(raw)}."
            problems.append(Problem(ErrorCode.WRONG_TYPE, path, message))
            return None
        values = {}
        for name, reader in items:
            if name in raw:
                values[name] = reader(raw[name], (*path, name), problems)
            elif name in required:
                problems.append(Problem(ErrorCode.REQUIRED, (*path, name), REQUIRED))
        return values

    return read_record
