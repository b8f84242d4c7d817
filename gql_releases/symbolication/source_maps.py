"""Look-ups in source maps; runs in a worker, since the parser of minified sources overflows the stack on hostile ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import orjson
from symbolic.exceptions import SymbolicError
from symbolic.sourcemap import SourceMapView, SourceView
from symbolic.sourcemapcache import SourceMapCache

from gql_releases.domain.errors import shorten
from gql_releases.domain.file_urls import decode_data_url, find_source_map_reference, is_data_url, normalize_debug_id
from gql_releases.domain.symbolication import (
    MAX_MAP_BYTES,
    MAX_SOURCE_BYTES,
    USELESS_FUNCTIONS,
    FrameProblem,
    FrameProblemCode,
    InputFile,
    Position,
    ResolvedPosition,
    ResolveFrames,
    SourceMapHeader,
    frame_problem,
    make_context,
)
from gql_releases.symbolication.parsed_files import FileTooLarge, ParsedFiles, read_file

_HIGHEST_NUMBER = 2**31 - 1
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SCRIPT_GUARD = b")]}"
"""Starts the first line of a map that is not to be executed as a script."""
_PARSED_PER_MAP_BYTE = 10
"""Bytes of memory for a byte of a map: one of 7 MB takes 65 MB."""
_PARSED_PER_SOURCE_BYTE = 2
_DETAIL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class MapWithScopes:
    """A map that knows in which function of the minified source a position is."""

    cache: SourceMapCache

    def resolve(self, position: Position, context_lines: int) -> ResolvedPosition:
        """Return the original position of a position."""
        token = self.cache.lookup(position.line, max(position.column or 1, 1), context_lines)
        if token is None or token.line > _HIGHEST_NUMBER:
            return _NOWHERE
        context = None
        if token.context_line is not None:
            after = token.post_context[:-1] if token.post_context[-1:] == [""] else token.post_context
            context = make_context(token.context_line, token.pre_context, after, token.col)
        function = token.function_name if token.function_name not in USELESS_FUNCTIONS else None
        return ResolvedPosition(token.src, token.line, token.col, function, token.name, context)


@dataclass(frozen=True, slots=True)
class MapWithoutScopes:
    """A map and the lines of the minified source; finds a function by its minified name in the text before."""

    view: SourceMapView
    source: SourceView | None

    def resolve(self, position: Position, context_lines: int) -> ResolvedPosition:
        """Return the original position of a position."""
        line, column = position.line - 1, max(position.column or 1, 1) - 1
        token = self.view.lookup(line, column, position.function, self.source)
        if token is None or token.dst_line != line or token.src_line > _HIGHEST_NUMBER or token.src_id is None:
            return _NOWHERE
        context = None
        text = self.view.get_sourceview(token.src_id)
        if text is not None and token.src_line < len(text):
            before = text[max(0, token.src_line - context_lines) : token.src_line]
            after = text[token.src_line + 1 : token.src_line + 1 + context_lines]
            if after and after[-1] == "" and token.src_line + 1 + len(after) == len(text):
                after.pop()  # what follows the last line end
            context = make_context(text[token.src_line], before, after, token.src_col + 1)
        return ResolvedPosition(token.src, token.src_line + 1, token.src_col + 1, token.function_name, token.name, context)


_Parse = Callable[[bytes, bytes | None], MapWithScopes | MapWithoutScopes]
_NOWHERE = ResolvedPosition(problem=frame_problem(FrameProblemCode.INVALID_LOCATION))


def resolve_frames(kept: ParsedFiles, job: ResolveFrames, *, with_scopes: bool) -> list[ResolvedPosition]:
    """Return the original position, or a problem, for each position of a job. Raises OSError."""
    source_map: MapWithScopes | MapWithoutScopes | FrameProblem
    try:
        source_map = _load(kept, job, with_scopes=with_scopes)
    except FileTooLarge:
        message = f"The source map is larger than {MAX_MAP_BYTES // 2**20} MiB."
        source_map = FrameProblem(FrameProblemCode.SYMBOLICATION_FAILED, message)
    except SymbolicError as error:
        source_map = frame_problem(FrameProblemCode.MALFORMED_SOURCEMAP, shorten(error.message, _DETAIL_LENGTH))
    if isinstance(source_map, FrameProblem):
        return [ResolvedPosition(problem=source_map)] * len(job.positions)
    return [
        source_map.resolve(position, job.context_lines)
        if 1 <= position.line <= _HIGHEST_NUMBER and (position.column or 1) <= _HIGHEST_NUMBER
        else _NOWHERE
        for position in job.positions
    ]


def _load(kept: ParsedFiles, job: ResolveFrames, *, with_scopes: bool) -> MapWithScopes | MapWithoutScopes | FrameProblem:
    """Return a job's parsed map, or the problem of a source without a map. Raises SymbolicError, FileTooLarge."""
    key = (job.map and job.map.key, job.source and job.source.key, with_scopes)
    parsed = kept.get(key, MapWithScopes) if with_scopes else kept.get(key, MapWithoutScopes)
    if parsed is not None:
        return parsed
    source = _read_source(job.source)
    content = read_file(job.map, MAX_MAP_BYTES) if job.map else _read_inline_map(source)
    if content is None:
        return frame_problem(FrameProblemCode.MISSING_SOURCEMAP)
    content = content.removeprefix(_BYTE_ORDER_MARK)
    parse: _Parse = _parse_with_scopes if with_scopes and source is not None else _parse_without_scopes
    size = _PARSED_PER_MAP_BYTE * len(content) + _PARSED_PER_SOURCE_BYTE * len(source or b"")
    return kept.add(key, partial(parse, content, source), size)


def _parse_with_scopes(content: bytes, source: bytes | None) -> MapWithScopes | MapWithoutScopes:
    try:
        return MapWithScopes(SourceMapCache.from_bytes(source or b"", content))
    except SymbolicError:
        return _parse_without_scopes(content, source)  # the source may be what it cannot parse


def _parse_without_scopes(content: bytes, source: bytes | None) -> MapWithoutScopes:
    return MapWithoutScopes(SourceMapView.from_json_bytes(content), SourceView.from_bytes(source) if source else None)


def _read_source(file: InputFile | None) -> bytes | None:
    """Return a minified source; None if it is too large, so that functions are not known."""
    try:
        return read_file(file, MAX_SOURCE_BYTES) if file else None
    except FileTooLarge:
        return None


def _read_inline_map(source: bytes | None) -> bytes | None:
    reference = find_source_map_reference(source) if source else None
    return decode_data_url(reference) if reference and is_data_url(reference) else None


def read_source_map_header(file: InputFile) -> SourceMapHeader:
    """Return the name and debug id that a source map has; None where it has none or is broken. Raises OSError."""
    try:
        text = read_file(file, MAX_MAP_BYTES).removeprefix(_BYTE_ORDER_MARK)
        content = orjson.loads(text.partition(b"\n")[2] if text.startswith(_SCRIPT_GUARD) else text)
    except (ValueError, FileTooLarge):
        content = None
    if not isinstance(content, dict):
        return SourceMapHeader(None, None)
    name = content.get("file")
    ids = (content.get("debugId"), content.get("debug_id"))
    debug_id = next((normalize_debug_id(text) for text in ids if isinstance(text, str)), None)
    return SourceMapHeader(name if isinstance(name, str) and name else None, debug_id)
