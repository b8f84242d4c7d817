"""Statements are compiled once and their text is never changed: literals that look like parameters or rows stay as they are."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, literal_column, select, text, update

import gql_releases.storage
from gql_releases.storage import deploys
from gql_releases.storage.commits import ranges
from gql_releases.storage.commits import store as commits
from gql_releases.storage.engine.dialects import ROWS_PER_INSERT, PostgresDialect, SqliteDialect
from gql_releases.storage.engine.natural_keys import insert_rows
from gql_releases.storage.engine.statements import BulkStatement, Statement
from gql_releases.storage.outbox import writer
from gql_releases.storage.releases import creation
from gql_releases.storage.releases import store as releases
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from tests.conftest import Harness, Template

LITERALS = ["$1", "$2::BIGINT", "VALUES (?, ?)", "VALUES (", "(?, ?, ?)", ":name", "%s", "?"]
environments, projects = table(EnvironmentRow), table(ProjectRow)
COLUMNS = ("organization_id", "name", "date_created")
DATE = "2026-01-01T00:00:00.000000Z"


def quoted(text: str) -> Any:
    """A literal of SQL, with a colon that SQLAlchemy is not to take for a parameter."""
    return literal_column("'" + text.replace("'", "''").replace("%", "%") + "'")


def insert_with(text: str) -> BulkStatement:
    """Insert environments; of one that is there the name becomes a literal."""

    def construct(dialect: Any) -> Any:
        made = insert_rows(dialect, environments, COLUMNS, ("organization_id", "date_created"))
        key = ["organization_id", "name"]
        return made.on_conflict_do_update(index_elements=key, set_={"name": quoted(text)})

    return BulkStatement("test", construct, ("organization_id", "date_created"))


@pytest.mark.parametrize("text", LITERALS)
@pytest.mark.parametrize("count", [1, ROWS_PER_INSERT, 2 * ROWS_PER_INSERT + 3])
def test_statements_with_literals(harness: Harness, text: str, count: int) -> None:
    """By one statement for several rows, or beside others in one round trip: what is bound and what is literal arrives."""
    [(organization,)] = harness.rows("SELECT id FROM organizations WHERE slug = 'acme'")
    rows = [{"organization_id": organization, "name": f"e{number}", "date_created": DATE} for number in range(count)]
    insert = insert_with(text)
    rename = Statement(
        "test",
        update(projects).values(name=quoted(text)).where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type)),
    )
    find = Statement(
        "test", select(quoted(text), projects.c.slug).where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type))
    )

    async def work(transaction: Any) -> Any:
        await transaction.execute_many(insert, rows)
        return await transaction.execute_batch([(insert, rows[:1]), (rename, [{"slug": "web"}])], (find, {"slug": "api"}))

    found = harness.run(harness.store._database.write(work))
    assert [tuple(row) for row in found] == [(text, "api")]
    names = {row[0] for row in harness.rows("SELECT name FROM environments")}
    assert names == {text, *(f"e{number}" for number in range(1, count))}
    assert {row[0] for row in harness.rows("SELECT name FROM projects WHERE slug = 'web'")} == {text}


def all_statements() -> list[tuple[str, Statement]]:
    modules = (commits, creation, deploys, writer, ranges, releases)
    return [
        (f"{module.__name__}.{name}", statement)
        for module in modules
        for name, statement in vars(module).items()
        if isinstance(statement, Statement)
    ]


@pytest.mark.parametrize(("name", "statement"), all_statements(), ids=lambda one: one if isinstance(one, str) else "")
def test_parameters_are_numbered_from_an_offset(name: str, statement: Statement) -> None:
    """From 0 on the text is the driver's own; from another number on it is the same, but for the numbers."""
    dialect = PostgresDialect()
    usual, numbered, shifted = (
        statement.prepare(dialect),
        statement.prepare_from(dialect, 0),
        statement.prepare_from(dialect, 40),
    )
    assert numbered.sql == usual.sql
    assert list(numbered.names) == list(usual.names) == list(shifted.names)
    expected = usual.sql
    for number in range(len(usual.names), 0, -1):
        expected = expected.replace(f"${number}:", f"${number + 40}:")
    assert shifted.sql == expected


def test_rows_statements_have_a_construct_for_several_rows() -> None:
    several = {name for name, one in all_statements() if one.prepare(SqliteDialect()).multi_row_sql}
    assert {name.rpartition(".")[2] for name in several} >= {
        "INSERT_RELEASE",
        "LINK_NEW_RELEASE",
        "LINK_COMMIT",
        "LINK_PROJECT",
        "LINK_AUTHOR",
        "INSERT_CHANGE",
    }


def test_databases_of_a_process_share_what_is_compiled(template: Template, tmp_path: Path) -> None:
    """Each application of the tests would compile its statements anew otherwise, and keep them for good."""
    harnesses = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        harnesses.append(Harness(template, tmp_path / name))
    statement = Statement("test", text("SELECT 1"))
    assert len({id(statement.prepare(harness.store._database.dialect)) for harness in harnesses}) == 1
    for harness in harnesses:
        harness.close()


def test_no_module_that_compiles_statements_edits_text() -> None:
    """No regular expressions in storage, whose texts are SQL."""
    for path in Path(gql_releases.storage.__file__).parent.glob("*.py"):
        imported = [
            one.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import) for one in node.names
        ]
        assert "re" not in imported, path
