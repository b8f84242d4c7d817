"""The parsed files that a worker keeps: the least recently used are dropped when they take too many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from gql_releases.domain.symbolication import InputFile

T = TypeVar("T")


class FileTooLarge(Exception):
    """A file is larger than what is parsed."""


class ParsedFiles:
    """A cache of parsed files, bounded by what they are estimated to take in memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._files: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, kind: type[T]) -> T | None:
        """Return a parsed file, or None if it is not kept."""
        entry = self._files.get(key)
        if entry is None:
            return None
        self._files.move_to_end(key)
        assert isinstance(entry[0], kind)
        return entry[0]

    def add(self, key: Hashable, parse: Callable[[], T], size: int) -> T:
        """Parse a file, having dropped others so that its `size` bytes fit; one that never fits is not kept."""
        while self._files and self._bytes + size > self._max_bytes:
            _, (_, dropped_bytes) = self._files.popitem(last=False)
            self._bytes -= dropped_bytes
        parsed = parse()
        if size <= self._max_bytes:
            self._files[key] = parsed, size
            self._bytes += size
        return parsed


def read_file(file: InputFile, max_bytes: int) -> bytes:
    """Return the content of a file. Raises FileTooLarge, OSError."""
    if file.content is not None:
        content = file.content
    else:
        assert file.path is not None
        with open(file.path, "rb") as stream:
            content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise FileTooLarge
    return content
