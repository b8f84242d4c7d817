"""What a process keeps for reuse, bounded in bytes: caches share one budget, and what was not used for longest goes first.

Clients choose what is kept (documents, filters, selections), so a bound on the number of entries is none. Weights are
estimates: each cache states how many bytes an entry has, from figures that were measured.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import RLock
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
"""Bytes that a process keeps unless a setting says otherwise."""
MAX_SHARE = 16
"""An entry of more than one of so many parts of the budget is not kept."""
ENTRY_BYTES = 200
"""Bytes of an entry itself: its place in two dicts."""


class Usage(NamedTuple):
    """Entries of the caches of one name, and their bytes."""

    entries: int = 0
    bytes: int = 0


class _Entry:
    """A kept value. `used` since the budget last looked at it."""

    __slots__ = ("entries", "key", "name", "used", "value", "weight")

    def __init__(self, entries: dict[object, _Entry], name: str, key: object, value: object, weight: int) -> None:
        self.entries, self.name, self.key, self.value, self.weight = entries, name, key, value, weight
        self.used = False


class CacheBudget:
    """Bytes that caches may have together. Used from any thread."""

    def __init__(self, limit: int = DEFAULT_CACHE_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._order: OrderedDict[_Entry, None] = OrderedDict()
        self._usage: dict[str, Usage] = {}
        self.lock = RLock()  # a value that goes may end another one, whose cache then asks for the lock

    @property
    def limit(self) -> int:
        """The most bytes that are kept."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        with self.lock:
            self._limit = limit
            self._make_room()

    @property
    def entries(self) -> int:
        """Entries that are kept now."""
        return len(self._order)

    @property
    def bytes(self) -> int:
        """Bytes that are kept now, as estimated."""
        return self._bytes

    def usage(self) -> dict[str, Usage]:
        """Return the entries and bytes of the caches of each name."""
        with self.lock:
            return dict(self._usage)

    def add(self, entry: _Entry) -> None:
        """Take a new entry in, and drop others for it."""
        with self.lock:
            self._order[entry] = None
            self._count(entry, 1, entry.weight)
            self._make_room()

    def grow(self, entry: _Entry, weight: int) -> None:
        """Add bytes to an entry that is kept."""
        with self.lock:
            if entry in self._order:
                entry.weight += weight
                self._count(entry, 0, weight)
                self._make_room()

    def remove(self, entry: _Entry) -> None:
        """Let an entry go that its cache has dropped."""
        with self.lock:
            if entry in self._order:
                del self._order[entry]
                self._count(entry, -1, -entry.weight)

    def _make_room(self) -> None:
        """Drop what was not used for longest. What was used since the last look is passed over once."""
        while self._bytes > self._limit and self._order:
            entry, _ = self._order.popitem(last=False)
            if entry.used:
                entry.used = False
                self._order[entry] = None
                continue
            self._count(entry, -1, -entry.weight)
            if entry.entries.get(entry.key) is entry:
                del entry.entries[entry.key]

    def _count(self, entry: _Entry, entries: int, weight: int) -> None:
        self._bytes += weight
        before = self._usage.get(entry.name, Usage())
        self._usage[entry.name] = Usage(before.entries + entries, before.bytes + weight)


BUDGET = CacheBudget()
"""The process's budget. The composition root sets its limit."""


class BoundedCache(Generic[Key, Value]):
    """Values by key, within a budget that it shares with other caches. A cache that is collected leaves its bytes."""

    __slots__ = ("_budget", "_entries", "_name")

    def __init__(self, name: str, budget: CacheBudget = BUDGET) -> None:
        """Take the name that its entries are counted under."""
        self._name, self._budget = name, budget
        self._entries: dict[object, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, or None: two look-ups and no lock, for a request does this some ten times."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used = True
        return entry.value  # type: ignore[return-value]

    def put(self, key: Key, value: Value, weight: int) -> Value:
        """Keep a value of so many bytes, unless it is too large, and return it."""
        if weight * MAX_SHARE <= self._budget.limit:
            entry = _Entry(self._entries, self._name, key, value, weight + ENTRY_BYTES)
            with self._budget.lock:
                self.discard(key)
                self._entries[key] = entry
                self._budget.add(entry)
        return value

    def grow(self, key: Key, weight: int) -> None:
        """Add bytes to the value of a key, where it is still kept."""
        entry = self._entries.get(key)
        if entry is not None:
            self._budget.grow(entry, weight)

    def discard(self, key: Key) -> None:
        """Drop the value of a key, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._budget.remove(entry)

    def clear(self) -> None:
        """Drop all values."""
        while self._entries:
            self._budget.remove(self._entries.popitem()[1])

    def __del__(self) -> None:
        """Leave the bytes of a cache that nobody has any more."""
        self.clear()
