"""How databases would run statements: which walks of a table a plan has, beyond looking up rows by an index."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from gql_releases.storage.engine.postgres import use_text_dates

TENANT = {"organization_id"}
_LITE = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX (\S+)|PRIMARY KEY))?(?: \((.*)\))?")
_COLUMN = re.compile(r"(?:\(|, |AND )(\w+)\)?(?:::\w+)?(?:,| (?:[<>=]+|= ANY|IS NOT) )")


@dataclass(frozen=True)
class Walk:
    """A table of which a statement reads more than it looks up: all of it, or all that is the tenant's.

    `counted`: to be counted. `ordered`: along an index, in the order that is asked for, until the page is full; then `filtered`
    says that there are conditions that may leave rows out on the way.
    """

    table: str
    whole: bool
    counted: bool
    ordered: bool
    filtered: bool
    sql: str


def walks_of_sqlite(path: Path, bound: Mapping[str, tuple[Any, ...]]) -> Iterator[Walk]:
    """Give the walks that SQLite plans. It plans without looking at data, and the same for all values."""
    with closing(sqlite3.connect(path)) as connection:
        for sql, values in bound.items():
            steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
            for _, parent, _, text in steps:
                found = _LITE.match(text)
                if not found or "VIRTUAL TABLE" in text:
                    continue
                kind, alias, _, terms = found.groups()
                if alias.startswith("anon_"):  # the rows that a select inside has found, not a table
                    continue
                if kind == "SEARCH" and terms != "organization_id=?":
                    continue
                inside = _select_of(sql, alias)
                if "WHERE 0 = 1" in inside:  # what can never hold is looked at before the first row
                    continue
                sorted_after = any(one[1] == parent and "TEMP B-TREE FOR ORDER BY" in one[3] for one in steps)
                yield Walk(
                    re.sub(r"_\d+$", "", alias),
                    kind == "SCAN",
                    inside.startswith("SELECT count(*)"),
                    "LIMIT" in inside and not sorted_after,
                    len(re.findall(r"\bAND\b", inside)) > 1,
                    sql,
                )


def _select_of(sql: str, alias: str) -> str:
    """Give the select, from its word on, that reads the table under an alias."""
    table = re.sub(r"_\d+$", "", alias)
    at = re.search(rf"(?:FROM|JOIN|,|UPDATE) (?:{table} AS )?{alias}\b(?! AS)", sql)
    assert at, (alias, sql)
    begin = max(sql.rfind("SELECT", 0, at.start()), 0)
    depth = 0
    for index in range(begin, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[index], 0)
        if depth < 0:
            return sql[begin:index]
    return sql[begin:]


def walks_of_postgres(url: str, bound: Mapping[str, tuple[Any, ...]]) -> Iterator[Walk]:
    """Give the walks that PostgreSQL plans where it may not read a table from end to end, for the values that were bound.

    So a walk of a whole table that remains means that there is no other way.
    """
    for sql, plan in asyncio.run(_explained(url, bound)):
        yield from _walks_below(plan, sql, [])


async def _explained(url: str, bound: Mapping[str, tuple[Any, ...]]) -> list[tuple[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ANALYZE")
        await use_text_dates(connection)
        await connection.execute("SET enable_seqscan = off")
        plans = [(sql, await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)) for sql, values in bound.items()]
    finally:
        await connection.close()
    return [(sql, json.loads(plan)[0]["Plan"]) for sql, plan in plans]


def _walks_below(node: dict[str, Any], sql: str, above: list[str]) -> Iterator[Walk]:
    kind = node["Node Type"]
    if "Scan" in kind and kind not in ("Bitmap Heap Scan", "Function Scan", "Subquery Scan", "Values Scan", "CTE Scan"):
        columns = set(_COLUMN.findall(node.get("Index Cond", "")))
        looked_up = columns - TENANT or (node.get("Relation Name") in ("organizations", "tokens") and columns)
        if kind == "Seq Scan" or not looked_up:
            below = above[::-1]
            limit = below.index("Limit") if "Limit" in below else len(below)
            sorted_after = any("Sort" in one or one == "Aggregate" or "Hash" in one for one in below[:limit])
            yield Walk(
                node.get("Relation Name") or node["Index Name"],
                kind == "Seq Scan",
                "Aggregate" in above,
                "Limit" in below and not sorted_after,
                "Filter" in node or any("Join" in one or one == "Nested Loop" for one in below[:limit]),
                sql,
            )
    for one in node.get("Plans", ()):
        yield from _walks_below(one, sql, [*above, kind])
