"""Writes the rows of blobs: an organization has access to bytes only through its own row."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from gql_releases.domain.blob import ChecksumMismatch, StoredBlob
from gql_releases.domain.dates import now
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import bind_columns, match_ids
from gql_releases.storage.engine.statements import RowStatement, Transaction
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.blob import BlobRow

blobs = table(BlobRow)


class BlobColumns(NamedTuple):
    """A blob of an organization."""

    id: int
    sha1: str
    sha256: str
    size: int


class BlobId(NamedTuple):
    """The id and the content of a blob."""

    id: int
    sha256: str


def _upsert_blob(dialect: Dialect) -> Any:
    names = ("organization_id", "sha1", "sha256", "size", "date_stored")
    statement = dialect.insert(blobs).values(bind_columns(blobs, *names))
    return statement.on_conflict_do_update(
        index_elements=["organization_id", "sha1"], set_={"date_stored": statement.excluded.date_stored}
    ).returning(blobs.c.id, blobs.c.sha256)


RECORD_BLOB = RowStatement("blobs.record", BlobId, _upsert_blob)
FIND_BLOB = RowStatement(
    "blobs.find",
    BlobColumns,
    select(blobs.c.id, blobs.c.sha1, blobs.c.sha256, blobs.c.size).where(
        *match_ids(blobs, "organization_id"), blobs.c.sha1 == bindparam("sha1", type_=blobs.c.sha1.type)
    ),
)


async def record_blob(transaction: Transaction, organization: int, blob: StoredBlob) -> int:
    """Return the id of the organization's row of a blob whose bytes are stored. A collector takes the row for new.

    Raises ChecksumMismatch if the organization has another content of this SHA-1.
    """
    values = {
        "organization_id": organization, "sha1": blob.sha1, "sha256": blob.sha256, "size": blob.size, "date_stored": now(),
    }  # fmt: skip
    row = await RECORD_BLOB.fetch_one(transaction, values)
    assert row is not None
    if row.sha256 != blob.sha256:
        raise ChecksumMismatch
    return row.id


async def find_blob(transaction: Transaction, organization: int, sha1: str) -> BlobColumns | None:
    """Return the organization's row of a blob, or None."""
    return await FIND_BLOB.fetch_one(transaction, {"organization_id": organization, "sha1": sha1})
