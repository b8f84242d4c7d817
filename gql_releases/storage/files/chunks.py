"""Writes the rows of chunks: the bytes that an organization has uploaded and not yet assembled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select

from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.dates import now
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import insert_rows, match_ids
from gql_releases.storage.engine.statements import BulkStatement, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.blob import ChunkRow

chunks = table(ChunkRow)

_SHARED = ("organization_id", "date_stored")


class ChunkSize(NamedTuple):
    """The SHA-1 and the size of a chunk."""

    sha1: str
    size: int


def _upsert_chunks(dialect: Dialect) -> Any:
    statement = insert_rows(dialect, chunks, ("organization_id", "sha1", "sha256", "size", "date_stored"), _SHARED)
    return statement.on_conflict_do_update(
        index_elements=["organization_id", "sha1"], set_={"date_stored": statement.excluded.date_stored}
    )


RECORD_CHUNKS = BulkStatement("chunks.record", _upsert_chunks, _SHARED)
FIND_CHUNKS = RowStatement(
    "chunks.find",
    ChunkSize,
    lambda dialect: select(chunks.c.sha1, chunks.c.size).where(
        *match_ids(chunks, "organization_id"), dialect.is_among(chunks.c.sha1, "sha1s")
    ),
)
DELETE_CHUNK = Statement(
    "chunks.delete",
    delete(chunks).where(
        chunks.c.organization_id == bindparam("organization", type_=Id),
        chunks.c.sha1 == bindparam("chunk", type_=chunks.c.sha1.type),
    ),
)


async def find_chunk_sizes(transaction: Transaction, organization: int, sha1s: Collection[str]) -> dict[str, int]:
    """Return the sizes of those chunks that the organization has, by their SHA-1."""
    if not sha1s:
        return {}
    values = {"organization_id": organization, "sha1s": transaction.dialect.list_value(sorted(set(sha1s)))}
    return {row.sha1: row.size for row in await FIND_CHUNKS.fetch_all(transaction, values)}


class ChunkStore:
    """Chunks in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_chunks(self, principal: Principal, stored: Sequence[StoredBlob]) -> None:
        """Insert the rows of chunks whose bytes are stored, or renew their date. Raises InvalidToken."""
        # In the order of their hashes: writers of the same chunks do not wait for each other in a circle.
        ordered = [blob for _, blob in sorted({blob.sha1: blob for blob in stored}.items())]
        common = {"organization_id": principal.organization_id, "date_stored": now()}
        rows = [{**common, "sha1": blob.sha1, "sha256": blob.sha256, "size": blob.size} for blob in ordered]

        async def work(transaction: Transaction) -> None:
            await require_active_token(transaction, principal)
            await transaction.execute_many(RECORD_CHUNKS, rows)

        await self._database.write(work)
