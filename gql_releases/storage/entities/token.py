"""Tokens."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, and_, bindparam

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.types import Id
from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE
from gql_releases.storage.reading.entity import Entity
from gql_releases.storage.reading.filters import bind_value, filter_among
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.token import TokenRow


def filter_own_token(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match the reader's own token: a request reads the token that it was sent with, and no other."""
    return and_(rows.c.id == bind_value(rows.c.id, name), rows.c.id == bindparam("token", type_=Id))


def filter_own_tokens(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match the reader's own token in a list of ids."""
    return and_(filter_among("id")(rows, name, dialect), rows.c.id == bindparam("token", type_=Id))


ENTITIES = {
    "Token": Entity(table(TokenRow), ones=ORGANIZATION_REFERENCE, filters={"id": filter_own_token, "ids": filter_own_tokens})
}
