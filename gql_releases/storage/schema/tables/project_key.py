"""The table of project keys, which are part of DSNs."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    date,
    key,
    member,
    owner,
    referable,
    reference,
    sorted_by,
    text,
)


class ProjectKeyRow(SQLModel, table=True):
    """A key with which SDKs send events of a project. It is public: no other operation accepts it."""

    __tablename__ = "project_keys"
    __table_args__ = (
        UniqueConstraint("public_key"),
        referable(),
        reference("project_id", "projects"),
        sorted_by("project_id", "id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    project_id: int = member()
    public_key: str = text(32)
    name: str = text(64)
    is_active: bool
    date_created: datetime = date()
