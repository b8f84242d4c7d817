"""All services of files, for the composition root to pass to the APIs."""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.services.artifact_bundles import ArtifactBundleService
from gql_releases.services.assemblies import Assembler
from gql_releases.services.blob_storage import BlobStorage
from gql_releases.services.chunk_uploads import ChunkUploadService
from gql_releases.services.debug_files import DebugFileService
from gql_releases.services.file_collection import FileCollector
from gql_releases.services.file_quota import FileQuota
from gql_releases.services.file_readiness import FileReadiness
from gql_releases.services.release_files import ReleaseFileService


class FilesNotConfigured(DomainError):
    """The server has no storage for files."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.NOT_INSTALLED,
            "This server keeps no files: its operator sets GQL_RELEASES_FILES to a folder or a bucket "
            "(docs/operations/configure.md).",
        )


@dataclass(frozen=True, slots=True)
class FileServices:
    """Services of files, where a storage for them is configured."""

    blobs: BlobStorage
    assembler: Assembler
    chunk_uploads: ChunkUploadService
    artifact_bundles: ArtifactBundleService
    debug_files: DebugFileService
    release_files: ReleaseFileService
    quota: FileQuota
    collector: FileCollector
    readiness: FileReadiness

    def start(self) -> None:
        """Begin the background work of a process."""
        self.assembler.start()
        self.collector.start()

    async def close(self) -> None:
        """End the background work, and release what the storage has open."""
        await self.collector.close()
        await self.assembler.close()
        await self.blobs.close()
