"""SQLite computes derived lists from the rows of the requested release only."""

from __future__ import annotations

import sqlite3

import pytest

from gql_releases.domain.conditions import condition_names
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.selection import Selection
from gql_releases.rest_api.commits import RELEASE_COMMITS, RELEASE_FILE_CHANGES
from gql_releases.rest_api.engine.paged_selections import WHOLE_LIST
from gql_releases.rest_api.releases import META_SELECTION, previous_view
from gql_releases.rest_api.repositories import RELEASE_REPOSITORIES
from gql_releases.storage.engine.dialects import SqliteDialect
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.entities import CATALOGUE
from gql_releases.storage.reading.compile import compile_root
from gql_releases.storage.reading.plan import Level, build_shape
from tests.conftest import Template

RELEASE = PageRequest(10, conditions=(("release", 1),))
ONE_ROW = PageRequest(1, conditions=(("release", 1),))


def list_statements(level: Level) -> list[Statement]:
    """Return the statements of a level and those below it. A list that is joined to its parent has none of its own."""
    below = [statement for plan in level.lists for statement in list_statements(plan.level)]
    return [level.statement, *below] if hasattr(level, "statement") else below


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("selection", "pages"),
    [
        (RELEASE_COMMITS, (RELEASE, WHOLE_LIST)),
        (RELEASE_FILE_CHANGES, (RELEASE,)),
        (RELEASE_REPOSITORIES, (RELEASE,)),
        (META_SELECTION, (ONE_ROW, PageRequest(1))),
        previous_view([]),
    ],
)
def test_no_list_of_a_release_scans_those_of_others(
    template: Template, selection: Selection, pages: tuple[PageRequest, ...]
) -> None:
    dialect = SqliteDialect()
    plan = compile_root(
        dialect, CATALOGUE, selection, condition_names((("id", 1),)), tuple([build_shape(page, dialect) for page in pages])
    )
    steps = []
    database = sqlite3.connect(template.path)
    for statement in list_statements(plan.level):
        sql = statement.prepare(dialect).sql
        steps += [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]
    database.close()
    for step in steps:
        if any(name in step for name in (" release_commits", " file_changes", " head_commits", " release_projects")):
            assert any(f"{key}=?" in step for key in ("release_id", "commit_id", "project_id", "rowid")), step
    assert any("release_id=?" in step for step in steps)
