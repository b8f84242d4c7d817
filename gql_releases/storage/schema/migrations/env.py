"""Runs migrations on the connection that `migrate` opened."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import BigInteger, String

from gql_releases.storage.engine.types import UtcDateTime
from gql_releases.storage.schema.tables import metadata


def render_type(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Return the source of this package's column types for a new migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, BigInteger):
        return "Id"
    if kind == "type" and isinstance(item, String) and item.length and "postgresql" in item._variant_mapping:
        return f"identifier({item.length})"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_type,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
