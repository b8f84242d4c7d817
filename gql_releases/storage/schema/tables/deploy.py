"""The tables of deploys, their projects, and the current deploy of each project and environment."""

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint, Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    WITHOUT_ROWID,
    date,
    field,
    key,
    member,
    natural_key,
    owner,
    referable,
    reference,
    sorted_by,
    text,
)


class DeployRow(SQLModel, table=True):
    """A deploy of a release to an environment."""

    __tablename__ = "deploys"
    __table_args__ = (
        referable(),
        reference("release_id", "releases", cascade=True),
        reference("environment_id", "environments"),
        reference("previous_release_id", "releases"),
        sorted_by("release_id", "finish_order", "id"),
        sorted_by("environment_id", "finish_order", "id"),
        sorted_by("previous_release_id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    release_id: int = member()
    environment_id: int = member()
    name: str | None = text(64, nullable=True)
    url: str | None = text(200, nullable=True)
    date_started: datetime | None = date(nullable=True)
    date_finished: datetime | None = date(nullable=True)
    finish_order: datetime = date()
    date_created: datetime = date()
    status: str = text(12)
    external_id: str | None = text(64, nullable=True)
    comment: str | None = field(Text(), nullable=True)
    links: str = field(Text())
    previous_release_id: int | None = member(nullable=True)


class DeployProjectRow(SQLModel, table=True):
    """A project of a deploy, with a copy of the deploy's external id, which is unique in the project."""

    __tablename__ = "deploy_projects"
    __table_args__ = (
        PrimaryKeyConstraint("organization_id", "deploy_id", "project_id"),
        natural_key("project_id", "external_id"),
        reference("deploy_id", "deploys", cascade=True),
        reference("project_id", "projects"),
        WITHOUT_ROWID,
    )

    organization_id: int = owner()
    deploy_id: int = member()
    project_id: int = member()
    external_id: str | None = text(64, nullable=True)


class CurrentDeployRow(SQLModel, table=True):
    """The current deploy of a project in an environment: the last successful one, updated by each write."""

    __tablename__ = "current_deploys"
    __table_args__ = (
        natural_key("environment_id", "project_id"),
        reference("environment_id", "environments"),
        reference("project_id", "projects"),
        reference("deploy_id", "deploys", cascade=True),
        reference("release_id", "releases", cascade=True),
        sorted_by("deploy_id"),
        sorted_by("release_id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    environment_id: int = member()
    project_id: int = member()
    deploy_id: int = member()
    release_id: int = member()
