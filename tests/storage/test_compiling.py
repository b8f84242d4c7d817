"""Statements are compiled once and their text is never edited: literals that look like parameters stay unchanged."""

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


def quote(text: str) -> Any:
    """Return a literal of SQL whose colons SQLAlchemy does not take for parameters."""
    return literal_column("'" + text.replace("'", "''").replace("%", "%") + "'")


def insert_with(text: str) -> BulkStatement:
    """Return an insert of environments that renames an existing one to a literal."""

    def construct(dialect: Any) -> Any:
        statement = insert_rows(dialect, environments, COLUMNS, ("organization_id", "date_created"))
        key = ["organization_id", "name"]
        return statement.on_conflict_do_update(index_elements=key, set_={"name": quote(text)})

    return BulkStatement("test", construct, ("organization_id", "date_created"))


@pytest.mark.parametrize("text", LITERALS)
@pytest.mark.parametrize("count", [1, ROWS_PER_INSERT, 2 * ROWS_PER_INSERT + 3])
def test_statements_with_literals(harness: Harness, text: str, count: int) -> None:
    """Bound values and literals are stored, in a statement for several rows and in a batch of statements."""
    [(organization,)] = harness.rows("SELECT id FROM organizations WHERE slug = 'acme'")
    rows = [{"organization_id": organization, "name": f"e{number}", "date_created": DATE} for number in range(count)]
    insert = insert_with(text)
    rename = Statement(
        "test",
        update(projects).values(name=quote(text)).where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type)),
    )
    find = Statement(
        "test", select(quote(text), projects.c.slug).where(projects.c.slug == bindparam("slug", type_=projects.c.slug.type))
    )

    async def work(transaction: Any) -> Any:
        await transaction.execute_many(insert, rows)
        return await transaction.execute_batch([(insert, rows[:1]), (rename, [{"slug": "web"}])], (find, {"slug": "api"}))

    rows = harness.run(harness.store._database.write(work))
    assert [tuple(row) for row in rows] == [(text, "api")]
    names = {row[0] for row in harness.rows("SELECT name FROM environments")}
    assert names == {text, *(f"e{number}" for number in range(1, count))}
    assert {row[0] for row in harness.rows("SELECT name FROM projects WHERE slug = 'web'")} == {text}


def list_statements() -> list[tuple[str, Statement]]:
    modules = (commits, creation, deploys, writer, ranges, releases)
    return [
        (f"{module.__name__}.{name}", statement)
        for module in modules
        for name, statement in vars(module).items()
        if isinstance(statement, Statement)
    ]


@pytest.mark.parametrize(("name", "statement"), list_statements(), ids=lambda value: value if isinstance(value, str) else "")
def test_parameters_are_numbered_from_an_offset(name: str, statement: Statement) -> None:
    """With offset 0 the text is the driver's; with another offset only the numbers differ."""
    dialect = PostgresDialect()
    prepared, numbered, shifted = (
        statement.prepare(dialect),
        statement.prepare_from(dialect, 0),
        statement.prepare_from(dialect, 40),
    )
    assert numbered.sql == prepared.sql
    assert list(numbered.names) == list(prepared.names) == list(shifted.names)
    expected = prepared.sql
    for number in range(len(prepared.names), 0, -1):
        expected = expected.replace(f"${number}:", f"${number + 40}:")
    assert shifted.sql == expected


def test_rows_statements_have_a_construct_for_several_rows() -> None:
    several = {name for name, statement in list_statements() if statement.prepare(SqliteDialect()).multi_row_sql}
    assert {name.rpartition(".")[2] for name in several} >= {
        "INSERT_RELEASE",
        "LINK_NEW_RELEASE",
        "LINK_COMMIT",
        "LINK_PROJECT",
        "LINK_AUTHOR",
        "INSERT_CHANGE",
    }


def test_databases_of_a_process_share_what_is_compiled(template: Template, tmp_path: Path) -> None:
    """Otherwise each application of the tests would compile and keep its own statements."""
    harnesses = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        harnesses.append(Harness(template, tmp_path / name))
    statement = Statement("test", text("SELECT 1"))
    assert len({id(statement.prepare(harness.store._database.dialect)) for harness in harnesses}) == 1
    for harness in harnesses:
        harness.close()


def test_no_module_that_compiles_statements_edits_text() -> None:
    """Storage does not import `re`."""
    for path in Path(gql_releases.storage.__file__).parent.glob("*.py"):
        imported = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        assert "re" not in imported, path
