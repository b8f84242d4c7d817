"""What a collection of unused files has removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import NamedTuple


class CollectionLock(Enum):
    """The locks of collection; the value is the key of PostgreSQL's advisory lock."""

    RUN = 7_101_985
    """Held while files are collected."""
    SCHEDULE = 7_101_986
    """Held by the server process that collects hourly."""


class Removed(NamedTuple):
    """A number of rows or files, and their bytes."""

    number: int = 0
    bytes: int = 0

    def plus(self, other: Removed) -> Removed:
        """Return the sum."""
        return Removed(self.number + other.number, self.bytes + other.bytes)


NOTHING = Removed()


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection has removed, or would remove."""

    bundles: Removed = NOTHING
    """Bundles by retention. Their blobs are counted below when they are removed."""
    debug_files: Removed = NOTHING
    chunk_rows: Removed = NOTHING
    blob_rows: Removed = NOTHING
    assemblies: Removed = NOTHING
    chunks: Removed = NOTHING
    """Bytes of chunks in the store of files."""
    blobs: Removed = NOTHING
    temporary: Removed = NOTHING

    def list_removed(self) -> Iterator[tuple[str, Removed]]:
        """Return each kind with what was removed of it."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def describe(self) -> str:
        """Return what was removed, for a log line."""
        return ", ".join(f"{removed.number} {name}" for name, removed in self.list_removed() if removed.number)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was removed."""
        return not any(removed.number for _, removed in self.list_removed())
