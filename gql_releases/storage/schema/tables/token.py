"""The table of tokens."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import SQLModel

from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.columns import NO_ID_REUSE, date, field, key, owner, referable, text


class TokenRow(SQLModel, table=True):
    """A credential; only the digest of its text is stored."""

    __tablename__ = "tokens"
    __table_args__ = (referable(), NO_ID_REUSE)

    id: int | None = key()
    organization_id: int = owner()
    digest: bytes = field(LargeBinary(32), unique=True)
    hint: str = text(8)
    name: str = text(64)
    scopes: str = text(200)
    date_created: datetime = date()
    expires_at: datetime | None = date(nullable=True)
    revoked_at: datetime | None = date(nullable=True)
    last_used_at: datetime | None = date(nullable=True)
    maker_id: int | None = field(Id, nullable=True)
    """The token that created this one; None where the command line did, or before this was stored. Rows are not deleted."""
