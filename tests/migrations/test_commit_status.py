"""The commit status of releases that are older than the column."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gql_releases.storage.schema.migrate import list_differences, migrate


@pytest.mark.sqlite
def test_lists_heads_and_statuses_of_older_releases_are_distinguished(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/x.db", tmp_path / "x.db"
    migrate(url, "0002")
    rows = sqlite3.connect(path)
    rows.executescript("""
        INSERT INTO organizations (slug, name, date_created) VALUES ('a', 'a', 'x');
        INSERT INTO repositories (organization_id, name, date_created) VALUES (1, 'r', 'x');
        INSERT INTO commits (organization_id, repository_id, sha, timestamp, date_created)
            VALUES (1, 1, 'c1', 't1', 'x'), (1, 1, 'c2', NULL, 'x');
        INSERT INTO releases (organization_id, version, status, date_created, release_order, commit_count, deploy_count,
            semver_key, build_number) VALUES (1, 'list', 'OPEN', 'x', 'x', 1, 0, '', -1), (1, 'ref', 'OPEN', 'x', 'x', 0, 0, '', -1),
            (1, 'both', 'OPEN', 'x', 'x', 1, 0, '', -1), (1, 'other', 'OPEN', 'x', 'x', 1, 0, '', -1),
            (1, 'none', 'OPEN', 'x', 'x', 0, 0, '', -1);
        INSERT INTO release_commits VALUES (1, 1, 0, 1), (1, 3, 0, 1), (1, 4, 0, 1);
        INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id, previous_sha)
            VALUES (1, 1, 1, 1, NULL), (1, 2, 1, 2, 'c1'), (1, 3, 1, 1, 'c0'), (1, 4, 1, 2, NULL);
    """)
    rows.close()
    migrate(url)
    assert list_differences(url) == []
    rows = sqlite3.connect(path)
    heads = rows.execute("SELECT kind, said, commit_status, known_until, head_time FROM head_commits ORDER BY id").fetchall()
    assert heads == [
        ("LIST", 0, "COMPLETE", None, "t1"),
        ("RANGE", 1, "HEAD_UNKNOWN", "c2", None),
        ("LIST", 1, "COMPLETE", None, "t1"),
        ("LIST", 1, "HEAD_UNLISTED", None, None),
    ]
    statuses = [status for (status,) in rows.execute("SELECT commit_status FROM releases ORDER BY id")]
    assert statuses == ["COMPLETE", "HEAD_UNKNOWN", "COMPLETE", "HEAD_UNLISTED", "NO_COMMITS"]
    rows.close()
    migrate(url, "0002")
    migrate(url)
    assert list_differences(url) == []
