"""A release's creation on SQLite in the fewest statements that write the project's own rows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson

from benchmarks.floor_http import read_version

ORGANIZATION = "SELECT id FROM organizations WHERE slug = ?"
PROJECTS = "SELECT id FROM projects WHERE organization_id = ? AND slug IN (SELECT value FROM json_each(?))"
REPOSITORIES = "SELECT name, id FROM repositories WHERE organization_id = ? AND name IN (SELECT value FROM json_each(?))"
ADD_REPOSITORY = "INSERT INTO repositories (organization_id, name, date_created) VALUES (?, ?, ?) RETURNING id"
AUTHORS = (
    "SELECT email, id, name FROM commit_authors WHERE organization_id = ? AND email IN (SELECT value FROM json_each(?))"
)
ADD_AUTHOR = "INSERT INTO commit_authors (organization_id, email, name) VALUES (?, ?, ?) RETURNING id"
NAME_AUTHOR = "UPDATE commit_authors SET name = ? WHERE id = ?"
ADD_COMMIT = """INSERT INTO commits (organization_id, repository_id, sha, author_id, message, timestamp, date_created)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, repository_id, sha)
DO UPDATE SET author_id = excluded.author_id, message = excluded.message, timestamp = excluded.timestamp RETURNING id"""
ADD_RELEASE = """INSERT INTO releases (organization_id, version, ref, url, status, date_created, date_released, release_order,
 commit_count, deploy_count, last_commit_id, package, raw, major, minor, patch, build_code, components, description, semver_key,
 build_number) VALUES (?, ?, ?, ?, 'OPEN', ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, 3, ?, ?, ?)
ON CONFLICT (organization_id, version) DO NOTHING RETURNING id"""
KNOWN = "SELECT id FROM releases WHERE organization_id = ? AND version = ?"
RENEW = "UPDATE releases SET commit_count = ?, last_commit_id = ? WHERE id = ?"
CLEAR = [f"DELETE FROM {t} WHERE organization_id = ? AND release_id = ?" for t in ("release_commits", "release_authors")]
ADD_PROJECT = """INSERT OR IGNORE INTO release_projects (organization_id, release_id, project_id, date_created, release_order,
 date_shown, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
ADD_LINK = "INSERT INTO release_commits (organization_id, release_id, position, commit_id) VALUES (?, ?, ?, ?)"
ADD_WRITER = "INSERT INTO release_authors (organization_id, release_id, position, author_id) VALUES (?, ?, ?, ?)"
ADD_HEAD = "INSERT OR IGNORE INTO head_commits (organization_id, release_id, repository_id, commit_id) VALUES (?, ?, ?, ?)"


def write_release(db: sqlite3.Connection, body: Any, sha: str, name: str, email: str) -> int:
    """Write a release with its commits and give its id; the last three are the commits' fields as a api spells them."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"
    (owner,) = db.execute(ORGANIZATION, (body["organization"],)).fetchone()
    projects = db.execute(PROJECTS, (owner, orjson.dumps(body["projects"]).decode())).fetchall()
    if len(projects) < len(body["projects"]):
        raise LookupError("a project is not there")
    listed = body["commits"]
    repositories = _repositories(db, owner, {item["repository"] for item in listed}, now)
    authors = _authors(db, owner, {item[email]: item[name] for item in reversed(listed)})
    commits: list[int] = []
    heads: dict[int, int] = {}
    wrote = dict.fromkeys(authors[item[email]] for item in listed)
    for entry in listed:
        repository = repositories[entry["repository"]]
        row = (owner, repository, entry[sha], authors[entry[email]], entry["message"], entry["timestamp"], now)
        (number,) = db.execute(ADD_COMMIT, row).fetchone()
        commits.append(number)
        heads.setdefault(repository, number)
    release, keys = _release(db, owner, body, commits, now)
    db.executemany(ADD_PROJECT, [(owner, release, project, *keys) for (project,) in projects])
    db.executemany(ADD_LINK, [(owner, release, index, entry) for index, entry in enumerate(commits)])
    db.executemany(ADD_WRITER, [(owner, release, index, entry) for index, entry in enumerate(wrote)])
    db.executemany(ADD_HEAD, [(owner, release, repository, commit) for repository, commit in heads.items()])
    return release


def _repositories(db: sqlite3.Connection, owner: int, names: set[str], now: str) -> dict[str, int]:
    existing = dict(db.execute(REPOSITORIES, (owner, orjson.dumps(list(names)).decode())).fetchall())
    for name in names - existing.keys():
        (existing[name],) = db.execute(ADD_REPOSITORY, (owner, name, now)).fetchone()
    return existing


def _authors(db: sqlite3.Connection, owner: int, names: dict[str, str]) -> dict[str, int]:
    ids = {}
    for email, number, name in db.execute(AUTHORS, (owner, orjson.dumps(list(names)).decode())).fetchall():
        ids[email] = number
        if name != names[email]:
            db.execute(NAME_AUTHOR, (names[email], number))
    for email in names.keys() - ids.keys():
        (ids[email],) = db.execute(ADD_AUTHOR, (owner, email, names[email])).fetchone()
    return ids


def _release(db: sqlite3.Connection, owner: int, body: Any, commits: list[int], now: str) -> tuple[int, tuple[Any, ...]]:
    version, released = body["version"], body["dateReleased"]
    package, raw, major, minor, patch, build, description, key = read_version(version)
    result = db.execute(ADD_RELEASE, (
        owner, version, body["ref"], body["url"], now, released, released, len(commits), commits[0], package, raw, major,
        minor, patch, build, description, key, int(build),
    )).fetchone()  # fmt: skip
    if result is None:
        result = db.execute(KNOWN, (owner, version)).fetchone()
        for statement in CLEAR:
            db.execute(statement, (owner, *result))
        db.execute(RENEW, (len(commits), commits[0], *result))
    return result[0], (now, released, released, key, int(build))
