"""The tables of stored bytes: blobs, chunks of uploads, and the state of assembling them."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    date,
    field,
    key,
    natural_key,
    owner,
    referable,
    size_in_bytes,
    sorted_by,
    text,
)


class BlobRow(SQLModel, table=True):
    """Bytes of an organization in the blob storage: the contents of a bundle, a release file or a debug file.

    The bytes may be shared with other organizations, the row is not: without it an organization has no access to them.
    """

    __tablename__ = "blobs"
    __table_args__ = (natural_key("sha1"), referable(), Index(None, "sha1"), sorted_by("date_stored"), NO_ID_REUSE)

    id: int | None = key()
    organization_id: int = owner()
    sha1: str = text(40)
    sha256: str = text(64)
    size: int = size_in_bytes()
    date_stored: datetime = date()


class ChunkRow(SQLModel, table=True):
    """A chunk that an organization has uploaded, until it is assembled or expires."""

    __tablename__ = "chunks"
    __table_args__ = (natural_key("sha1"), Index(None, "sha1"), sorted_by("date_stored"), NO_ID_REUSE)

    id: int | None = key()
    organization_id: int = owner()
    sha1: str = text(40)
    sha256: str = text(64)
    size: int = size_in_bytes()
    date_stored: datetime = date()


class AssemblyRow(SQLModel, table=True):
    """The state of assembling a file of its chunks.

    `subject` is what the file is assembled for: "" for an artifact bundle, the release of a release bundle, the project of
    a debug file. `request` is the JSON of the request, with which the work is taken up again after a crash.
    """

    __tablename__ = "assemblies"
    __table_args__ = (
        natural_key("kind", "subject", "checksum"),
        referable(),
        Index(None, "state", "date_updated"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    kind: str = text(20)
    subject: str = text(100)
    checksum: str = text(40)
    state: str = text(12)
    detail: str | None = field(Text(), nullable=True)
    request: str = field(Text())
    date_created: datetime = date()
    date_updated: datetime = date()
