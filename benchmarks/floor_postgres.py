"""The floor on PostgreSQL: asyncpg, a prepared statement or two an item, JSON made where it nests, a creation in one statement."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import floor_rest as rest
from benchmarks.data import ORGANIZATION
from benchmarks.floor_http import answer_creation, answer_list, cursor, main, microseconds, place, read_version, release_id

CONNECTIONS = 16
"""As many as the load has, so that none waits for another."""
SESSION = {"timezone": "UTC", "jit": "off"}
PAGE = 50
"""Rows of a page, written into the statements: PostgreSQL then sees that one plan does for all (the REST list: 2.2 ms of CPU, not 5)."""
OWNER = "organization_id = (SELECT id FROM organizations WHERE slug = $1)"
TOKEN = "SELECT id, organization_id FROM tokens WHERE digest = $1 AND revoked_at IS NULL"
ALIVE = "EXISTS (SELECT 1 FROM tokens WHERE id = {} AND revoked_at IS NULL)"
Q1 = f"""SELECT id, version, ref, url, status, date_created, date_released, commit_count, deploy_count, package, description,
 build_hash, raw, major, minor, patch, pre, build_code, components FROM releases
WHERE {OWNER} AND version = $2 AND {ALIVE.format("$3")}"""
FLAT = f"""WITH r AS MATERIALIZED (
  SELECT version, date_created, commit_count, id FROM releases
  WHERE {OWNER} AND (date_created, id) < ($2::timestamptz, $3::bigint) AND {ALIVE.format("$4")}
  ORDER BY date_created DESC, id DESC LIMIT {PAGE + 1}
), node AS (
  SELECT version, date_created "dateCreated", commit_count "commitCount" FROM (SELECT * FROM r LIMIT {PAGE}) r
) SELECT array_to_json(ARRAY(SELECT node FROM node))::text, (SELECT count(*) FROM r), l.id, l.date_created
FROM (SELECT * FROM (SELECT * FROM r LIMIT {PAGE}) r OFFSET {PAGE - 1}) l"""
OF_PROJECT = f"""SELECT r.version, r.date_created, r.commit_count, r.id, x.semver_key FROM (
  SELECT release_id, semver_key FROM release_projects WHERE {OWNER} AND {ALIVE.format("$3")}
    AND project_id = (SELECT id FROM projects WHERE {OWNER} AND slug = $2) ORDER BY semver_key DESC, release_id DESC LIMIT {PAGE + 1}
) x JOIN releases r ON r.id = x.release_id ORDER BY x.semver_key DESC, x.release_id DESC"""


def _rows(select: str) -> str:
    """Make the JSON array of a select's rows."""
    return f"ARRAY(SELECT one FROM ({select}) one)"


PROJECTS = _rows(
    "SELECT p.slug FROM release_projects x JOIN projects p ON p.id = x.project_id"
    " WHERE x.organization_id = r.organization_id AND x.release_id = r.id ORDER BY x.project_id LIMIT 5"
)
DEPLOYS = _rows(
    """SELECT (SELECT one FROM (SELECT e.name) one) environment, d.date_finished "dateFinished", d.url FROM deploys d
  JOIN environments e ON e.id = d.environment_id WHERE d.organization_id = r.organization_id AND d.release_id = r.id
  ORDER BY d.finish_order DESC, d.id DESC LIMIT 5"""
)
COMMITS = _rows(
    """SELECT c.sha, c.message, c.timestamp, (SELECT one FROM (SELECT a.name, a.email) one WHERE a.id IS NOT NULL) author
  FROM release_commits x JOIN commits c ON c.id = x.commit_id LEFT JOIN commit_authors a ON a.id = c.author_id
  WHERE x.organization_id = r.organization_id AND x.release_id = r.id ORDER BY x.position LIMIT 10"""
)


def _nodes(rows: str) -> str:
    return f"(SELECT one FROM (SELECT {rows} nodes) one)"


Q2 = f"""WITH r AS MATERIALIZED (
  SELECT id, organization_id, version, date_created, date_released, commit_count, last_commit_id FROM releases
  WHERE {OWNER} AND (date_created, id) < ($2::timestamptz, $3::bigint) AND {ALIVE.format("$4")}
  ORDER BY date_created DESC, id DESC LIMIT {PAGE + 1}
), node AS (
  SELECT encode(convert_to('Release:' || r.id, 'UTF8'), 'base64') id, r.version, r.date_created "dateCreated",
    r.date_released "dateReleased", r.commit_count "commitCount", {_nodes(PROJECTS)} projects,
    (SELECT one FROM (SELECT c.sha FROM commits c WHERE c.id = r.last_commit_id) one) "lastCommit",
    {_nodes(DEPLOYS)} deploys, {_nodes(COMMITS)} commits
  FROM (SELECT * FROM r LIMIT {PAGE}) r
) SELECT array_to_json(ARRAY(SELECT node FROM node))::text, (SELECT count(*) FROM r),
  (SELECT id FROM (SELECT * FROM r LIMIT {PAGE}) r ORDER BY date_created, id LIMIT 1),
  (SELECT date_created FROM (SELECT * FROM r LIMIT {PAGE}) r ORDER BY date_created, id LIMIT 1)"""
AUTHORS = _rows(
    "SELECT a.name, a.email FROM release_authors x JOIN commit_authors a ON a.id = x.author_id"
    " WHERE x.organization_id = r.organization_id AND x.release_id = r.id ORDER BY x.position"
)
WHOLE_PROJECTS = _rows(
    """SELECT p.id, p.slug, p.name, 0 "newGroups", NULL::text platform, ARRAY[]::text[] platforms, false "hasHealthData"
  FROM release_projects x JOIN projects p ON p.id = x.project_id
  WHERE x.organization_id = r.organization_id AND x.release_id = r.id ORDER BY x.project_id"""
)
MENTIONS = _rows(
    """SELECT m.version, m.version "shortVersion", m.ref, m.url, m.date_released "dateReleased", m.date_created "dateCreated"
  FROM release_commits x JOIN releases m ON m.id = x.release_id
  WHERE x.organization_id = r.organization_id AND x.commit_id = r.last_commit_id ORDER BY x.release_id"""
)
SHOWN = f"""SELECT {rest.COLUMNS}, array_to_json({AUTHORS})::text, array_to_json({WHOLE_PROJECTS})::text,
  array_to_json({MENTIONS})::text FROM {rest.SOURCES} WHERE r."""
R1 = f"""{SHOWN}{OWNER} AND {rest.HAS_PROJECT} AND {ALIVE.format("$2")} ORDER BY r.date_created DESC, r.id DESC LIMIT {PAGE + 1}"""
ONE = f"{SHOWN}id = $1"
CREATE = (Path(__file__).parent / "create_release.sql").read_text()
M1 = CREATE.replace("/* said */", "SELECT * FROM json_to_record($1::json->'said') AS (package text, raw text, major text, minor text,"
    " patch text, build text, description text, key text)") + f"SELECT id FROM release WHERE {ALIVE.format('$2')}"  # fmt: skip
STATEMENTS = (Q1, FLAT, OF_PROJECT, Q2, R1, ONE, M1)
LAST = (datetime.max, 2**63 - 1)


class PostgresFloor:
    """The items on PostgreSQL, over connections that keep no state and need no reset."""

    def __init__(self) -> None:
        self._idle: asyncio.LifoQueue[tuple[Any, dict[str, Any]]] = asyncio.LifoQueue()
        self._tokens: dict[bytes, int] = {}
        self._token = 0

    async def open(self, url: str) -> None:
        """Open the connections and prepare what they will run."""
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(url, server_settings=SESSION)
            self._idle.put_nowait((connection, {sql: await connection.prepare(sql) for sql in (*STATEMENTS, TOKEN)}))

    @asynccontextmanager
    async def _prepared(self) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        item = await self._idle.get()
        try:
            yield item
        finally:
            self._idle.put_nowait(item)

    async def _fetch(self, sql: str, *values: Any) -> list[Any]:
        item = self._idle.get_nowait() if not self._idle.empty() else await self._idle.get()
        try:
            result: list[Any] = await item[1][sql].fetch(*values)
            return result
        finally:
            self._idle.put_nowait(item)

    async def authenticate(self, digest: bytes) -> bool:
        # Known digests are kept; that the token still lives is asked in each statement, which costs no round trip.
        if digest not in self._tokens:
            rows = await self._fetch(TOKEN, digest)
            if not rows:
                return False
            self._tokens[digest] = rows[0][0]
        self._token = self._tokens[digest]
        return True

    async def q1(self, variables: Any) -> bytes:
        key = variables["by"]["key"]
        (
            number, version, ref, url, status, created, released, commits, deploys, package, description, build_hash, raw,
            major, minor, patch, pre, build, components,
        ) = (await self._fetch(Q1, key["organization"], key["version"], self._token))[0]  # fmt: skip
        return orjson.dumps({"data": {"release": {
            "id": release_id(number), "version": version, "shortVersion": version, "ref": ref, "url": url, "status": status,
            "dateCreated": created, "dateReleased": released, "commitCount": commits, "deployCount": deploys,
            "versionInfo": {"package": package, "description": description, "buildHash": build_hash, "version": {
                "raw": raw, "major": int(major), "minor": int(minor), "patch": int(patch), "pre": pre, "buildCode": build,
                "components": components,
            }},
        }}})  # fmt: skip

    def _from(self, variables: Any) -> tuple[Any, ...]:
        after = variables.get("after")
        if not after:
            return variables["organization"], *LAST
        key, number = place(after)
        return variables["organization"], datetime.fromisoformat(key), number

    async def q2(self, variables: Any) -> bytes:
        ((nodes, count, number, date),) = await self._fetch(Q2, *self._from(variables), self._token)
        info = {"hasNextPage": count > PAGE, "endCursor": number and cursor("date_created", wire(date), number)}
        return answer_list(info, orjson.Fragment(nodes))

    async def q3(self, variables: Any) -> bytes:
        ((nodes, count, number, date),) = await self._fetch(FLAT, *self._from(variables), self._token)
        info = {"hasNextPage": count > PAGE, "endCursor": cursor("date_created", wire(date), number)}
        return answer_list(info, orjson.Fragment(nodes))

    async def s1(self, variables: Any) -> bytes:
        rows = await self._fetch(OF_PROJECT, variables["organization"], variables["project"], self._token)
        more, rows = len(rows) > PAGE, rows[:PAGE]
        info = {"hasNextPage": more, "endCursor": cursor("semver_key", rows[-1][4], rows[-1][3]) if rows else None}
        return answer_list(info, [{"version": v, "dateCreated": d, "commitCount": c} for v, d, c, *_ in rows])

    async def _create(self, connection: tuple[Any, dict[str, Any]], body: Any) -> int:
        names = ("package", "raw", "major", "minor", "patch", "build", "description", "key")
        body["said"] = dict(zip(names, read_version(body["version"]), strict=True))
        number: int = await connection[1][M1].fetchval(orjson.dumps(body).decode(), self._token)
        return number

    async def m1(self, variables: Any) -> bytes:
        body = variables["input"]
        async with self._prepared() as connection:
            number = await self._create(connection, body)
        return answer_creation(number, body["version"], len(body["commits"]))

    async def m2(self, body: Any) -> bytes:
        for commit in body["commits"]:
            commit["sha"], commit["authorName"], commit["authorEmail"] = (
                commit["id"],
                commit["author_name"],
                commit["author_email"],
            )
        async with self._prepared() as connection:
            number = await self._create(connection, body)
            rows = await connection[1][ONE].fetch(number)
        return orjson.dumps(_rest(rows[0]), option=orjson.OPT_UTC_Z)

    async def r1(self, size: int) -> tuple[Any, bool, str]:
        rows = await self._fetch(R1, ORGANIZATION, self._token)
        more, rows = len(rows) > PAGE, rows[:PAGE]
        return [_rest(row) for row in rows], more, f"{microseconds(rows[-1][rest.CREATED])}:{rows[-1][rest.ID]}"


def _rest(row: Any) -> dict[str, Any]:
    *columns, authors, projects, mentions = row
    return rest.rest_release(columns, orjson.Fragment(authors), orjson.Fragment(projects), orjson.Fragment(mentions))


def wire(date: datetime) -> str:
    """Spell a date as the project does."""
    return date.isoformat(timespec="microseconds")[:26] + "Z"


async def open_floor(url: str) -> PostgresFloor:
    """Open the floor over a store."""
    floor = PostgresFloor()
    await floor.open(url)
    return floor


if __name__ == "__main__":
    main(open_floor)
