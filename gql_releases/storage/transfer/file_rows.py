"""The contents of files that a database has rows of, for a copy of their bytes."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.storage.transfer.endpoints import CopyEndpoint, fetch_value, open_endpoint

_TABLES = {BlobKind.BLOB: "blobs", BlobKind.CHUNK: "chunks"}


class FileRows:
    """Rows of blobs and chunks, each content once although several organizations may have it."""

    def __init__(self, endpoint: CopyEndpoint | None) -> None:
        self._endpoint = endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._endpoint:
            await self._endpoint.close()

    async def count(self, kind: BlobKind) -> int:
        """Return the number of contents."""
        if self._endpoint is None:
            return 0
        return int(await fetch_value(self._endpoint, f"SELECT count(DISTINCT sha1) FROM {_TABLES[kind]}"))

    async def list_contents(self, kind: BlobKind, after: str, limit: int) -> list[StoredBlob]:
        """Return the next contents in the order of their SHA-1."""
        if self._endpoint is None:
            return []
        sign, table = self._endpoint.sign, _TABLES[kind]
        sql = (
            f"SELECT sha1, min(sha256), max(size) FROM {table} WHERE sha1 > {sign}1 "
            f"GROUP BY sha1 ORDER BY sha1 LIMIT {sign}2"
        )
        return [StoredBlob(*row) for row in await self._endpoint.fetch(sql, after, limit)]


async def open_file_rows(url: str) -> FileRows:
    """Open a database for reading; one that does not exist has no rows. Raises ValueError, Unavailable."""
    return FileRows(await open_endpoint(url, to_write=False))
