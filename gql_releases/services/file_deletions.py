"""Deletions of uploaded files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gql_releases.domain.errors import ArtifactBundleNotFound, DebugFileNotFound, ErrorCode, ProjectNotFound, invalid
from gql_releases.domain.principal import DELETE_RELEASES, Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.validation import wrong_characters
from gql_releases.services.reads import require_storable

MAX_DELETED_FILES = 1000
"""Ids of one deletion."""


class ReleaseFileStore(Protocol):
    """The storage of release files."""

    async def delete_files(
        self, principal: Principal, key: ReleaseKey, ids: Sequence[int] | None, *, must_exist: bool = False
    ) -> list[int]: ...


class ArtifactBundleStore(Protocol):
    """The storage of artifact bundles."""

    async def find_projects(self, principal: Principal, names: Sequence[str]) -> dict[str, int]: ...

    async def delete_bundle(self, principal: Principal, bundle: int, project: int | None = None) -> bool: ...


class DebugFileStore(Protocol):
    """The storage of debug files."""

    async def delete_file(self, principal: Principal, file: int, project: int | None = None) -> bool: ...


class FileDeletionService:
    """Deletes uploaded files. Every method raises Forbidden before anything else; bytes are collected later."""

    def __init__(
        self, release_files: ReleaseFileStore, artifact_bundles: ArtifactBundleStore, debug_files: DebugFileStore
    ) -> None:
        self._release_files, self._artifact_bundles, self._debug_files = release_files, artifact_bundles, debug_files

    async def delete_release_files(
        self, principal: Principal, key: ReleaseKey, ids: Sequence[int] | None, *, delete_all: bool
    ) -> list[int]:
        """Delete files of a release by their ids, or all of them; return the ids.

        Raises OrganizationNotFound, ReleaseNotFound, InvalidInput: for ids together with `delete_all`, or for neither, and
        for ids that the release does not have.
        """
        principal.require(DELETE_RELEASES)
        if key.organization is not None:
            principal.require_organization(key.organization, "release", "key", "organization")
        if ids is None and not delete_all:
            raise invalid(ErrorCode.REQUIRED, ("ids",), "Pass ids, or all: true.")
        if ids is not None and delete_all:
            raise invalid(ErrorCode.INVALID_CHOICE, ("all",), "Pass ids, or all: true, and not both.")
        if ids is not None and len(ids) > MAX_DELETED_FILES:
            message = f"Ensure this field has no more than {MAX_DELETED_FILES} elements."
            raise invalid(ErrorCode.TOO_LONG, ("ids",), message)
        require_storable(key.conditions())
        return await self._release_files.delete_files(principal, key, ids, must_exist=True)

    async def delete_bundle(self, principal: Principal, bundle: int, project: str | None) -> None:
        """Take a bundle from a project, by slug, and delete it if it has no other; without a project delete it.

        Raises ArtifactBundleNotFound, also if it is not in the project, and ProjectNotFound.
        """
        principal.require(DELETE_RELEASES)
        project_id = None
        if project is not None:
            named = {} if wrong_characters(project) else await self._artifact_bundles.find_projects(principal, [project])
            if project not in named:
                raise ProjectNotFound
            project_id = named[project]
        if not await self._artifact_bundles.delete_bundle(principal, bundle, project_id):
            raise ArtifactBundleNotFound

    async def delete_debug_file(self, principal: Principal, file: int) -> None:
        """Delete a debug file. Raises DebugFileNotFound."""
        principal.require(DELETE_RELEASES)
        if not await self._debug_files.delete_file(principal, file):
            raise DebugFileNotFound
