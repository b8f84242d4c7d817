"""The table of environments."""

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


class EnvironmentRow(SQLModel, table=True):
    """A target of deploys, identified by its name."""

    __tablename__ = "environments"
    __table_args__ = (natural_key("name"), referable())

    id: int | None = key()
    organization_id: int = owner()
    name: str = text(64)
    date_created: datetime = date()
