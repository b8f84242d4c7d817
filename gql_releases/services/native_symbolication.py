"""Symbolication of native addresses and of obfuscated Java frames, by the uploaded debug files of a project."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gql_releases.domain.blob import BlobNotFound
from gql_releases.domain.debug_file import StoredDebugFile
from gql_releases.domain.errors import LimitExceeded
from gql_releases.domain.native_symbolication import (
    MAX_ADDRESSES,
    MAX_DEBUG_FILES,
    MAX_JAVA_FRAMES,
    DeobfuscatedFrame,
    Deobfuscation,
    JavaFrame,
    NativeFrame,
    NativeImage,
    NativeProblemCode,
    NativeSymbolication,
    SymbolicatedAddress,
    UnreadableDebugFile,
    native_problem,
    read_address,
)
from gql_releases.domain.principal import READ_RELEASES, Principal
from gql_releases.domain.symbolication import MAX_IMAGES, FileNotProcessed, InputFile
from gql_releases.domain.validation import wrong_characters
from gql_releases.services.files import FilesNotConfigured

_PROBLEMS = NativeProblemCode


class ProjectLookup(Protocol):
    """Finds projects."""

    async def find_project(self, principal: Principal, slug: str) -> int | None: ...


class DebugFiles(Protocol):
    """Finds and opens debug files."""

    async def find_for_native(
        self, principal: Principal, project: int, debug_ids: Sequence[str] = (), code_ids: Sequence[str] = ()
    ) -> dict[str, StoredDebugFile]: ...

    async def find_proguard(self, principal: Principal, project: int, uuid: str) -> StoredDebugFile | None: ...

    def open_file(self, file: StoredDebugFile) -> AbstractAsyncContextManager[InputFile]: ...

    def open_symcache(self, principal: Principal, file: StoredDebugFile) -> AbstractAsyncContextManager[InputFile]: ...


class NativeResolver(Protocol):
    """Looks up addresses and Java frames in files."""

    def require_installed(self) -> None: ...

    async def look_up_addresses(
        self, symcache: InputFile, addresses: Sequence[int]
    ) -> tuple[tuple[NativeFrame, ...], ...]: ...

    async def deobfuscate(self, mapping: InputFile, frames: Sequence[JavaFrame]) -> tuple[tuple[JavaFrame, ...], ...]: ...


class NativeSymbolicationService:
    """Symbolicates addresses and Java frames.

    Methods return None if the project does not exist or is not visible. They raise Forbidden, LimitExceeded,
    SymbolicationNotInstalled, FilesNotConfigured, Unavailable and InvalidToken.
    """

    def __init__(self, projects: ProjectLookup, files: DebugFiles | None, resolver: NativeResolver) -> None:
        self._projects, self._files, self._resolver = projects, files, resolver

    async def symbolicate(
        self,
        principal: Principal,
        organization: str,
        project: str,
        images: Sequence[NativeImage],
        addresses: Sequence[str],
    ) -> NativeSymbolication | None:
        """Return the functions at each address."""
        principal.require(READ_RELEASES)
        _require("images", len(images), MAX_IMAGES)
        _require("addresses", len(addresses), MAX_ADDRESSES)
        project_id = await self._find_project(principal, organization, project)
        if project_id is None:
            return None
        files = self._require_files()
        located = _Images(images).locate(addresses)
        used = [image for image, _ in located.values()]
        debug_ids = [image.debug_id for image in used if image.debug_id and not wrong_characters(image.debug_id)]
        code_ids = [image.code_id for image in used if image.code_id and not wrong_characters(image.code_id)]
        debug_files = await files.find_for_native(principal, project_id, debug_ids, code_ids)
        by_file: dict[int, tuple[StoredDebugFile, list[tuple[int, int]]]] = {}
        results = [_describe_failure(address, located.get(index)) for index, address in enumerate(addresses)]
        for index, (image, offset) in located.items():
            file = debug_files.get(image.debug_id or "") or debug_files.get(image.code_id or "")
            if file is not None:
                by_file.setdefault(file.id, (file, []))[1].append((index, offset))
        _require("debugFiles", len(by_file), MAX_DEBUG_FILES)
        jobs = [self._look_up(files, principal, file, places, addresses) for file, places in by_file.values()]
        for symbolicated in await asyncio.gather(*jobs):
            for index, result in symbolicated.items():
                results[index] = result
        return NativeSymbolication(tuple(results), not any(result.problem for result in results))

    async def deobfuscate(
        self, principal: Principal, organization: str, project: str, uuid: str, frames: Sequence[JavaFrame]
    ) -> Deobfuscation | None:
        """Return the original frames of each Java frame."""
        principal.require(READ_RELEASES)
        _require("frames", len(frames), MAX_JAVA_FRAMES)
        project_id = await self._find_project(principal, organization, project)
        if project_id is None:
            return None
        files = self._require_files()
        mapping = await files.find_proguard(principal, project_id, uuid)
        if mapping is None:
            return _fail_frames(frames, _PROBLEMS.MISSING_DEBUG_FILE, None)
        try:
            async with files.open_file(mapping) as file:
                originals = await self._resolver.deobfuscate(file, frames)
        except UnreadableDebugFile:
            return _fail_frames(frames, _PROBLEMS.MALFORMED_DEBUG_FILE, mapping.id)
        except (FileNotProcessed, BlobNotFound):
            return _fail_frames(frames, _PROBLEMS.SYMBOLICATION_FAILED, mapping.id)
        missing = native_problem(_PROBLEMS.MISSING_SYMBOL)
        results = tuple(
            DeobfuscatedFrame(frame, original, None if original else missing)
            for frame, original in zip(frames, originals, strict=True)
        )
        return Deobfuscation(results, all(originals), mapping.id)

    async def _find_project(self, principal: Principal, organization: str, project: str) -> int | None:
        if organization != principal.organization_slug or wrong_characters(project):
            return None
        self._resolver.require_installed()
        return await self._projects.find_project(principal, project)

    def _require_files(self) -> DebugFiles:
        if self._files is None:
            raise FilesNotConfigured
        return self._files

    async def _look_up(
        self,
        files: DebugFiles,
        principal: Principal,
        file: StoredDebugFile,
        places: Sequence[tuple[int, int]],
        addresses: Sequence[str],
    ) -> Mapping[int, SymbolicatedAddress]:
        """Return the result of each place, (index of the address, offset in the image), by its index."""
        problem = _PROBLEMS.MISSING_SYMBOL
        frames: Sequence[tuple[NativeFrame, ...]] = [()] * len(places)
        try:
            async with files.open_symcache(principal, file) as symcache:
                frames = await self._resolver.look_up_addresses(symcache, [offset for _, offset in places])
        except UnreadableDebugFile:
            problem = _PROBLEMS.MALFORMED_DEBUG_FILE
        except (FileNotProcessed, BlobNotFound):
            problem = _PROBLEMS.SYMBOLICATION_FAILED
        return {
            index: SymbolicatedAddress(addresses[index], functions, file.id, None if functions else native_problem(problem))
            for (index, _), functions in zip(places, frames, strict=True)
        }


class _Images:
    """The images of a process, sorted by address; those without a valid address are left out."""

    def __init__(self, images: Sequence[NativeImage]) -> None:
        placed = [(start, image) for image in images if (start := read_address(image.address)) is not None]
        self._images = sorted(placed, key=lambda pair: pair[0])
        self._starts = [start for start, _ in self._images]

    def locate(self, addresses: Sequence[str]) -> dict[int, tuple[NativeImage, int]]:
        """Return the image of each address and the offset in it, by the address's index."""
        located = {}
        for index, text in enumerate(addresses):
            address = read_address(text)
            place = bisect_right(self._starts, address) - 1 if address is not None else -1
            if address is not None and place >= 0:
                start, image = self._images[place]
                if image.size is None or address < start + image.size:
                    located[index] = image, address - start
        return located


def _describe_failure(address: str, place: tuple[NativeImage, int] | None) -> SymbolicatedAddress:
    """Return the result for an address of which no debug file is found."""
    if read_address(address) is None:
        code = _PROBLEMS.INVALID_ADDRESS
    else:
        code = _PROBLEMS.MISSING_DEBUG_FILE if place else _PROBLEMS.MISSING_IMAGE
    return SymbolicatedAddress(address, problem=native_problem(code))


def _fail_frames(frames: Sequence[JavaFrame], code: NativeProblemCode, mapping: int | None) -> Deobfuscation:
    problem = native_problem(code)
    return Deobfuscation(tuple(DeobfuscatedFrame(frame, (), problem) for frame in frames), not frames, mapping)


def _require(name: str, value: int, maximum: int) -> None:
    if value > maximum:
        raise LimitExceeded(name, value, maximum)
