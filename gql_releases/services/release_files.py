"""Operations on release files, shared by both APIs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterator, Sequence
from typing import BinaryIO, Protocol

from gql_releases.domain.artifact_bundle import INVALID_BUNDLE
from gql_releases.domain.assembly import AssembleFailed, AssemblyKind, AssemblyRequest, AssemblyStatus
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.bundle import BundleManifest, InvalidBundle
from gql_releases.domain.counters import count_files
from gql_releases.domain.errors import DomainError, ReleaseNotFound
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import DELETE_RELEASES, WRITE_RELEASES, Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.release_file import FileTooLarge, NewReleaseFile, read_dist, read_name
from gql_releases.domain.selection import PagedSelection
from gql_releases.services.assemblies import Assembler
from gql_releases.services.blob_storage import BlobStorage, store_pieces
from gql_releases.services.file_quota import FileQuota
from gql_releases.services.reads import require_readable
from gql_releases.services.releases import require_own


class ReleaseFileStore(Protocol):
    """The storage of release files."""

    async def create_file(
        self, principal: Principal, key: ReleaseKey, new: NewReleaseFile, view: PagedSelection
    ) -> Tree | None: ...

    async def rename_file(
        self, principal: Principal, key: ReleaseKey, file_id: int, name: str, view: PagedSelection
    ) -> Tree | None: ...

    async def delete_files(self, principal: Principal, key: ReleaseKey, ids: Collection[int] | None) -> list[int]: ...

    async def replace_files(
        self, principal: Principal, request: AssemblyRequest, key: ReleaseKey, files: Sequence[NewReleaseFile]
    ) -> None: ...


class ReadableBundle(Protocol):
    """A release bundle that is read in threads."""

    manifest: BundleManifest

    def stream_member(self, path: str) -> Iterator[bytes]: ...


OpenBundle = Callable[[BinaryIO], ReadableBundle]
"""Opens a bundle, in a thread. Raises InvalidBundle."""

RELEASE_MISSING = "release does not exist"
OTHER_ORGANIZATION = "organization does not match uploaded bundle"
OTHER_RELEASE = "release does not match uploaded bundle"


class ReleaseFileService:
    """Operations on the files of a release."""

    def __init__(
        self,
        store: ReleaseFileStore,
        blobs: BlobStorage,
        assembler: Assembler,
        open_bundle: OpenBundle,
        max_file_size: int,
        quota: FileQuota,
    ) -> None:
        self._store, self._blobs, self._assembler, self._open_bundle = store, blobs, assembler, open_bundle
        self.max_file_size, self._quota = max_file_size, quota
        assembler.register(AssemblyKind.RELEASE_BUNDLE, self._build)

    async def require_upload(self, principal: Principal) -> None:
        """Raise Forbidden, or QuotaExceeded, unless the principal may upload a file."""
        principal.require(WRITE_RELEASES)
        await self._quota.require_room(principal, 0)

    async def store_bytes(self, pieces: AsyncIterable[bytes]) -> StoredBlob:
        """Store the bytes of a file. Raises FileTooLarge, NoSpaceLeft, Unavailable, and the errors of the iterator."""
        return await store_pieces(self._blobs, BlobKind.BLOB, self._check_size(pieces))

    async def _check_size(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > self.max_file_size:
                raise FileTooLarge(self.max_file_size)
            yield piece

    async def create_file(
        self, principal: Principal, key: ReleaseKey, new: NewReleaseFile, view: PagedSelection
    ) -> Tree | None:
        """Store a file whose bytes are stored already, and return it.

        Raises Forbidden, OrganizationNotFound, ReleaseNotFound, ReleaseFileExists, QuotaExceeded.
        """
        principal.require(WRITE_RELEASES)
        require_own(principal, key)
        require_readable(principal, view)
        await self._quota.require_room(principal, new.blob.size)
        tree = await self._store.create_file(principal, key, new, view)
        count_files("file_uploads", "release_file")
        count_files("file_received_bytes", "release_file", new.blob.size)
        return tree

    async def rename_file(
        self, principal: Principal, key: ReleaseKey, file_id: int, name: str, view: PagedSelection
    ) -> Tree | None:
        """Rename a file and return it; None if the release has no such file.

        Raises Forbidden, OrganizationNotFound, ReleaseNotFound, ReleaseFileExists.
        """
        principal.require(WRITE_RELEASES)
        require_own(principal, key)
        require_readable(principal, view)
        return await self._store.rename_file(principal, key, file_id, name, view)

    async def delete_files(self, principal: Principal, key: ReleaseKey, ids: Collection[int] | None) -> list[int]:
        """Delete files of a release, all of them if `ids` is None, and return the ids of those that existed.

        Raises Forbidden, OrganizationNotFound, ReleaseNotFound.
        """
        principal.require(DELETE_RELEASES)
        require_own(principal, key)
        return await self._store.delete_files(principal, key, ids)

    async def assemble(
        self, principal: Principal, release: int, version: str, checksum: str, chunks: tuple[str, ...]
    ) -> AssemblyStatus:
        """Return the state of a release bundle, or begin to assemble it. `release` is the id of an own release.

        Raises Forbidden, Unavailable.
        """
        principal.require(WRITE_RELEASES)
        request = AssemblyRequest(
            AssemblyKind.RELEASE_BUNDLE,
            str(release),
            checksum,
            chunks,
            {"version": version, "name": f"release bundle {version}"},
        )
        return await self._assembler.request(principal, request)

    async def _build(self, principal: Principal, request: AssemblyRequest, blob: StoredBlob) -> None:
        """Store each file of a bundle as a release file; those of the same name and dist are replaced."""
        key = ReleaseKey(id=int(request.subject))
        file = await self._blobs.open_reader(BlobKind.BLOB, blob.sha1)
        try:
            bundle = await asyncio.to_thread(self._open_bundle, file)
            if bundle.manifest.org not in (None, principal.organization_slug):
                raise AssembleFailed(OTHER_ORGANIZATION)
            if bundle.manifest.release != request.parameters["version"]:
                raise AssembleFailed(OTHER_RELEASE)
            files = [new async for new in self._store_members(bundle)]
            await self._store.replace_files(principal, request, key, files)
        except InvalidBundle as error:
            raise AssembleFailed(error.detail) from error
        except ReleaseNotFound:
            raise AssembleFailed(RELEASE_MISSING) from None
        finally:
            file.close()

    async def _store_members(self, bundle: ReadableBundle) -> AsyncIterator[NewReleaseFile]:
        for entry in bundle.manifest.files:
            if entry.url is None:
                continue
            try:
                name, dist = read_name(entry.url), read_dist(bundle.manifest.dist)
            except DomainError as error:
                raise AssembleFailed(INVALID_BUNDLE) from error
            stored = await self.store_bytes(_iterate_in_thread(bundle.stream_member(entry.path)))
            yield NewReleaseFile(name, dist, stored, {name.title(): value for name, value in (entry.headers or {}).items()})


async def _iterate_in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
