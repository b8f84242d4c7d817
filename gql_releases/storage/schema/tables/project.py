"""The table of projects."""

from datetime import datetime

from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    date,
    key,
    member,
    natural_key,
    owner,
    referable,
    reference,
    text,
)


class ProjectRow(SQLModel, table=True):
    """A project, whose releases are stored."""

    __tablename__ = "projects"
    __table_args__ = (natural_key("slug"), referable(), reference("default_repository_id", "repositories"))

    id: int | None = key()
    organization_id: int = owner()
    slug: str = text(50)
    name: str = text(64)
    date_created: datetime = date()
    default_repository_id: int | None = member(nullable=True)
    """The repository that the REST API uses for `origin`."""
    issue_counter: int = member(sa_column_kwargs={"server_default": "0"})
    """The number of the newest issue: short ids are counted."""
