"""Translates SQLite's errors to errors of the domain."""

from __future__ import annotations

import sqlite3

from gql_releases.domain.errors import Unavailable


class SqliteErrors:
    """Translates the driver's errors of an unavailable database."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise Unavailable for an error of the file or its locks."""
        if isinstance(error, sqlite3.DatabaseError):
            translate(error)


SQLITE_ERRORS = SqliteErrors()


def translate(error: sqlite3.DatabaseError) -> None:
    """Raise Unavailable for an error of the file or its locks; return for any other."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _UNAVAILABLE:
        raise Unavailable(f"The store cannot do this now ({_UNAVAILABLE[code]}); nothing was changed.") from error


_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "it is locked",
    sqlite3.SQLITE_LOCKED: "it is locked",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_PERM: "its file may not be opened",
    sqlite3.SQLITE_AUTH: "its file may not be opened",
    sqlite3.SQLITE_NOTADB: "its file is not a SQLite database, or is encrypted",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_PROTOCOL: "its file is locked in a strange way",
    sqlite3.SQLITE_NOLFS: "its file is too large for this system",
}


def is_not_a_database(error: BaseException | None) -> bool:
    """Return whether an error means that a file is not a SQLite database."""
    return ((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF) == sqlite3.SQLITE_NOTADB


def is_busy(error: BaseException | None) -> bool:
    """Return whether an error means that another connection has locked the file."""
    return ((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF) == sqlite3.SQLITE_BUSY
