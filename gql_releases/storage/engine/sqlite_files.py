"""The files of a SQLite database: creates them, and detects that they were replaced or removed."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from gql_releases.domain.errors import Unavailable

logger = logging.getLogger(__name__)

OWNER_ONLY = 0o600
"""Mode of a new database, which only the server's user may read. SQLite gives -wal and -shm the same."""
LOG_EVERY_SECONDS = 60.0
"""Seconds between two log lines about the same missing or replaced file."""
COMPANIONS = ("", "-wal", "-shm")
"""Endings of the names of a database's files."""


def create_file(path: Path) -> None:
    """Create an empty file that only its owner may read and write, unless it exists. Raises Unavailable.

    An existing file is not opened: closing it would release the locks that other connections of this process hold.
    """
    try:
        os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY))
    except FileExistsError:
        if path.is_dir():
            raise Unavailable(f"{path} is a folder, not a database.") from None
    except OSError as error:
        raise Unavailable(f"The database {path} cannot be created: {error.strerror}.") from None


class OpenFiles:
    """The open files of a connection, by device and inode: writes to others would be lost or mix two databases."""

    def __init__(self, path: Path) -> None:
        """Take the database, which a connection has read already, so that all of its files exist."""
        self._names = [f"{path}{ending}" for ending in COMPANIONS]
        self._opened = [_identity(name) for name in self._names]
        self._logged = float("-inf")

    def require_same(self) -> None:
        """Raise Unavailable where a file was removed or replaced, and log it as an error, at most once a minute."""
        for name, opened in zip(self._names, self._opened, strict=True):
            if opened is not None and _identity(name) != opened:
                self._refuse(name)

    def _refuse(self, name: str) -> None:
        what = "replaced" if os.path.lexists(name) else "removed"
        if time.monotonic() - self._logged > LOG_EVERY_SECONDS:
            self._logged = time.monotonic()
            logger.error("%s was %s while it is open: writes are refused until the server is restarted", name, what)
        raise Unavailable(f"The store's file was {what}; nothing was changed.")


def _identity(name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_dev, status.st_ino
