"""All named statements of storage and their SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from gql_releases import storage
from gql_releases.storage.engine.dialects import PostgresDialect, SqliteDialect
from gql_releases.storage.engine.natural_keys import NaturalKeyTable
from gql_releases.storage.engine.statements import Statement

DIALECTS = {"sqlite": SqliteDialect, "postgresql": PostgresDialect}


def list_statements() -> dict[str, Statement]:
    """Return each statement that a module of storage declares, by its name and in the order of the names."""
    statements: dict[str, Statement] = {}
    for module in walk_packages(storage.__path__, f"{storage.__name__}."):
        if ".migrations" not in module.name:
            for statement in _find_statements(vars(import_module(module.name)).values()):
                statements[statement.name] = statement
    return dict(sorted(statements.items()))


def render_sql(statement: Statement, dialect_name: str) -> str | None:
    """Return the text of a statement on `sqlite` or `postgresql`; None where it does not run on it."""
    dialect = DIALECTS[dialect_name]()
    return statement.prepare(dialect).sql if statement.runs_on(dialect) else None


def _find_statements(values: Iterable[Any]) -> Iterator[Statement]:
    for value in values:
        match value:
            case Statement():
                yield value
            case NaturalKeyTable():
                yield from _find_statements(vars(value).values())
            case list() | tuple():
                yield from _find_statements(value)
            case dict():
                yield from _find_statements(value.values())
