"""Operations on artifact bundles: assembling, deletion, reading of their files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from gql_releases.domain.artifact_bundle import (
    DIST_WITHOUT_RELEASE,
    INVALID_BUNDLE,
    INVALID_PROJECTS,
    MAX_DIST,
    MAX_VERSION,
    ArtifactLookup,
    BundleContents,
    BundleRequest,
    FileBytes,
    FoundArtifacts,
    InvalidUpload,
)
from gql_releases.domain.assembly import AssembleFailed, AssemblyKind, AssemblyRequest, AssemblyStatus
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.bundle import InvalidBundle
from gql_releases.domain.principal import DELETE_RELEASES, DOWNLOAD_FILES, READ_RELEASES, WRITE_RELEASES, Principal
from gql_releases.domain.switching import short_switch_interval
from gql_releases.services.assemblies import Assembler
from gql_releases.services.blob_storage import BlobStorage

ReadContents = Callable[[BinaryIO], BundleContents]
"""Reads a bundle, in a thread. Raises InvalidBundle."""
ReadFile = Callable[[BinaryIO, str], Iterator[bytes]]
"""Yields the bytes of a bundle's file by its path, in a thread. Raises InvalidBundle."""


class ArtifactBundleStore(Protocol):
    """The storage of artifact bundles; each method is one transaction."""

    async def find_projects(self, principal: Principal, names: Sequence[str]) -> dict[str, int]: ...

    async def save_bundle(
        self, principal: Principal, request: AssemblyRequest, blob: StoredBlob, contents: BundleContents
    ) -> None: ...

    async def add_associations(
        self, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None
    ) -> bool: ...

    async def delete_bundle(self, principal: Principal, bundle: int, project: int) -> bool: ...


class ArtifactLookupStore(Protocol):
    """Finds artifacts."""

    async def find_artifacts(self, principal: Principal, project: int, lookup: ArtifactLookup) -> FoundArtifacts: ...

    async def find_bundle(self, principal: Principal, project: int, bundle: int) -> FileBytes | None: ...

    async def find_release_file(self, principal: Principal, project: int, file: int) -> FileBytes | None: ...

    async def find_member(self, principal: Principal, project: int, bundle_id: str, path: str) -> FileBytes | None: ...


class ArtifactBundleService:
    """Operations on artifact bundles. Every method raises OrganizationNotFound and Forbidden before anything else."""

    def __init__(
        self,
        store: ArtifactBundleStore,
        lookup: ArtifactLookupStore,
        blobs: BlobStorage,
        assembler: Assembler,
        read_contents: ReadContents,
        read_file: ReadFile,
    ) -> None:
        self._store, self._lookup, self._blobs, self._assembler = store, lookup, blobs, assembler
        self._read_contents, self._read_file = read_contents, read_file
        assembler.register(AssemblyKind.ARTIFACT_BUNDLE, self._build, store.add_associations)

    async def assemble(self, principal: Principal, organization: str, request: BundleRequest) -> AssemblyStatus:
        """Return the state of a bundle, or begin to assemble it. Raises InvalidUpload, Unavailable."""
        self.require_upload(principal, organization)
        projects = await self._store.find_projects(principal, request.projects)
        ids = [projects.get(name) for name in request.projects]
        if None in ids or len(set(ids)) < len(ids):
            raise InvalidUpload(INVALID_PROJECTS)
        parameters = {"projects": sorted(projects.values()), "version": request.version, "dist": request.dist}
        assembly = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", request.checksum, request.chunks, parameters)
        has_only_dist = request.dist is not None and request.version is None
        refusal = InvalidUpload(DIST_WITHOUT_RELEASE) if has_only_dist else None
        return await self._assembler.request(principal, assembly, refusal)

    def require_upload(self, principal: Principal, organization: str) -> None:
        """Raise Forbidden or OrganizationNotFound unless the principal may upload."""
        principal.require(WRITE_RELEASES)
        principal.require_organization(organization)

    def require_deletion(self, principal: Principal, organization: str) -> None:
        """Raise Forbidden or OrganizationNotFound unless the principal may delete bundles."""
        principal.require(DELETE_RELEASES)
        principal.require_organization(organization)

    async def delete_bundle(self, principal: Principal, organization: str, bundle: int, project: int) -> bool:
        """Take a bundle from a project, and delete it with its last one.

        `bundle` is the id of its row. Returns False if there is no such bundle, or it is not in the project.
        """
        self.require_deletion(principal, organization)
        return await self._store.delete_bundle(principal, bundle, project)

    async def find_artifacts(self, principal: Principal, project: int, lookup: ArtifactLookup) -> FoundArtifacts:
        """Return the bundles or release files of a project that a look-up leads to."""
        principal.require(READ_RELEASES)
        return await self._lookup.find_artifacts(principal, project, lookup)

    async def find_bundle(self, principal: Principal, project: int, bundle: int) -> FileBytes | None:
        """Return the name and bytes of a bundle for a download, by the id of its row."""
        principal.require(DOWNLOAD_FILES)
        return await self._lookup.find_bundle(principal, project, bundle)

    async def find_release_file(self, principal: Principal, project: int, file: int) -> FileBytes | None:
        """Return the name and bytes of a release file for a download."""
        principal.require(DOWNLOAD_FILES)
        return await self._lookup.find_release_file(principal, project, file)

    async def find_member(self, principal: Principal, project: int, bundle_id: str, path: str) -> FileBytes | None:
        """Return a file of a bundle for a download with `stream_member`."""
        principal.require(DOWNLOAD_FILES)
        return await self._lookup.find_member(principal, project, bundle_id, path)

    def stream(self, file: FileBytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a bundle or a release file from `start` up to, without, `stop`."""
        return self._blobs.stream(BlobKind.BLOB, file.sha1, start, stop)

    async def stream_member(self, file: FileBytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a bundle's file from `start` up to, without, `stop`."""
        bundle = await self._blobs.open_reader(BlobKind.BLOB, file.sha1)
        try:
            pieces, position = await asyncio.to_thread(self._read_file, bundle, file.name), 0
            while position < stop and (piece := await asyncio.to_thread(next, pieces, b"")):
                part = piece[max(start - position, 0) : stop - position]
                position += len(piece)
                if part:
                    yield part
        finally:
            bundle.close()

    async def _build(self, principal: Principal, request: AssemblyRequest, blob: StoredBlob) -> None:
        file = await self._blobs.open_reader(BlobKind.BLOB, blob.sha1)
        try:
            with short_switch_interval():
                contents = await asyncio.to_thread(self._read_contents, file)
        except InvalidBundle as error:
            raise AssembleFailed(error.detail) from error
        finally:
            file.close()
        manifest = contents.manifest
        if len(manifest.release or "") > MAX_VERSION or len(manifest.dist or "") > MAX_DIST:
            raise AssembleFailed(INVALID_BUNDLE)
        await self._store.save_bundle(principal, request, blob, contents)
