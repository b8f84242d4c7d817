"""No read and no write scans a growing table: the statements of all operations and routes are recorded and planned."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gql_releases.app import create_app
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.rest_api.loader import ROUTES
from gql_releases.storage.engine.sqlite import connect
from gql_releases.storage.engine.sqlite_connection import STATISTICS_TABLES
from gql_releases.storage.schema import tables
from gql_releases.storage.store import Store, open_database
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.events.writes import write_all_kinds
from tests.factories import CREATE, as_graphql, commit, release
from tests.scale import scale
from tests.storage import all_requests
from tests.storage.plans import find_postgres_scans, find_sqlite_scans, list_sqlite_plans
from tests.storage.recorder import Recorder
from tests.storage.test_reading import FILTERS

OPERATIONS = scale(40, 120)
DELETED = {"releases", "deploys"}
"""Tables whose rows are deleted: foreign keys to them are looked up for each deletion."""
DEPLOY = "mutation ($input: CreateDeployInput!) { createDeploy(input: $input) { userErrors { message } } }"
SMALL_TABLES = {"projects", "environments", "repositories", "organizations"}
"""Tables that stay small."""


@pytest.fixture(scope="module")
def recorded_statements(
    template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Harness, Mapping[str, tuple[Any, ...]]]]:
    """Yield a large store and the values of each statement that was run on it."""
    harness = Harness(template, tmp_path_factory.mktemp("plans"), max_cost=10**12)
    all_requests.fill_large(harness)
    if ON_POSTGRES:  # as autovacuum does: docs/operations/scale.md
        with psycopg.connect(harness.url, autocommit=True) as connection:
            connection.execute("ANALYZE")
    recorder = Recorder(open_database(harness.url))
    store = Store(recorder)
    client = Client(create_app(harness.settings, store), harness.tokens["acme"])
    all_requests.run_lists(client)
    all_requests.run_issue_lists(client)
    for condition in FILTERS:
        response = client.graphql(f'{{organization(slug: "acme") {{releases(filter: {{{condition}}}) {{nodes {{id}}}}}}}}')
        assert "errors" not in response, response
    all_requests.run_mutations(client)
    routes = set()
    for method, path, response in all_requests.send_rest_requests(client):
        assert response.status < 300, (method, path, response)
        segments = [segment for segment in path.partition("?")[0].split("/") if segment]
        routes |= {
            (pattern, method)
            for pattern in ROUTES
            if len(pattern) == len(segments) and all(p in ("*", s) for p, s in zip(pattern, segments, strict=True))
        }
    assert routes == {(pattern, method) for pattern, handlers in ROUTES.items() for method in handlers if method != "HEAD"}
    all_requests.run_drawn_operations(harness, client, OPERATIONS, 5)
    client.runner.run(write_all_kinds(harness, store))
    all_requests.run_issue_changes(client)
    client.runner.run(write_all_kinds(harness, store))  # events of resolved issues
    yield harness, dict(recorder.bound)
    client.runner.run(recorder.close())
    client.close()
    harness.close()


def test_every_mutation_is_run() -> None:
    mutations = core_schema(build_schema()).mutation_type
    assert mutations
    assert all_requests.MUTATIONS.keys() == mutations.fields.keys()


@pytest.mark.slow
def test_no_statement_scans_a_growing_table(recorded_statements: tuple[Harness, Mapping[str, tuple[Any, ...]]]) -> None:
    """Pages are read along an index in their order, and counted where a count is requested: see docs/operations/scale.md.

    PostgreSQL plans by numbers of rows and scans a small table, so sequential scans are disabled here.
    """
    harness, bound = recorded_statements
    assert len(bound) > 250
    scans = list(find_postgres_scans(harness.url, bound) if ON_POSTGRES else find_sqlite_scans(harness.path, bound))
    sequential = {(scan.table, scan.sql) for scan in scans if scan.whole}
    assert sequential == set()
    if not ON_POSTGRES:
        unexpected = {
            (scan.table, scan.sql)
            for scan in scans
            if not scan.counted and not scan.ordered and scan.table not in SMALL_TABLES
        }
        assert unexpected == set()
        ordered = {scan.table for scan in scans if scan.ordered}
        assert ordered - SMALL_TABLES == {"releases", "issues"}, "only these are listed in an order of their own"
        counted = {scan.table for scan in scans if scan.counted}
        assert counted - SMALL_TABLES == {"releases", "issues"}, "totalCount counts within the organization"


@pytest.mark.parametrize("name", sorted(tables.metadata.tables))
def test_what_points_to_deleted_rows_is_found_by_index(name: str) -> None:
    """A foreign key is checked or cascades by a look-up of its columns, which no plan of a statement shows."""
    table = tables.metadata.tables[name]
    indexes = [[column.name for column in index.columns] for index in (*table.indexes, table.primary_key, *_uniques(table))]
    for key in table.foreign_key_constraints:
        columns = [element.parent.name for element in key.elements]
        if key.elements[0].column.table.name in DELETED and columns != ["organization_id"]:
            assert any(index[: len(columns)] == columns for index in indexes), (name, columns)


def _uniques(table: Any) -> list[Any]:
    return [constraint for constraint in table.constraints if type(constraint).__name__ == "UniqueConstraint"]


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("is_small", [False, True], ids=["of the whole store", "of the first release"])
def test_plans_do_not_depend_on_statistics(
    recorded_statements: tuple[Harness, Mapping[str, tuple[Any, ...]]],
    template: Template,
    tmp_path: Path,
    *,
    is_small: bool,
) -> None:
    """The second case is a store that was analysed with one release in it, and has grown since."""
    large, bound = recorded_statements
    with closing(connect(large.path)) as connection:
        expected = list_sqlite_plans(connection, bound)
    path = tmp_path / "analysed.db"
    large.rows(f"VACUUM INTO '{path}'")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ANALYZE")
        if is_small:
            (tmp_path / "small").mkdir()
            small = Harness(template, tmp_path / "small")
            body = release(commits=[commit(1)], refs=[{"repository": "acme/web", "commit": "a" * 40}])
            deploy = {"release": {"key": {"organization": "acme", "version": body["version"]}}, "environment": "production"}
            for document, variables in ((CREATE, as_graphql(body)), (DEPLOY, deploy)):
                response = small.client.graphql(document, {"input": variables})
                assert "errors" not in response, response
            small.rows("ANALYZE")
            connection.execute("ATTACH ? AS small", (str(small.path),))
            for (table,) in connection.execute(STATISTICS_TABLES).fetchall():
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} SELECT * FROM small.{table}")
            small.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")  # their plans are shown too
        changed = [sql for sql, plan in list_sqlite_plans(connection, bound).items() if plan != expected[sql]]
    assert len(changed) > 10, "the statistics change plans of connections that use them"
    with closing(connect(path)) as connection:
        plans = list_sqlite_plans(connection, bound)
    assert {sql: plan for sql, plan in plans.items() if plan != expected[sql]} == {}
