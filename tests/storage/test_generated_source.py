"""Source that is generated is shown in tracebacks and profiles, and goes with the code that was made from it."""

from __future__ import annotations

import gc
import linecache
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, column, select, table

from gql_releases.storage.engine.dialects import SqliteDialect
from gql_releases.storage.engine.generated_source import define_function
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.reading.row_codegen import SourceBuilder


def list_files(label: str) -> list[str]:
    return [file for file in linecache.cache if label in file]


def show_error(call: Callable[[], Any]) -> str:
    with pytest.raises(Exception) as raised:
        call()
    return "".join(traceback.format_exception(raised.value))


def test_traceback_shows_the_line_of_a_row_builder() -> None:
    builder = SourceBuilder()
    convert = builder.render_value(0, int, nullable=True)
    build = builder.define_build(builder.render_object([("version", "r[1]"), ("major", convert)], []))
    assert build(("7", "web@7"), []) == {"version": "web@7", "major": 7}
    text = show_error(lambda: build(("seven", "web@7"), []))
    assert "in build_row\n    return {'version': r[1], 'major': (None if r[0] is None else k0(r[0]))}" in text


def test_traceback_shows_the_statement_and_the_value_that_is_missing() -> None:
    rows = table("rows", column("id", Integer), column("name"))
    condition = (rows.c.id == bindparam("row_id")) & (rows.c.name == bindparam("name"))
    statement = Statement("rows.find", select(rows.c.id).where(condition))
    prepared = statement.prepare(SqliteDialect())
    assert prepared.bind({"name": "web", "row_id": 1}) == (1, "web")
    text = show_error(lambda: prepared.bind({"row_id": 1}))
    assert 'File "<generated binder of rows.find ' in text
    assert "in bind_values\n    values['name'],\n" in text


def test_source_goes_with_the_code() -> None:
    functions = [define_function("short life", f"def number():\n    return {number}\n", {}) for number in range(50)]
    assert [function() for function in functions] == list(range(50))
    assert len(list_files("short life")) == 50
    text = show_error(lambda: functions[0](1))
    assert text
    functions = functions[:1]
    gc.collect()
    assert len(list_files("short life")) == 1
    linecache.checkcache()
    assert len(list_files("short life")) == 1, "a check for files that have changed keeps it"


def test_dropped_plans_leave_no_source() -> None:
    """A plan's functions refer to each other by their constants: they go together."""
    before = len(list_files("row builder"))
    for _ in range(20):
        builder = SourceBuilder()
        inner = builder.add_constant(builder._define("build_object", "r, bags", ["return {'id': r[0]}"]))
        assert builder.define_build(f"{inner}(r, bags)")((3,), []) == {"id": 3}
    del builder
    gc.collect()
    assert len(list_files("row builder")) <= before
