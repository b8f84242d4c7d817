"""No read and no write walks a growing table: all that the application can be asked is recorded, and its plans are looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from gql_releases.app import create_app
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.rest_api.loader import ROUTES
from gql_releases.storage.schema import tables
from gql_releases.storage.store import Store, open_database, open_store
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.scale import scale
from tests.storage import everything
from tests.storage.plans import walks_of_postgres, walks_of_sqlite
from tests.storage.recorder import Recorder
from tests.storage.test_reading import FILTERS

OPERATIONS = scale(40, 120)
DELETED = {"releases", "deploys"}
"""Tables whose rows are deleted: whatever points to them is looked for each time."""
FEW = {"projects", "environments", "repositories", "organizations"}
"""Tables that people fill by hand."""


@pytest.fixture(scope="module")
def asked(
    template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Harness, Mapping[str, tuple[Any, ...]]]]:
    """A large store, and each statement that was run on it, with values."""
    harness = Harness(template, tmp_path_factory.mktemp("plans"), max_cost=10**12)
    everything.fill_large(harness)
    if ON_POSTGRES:  # as autovacuum does: docs/operations/scale.md
        with psycopg.connect(harness.url, autocommit=True) as connection:
            connection.execute("ANALYZE")
    recorder = Recorder(open_database(harness.url))
    client = Client(create_app(harness.settings, Store(recorder)), harness.tokens["acme"])
    everything.ask_lists(client)
    for condition in FILTERS:
        answer = client.graphql(f'{{organization(slug: "acme") {{releases(filter: {{{condition}}}) {{nodes {{id}}}}}}}}')
        assert "errors" not in answer, answer
    everything.ask_mutations(client)
    routes = set()
    for method, path, answer in everything.ask_rest(client):
        assert answer.status < 300, (method, path, answer)
        segments = [one for one in path.partition("?")[0].split("/") if one]
        routes |= {
            (pattern, method)
            for pattern in ROUTES
            if len(pattern) == len(segments) and all(p in ("*", s) for p, s in zip(pattern, segments, strict=True))
        }
    assert routes == {(pattern, method) for pattern, handlers in ROUTES.items() for method in handlers if method != "HEAD"}
    everything.ask_drawn(harness, client, OPERATIONS, 5)
    yield harness, dict(recorder.bound)
    client.runner.run(recorder.close())
    client.close()
    harness.close()


def test_every_mutation_is_asked() -> None:
    mutations = core_schema(build_schema()).mutation_type
    assert mutations
    assert everything.MUTATIONS.keys() == mutations.fields.keys()


@pytest.mark.slow
def test_no_statement_walks_a_growing_table(asked: tuple[Harness, Mapping[str, tuple[Any, ...]]]) -> None:
    """Pages are walked along an index in their order, and counted where a count is asked for: see docs/operations/scale.md.

    PostgreSQL plans by the numbers of rows, and reads a small table whole; here it must have another way.
    """
    harness, bound = asked
    assert len(bound) > 250
    walks = list(walks_of_postgres(harness.url, bound) if ON_POSTGRES else walks_of_sqlite(harness.path, bound))
    whole = {(walk.table, walk.sql) for walk in walks if walk.whole}
    assert whole == set()
    if not ON_POSTGRES:
        strange = {
            (walk.table, walk.sql) for walk in walks if not walk.counted and not walk.ordered and walk.table not in FEW
        }
        assert strange == set()
        ordered = {walk.table for walk in walks if walk.ordered}
        assert ordered - FEW == {"releases"}, "only releases are listed by more than what they belong to"
        counted = {walk.table for walk in walks if walk.counted}
        assert counted - FEW == {"releases"}, "totalCount counts within the organization"


@pytest.mark.parametrize("name", sorted(tables.metadata.tables))
def test_what_points_to_deleted_rows_is_found_by_index(name: str) -> None:
    """A foreign key is checked, or cascades, by looking for its columns: no plan of a statement shows that."""
    table = tables.metadata.tables[name]
    ways = [[column.name for column in one.columns] for one in (*table.indexes, table.primary_key, *_uniques(table))]
    for key in table.foreign_key_constraints:
        columns = [element.parent.name for element in key.elements]
        if key.elements[0].column.table.name in DELETED and columns != ["organization_id"]:
            assert any(way[: len(columns)] == columns for way in ways), (name, columns)


def _uniques(table: Any) -> list[Any]:
    return [one for one in table.constraints if type(one).__name__ == "UniqueConstraint"]


@pytest.mark.sqlite
def test_figures_of_an_analyze_are_dropped_and_a_line_says_so(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """With them a token among few is scanned for, and then every page of releases sorts all of them."""
    harness.rows("ANALYZE")
    with caplog.at_level(logging.WARNING):
        store: Any = open_store(harness.url)
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    plan = "EXPLAIN QUERY PLAN SELECT id FROM tokens WHERE id = 1 AND revoked_at IS NULL"
    steps = [row[3] for row in store._database._reader.execute(plan)]
    assert steps == ["SEARCH tokens USING INTEGER PRIMARY KEY (rowid=?)"]
    assert harness.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'") == []
    harness.run(store.close())
