"""The bytes of files that an organization has stored, and numbers of files for operators and metrics."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import match_ids
from gql_releases.storage.engine.statements import RowStatement
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.blob import BlobRow, ChunkRow

blobs, chunks = table(BlobRow), table(ChunkRow)


class UsedBytes(NamedTuple):
    """A sum of sizes."""

    size: int


SUM_BLOBS, SUM_CHUNKS = (
    RowStatement(
        f"{name}.sum_sizes",
        UsedBytes,
        select(func.coalesce(func.sum(target.c.size), 0)).where(*match_ids(target, "organization_id")),
    )
    for name, target in (("blobs", blobs), ("chunks", chunks))
)


class FileUsageStore:
    """Bytes of an organization."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sum_bytes(self, organization: int) -> int:
        """Return the bytes of an organization's files, and of chunks that were not collected yet."""
        total = 0
        for statement in (SUM_BLOBS, SUM_CHUNKS):
            [(size,)] = await self._database.rows(statement, {"organization_id": organization}, large=True)
            total += int(size)
        return total
