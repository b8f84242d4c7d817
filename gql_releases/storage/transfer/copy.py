"""Copies a store into another database, SQLite or PostgreSQL, and compares both; an interrupted copy can be continued.

Each batch and the mark of its progress are one transaction in the target, so that a copy may be killed at any time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from asyncio import to_thread
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from gql_releases.domain.errors import CommandFailed, InvalidInput, Unavailable
from gql_releases.storage.engine.sqlite_errors import is_not_a_database
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.schema import migrate
from gql_releases.storage.schema.revision import COPY_MARKS_TABLE
from gql_releases.storage.schema.tables.event import is_partition
from gql_releases.storage.transfer.endpoints import CopyEndpoint, CopyInProgress, fetch_value, open_endpoint
from gql_releases.storage.transfer.table_parts import EVENT_TABLES, Part, parts_to_copy, whole_tables

MAX_BATCH_ROWS = 5000
"""Rows of a transaction."""
COPY_AGAIN_MESSAGE = "Empty the target and copy again, while nothing writes to the source."
COPY_UNDER_WAY_MESSAGE = "Another copy into this database is under way."


class CopyRefused(CommandFailed):
    """A copy cannot begin or continue."""


class CopyProgress(Protocol):
    """Receives the progress of a copy."""

    def begin(self, activity: str, total: int, completed: int) -> None:
        """Begin an activity on `total` rows, of which some are completed."""

    def advance(self, rows: int) -> None:
        """Count completed rows."""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """The number of rows of a table in both databases, and a digest of all of them in order."""

    table: str
    rows: tuple[int, int]
    digests: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether both have the same rows."""
        return self.rows[0] == self.rows[1] and self.digests[0] == self.digests[1]


async def copy(
    source_url: str,
    target_url: str,
    watch: CopyProgress,
    batch: int = MAX_BATCH_ROWS,
    without: Collection[str] = frozenset(),
) -> list[TableComparison]:
    """Copy all tables but those `without` and compare them; the source's must be up to date, the target's are migrated.

    Raises CopyRefused, before any change, for a target that has other data; ValueError; Unavailable, after which another
    run continues.
    """
    if redact_url(source_url) == redact_url(target_url):
        raise CopyRefused("The source and the target are the same database.")
    async with _open(source_url, to_write=False) as source:
        if COPY_MARKS_TABLE in await source.tables():
            raise CopyRefused(f"{redact_url(source_url)} is itself an unfinished copy.")
        await _require_free(source_url, target_url)
        await to_thread(migrate.migrate, target_url)
        async with _open(target_url, to_write=True) as target:
            try:
                await target.lock()
            except CopyInProgress as error:
                raise CopyRefused(COPY_UNDER_WAY_MESSAGE) from error
            async with source.snapshot():
                await _copy_all(source, target, redact_url(source_url), watch, batch, without)
            await target.tidy()
            # A new snapshot of the source: rows written to it since the copy began are differences.
            async with source.snapshot(), target.snapshot():
                comparisons = await _compare_all(source, target, watch, batch, without)
            if all(comparison.same for comparison in comparisons):
                async with target.transaction():
                    if COPY_MARKS_TABLE not in await target.tables():  # SQLite: another copy ended meanwhile
                        raise CopyRefused(COPY_UNDER_WAY_MESSAGE)
                    await target.fetch(f"DROP TABLE {COPY_MARKS_TABLE}")
            return comparisons


@asynccontextmanager
async def _open(url: str, *, to_write: bool) -> AsyncIterator[CopyEndpoint]:
    endpoint = await open_endpoint(url, to_write=to_write)
    if endpoint is None:
        raise CopyRefused(f"The database {redact_url(url)} does not exist.")
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def _require_free(source_url: str, target_url: str) -> None:
    """Raise CopyRefused for a target that is neither empty nor an unfinished copy of this source. Nothing is written."""
    target, name = await open_endpoint(target_url, to_write=False), redact_url(target_url)
    if target is None:
        return
    try:
        async with target.snapshot():
            tables = await target.tables()
            own = {part.table for part in whole_tables()} | {COPY_MARKS_TABLE, "alembic_version"}
            others = {name for name in tables - own if not is_partition(name)}
            if others:
                raise CopyRefused(
                    f"{name} has tables of another application ({', '.join(sorted(others))}): name an empty database."
                )
            if COPY_MARKS_TABLE in tables:
                sources = {source for (source,) in await target.fetch(f"SELECT DISTINCT source FROM {COPY_MARKS_TABLE}")}
                if sources != {redact_url(source_url)}:
                    raise CopyRefused(f"{name} has an unfinished copy of {', '.join(sorted(sources))}: {COPY_AGAIN_MESSAGE}")
                ((revision,),) = await target.fetch("SELECT version_num FROM alembic_version")
                if revision != migrate.head_revision():
                    raise CopyRefused(f"{name} has an unfinished copy by another version: {COPY_AGAIN_MESSAGE}")
                return
            filled = await _list_filled_tables(target, tables)
            if filled:
                raise CopyRefused(f"{name} already holds data ({', '.join(filled)}): name an empty database.")
    except Unavailable as error:
        if is_not_a_database(error.__cause__):
            raise CopyRefused(f"{name} is not a database, or is encrypted: name another one.") from None
        raise
    finally:
        await target.close()


async def _list_filled_tables(endpoint: CopyEndpoint, tables: set[str]) -> list[str]:
    """Return those of the tables that a copy writes and that have rows."""
    names = [part.table for part in whole_tables() if part.table in tables]
    return [name for name in names if await endpoint.fetch(f'SELECT 1 FROM "{name}" LIMIT 1')]


async def _copy_all(
    source: CopyEndpoint, target: CopyEndpoint, name: str, watch: CopyProgress, batch: int, without: Collection[str]
) -> None:
    """Copy the missing rows, then make the target's new ids follow those of the source."""
    parts = parts_to_copy(without)
    reached = await _begin_marks(target, parts, name)
    watch.begin("copying", await _count(source, without), await _count(target, without))
    for part in parts:
        await _copy_part(source, target, part, reached[part.name], watch, batch)
    async with target.transaction():
        last, target_last = await source.last_ids(), await target.last_ids()
        await target.set_last_ids({name: max(last[name], target_last[name]) for name in last})


async def _begin_marks(target: CopyEndpoint, parts: Sequence[Part], name: str) -> dict[str, str]:
    """Return how far each part has been copied; create the table of marks where no copy has begun.

    Raises CopyRefused where another copy, which had the lock first, has filled the target since it was checked.
    """
    async with target.transaction():
        tables = await target.tables()
        if COPY_MARKS_TABLE in tables:
            reached: dict[str, str] = dict(await target.fetch(f"SELECT step, reached FROM {COPY_MARKS_TABLE}"))
            if reached.keys() != {part.name for part in parts}:
                kind = "without" if EVENT_TABLES.isdisjoint(reached) else "with"
                raise CopyRefused(f"The unfinished copy was begun {kind} events: run it again in the same way.")
            return reached
        if await _list_filled_tables(target, tables):
            raise CopyRefused(COPY_UNDER_WAY_MESSAGE)
        await target.fetch(
            f"CREATE TABLE {COPY_MARKS_TABLE} (step VARCHAR(200) PRIMARY KEY, source TEXT NOT NULL, reached TEXT NOT NULL)"
        )
        insert = f"INSERT INTO {COPY_MARKS_TABLE} (step, source, reached) VALUES ({target.sign}1, {target.sign}2, '')"
        for part in parts:
            await target.fetch(insert, part.name, name)
    return dict.fromkeys((part.name for part in parts), "")


async def _count(endpoint: CopyEndpoint, without: Collection[str]) -> int:
    return sum([await fetch_value(endpoint, f'SELECT count(*) FROM "{part.table}"') for part in whole_tables(without)])


async def _copy_part(
    source: CopyEndpoint, target: CopyEndpoint, part: Part, reached: str, watch: CopyProgress, batch: int
) -> None:
    while True:
        after = tuple(json.loads(reached)) if reached else None
        try:
            rows = await source.rows(part, after, batch)
            if not rows:
                return
            mark = json.dumps(part.read_key(rows[-1]))
            async with target.transaction():
                await _set_mark(target, part, reached, mark)
                await target.put(part, rows)
        except (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
            where = f"{part.name}, after {reached or 'the beginning'}"
            raise CopyRefused(
                f"The source has changed since the copy began ({where}: {error}). {COPY_AGAIN_MESSAGE}"
            ) from error
        except (InvalidInput, asyncpg.DataError, TypeError, ValueError, OverflowError) as error:
            where = f"{part.name}, after {reached or 'the beginning'}"
            raise CopyRefused(f"The target cannot store a row of the source ({where}): {error}") from error
        reached = mark
        if not part.waiting:
            watch.advance(len(rows))


async def _set_mark(target: CopyEndpoint, part: Part, reached: str, mark: str) -> None:
    """Update a mark from the value that this copy wrote. Raises CopyRefused where another copy has changed it."""
    sign = target.sign
    move = f"UPDATE {COPY_MARKS_TABLE} SET reached = {sign}1 WHERE step = {sign}2 AND reached = {sign}3 RETURNING step"
    if COPY_MARKS_TABLE not in await target.tables() or not await target.fetch(move, mark, part.name, reached):
        raise CopyRefused(COPY_UNDER_WAY_MESSAGE)


async def _compare_all(
    source: CopyEndpoint, target: CopyEndpoint, watch: CopyProgress, batch: int, without: Collection[str]
) -> list[TableComparison]:
    watch.begin("comparing", await _count(source, without) + await _count(target, without), 0)
    comparisons = []
    for part in whole_tables(without):
        source_digest, target_digest = [await _digest(endpoint, part, watch, batch) for endpoint in (source, target)]
        rows, digests = (source_digest[0], target_digest[0]), (source_digest[1], target_digest[1])
        comparisons.append(TableComparison(part.table, rows, digests))
    return comparisons


async def _digest(endpoint: CopyEndpoint, part: Part, watch: CopyProgress, batch: int) -> tuple[int, str]:
    """Return the number of a table's rows and the SHA-256 of all of them, in the order of the primary key."""
    hashed, count, after = hashlib.sha256(), 0, None
    while rows := await endpoint.rows(part, after, batch):
        for row in rows:
            hashed.update(repr(row).encode())  # integers, texts, bytes and None: unambiguous
        count, after = count + len(rows), part.read_key(rows[-1])
        watch.advance(len(rows))
    return count, hashed.hexdigest()
