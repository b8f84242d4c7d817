"""Statements have names, and their SQL is in a file for each dialect, so that a review shows each change of SQL."""

from __future__ import annotations

import os
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ARRAY, Text, bindparam, column, func, select

from gql_releases.storage.engine.dialects import SqliteDialect
from gql_releases.storage.engine.statements import RowStatement, Statement
from gql_releases.storage.schema.tables import metadata
from gql_releases.storage.statement_list import DIALECTS, list_statements, render_sql

FOLDER = Path(__file__).parent / "sql"
UPDATE = "GQL_RELEASES_UPDATE_SQL"
"""Environment variable with which the test rewrites the files."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sql_is_that_of_the_snapshot(dialect: str) -> None:
    file = FOLDER / f"{dialect}.sql"
    sql = {name: render_sql(statement, dialect) for name, statement in list_statements().items()}
    text = "".join(f"-- {name}\n{sql[name]};\n\n" for name in sql if sql[name] is not None)
    if os.environ.get(UPDATE):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"if the change is intended, run this test once with {UPDATE}=1"


def test_statement_of_one_database_need_not_compile_for_the_other() -> None:
    names = bindparam("names", type_=ARRAY(Text))
    statement = Statement("test.find", select(column("name") == func.any(names)), attrgetter("has_concurrent_writers"))
    assert render_sql(statement, "sqlite") is None
    assert "any($1::TEXT[])" in (render_sql(statement, "postgresql") or "")
    with pytest.raises(RuntimeError, match=r"test\.find is not one of this database"):
        statement.prepare(SqliteDialect())


def test_statements_are_named_by_noun_and_verb() -> None:
    names = list(list_statements())
    assert len(names) > 100
    assert [name for name in names if name.count(".") != 1] == []


def test_ids_of_rows_that_can_be_deleted_are_not_reused() -> None:
    """A global id refers to its row for good: a table whose rows are deleted, by a statement or a cascade, has NO_ID_REUSE."""
    sql = [render_sql(statement, "sqlite") or "" for statement in list_statements().values()]
    deletable = {table for text in sql for table in re.findall(r"DELETE FROM (\w+)", text)}
    for table in metadata.sorted_tables:
        cascades = [key for key in table.foreign_key_constraints if key.ondelete == "CASCADE"]
        if "id" in table.columns and (cascades or table.name in deletable):
            assert table.dialect_options["sqlite"]["autoincrement"], (
                f"{table.name} needs NO_ID_REUSE (storage/schema/columns.py)"
            )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_fields_of_named_rows_are_the_columns_in_their_order(dialect: str) -> None:
    """A field with the name of one of the statement's columns is at that column's place."""
    statements = [statement for statement in list_statements().values() if isinstance(statement, RowStatement)]
    assert len(statements) > 20
    for statement in statements:
        if not statement.runs_on(DIALECTS[dialect]()):
            continue
        construct: Any = statement._build(DIALECTS[dialect]())
        columns = [column.name for column in construct.exported_columns]
        row_type: Any = statement.row_type
        fields = list(row_type._fields)
        assert len(fields) == len(columns), statement.name
        for index, field in enumerate(fields):
            assert field not in columns or columns[index] == field, (statement.name, field)
