"""The tables of upstreams, the releases sent to them, and the outbox."""

from datetime import datetime

from sqlalchemy import LargeBinary, Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
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


class UpstreamRow(SQLModel, table=True):
    """The Sentry that an organization's writes are forwarded to; its token is encrypted. No request before `resume_at`."""

    __tablename__ = "upstreams"

    organization_id: int = owner(primary_key=True)
    url: str = text(200)
    organization: str = text(100)
    sealed_token: bytes = field(LargeBinary())
    failures: int = 0
    resume_at: datetime = date()
    date_created: datetime = date()


class UpstreamReleaseRow(SQLModel, table=True):
    """The queue of requests about a release, identified by its version: it still exists after the release is deleted.

    `claim` counts the claims of senders; one whose lease has expired no longer has the current number.
    """

    __tablename__ = "upstream_releases"
    __table_args__ = (natural_key("version"), referable(), sorted_by("state", "next_attempt_at", "id"), NO_ID_REUSE)

    id: int | None = key()
    organization_id: int = owner()
    version: str = text(200)
    state: str = text(8)
    attempts: int = 0
    last_error: str | None = text(500, nullable=True)
    next_attempt_at: datetime = date()
    claim: int = 0
    last_deploy: str | None = text(64, nullable=True)


class OutboxRow(SQLModel, table=True):
    """A request that the upstream has not acknowledged, as Sentry's JSON; the ids of a queue's rows are its order."""

    __tablename__ = "outbox"
    __table_args__ = (
        reference("queue_id", "upstream_releases", cascade=True),
        sorted_by("queue_id", "id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    queue_id: int = member()
    kind: str = text(8)
    body: str | None = field(Text(), nullable=True)
    attempts: int = 0
    date_created: datetime = date()
