"""Migrations create the declared tables and lose no data."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from gql_releases.storage.schema.migrate import current_revision, head_revision, list_differences, migrate
from gql_releases.storage.schema.revision import is_current, newest_revision
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES, Databases
from tests.factories import commit, release

MANY = 5_001
"""One more than a migration converts at a time."""

COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'releases' AND table_schema = 'public'"
    if ON_POSTGRES
    else "SELECT name FROM pragma_table_info('releases')"
)


def test_empty_database_migrates_to_the_declared_tables(databases: Databases, tmp_path: Path) -> None:
    url = databases.empty(tmp_path)
    assert current_revision(url) is None
    assert not is_current(url)
    migrate(url)
    assert current_revision(url) == head_revision() == newest_revision()
    assert is_current(url)
    assert list_differences(url) == []
    migrate(url)
    assert list_differences(url) == []


def test_up_down_up_on_a_filled_database(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    assert harness.client.rest("POST", "organizations/acme/releases/", release(commits=[commit()])).status == 201
    harness.run(harness.store.close())
    assert harness.rows("SELECT count(*) FROM releases") == [(1,)]
    migrate(harness.url, "0001")
    migrate(harness.url)
    assert harness.rows("SELECT count(*) FROM releases") == [(1,)]
    migrate(harness.url, "base")
    assert current_revision(harness.url) is None
    migrate(harness.url)
    assert list_differences(harness.url) == []
    harness.close()


@pytest.mark.sqlite
def test_deploys_of_the_first_tables_are_kept_and_are_current_in_their_environments(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/x.db", tmp_path / "x.db"
    migrate(url, "0001")
    rows = sqlite3.connect(path)
    rows.executescript("""
        INSERT INTO organizations (slug, name, date_created) VALUES ('a', 'a', 'x');
        INSERT INTO projects (organization_id, slug, name, date_created) VALUES (1, 'p', 'p', 'x'), (1, 'q', 'q', 'x');
        INSERT INTO environments (organization_id, name, date_created) VALUES (1, 'production', 'x');
        INSERT INTO releases (organization_id, version, status, date_created, release_order, commit_count, deploy_count,
            semver_key, build_number) VALUES (1, 'v', 'OPEN', 'x', 'x', 0, 3, '', -1);
        INSERT INTO deploys (organization_id, release_id, environment_id, date_finished, date_created)
            VALUES (1, 1, 1, '2026-01-02', 'x'), (1, 1, 1, '2026-01-01', 'x'), (1, 1, 1, '2026-01-03', 'x');
        INSERT INTO deploy_projects VALUES (1, 1, 1), (1, 1, 2), (1, 2, 1);
        UPDATE releases SET last_deploy_id = 2;
        DELETE FROM deploys WHERE id = 3;
    """)
    rows.close()
    migrate(url)
    assert list_differences(url) == []
    rows = sqlite3.connect(path)
    deploys = rows.execute("SELECT id, finish_order, status, links FROM deploys").fetchall()
    assert deploys == [(1, "2026-01-02", "SUCCEEDED", "[]"), (2, "2026-01-01", "SUCCEEDED", "[]")]
    current_deploys = rows.execute("SELECT project_id, deploy_id FROM current_deploys ORDER BY project_id").fetchall()
    assert current_deploys == [(1, 1), (2, 1)]
    assert rows.execute("SELECT count(*) FROM deploy_projects").fetchone() == (3,)
    assert rows.execute("SELECT seq FROM sqlite_sequence WHERE name = 'deploys'").fetchone() == (3,), (
        "no id is assigned twice"
    )
    rows.close()
    migrate(url, "0001")
    migrate(url)
    assert list_differences(url) == []


def test_projects_of_the_revision_before_get_no_default_repository(template: Template, tmp_path: Path) -> None:
    """Revision 0007 on a store with projects: they and rows that refer to them stay, the column is null and can be set."""
    harness = Harness(template, tmp_path)
    assert harness.client.rest("POST", "organizations/acme/releases/", release(commits=[commit()])).status == 201
    harness.run(harness.store.close())
    columns = "SELECT id, organization_id, slug, name FROM projects ORDER BY id"
    before, links = harness.rows(columns), harness.rows("SELECT * FROM release_projects")
    for _ in range(2):
        migrate(harness.url, "0006")
        with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedColumn)):
            harness.rows("SELECT default_repository_id FROM projects")
        migrate(harness.url)
        assert list_differences(harness.url) == []
        assert (harness.rows(columns), harness.rows("SELECT * FROM release_projects")) == (before, links)
        assert set(harness.rows("SELECT default_repository_id FROM projects")) == {(None,)}
        harness.rows("UPDATE projects SET default_repository_id = 1 WHERE id = 1")
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.ForeignKeyViolation)):  # of another organization
        harness.rows("UPDATE projects SET default_repository_id = 1 WHERE organization_id = 2")
    harness.close()


def add_releases(harness: Harness, version: str) -> None:
    """Insert many copies of a release whose versions are `version` and a number."""
    columns = [name for (name, *_) in harness.rows(COLUMNS) if name not in ("id", "version", "folded_version")]
    column_list = ", ".join(columns)
    harness.rows(f"""
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})
        INSERT INTO releases (version, {column_list}) SELECT '{version}' || n, {column_list} FROM releases, numbers
        WHERE releases.id = (SELECT min(id) FROM releases)
    """)


def test_builds_of_the_revision_before_get_their_order(harness: Harness) -> None:
    """Revision 0009 on a store with releases: their keys and the links' keys become those of new releases."""
    builds = ("+10", "+9", "+0010", "+abc", "+10a", f"+{'9' * 26}", "")
    for version in (*(f"web@1.0.0{build}" for build in builds), "web@1.0.0-rc.1+3", "nightly+17", "plain"):
        body = release(version, projects=["web", "api"])
        assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    harness.run(harness.store.close())
    keys = "SELECT version, semver_key FROM releases ORDER BY version"
    links = "SELECT release_id, project_id, semver_key FROM release_projects ORDER BY release_id, project_id"
    before = harness.rows(keys), harness.rows(links)
    migrate(harness.url, "0008")
    assert len({key for version, key in harness.rows(keys) if version.startswith("web@1.0.0+")}) == 1, "builds have no order"
    assert harness.rows(keys) != before[0]
    add_releases(harness, "copy@1.0.0+")
    migrate(harness.url)
    copies = harness.rows("SELECT count(*), count(DISTINCT semver_key) FROM releases WHERE version LIKE 'copy@%'")
    first = harness.rows("SELECT semver_key FROM releases WHERE id = (SELECT min(id) FROM releases)")
    assert copies == [(MANY, 1)]
    assert harness.rows("SELECT DISTINCT semver_key FROM releases WHERE version LIKE 'copy@%'") == first
    harness.rows("DELETE FROM releases WHERE version LIKE 'copy@%'")
    assert (harness.rows(keys), harness.rows(links)) == before
    assert list_differences(harness.url) == []


def test_versions_of_the_revision_before_are_folded(harness: Harness) -> None:
    """Revision 0010 on a store with releases: versions that are not ASCII are found in any case."""
    for version in ("x-ÉTÉ", "STRAẞE", "İstanbul", "ΣΊΣΥΦΟΣ", "ﬁn", "PLAIN"):
        assert harness.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    harness.run(harness.store.close())
    query = "SELECT version, folded_version FROM releases ORDER BY version"
    before = harness.rows(query)
    assert sum(text is None for _, text in before) == 1, "ASCII needs none"
    migrate(harness.url, "0009")
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedColumn)):
        harness.rows(query)
    add_releases(harness, "É-")
    migrate(harness.url)
    assert harness.rows("SELECT count(*) FROM releases WHERE folded_version LIKE 'é-%'") == [(MANY,)]
    harness.rows("DELETE FROM releases WHERE version LIKE 'É-%'")
    assert harness.rows(query) == before
    assert list_differences(harness.url) == []


def test_identifiers_compare_byte_by_byte(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    for version in ("a", "A", "ä", "a "):
        assert harness.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    harness.close()


def test_no_reference_leaves_its_organization(harness: Harness) -> None:
    """Foreign keys include organization_id: the database refuses references to another organization."""
    harness.rows("INSERT INTO repositories (organization_id, name, date_created) VALUES (2, 'r', '2026-01-01')")
    commit = "INSERT INTO commits (organization_id, repository_id, sha, date_created) VALUES ({}, 1, 's', '2026-01-01')"
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.ForeignKeyViolation)):
        harness.rows(commit.format(1))
    harness.rows(commit.format(2))


@pytest.mark.postgres  # SQLite compares byte by byte of itself
def test_identifiers_have_the_collation_c(harness: Harness) -> None:
    """Locale collations have silently broken unique indexes of release tables: an upgrade of libc may reorder them."""
    columns = harness.rows("""
        SELECT c.relname, a.attname, l.collname FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND a.atttypid = 'varchar'::regtype
    """)
    collations = {(table, column): collation for table, column, collation in columns if table != "alembic_version"}
    expected_columns = {
        ("organizations", "slug"), ("projects", "slug"), ("repositories", "name"), ("environments", "name"),
        ("commit_authors", "email"), ("commits", "sha"), ("file_changes", "path"), ("releases", "version"),
        ("releases", "semver_key"), ("release_projects", "semver_key"), ("deploys", "external_id"),
        ("deploy_projects", "external_id"), ("head_commits", "previous_sha"),
    }  # fmt: skip
    assert expected_columns <= collations.keys()
    assert {name for name, collation in collations.items() if collation != "C"} == set()
    indexed = harness.rows("""
        SELECT DISTINCT i.indrelid::regclass::text, i.indexrelid::regclass::text, l.collname
        FROM pg_index i, unnest(i.indcollation) AS used(id) JOIN pg_collation l ON l.oid = used.id
        WHERE i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    """)
    assert {
        (index, collation) for table, index, collation in indexed if table != "alembic_version" and collation != "C"
    } == set()
