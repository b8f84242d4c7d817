"""The table of organizations."""

from datetime import datetime

from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    date,
    key,
    text,
)


class OrganizationRow(SQLModel, table=True):
    """A tenant."""

    __tablename__ = "organizations"

    id: int | None = key()
    slug: str = text(50, unique=True)
    name: str = text(64)
    date_created: datetime = date()
    user_salt: str = text(32)
    """Random: what identifies a user in events is hashed with it."""
