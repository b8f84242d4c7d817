"""The table of release files."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NO_ID_REUSE,
    date,
    field,
    key,
    member,
    natural_key,
    owner,
    reference,
    size_in_bytes,
    sorted_by,
    text,
)


class ReleaseFileRow(SQLModel, table=True):
    """A file uploaded to a release by itself, or by a release bundle. `dist` is "" for none."""

    __tablename__ = "release_files"
    __table_args__ = (
        natural_key("release_id", "name", "dist"),
        reference("release_id", "releases", cascade=True),
        reference("blob_id", "blobs"),
        sorted_by("blob_id"),
        sorted_by("release_id", "name", "id"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    release_id: int = member()
    name: str = text(600)
    dist: str = text(64)
    headers: str = field(Text())
    blob_id: int = member()
    size: int = size_in_bytes()
    sha1: str = text(40)
    date_created: datetime = date()
