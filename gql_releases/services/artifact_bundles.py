"""Operations on artifact bundles: assembling, deletion, reading of their files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from gql_releases.domain.artifact_bundle import (
    DIST_WITHOUT_RELEASE,
    INVALID_BUNDLE,
    INVALID_PROJECTS,
    MAX_DIST,
    MAX_VERSION,
    BundleContents,
    BundleRequest,
    InvalidUpload,
)
from gql_releases.domain.assembly import AssembleFailed, AssemblyKind, AssemblyRequest, AssemblyStatus
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.bundle import InvalidBundle
from gql_releases.domain.principal import DELETE_RELEASES, WRITE_RELEASES, Principal
from gql_releases.domain.switching import short_switch_interval
from gql_releases.services.assemblies import Assembler
from gql_releases.services.blob_storage import BlobStorage

ReadContents = Callable[[BinaryIO], BundleContents]
"""Reads a bundle, in a thread. Raises InvalidBundle."""


class ArtifactBundleStore(Protocol):
    """The storage of artifact bundles; each method is one transaction."""

    async def find_projects(self, principal: Principal, names: Sequence[str]) -> dict[str, int]: ...

    async def save_bundle(
        self, principal: Principal, request: AssemblyRequest, blob: StoredBlob, contents: BundleContents
    ) -> None: ...

    async def add_associations(
        self, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None
    ) -> bool: ...

    async def delete_bundle(self, principal: Principal, bundle: int, project: int | None = None) -> bool: ...


class ArtifactBundleService:
    """Operations on artifact bundles. Every method raises OrganizationNotFound and Forbidden before anything else."""

    def __init__(
        self, store: ArtifactBundleStore, blobs: BlobStorage, assembler: Assembler, read_contents: ReadContents
    ) -> None:
        self._store, self._blobs, self._assembler, self._read_contents = store, blobs, assembler, read_contents
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

    async def delete_bundle(
        self, principal: Principal, organization: str | None, bundle: int, project: int | None = None
    ) -> bool:
        """Take a bundle from a project, and delete it with its last one; without a project delete it.

        `bundle` is the id of its row. Returns False if there is no such bundle, or it is not in the project.
        """
        principal.require(DELETE_RELEASES)
        if organization is not None:
            principal.require_organization(organization)
        return await self._store.delete_bundle(principal, bundle, project)

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
