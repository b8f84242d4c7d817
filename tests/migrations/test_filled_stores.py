"""Stores of earlier revisions: `migrate` alone, killed and run again, adds the new tables and keeps all rows."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.principal import Principal
from gql_releases.storage.schema.migrate import current_revision, head_revision, list_differences, migrate
from gql_releases.storage.schema.tables import metadata
from gql_releases.storage.store import open_store
from tests import processes
from tests.conftest import Harness
from tests.factories import commit, release
from tests.scale import scale
from tests.storage.copies import open_client

RELEASES = scale(2_000, 20_000)
KILLS = scale(3, 20)
TIMEOUT_SECONDS = 120

Columns = dict[str, list[str]]


def fill(harness: Harness) -> None:
    """Create releases with commits and deploys, and many copies of one of them."""
    for number in range(20):
        body = release(f"web@1.{number}.0+{number}", commits=[commit(number)], projects=["web", "api"])
        assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
        deploy = {"environment": "production"}
        path = f"organizations/acme/releases/web@1.{number}.0%2B{number}/deploys/"
        assert harness.client.rest("POST", path, deploy).status == 201
    harness.run(harness.store.close())
    columns = [column.name for column in metadata.tables["releases"].columns if column.name not in ("id", "version")]
    names = ", ".join(f'"{name}"' for name in columns)
    harness.rows(f"""
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {RELEASES})
        INSERT INTO releases (version, {names}) SELECT 'copy@' || n, {names} FROM releases, numbers
        WHERE releases.id = (SELECT min(id) FROM releases)
    """)


def list_columns(harness: Harness) -> Columns:
    """Return the names of the columns of each table at the present revision."""
    engine = create_engine(harness.databases.engine_url(harness.url))
    try:
        inspector = inspect(engine)
        names = [name for name in metadata.tables if inspector.has_table(name)]
        return {name: [column["name"] for column in inspector.get_columns(name)] for name in names}
    finally:
        engine.dispose()


def digest(harness: Harness, columns: Columns) -> dict[str, tuple[int, str]]:
    """Return the number of rows of each table and a digest of these columns."""
    digests = {}
    for name, names in columns.items():
        quoted = ", ".join(f'"{column}"' for column in names)
        rows: list[Any] = harness.rows(f"SELECT {quoted} FROM {name} ORDER BY {quoted}")
        digests[name] = len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()
    return digests


def migrate_with_kills(harness: Harness, before: str) -> None:
    """Migrate down to a revision, then up by the command, which is killed several times; check that rows are kept."""
    migrate(harness.url, before)
    columns = list_columns(harness)
    expected = digest(harness, columns)
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": harness.url}
    pauses = random.Random(20)
    for _ in range(KILLS):
        process = processes.start("migrate", environment=environment)
        time.sleep(pauses.uniform(0.01, 0.3))
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert current_revision(harness.url) in (before, head_revision())
        assert digest(harness, columns) == expected
    process = processes.start("migrate", environment=environment)
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.wait(), out + err) == (0, f"up to date at revision {head_revision()}\n")
    assert list_differences(harness.url) == []
    assert digest(harness, columns) == expected
    new = [name for name in metadata.tables if name not in columns and name != "project_keys"]
    assert [name for name in new if harness.rows(f"SELECT count(*) FROM {name}") != [(0,)]] == []


@pytest.mark.slow
def test_store_without_files_is_migrated_also_after_kills(harness: Harness) -> None:
    fill(harness)
    migrate_with_kills(harness, "0010")
    with open_client(harness.url, harness.tokens["acme"]) as client:
        assert client.rest("GET", "organizations/acme/releases/web@1.3.0%2B3/").json["commitCount"] == 1
    harness.store = open_store(harness.url)
    chunk = StoredBlob("a" * 40, "b" * 64, 1)
    harness.run(harness.store.chunks.record_chunks(Principal.operator(1, "acme"), [chunk]))
    assert harness.rows("SELECT size FROM chunks") == [(1,)]


@pytest.mark.slow
def test_store_without_events_is_migrated_also_after_kills(harness: Harness) -> None:
    fill(harness)
    finalized = harness.rows("SELECT max(id) FROM releases WHERE version LIKE 'web%'")[0][0]
    harness.rows(f"UPDATE releases SET date_released = '2026-11-19T08:00:00.000000Z' WHERE id = {finalized}")
    migrate_with_kills(harness, "0011")
    projects = harness.rows("SELECT id FROM projects ORDER BY id")
    assert harness.rows("SELECT project_id FROM project_keys WHERE is_active ORDER BY project_id") == projects
    keys = [key for (key,) in harness.rows("SELECT public_key FROM project_keys")]
    salts = [salt for (salt,) in harness.rows("SELECT user_salt FROM organizations")]
    assert all(re.fullmatch("[0-9a-f]{32}", text) for text in keys + salts)
    assert len(set(keys)) == len(keys)
    assert harness.rows("SELECT count(*) FROM releases WHERE origin <> 'CLIENT'") == [(0,)]
    shipped = "shipping_date <> coalesce(date_released, date_created)"
    assert harness.rows(f"SELECT count(*) FROM releases WHERE {shipped}") == [(0,)]
    harness.store = open_store(harness.url)
