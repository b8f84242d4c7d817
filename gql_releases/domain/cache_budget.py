"""Caches of a process, bounded in bytes: they share one budget, and the least recently used entries are evicted first.

Clients choose the entries (documents, filters, selections), so that a number of entries is no bound. Weights are
estimates: each cache states the bytes of an entry, from measured figures.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import RLock
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
"""Default of the limit in bytes."""
MAX_SHARE = 16
"""An entry of more than 1/MAX_SHARE of the budget is not cached."""
ENTRY_BYTES = 200
"""Bytes of an entry besides its value: its places in two dicts."""


class Usage(NamedTuple):
    """Entries of the caches of one name, and their bytes."""

    entries: int = 0
    bytes: int = 0


class _Entry:
    """A cached value. `used`: it was read since the budget last examined it."""

    __slots__ = ("entries", "key", "name", "used", "value", "weight")

    def __init__(self, entries: dict[object, _Entry], name: str, key: object, value: object, weight: int) -> None:
        self.entries, self.name, self.key, self.value, self.weight = entries, name, key, value, weight
        self.used = False


class CacheBudget:
    """The limit of the bytes of several caches. Thread-safe."""

    def __init__(self, limit: int = DEFAULT_CACHE_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._order: OrderedDict[_Entry, None] = OrderedDict()
        self._usage: dict[str, Usage] = {}
        self.lock = RLock()  # reentrant: freeing a value may free another cache

    @property
    def limit(self) -> int:
        """The limit in bytes."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        with self.lock:
            self._limit = limit
            self._evict()

    @property
    def entries(self) -> int:
        """Number of cached entries."""
        return len(self._order)

    @property
    def bytes(self) -> int:
        """Estimated bytes of cached entries."""
        return self._bytes

    def usage(self) -> dict[str, Usage]:
        """Return the entries and bytes of the caches of each name."""
        with self.lock:
            return dict(self._usage)

    def add(self, entry: _Entry) -> None:
        """Add a new entry, and evict others for it."""
        with self.lock:
            self._order[entry] = None
            self._count(entry, 1, entry.weight)
            self._evict()

    def grow(self, entry: _Entry, weight: int) -> None:
        """Add bytes to an entry, if it is still cached."""
        with self.lock:
            if entry in self._order:
                entry.weight += weight
                self._count(entry, 0, weight)
                self._evict()

    def remove(self, entry: _Entry) -> None:
        """Remove an entry that its cache has dropped."""
        with self.lock:
            if entry in self._order:
                del self._order[entry]
                self._count(entry, -1, -entry.weight)

    def _evict(self) -> None:
        """Evict the least recently used entries. An entry that was used since it was last examined is skipped once."""
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
        usage = self._usage.get(entry.name, Usage())
        self._usage[entry.name] = Usage(usage.entries + entries, usage.bytes + weight)


BUDGET = CacheBudget()
"""The process's budget. The composition root sets its limit."""


class BoundedCache(Generic[Key, Value]):
    """Values by key, within a budget that is shared with other caches. A freed cache releases its bytes."""

    __slots__ = ("_budget", "_entries", "_name")

    def __init__(self, name: str, budget: CacheBudget = BUDGET) -> None:
        """`name` is the key of its usage in the budget."""
        self._name, self._budget = name, budget
        self._entries: dict[object, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, or None: two look-ups and no lock, since a request calls it about ten times."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used = True
        return entry.value  # type: ignore[return-value]

    def put(self, key: Key, value: Value, weight: int) -> Value:
        """Cache a value of `weight` bytes, unless it is too large, and return it."""
        if weight * MAX_SHARE <= self._budget.limit:
            entry = _Entry(self._entries, self._name, key, value, weight + ENTRY_BYTES)
            with self._budget.lock:
                self.discard(key)
                self._entries[key] = entry
                self._budget.add(entry)
        return value

    def grow(self, key: Key, weight: int) -> None:
        """Add bytes to the value of a key, if it is still cached."""
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
        """Release the bytes of a freed cache."""
        self.clear()
