"""Symbolication: the original places of a stack's frames, by the uploaded files of a project.

The files of all frames are found by three queries at most: scripts, their source maps, and sources that the maps lack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gql_releases.domain.bundle import FileType
from gql_releases.domain.errors import LimitExceeded, shorten
from gql_releases.domain.file_urls import (
    find_debug_id,
    find_source_map_reference,
    is_data_url,
    join_reference,
    last_segment,
    list_url_candidates,
)
from gql_releases.domain.principal import READ_RELEASES, Principal
from gql_releases.domain.stack_traces import StackFrame
from gql_releases.domain.symbolication import (
    MAX_MAP_BYTES,
    MAX_MAPS,
    MAX_SOURCE_BYTES,
    FileNotProcessed,
    FrameProblem,
    FrameProblemCode,
    InputFile,
    Position,
    ResolvedPosition,
    ResolvedWith,
    ResolveFrames,
    SymbolicatedFrame,
    Symbolication,
    add_context,
    build_symbolication,
    cut_context,
    frame_problem,
    keep_frame,
    symbolicate_frame,
)
from gql_releases.domain.symbolication_request import SymbolicationRequest, read_debug_id, read_stack
from gql_releases.domain.uploaded_files import FileQuery, FileUnreadable, FoundFiles, UploadedFile
from gql_releases.domain.validation import wrong_characters

TAIL_BYTES = 4096
"""The end of a script, which has the comments that refer to its source map."""


class FileLookup(Protocol):
    """Finds uploaded files."""

    async def find_files(self, principal: Principal, project: str, query: FileQuery) -> FoundFiles | None: ...


class FileReader(Protocol):
    """Reads uploaded files. Methods raise FileUnreadable, Unavailable."""

    def open_file(self, blob: str, path: str | None) -> AbstractAsyncContextManager[Path]:
        """Yield the path on this machine of a blob, or of a file in the archive that the blob is."""
        ...

    async def read_part(self, path: Path, start: int, size: int) -> bytes:
        """Return bytes of such a file; a negative start counts from its end."""
        ...

    async def close(self) -> None: ...


RUNTIME_SCHEMES = ("node:", "native ", "internal/")
"""Beginnings of URLs of code that is part of the runtime: its frames are returned as they are."""


class FrameResolver(Protocol):
    """Looks up positions in source maps. Methods raise SymbolicationNotInstalled, Unavailable, FileNotProcessed."""

    def require_installed(self) -> None: ...

    def prepare(self) -> None: ...

    async def resolve_frames(self, job: ResolveFrames) -> tuple[ResolvedPosition, ...]: ...


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """The files of a frame, or why there are none.

    With `is_inline` the map is in the script. A frame with neither a map nor a problem is returned as it is.
    """

    source: UploadedFile | None = None
    source_map: UploadedFile | None = None
    resolved_with: ResolvedWith | None = None
    is_inline: bool = False
    problem: FrameProblem | None = None

    @property
    def bundle_id(self) -> int | None:
        """The bundle of the map, or of the script if there is no map."""
        file = self.source_map or self.source
        return file.bundle_id if file else None

    @property
    def job_key(self) -> tuple[str, str] | None:
        """Identifies the map and script; None if there is no map."""
        if self.source_map is None and not self.is_inline:
            return None
        return (self.source_map.key if self.source_map else "", self.source.key if self.source else "")


class SymbolicationService:
    """Symbolicates stacks."""

    def __init__(self, lookup: FileLookup, reader: FileReader, resolver: FrameResolver) -> None:
        self._lookup, self._reader, self._resolver = lookup, reader, resolver

    async def close(self) -> None:
        """Remove copies of files."""
        await self._reader.close()

    async def symbolicate(
        self, principal: Principal, organization: str, request: SymbolicationRequest
    ) -> Symbolication | None:
        """Return the symbolicated stack; None if the project does not exist or is not visible.

        Raises Forbidden, InvalidToken, LimitExceeded and other DomainError for a wrong request, SymbolicationNotInstalled,
        Unavailable.
        """
        principal.require(READ_RELEASES)
        stack = read_stack(request)
        if organization != principal.organization_slug or wrong_characters(request.project):
            return None
        frames = await self._symbolicate(principal, request, self._lookup, stack.frames)
        return None if frames is None else build_symbolication(stack.message, frames)

    async def symbolicate_frames(
        self, principal: Principal, request: SymbolicationRequest, lookup: FileLookup
    ) -> list[SymbolicatedFrame] | None:
        """Return the frames of a request's stack, symbolicated by the files of `lookup`. Raises as `symbolicate` does."""
        return await self._symbolicate(principal, request, lookup, read_stack(request).frames)

    async def _symbolicate(
        self, principal: Principal, request: SymbolicationRequest, lookup: FileLookup, frames: Sequence[StackFrame]
    ) -> list[SymbolicatedFrame] | None:
        self._resolver.require_installed()
        self._resolver.prepare()
        async with AsyncExitStack() as opened:
            run = _Run(principal, request, lookup, _OpenFiles(self._reader, opened), self._resolver)
            return await run.symbolicate(frames)


class _OpenFiles:
    """The files that one operation has open, each once."""

    def __init__(self, reader: FileReader, opened: AsyncExitStack) -> None:
        self._reader, self._opened = reader, opened
        self._paths: dict[str, Path] = {}

    async def open(self, file: UploadedFile) -> Path:
        """Return the path of a file on this machine. Raises FileUnreadable."""
        if file.key not in self._paths:
            self._paths[file.key] = await self._opened.enter_async_context(self._reader.open_file(file.blob, file.path))
        return self._paths[file.key]

    async def read_tail(self, file: UploadedFile) -> bytes:
        """Return the end of a script. Raises FileUnreadable."""
        return await self._reader.read_part(await self.open(file), -TAIL_BYTES, TAIL_BYTES)

    async def read_text(self, file: UploadedFile) -> str | None:
        """Return the text of a source; None if it is too large. Raises FileUnreadable."""
        if file.size > MAX_SOURCE_BYTES:
            return None
        content = await self._reader.read_part(await self.open(file), 0, MAX_SOURCE_BYTES)
        return content.decode("utf-8", "replace")


class _Run:
    """One operation."""

    def __init__(
        self,
        principal: Principal,
        request: SymbolicationRequest,
        lookup: FileLookup,
        files: _OpenFiles,
        resolver: FrameResolver,
    ) -> None:
        self._principal, self._request, self._lookup = principal, request, lookup
        self._files, self._resolver = files, resolver
        version = request.version
        self._version = None if version is None or wrong_characters(version) or wrong_characters(request.dist) else version

    async def symbolicate(self, frames: Sequence[StackFrame]) -> list[SymbolicatedFrame] | None:
        """Return the frames with their original places; None if the project does not exist."""
        scripts = await self._find(
            debug_ids=[frame.debug_id for frame in frames if frame.debug_id],
            urls=[url for frame in frames for url in list_url_candidates(frame.url)],
            file_names=[last_segment(frame.url) for frame in frames],
        )
        if scripts is None:
            return None
        chosen = await self._add_maps([self._choose_files(frame, scripts) for frame in frames])
        maps = {source_map or script for source_map, script in (files.job_key for files in chosen if files.job_key)}
        if len(maps) > MAX_MAPS:
            raise LimitExceeded("maps", len(maps), MAX_MAPS)
        positions = await self._resolve(frames, chosen)
        symbolicated = [
            self._build_frame(frame, files, positions, index)
            for index, (frame, files) in enumerate(zip(frames, chosen, strict=True))
        ]
        return await self._add_sources(symbolicated, chosen)

    def _choose_files(self, frame: StackFrame, scripts: FoundFiles) -> FrameFiles:
        """Return the files of a frame, or why there are none. Nobody uploads the modules of the runtime itself."""
        if frame.url.startswith(RUNTIME_SCHEMES):
            return FrameFiles()
        return _choose_script(frame, scripts) or FrameFiles(problem=self._explain_missing(frame))

    def _explain_missing(self, frame: StackFrame) -> FrameProblem:
        code, release = FrameProblemCode.MISSING_SOURCE, self._request.version
        if release is None and not frame.debug_id:
            return FrameProblem(code, "Without a release only debug ids lead to uploaded files, and this frame has none.")
        if release is None:
            return FrameProblem(code, "No file with this debug id was uploaded to the project.")
        dist = f' and the dist "{shorten(self._request.dist)}"' if self._request.dist else " without a dist"
        absence = "neither this debug id nor this URL" if frame.debug_id else "not this URL"
        return FrameProblem(
            code, f'The files uploaded to the project for the release "{shorten(release)}"{dist} have {absence}.'
        )

    async def _find(
        self,
        debug_ids: Iterable[str] = (),
        urls: Iterable[str] = (),
        file_names: Iterable[str] = (),
        bundles: Iterable[int] = (),
    ) -> FoundFiles | None:
        """Return files, each looked up once; texts that the store cannot have are left out."""

        def unique(texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(text for text in texts if text and not wrong_characters(text)))

        query = FileQuery(
            self._version,
            self._request.dist,
            unique(debug_ids),
            unique(urls),
            unique(file_names),
            tuple(sorted(set(bundles))),
        )
        return await self._lookup.find_files(self._principal, self._request.project, query)

    async def _add_maps(self, chosen: list[FrameFiles]) -> list[FrameFiles]:
        """Return the files of frames with the source maps that scripts refer to."""
        references: dict[str, _MapReference] = {}
        for files in chosen:
            source = files.source
            if source is not None and files.source_map is None and source.key not in references:
                references[source.key] = await self._read_reference(source, is_known=files.problem is not None)
        if not references:
            return chosen
        leading = [reference for reference in references.values() if reference.debug_id or reference.candidates]
        bundles = [files.source.bundle_id for files in chosen if files.source and files.source.bundle_id is not None]
        found_maps = FoundFiles()
        if leading:
            found_maps = (
                await self._find(
                    debug_ids=[reference.debug_id for reference in leading if reference.debug_id],
                    urls=[url for reference in leading for url in reference.candidates],
                    bundles=bundles,
                )
                or found_maps
            )
        return [
            _add_map(files, references[files.source.key], found_maps)
            if files.source is not None and files.source_map is None
            else files
            for files in chosen
        ]

    async def _read_reference(self, source: UploadedFile, *, is_known: bool) -> _MapReference:
        """Return how a script refers to its source map. With `is_known` its map was looked up before, and is missing."""
        if is_known:
            return _MapReference()
        if source.debug_id:
            return _MapReference(debug_id=source.debug_id)
        try:
            tail = await self._files.read_tail(source)
        except FileUnreadable:
            return _MapReference(is_unreadable=True)
        if debug_id := read_debug_id(find_debug_id(tail)):
            return _MapReference(debug_id=debug_id)
        reference = source.source_map or find_source_map_reference(tail) or await self._find_inline_map(source, tail)
        if not reference:
            return _MapReference()
        if is_data_url(reference):
            return _MapReference(is_inline=True)
        return _MapReference(candidates=list_url_candidates(join_reference(source.url or "", reference)))

    async def _find_inline_map(self, source: UploadedFile, tail: bytes) -> str | None:
        """Return the reference of a script whose last line, a map in base64, is longer than its tail."""
        if source.size <= len(tail) or b"\n" in tail.strip() or source.size > MAX_SOURCE_BYTES:
            return None
        try:
            text = await self._files.read_text(source)
        except FileUnreadable:
            return None
        return find_source_map_reference(text.encode()) if text else None

    async def _resolve(self, frames: Sequence[StackFrame], chosen: Sequence[FrameFiles]) -> dict[int, ResolvedPosition]:
        """Return the position of each frame with a map, by its index: one job for each map and script."""
        indexes: dict[tuple[str, str], list[int]] = {}
        for index, files in enumerate(chosen):
            if files.job_key and frames[index].line >= 1:
                indexes.setdefault(files.job_key, []).append(index)
        jobs = [self._resolve_group([frames[index] for index in group], chosen[group[0]]) for group in indexes.values()]
        results = await asyncio.gather(*jobs)
        return {
            index: position
            for group, positions in zip(indexes.values(), results, strict=True)
            for index, position in zip(group, positions, strict=True)
        }

    async def _resolve_group(self, frames: list[StackFrame], files: FrameFiles) -> Sequence[ResolvedPosition]:
        """Return the positions of frames that have the same map and script."""
        positions = tuple([Position(frame.line, frame.column, frame.function) for frame in frames])
        try:
            if files.source_map and files.source_map.size > MAX_MAP_BYTES:
                raise FileNotProcessed
            source_map = await self._open_input(files.source_map)
            source = files.source if files.source and files.source.size <= MAX_SOURCE_BYTES else None
            job = ResolveFrames(source_map, await self._open_input(source), positions, self._request.context_lines)
            return await self._resolver.resolve_frames(job)
        except (FileNotProcessed, FileUnreadable):
            problem = frame_problem(FrameProblemCode.SYMBOLICATION_FAILED)
            return [ResolvedPosition(problem=problem)] * len(positions)

    async def _open_input(self, file: UploadedFile | None) -> InputFile | None:
        return None if file is None else InputFile(file.key, str(await self._files.open(file)))

    def _build_frame(
        self, frame: StackFrame, files: FrameFiles, positions: dict[int, ResolvedPosition], index: int
    ) -> SymbolicatedFrame:
        """Return a frame at its position, or as it is with a problem."""
        if frame.line < 1:
            problem = frame_problem(FrameProblemCode.INVALID_LOCATION)
            return keep_frame(frame, problem, files.resolved_with, files.bundle_id)
        position = positions.get(index)
        if position is None:
            return keep_frame(frame, files.problem, files.resolved_with, files.bundle_id)
        source_map_url = files.source_map.url if files.source_map else files.source.url if files.source else None
        return symbolicate_frame(
            frame, position, positions.get(index + 1), source_map_url, files.resolved_with, files.bundle_id
        )

    async def _add_sources(self, frames: list[SymbolicatedFrame], chosen: Sequence[FrameFiles]) -> list[SymbolicatedFrame]:
        """Return frames with the text of sources that were uploaded and are not in the source maps."""
        missing = [
            index
            for index, frame in enumerate(frames)
            if frame.abs_path and frame.problem and frame.problem.code == FrameProblemCode.MISSING_SOURCE_CONTENT
        ]
        if not missing:
            return frames
        candidates = {index: list_url_candidates(frames[index].abs_path or "") for index in missing}
        found_files = await self._find(
            urls=[url for urls in candidates.values() for url in urls],
            bundles=[bundle for index in missing if (bundle := chosen[index].bundle_id) is not None],
        )
        if found_files is None:
            return frames
        complete = list(frames)
        for index in missing:
            file = _choose_file(found_files, candidates[index], chosen[index].bundle_id)
            if file is not None:
                complete[index] = await self._add_source(frames[index], file)
        return complete

    async def _add_source(self, frame: SymbolicatedFrame, file: UploadedFile) -> SymbolicatedFrame:
        try:
            text = await self._files.read_text(file)
        except FileUnreadable:
            return frame
        context = text and cut_context(text, frame.line, frame.column or 1, self._request.context_lines)
        return add_context(frame, context) if context else frame


@dataclass(frozen=True, slots=True)
class _MapReference:
    """How a script refers to its map: by debug id, by URL, or within itself; nothing if it has no map."""

    debug_id: str | None = None
    candidates: tuple[str, ...] = ()
    is_inline: bool = False
    is_unreadable: bool = False


def _choose_script(frame: StackFrame, files: FoundFiles) -> FrameFiles | None:
    """Return the script of a frame, and its map if the frame's debug id leads to it; None if nothing was uploaded for it."""
    if frame.debug_id:
        source = files.by_debug_id.get((frame.debug_id, FileType.MINIFIED_SOURCE))
        source_map = files.by_debug_id.get((frame.debug_id, FileType.SOURCE_MAP))
        if source or source_map:
            problem = None if source_map else frame_problem(FrameProblemCode.MISSING_SOURCEMAP)
            return FrameFiles(source, source_map, ResolvedWith.DEBUG_ID, problem=problem)
    candidates = list_url_candidates(frame.url)
    if source := files.choose_by_url(candidates):
        return FrameFiles(source, resolved_with=ResolvedWith.URL)
    if source := files.choose_release_file(candidates):
        return FrameFiles(source, resolved_with=ResolvedWith.RELEASE_FILE)
    if source := files.by_file_name.get(last_segment(frame.url)):
        return FrameFiles(source, resolved_with=ResolvedWith.FILE_NAME)
    return None


def _add_map(files: FrameFiles, reference: _MapReference, found_maps: FoundFiles) -> FrameFiles:
    """Return the files of a frame with the map that its script refers to, or the problem that it is missing."""
    if reference.is_unreadable:
        return replace(files, problem=frame_problem(FrameProblemCode.SYMBOLICATION_FAILED))
    if reference.is_inline:
        return replace(files, is_inline=True)
    if not (reference.debug_id or reference.candidates):
        return files
    if reference.debug_id:
        source_map = found_maps.by_debug_id.get((reference.debug_id, FileType.SOURCE_MAP))
    else:
        bundle = files.source.bundle_id if files.source else None
        source_map = _choose_file(found_maps, reference.candidates, bundle)
    if source_map is None:
        return replace(files, problem=frame_problem(FrameProblemCode.MISSING_SOURCEMAP))
    return replace(files, source_map=source_map)


def _choose_file(files: FoundFiles, candidates: Sequence[str], bundle: int | None) -> UploadedFile | None:
    """Return the file of one of these URLs: in the bundle itself, else of the version and dist."""
    own = files.choose_in_bundle(bundle, candidates) if bundle is not None else None
    return own or files.choose_by_url(candidates) or files.choose_release_file(candidates)
