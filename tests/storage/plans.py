"""Plans of statements: the tables that a plan scans instead of looking up rows by an index."""

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
class TableScan:
    """A table that a statement scans: all of its rows, or all rows of the tenant.

    `counted`: the rows are counted. `ordered`: the scan follows an index in the requested order until the page is full; then
    `filtered` is whether conditions may exclude rows.
    """

    table: str
    whole: bool
    counted: bool
    ordered: bool
    filtered: bool
    sql: str


def find_sqlite_scans(path: Path, bound: Mapping[str, tuple[Any, ...]]) -> Iterator[TableScan]:
    """Yield the scans in SQLite's plans, which depend neither on the data nor on the values."""
    with closing(sqlite3.connect(path)) as connection:
        for sql, values in bound.items():
            steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
            for _, parent, _, text in steps:
                match = _LITE.match(text)
                if not match or "VIRTUAL TABLE" in text or text == "SCAN CONSTANT ROW":
                    continue
                kind, alias, _, terms = match.groups()
                if alias.startswith("anon_"):  # the rows of a subquery, not a table
                    continue
                if kind == "SEARCH" and terms != "organization_id=?":
                    continue
                inside = _find_select(sql, alias)
                if "WHERE 0 = 1" in inside:  # SQLite evaluates a constant condition before it reads a row
                    continue
                sorted_after = any(step[1] == parent and "TEMP B-TREE FOR ORDER BY" in step[3] for step in steps)
                yield TableScan(
                    re.sub(r"_\d+$", "", alias),
                    kind == "SCAN",
                    inside.startswith("SELECT count(*)"),
                    "LIMIT" in inside and not sorted_after,
                    len(re.findall(r"\bAND\b", inside)) > 1,
                    sql,
                )


def list_sqlite_plans(connection: sqlite3.Connection, bound: Mapping[str, tuple[Any, ...]]) -> dict[str, list[str]]:
    """Return the steps of each statement's plan on a connection."""
    return {
        sql: [text for *_, text in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)] for sql, values in bound.items()
    }


def _find_select(sql: str, alias: str) -> str:
    """Return the text of the SELECT that reads the table under an alias."""
    table = re.sub(r"_\d+$", "", alias)
    match = re.search(rf"(?:FROM|JOIN|,|UPDATE) (?:{table} AS )?{alias}\b(?! AS)", sql)
    assert match, (alias, sql)
    begin = match.start()
    depth = 0
    while begin > 0 and not (depth == 0 and sql.startswith("SELECT", begin)):  # those of columns are in parentheses
        begin -= 1
        depth += {")": 1, "(": -1}.get(sql[begin], 0)
    depth = 0
    for index in range(begin, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[index], 0)
        if depth < 0:
            return sql[begin:index]
    return sql[begin:]


def find_postgres_scans(url: str, bound: Mapping[str, tuple[Any, ...]]) -> Iterator[TableScan]:
    """Yield the scans in PostgreSQL's plans with sequential scans disabled, for the bound values.

    A sequential scan that remains means that no index serves the statement.
    """
    for sql, plan in asyncio.run(_explain(url, bound)):
        yield from _find_scans_below(plan, sql, [])


async def _explain(url: str, bound: Mapping[str, tuple[Any, ...]]) -> list[tuple[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ANALYZE")
        await use_text_dates(connection)
        await connection.execute("SET enable_seqscan = off")
        plans = [(sql, await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)) for sql, values in bound.items()]
    finally:
        await connection.close()
    return [(sql, json.loads(plan)[0]["Plan"]) for sql, plan in plans]


def _find_scans_below(node: dict[str, Any], sql: str, above: list[str]) -> Iterator[TableScan]:
    kind = node["Node Type"]
    if "Scan" in kind and kind not in ("Bitmap Heap Scan", "Function Scan", "Subquery Scan", "Values Scan", "CTE Scan"):
        columns = set(_COLUMN.findall(node.get("Index Cond", "")))
        looked_up = columns - TENANT or (node.get("Relation Name") in ("organizations", "tokens") and columns)
        if kind == "Seq Scan" or not looked_up:
            below = above[::-1]
            limit = below.index("Limit") if "Limit" in below else len(below)
            sorted_after = any(
                "Sort" in node_type or node_type == "Aggregate" or "Hash" in node_type for node_type in below[:limit]
            )
            yield TableScan(
                node.get("Relation Name") or node["Index Name"],
                kind == "Seq Scan",
                "Aggregate" in above,
                "Limit" in below and not sorted_after,
                "Filter" in node or any("Join" in node_type or node_type == "Nested Loop" for node_type in below[:limit]),
                sql,
            )
    for child in node.get("Plans", ()):
        yield from _find_scans_below(child, sql, [*above, kind])
