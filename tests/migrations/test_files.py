"""A store that was made before files existed: `migrate` alone, killed and run again, adds their tables and keeps all rows."""

from __future__ import annotations

import hashlib
import os
import random
import time
from typing import Any

import pytest

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
BEFORE = "0010"
TIMEOUT_SECONDS = 120
FILE_TABLES = {
    "blobs", "chunks", "assemblies", "artifact_bundles", "artifact_bundle_projects", "artifact_bundle_associations",
    "artifact_bundle_versions", "artifact_files", "version_artifacts", "release_files", "debug_files",
}  # fmt: skip


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


def digest(harness: Harness) -> dict[str, tuple[int, str]]:
    """Return the number of rows and a digest of each table that existed before."""
    digests = {}
    for table in metadata.sorted_tables:
        if table.name not in FILE_TABLES:
            keys = ", ".join(column.name for column in table.primary_key)
            rows: list[Any] = harness.rows(f"SELECT * FROM {table.name} ORDER BY {keys}")
            digests[table.name] = len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()
    return digests


@pytest.mark.slow
def test_store_without_files_is_migrated_also_after_kills(harness: Harness) -> None:
    fill(harness)
    expected = digest(harness)
    migrate(harness.url, BEFORE)
    assert digest(harness) == expected
    environment = {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": harness.url}
    pauses = random.Random(20)
    for _ in range(KILLS):
        process = processes.start("migrate", environment=environment)
        time.sleep(pauses.uniform(0.01, 0.3))
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert current_revision(harness.url) in (BEFORE, head_revision())
        assert digest(harness) == expected
    process = processes.start("migrate", environment=environment)
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.wait(), out + err) == (0, f"up to date at revision {head_revision()}\n")
    assert list_differences(harness.url) == []
    assert digest(harness) == expected
    assert [table for table in FILE_TABLES if harness.rows(f"SELECT count(*) FROM {table}") != [(0,)]] == []
    with open_client(harness.url, harness.tokens["acme"]) as client:
        assert client.rest("GET", "organizations/acme/releases/web@1.3.0%2B3/").json["commitCount"] == 1
    harness.store = open_store(harness.url)
    chunk = StoredBlob("a" * 40, "b" * 64, 1)
    harness.run(harness.store.chunks.record_chunks(Principal.operator(1, "acme"), [chunk]))
    assert harness.rows("SELECT size FROM chunks") == [(1,)]
