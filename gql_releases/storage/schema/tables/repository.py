"""The table of repositories."""

from datetime import datetime

from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    date,
    key,
    natural_key,
    owner,
    referable,
    text,
)


class RepositoryRow(SQLModel, table=True):
    """A repository of commits, identified by its name."""

    __tablename__ = "repositories"
    __table_args__ = (natural_key("name"), referable())

    id: int | None = key()
    organization_id: int = owner()
    name: str = text(200)
    date_created: datetime = date()
