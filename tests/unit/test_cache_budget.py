"""The budget of what is kept for reuse."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from gql_releases.domain.cache_budget import ENTRY_BYTES, BoundedCache, CacheBudget, Usage


def test_what_was_not_used_for_longest_goes_first() -> None:
    budget = CacheBudget(20 * (1000 + ENTRY_BYTES))
    first: BoundedCache[int, str] = BoundedCache("first", budget)
    second: BoundedCache[int, str] = BoundedCache("second", budget)
    for number in range(10):
        first.put(number, f"first {number}", 1000)
        second.put(number, f"second {number}", 1000)
    assert all(first.get(number) == f"first {number}" for number in range(10))
    for number in range(10, 20):
        second.put(number, f"second {number}", 1000)
    assert [first.get(number) is not None for number in range(10)] == [True] * 10
    assert [second.get(number) is not None for number in range(10)] == [False] * 10
    assert budget.usage() == {"first": Usage(10, 10 * (1000 + ENTRY_BYTES)), "second": Usage(10, 10 * (1000 + ENTRY_BYTES))}


def test_an_entry_that_is_too_large_is_not_kept() -> None:
    budget = CacheBudget(160_000)
    cache: BoundedCache[str, str] = BoundedCache("cache", budget)
    assert cache.put("a", "value", 10_001) == "value"
    assert cache.get("a") is None
    cache.put("a", "value", 10_000)
    assert cache.get("a") == "value"


def test_an_entry_that_grows_makes_room() -> None:
    budget = CacheBudget(50_000)
    cache: BoundedCache[int, int] = BoundedCache("cache", budget)
    for number in range(10):
        cache.put(number, number, 3000)
    cache.grow(9, 40_000)
    assert budget.bytes <= 50_000
    assert cache.get(9) == 9
    assert cache.get(0) is None
    cache.grow(0, 10**9)
    assert cache.get(9) == 9


def test_a_smaller_limit_holds_at_once() -> None:
    budget = CacheBudget()
    cache: BoundedCache[int, int] = BoundedCache("cache", budget)
    for number in range(100):
        cache.put(number, number, 1000)
    budget.limit = 10_000
    assert budget.bytes <= 10_000
    assert len(cache) == budget.entries <= 8


def test_a_cache_that_is_collected_leaves_its_bytes() -> None:
    budget = CacheBudget()
    cache: BoundedCache[int, int] | None = BoundedCache("cache", budget)
    assert cache is not None
    cache.put(1, 1, 1000)
    cache.put(1, 2, 2000)
    assert budget.usage() == {"cache": Usage(1, 2000 + ENTRY_BYTES)}
    cache = None
    assert (budget.entries, budget.bytes) == (0, 0)


def test_threads_share_a_budget() -> None:
    budget = CacheBudget(100_000)
    caches: list[BoundedCache[int, int]] = [BoundedCache(f"cache {number}", budget) for number in range(4)]

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(3000):
            cache, key = draw.choice(caches), draw.randrange(50)
            result = cache.get(key)
            assert result is None or result == key
            match draw.randrange(4):
                case 0 | 1:
                    cache.put(key, key, draw.randrange(5000))
                case 2:
                    cache.grow(key, 100)
                case _:
                    cache.discard(key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert budget.bytes <= 100_000
    assert budget.entries == sum(map(len, caches)) == sum(usage.entries for usage in budget.usage().values())
    assert budget.bytes == sum(usage.bytes for usage in budget.usage().values())
