"""The floor on SQLite: reads inline by a statement a level, writes by one thread that commits what waits as a group."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import floor_rest as rest
from benchmarks.data import ORGANIZATION
from benchmarks.floor_http import answer_creation, answer_list, cursor, main, place, release_id
from benchmarks.floor_writes import write_release

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "mmap_size=1073741824")
GROUP = 64

TOKEN = "SELECT organization_id FROM tokens WHERE digest = ? AND revoked_at IS NULL"
OWNER = "organization_id = (SELECT id FROM organizations WHERE slug = ?)"
Q1 = f"""SELECT id, version, ref, url, status, date_created, date_released, commit_count, deploy_count, package, description,
 build_hash, raw, major, minor, patch, pre, build_code, components FROM releases WHERE {OWNER} AND version = ?"""
PAGE = f"""SELECT r.id, r.version, r.date_created, r.date_released, r.commit_count, c.sha
FROM releases r LEFT JOIN commits c ON c.id = r.last_commit_id
WHERE r.{OWNER} AND (r.date_created, r.id) < (?, ?) ORDER BY r.date_created DESC, r.id DESC LIMIT ?"""
FLAT = f"""SELECT version, date_created, commit_count, id FROM releases
WHERE {OWNER} AND (date_created, id) < (?, ?) ORDER BY date_created DESC, id DESC LIMIT ?"""
OF_PROJECT = f"""SELECT r.version, r.date_created, r.commit_count, r.id, x.semver_key FROM projects p
CROSS JOIN release_projects x ON x.organization_id = p.organization_id AND x.project_id = p.id
CROSS JOIN releases r ON r.id = x.release_id
WHERE p.{OWNER} AND p.slug = ? ORDER BY x.semver_key DESC, x.release_id DESC LIMIT ?"""
PROJECTS = """SELECT j.key, p.slug FROM json_each(?) j CROSS JOIN release_projects x ON x.organization_id = ? AND x.release_id = j.value
CROSS JOIN projects p ON p.id = x.project_id"""
DEPLOYS = """SELECT j.key, e.name, d.date_finished, d.url FROM json_each(?) j CROSS JOIN deploys d ON d.id IN (
 SELECT id FROM deploys WHERE organization_id = ? AND release_id = j.value ORDER BY finish_order DESC, id DESC LIMIT 5)
JOIN environments e ON e.id = d.environment_id ORDER BY j.key, d.finish_order DESC, d.id DESC"""
COMMITS = """SELECT j.key, c.sha, c.message, c.timestamp, a.name, a.email FROM json_each(?) j
CROSS JOIN release_commits x ON x.organization_id = ? AND x.release_id = j.value AND x.position < 10
CROSS JOIN commits c ON c.id = x.commit_id LEFT JOIN commit_authors a ON a.id = c.author_id"""

LISTED = f"""SELECT {rest.COLUMNS} FROM {rest.SOURCES} WHERE r.{OWNER} AND {rest.HAS_PROJECT}
ORDER BY r.date_created DESC, r.id DESC LIMIT ?"""
SHOWN = f"SELECT {rest.COLUMNS} FROM {rest.SOURCES} WHERE r.id = ?"
AUTHORS = """SELECT j.key, a.name, a.email FROM json_each(?) j CROSS JOIN release_authors x
ON x.organization_id = ? AND x.release_id = j.value CROSS JOIN commit_authors a ON a.id = x.author_id"""
WHOLE_PROJECTS = PROJECTS.replace("p.slug", "p.id, p.slug, p.name")
MENTIONS = """SELECT j.key, r.version, r.ref, r.url, r.date_released, r.date_created FROM json_each(?) j CROSS JOIN release_commits x
ON x.organization_id = ? AND x.commit_id = j.value CROSS JOIN releases r ON r.id = x.release_id"""

LAST = ("9999-12-31T23:59:59.999999Z", 2**63 - 1)


def connect(url: str) -> sqlite3.Connection:
    """Open a store as the project does: nothing that was acknowledged is lost."""
    connection = sqlite3.connect(
        url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False, cached_statements=512, timeout=5
    )
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Writer:
    """One thread with one connection: what has queued up is one transaction, a savepoint each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[tuple[Callable[..., bytes], Any, Any]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, work: Callable[..., bytes], asked: Any) -> asyncio.Future[bytes]:
        """Run some work in the next transaction, and answer after its commit."""
        future = self._loop.create_future()
        self._waiting.put((work, asked, future))
        return future

    def _run(self) -> None:
        execute = self._connection.execute
        while True:
            group = [self._waiting.get()]
            while len(group) < GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            execute("BEGIN IMMEDIATE")
            done = []
            for work, asked, future in group:
                execute("SAVEPOINT one")
                try:
                    done.append((future.set_result, work(self._connection, asked)))
                except Exception as error:
                    done.append((future.set_exception, error))
                    execute("ROLLBACK TO one")
                execute("RELEASE one")
            execute("COMMIT")
            self._loop.call_soon_threadsafe(_tell, done)


def _tell(done: list[tuple[Callable[[Any], None], Any]]) -> None:
    for tell, what in done:
        tell(what)


def _create(connection: sqlite3.Connection, asked: Any) -> bytes:
    number = write_release(connection, asked, "sha", "authorName", "authorEmail")
    return answer_creation(number, asked["version"], len(asked["commits"]))


def _create_by_rest(connection: sqlite3.Connection, asked: Any) -> bytes:
    number = write_release(connection, asked, "id", "author_name", "author_email")
    return orjson.dumps(_rest_releases(connection, connection.execute(SHOWN, (number,)).fetchall())[0])


def _rest_releases(db: sqlite3.Connection, rows: list[Any]) -> list[dict[str, Any]]:
    keys, commits = (orjson.dumps([row[at] for row in rows]).decode() for at in (rest.ID, rest.COMMIT))
    owner = rows[0][rest.OWNER] if rows else 0
    authors: list[list[Any]] = [[] for _ in rows]
    projects: list[list[Any]] = [[] for _ in rows]
    mentions: list[list[Any]] = [[] for _ in rows]
    for index, *author in db.execute(AUTHORS, (keys, owner)).fetchall():
        authors[index].append(rest.rest_author(*author))
    for index, *project in db.execute(WHOLE_PROJECTS, (keys, owner)).fetchall():
        projects[index].append(rest.rest_project(*project))
    for index, *mention in db.execute(MENTIONS, (commits, owner)).fetchall():
        mentions[index].append(rest.rest_mention(*mention))
    return [rest.rest_release(row, *lists) for row, *lists in zip(rows, authors, projects, mentions, strict=True)]


class SqliteFloor:
    """The items on a SQLite file."""

    def __init__(self, url: str) -> None:
        self._db, self._writer = connect(url), Writer(connect(url))
        (self._owner,) = self._db.execute("SELECT id FROM organizations WHERE slug = ?", (ORGANIZATION,)).fetchone()

    async def authenticate(self, digest: bytes) -> bool:
        return self._db.execute(TOKEN, (digest,)).fetchone() is not None

    async def q1(self, variables: Any) -> bytes:
        key = variables["by"]["key"]
        (
            number, version, ref, url, status, created, released, commits, deploys, package, description, build_hash, raw,
            major, minor, patch, pre, build, components,
        ) = self._db.execute(Q1, (key["organization"], key["version"])).fetchone()  # fmt: skip
        return orjson.dumps({"data": {"release": {
            "id": release_id(number), "version": version, "shortVersion": version, "ref": ref, "url": url, "status": status,
            "dateCreated": created, "dateReleased": released, "commitCount": commits, "deployCount": deploys,
            "versionInfo": {"package": package, "description": description, "buildHash": build_hash, "version": {
                "raw": raw, "major": int(major), "minor": int(minor), "patch": int(patch), "pre": pre, "buildCode": build,
                "components": components,
            }},
        }}})  # fmt: skip

    def _page(self, statement: str, variables: Any) -> tuple[list[Any], bool]:
        after, first = variables.get("after"), variables["first"]
        key, number = place(after) if after else LAST
        rows = self._db.execute(statement, (variables["organization"], key, number, first + 1)).fetchall()
        return rows[:first], len(rows) > first

    async def q2(self, variables: Any) -> bytes:
        rows, more = self._page(PAGE, variables)
        keys = (orjson.dumps([row[0] for row in rows]).decode(), self._owner)
        projects: list[list[Any]] = [[] for _ in rows]
        deploys: list[list[Any]] = [[] for _ in rows]
        commits: list[list[Any]] = [[] for _ in rows]
        for index, slug in self._db.execute(PROJECTS, keys).fetchall():
            projects[index].append({"slug": slug})
        for index, name, date, url in self._db.execute(DEPLOYS, keys).fetchall():
            deploys[index].append({"environment": {"name": name}, "dateFinished": date, "url": url})
        for index, sha, message, timestamp, name, email in self._db.execute(COMMITS, keys).fetchall():
            author = {"name": name, "email": email} if email else None
            commits[index].append({"sha": sha, "message": message, "timestamp": timestamp, "author": author})
        info = {"hasNextPage": more, "endCursor": cursor("date_created", rows[-1][2], rows[-1][0]) if rows else None}
        return answer_list(info, [
            {
                "id": release_id(number), "version": version, "dateCreated": created, "dateReleased": released,
                "commitCount": count, "projects": {"nodes": projects[i][:5]}, "lastCommit": {"sha": sha} if sha else None,
                "deploys": {"nodes": deploys[i]}, "commits": {"nodes": commits[i]},
            }
            for i, (number, version, created, released, count, sha) in enumerate(rows)
        ])  # fmt: skip

    async def q3(self, variables: Any) -> bytes:
        rows, more = self._page(FLAT, variables)
        info = {"hasNextPage": more, "endCursor": cursor("date_created", rows[-1][1], rows[-1][3]) if rows else None}
        return answer_list(info, [{"version": v, "dateCreated": d, "commitCount": c} for v, d, c, _ in rows])

    async def s1(self, variables: Any) -> bytes:
        first = variables["first"]
        rows = self._db.execute(OF_PROJECT, (variables["organization"], variables["project"], first + 1)).fetchall()
        more, rows = len(rows) > first, rows[:first]
        info = {"hasNextPage": more, "endCursor": cursor("semver_key", rows[-1][4], rows[-1][3]) if rows else None}
        return answer_list(info, [{"version": v, "dateCreated": d, "commitCount": c} for v, d, c, *_ in rows])

    async def m1(self, variables: Any) -> bytes:
        return await self._writer.write(_create, variables["input"])

    async def m2(self, body: Any) -> bytes:
        return await self._writer.write(_create_by_rest, body)

    async def r1(self, size: int) -> tuple[list[Any], bool, str]:
        rows = self._db.execute(LISTED, (ORGANIZATION, size + 1)).fetchall()
        more, rows = len(rows) > size, rows[:size]
        return _rest_releases(self._db, rows), more, f"{rest.microseconds(rows[-1][rest.CREATED])}:{rows[-1][rest.ID]}"


async def open_floor(url: str) -> SqliteFloor:
    """Open the floor over a store."""
    return SqliteFloor(url)


if __name__ == "__main__":
    main(open_floor)
