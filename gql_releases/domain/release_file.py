"""Release files in requests.

Source of names and headers: docs/sentry-contract.md#6-5-files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.validation import read, record, text

MAX_NAME_LENGTH = 600
MAX_RENAMED_LENGTH = 200
MAX_DIST_LENGTH = 64
_SPECIAL = re.compile(r"[\n\t\r\f\v\\]")


@dataclass(frozen=True, slots=True)
class NewReleaseFile:
    """A file to be stored with a release. `dist` is "" for none; the bytes are stored already."""

    name: str
    dist: str
    blob: StoredBlob
    headers: Mapping[str, str] = field(default_factory=dict)


class ReleaseFileExists(DomainError):
    """The release has a file of this name and dist."""

    def __init__(self) -> None:
        message = "A file matching this name already exists for the given release"
        super().__init__(ErrorCode.ALREADY_EXISTS, message, ("name",))


class FileTooLarge(DomainError):
    """A file is larger than the server accepts."""

    def __init__(self, limit: int) -> None:
        super().__init__(ErrorCode.TOO_LONG, f"The file is larger than {limit} bytes.", ("file",))


def _refuse(message: str) -> DomainError:
    return DomainError(ErrorCode.INVALID_ARGUMENT, message)


def read_name(name: str | None) -> str:
    """Return a file's name as it was sent. Raises DomainError."""
    if not name or name == "file":
        raise _refuse("File name must be specified")
    if _SPECIAL.search(name.rsplit("/", 1)[-1]):
        raise _refuse("File name must not contain special whitespace characters")
    if len(name) > MAX_NAME_LENGTH or "\0" in name:
        raise _refuse(f"File name must have at most {MAX_NAME_LENGTH} characters and no NUL")
    return name


_read_rename = record({"name": text(max=MAX_RENAMED_LENGTH)}, required=["name"])


def parse_rename(raw: Any) -> str:
    """Return the new name of a file in a body. Raises InvalidInput."""
    name: str = read(_read_rename, raw)["name"]
    return name


def read_dist(dist: str | None) -> str:
    """Return a dist, "" for none. Raises DomainError."""
    trimmed = (dist or "").strip()
    if len(trimmed) > MAX_DIST_LENGTH or "\0" in trimmed:
        raise _refuse(f"dist must have at most {MAX_DIST_LENGTH} characters and no NUL")
    return trimmed


def read_headers(content_type: str | None, entries: Iterable[str]) -> dict[str, str]:
    """Return the headers of a file: its content type, and entries `name:value`, which may replace it. Raises DomainError."""
    headers = {"Content-Type": content_type} if content_type else {}
    for entry in entries:
        name, colon, value = entry.partition(":")
        if not colon:
            raise _refuse("header value was not formatted correctly")
        if _SPECIAL.search(value) or "\0" in entry:
            raise _refuse("header value must not contain special whitespace characters")
        headers[name] = value.strip()
    return headers
