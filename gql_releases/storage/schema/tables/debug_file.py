"""The table of debug files."""

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


class DebugFileRow(SQLModel, table=True):
    """A debug file of a project: an executable, its symbols or sources, or a ProGuard mapping.

    `features` and `proguard_releases` are JSON lists of texts. `symcache_blob_id`: the look-up table made of the file.
    """

    __tablename__ = "debug_files"
    __table_args__ = (
        natural_key("project_id", "debug_id", "sha1"),
        reference("project_id", "projects"),
        reference("blob_id", "blobs"),
        reference("symcache_blob_id", "blobs"),
        sorted_by("blob_id"),
        sorted_by("symcache_blob_id"),
        sorted_by("project_id", "id"),
        sorted_by("project_id", "code_id"),
        sorted_by("project_id", "sha1"),
        sorted_by("date_used"),
        NO_ID_REUSE,
    )

    id: int | None = key()
    organization_id: int = owner()
    project_id: int = member()
    debug_id: str = text(45)
    code_id: str | None = text(64, nullable=True)
    object_name: str = field(Text())
    cpu_name: str = text(40)
    format: str = text(20)
    kind: str | None = text(20, nullable=True)
    features: str = field(Text())
    proguard_releases: str = field(Text())
    blob_id: int = member()
    symcache_blob_id: int | None = member(nullable=True)
    size: int = size_in_bytes()
    sha1: str = text(40)
    date_created: datetime = date()
    date_used: datetime = date()
