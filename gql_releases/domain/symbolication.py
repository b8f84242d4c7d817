"""Symbolication of JavaScript: where the frames of a stack are in the original sources, and why not.

Limits of one operation, the values that a source map's look-up takes and returns, and the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gql_releases.domain.errors import DomainError, ErrorCode
from gql_releases.domain.file_urls import clean_source_name, join_reference
from gql_releases.domain.stack_traces import StackFrame, format_stack

MAX_FRAMES = 500
MAX_IMAGES = 100
MAX_MAPS = 20
"""Different source maps of one operation."""
MAX_STACK_BYTES = 64 * 1024
DEFAULT_CONTEXT_LINES = 5
MAX_CONTEXT_LINES = 20
MAX_MAP_BYTES = 256 * 1024 * 1024
MAX_SOURCE_BYTES = 64 * 1024 * 1024
"""A larger source map or minified source is not parsed."""
MAX_LINE_LENGTH = 150
"""Characters of a source line; a longer one is cut."""
CUT_LINE_LENGTH = 140
CUT_MARK = "{snip}"
_CUT_BEFORE_COLUMN = 60
_CUT_TOLERANCE = 5
USELESS_FUNCTIONS = frozenset({"", "<anonymous>", "<unknown>", "__webpack_require__", "__webpack_modules__"})
"""Names that do not say which function a frame is in."""


class ResolvedWith(StrEnum):
    """How the files of a frame were found."""

    DEBUG_ID = "DEBUG_ID"
    URL = "URL"
    RELEASE_FILE = "RELEASE_FILE"
    FILE_NAME = "FILE_NAME"


class FrameProblemCode(StrEnum):
    """Why a frame has no original place, or no source text."""

    INVALID_LOCATION = "INVALID_LOCATION"
    MISSING_SOURCE = "MISSING_SOURCE"
    MISSING_SOURCEMAP = "MISSING_SOURCEMAP"
    MALFORMED_SOURCEMAP = "MALFORMED_SOURCEMAP"
    MISSING_SOURCE_CONTENT = "MISSING_SOURCE_CONTENT"
    SYMBOLICATION_FAILED = "SYMBOLICATION_FAILED"


_PROBLEM_MESSAGES = {
    FrameProblemCode.INVALID_LOCATION: "The source map has nothing at this line and column.",
    FrameProblemCode.MISSING_SOURCE: "No uploaded file has this URL or debug id.",
    FrameProblemCode.MISSING_SOURCEMAP: "The source map of this file was not uploaded.",
    FrameProblemCode.MALFORMED_SOURCEMAP: "The source map cannot be parsed.",
    FrameProblemCode.MISSING_SOURCE_CONTENT: "The text of the original source is neither in the source map nor uploaded.",
    FrameProblemCode.SYMBOLICATION_FAILED: "The source map could not be processed; it is tried again in ten minutes.",
}


@dataclass(frozen=True, slots=True)
class FrameProblem:
    """Why a frame has no original place, or no source text, with a sentence for people."""

    code: FrameProblemCode
    message: str


def frame_problem(code: FrameProblemCode, detail: str | None = None) -> FrameProblem:
    """Return a problem with the sentence of its code, and a detail such as the parser's error."""
    message = _PROBLEM_MESSAGES[code]
    return FrameProblem(code, f"{message[:-1]}: {detail}" if detail else message)


class SymbolicationNotInstalled(DomainError):
    """The library that reads source maps and debug files, the extra `files`, is not installed."""

    def __init__(self) -> None:
        message = "This server cannot read source maps or debug files: it was installed without the extra `files`."
        super().__init__(ErrorCode.NOT_INSTALLED, message)


class FileNotProcessed(Exception):
    """The worker process ended, or took too long, on a file; the file is refused for ten minutes."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read: its path on this machine, or its content if that is small.

    `key` identifies the content, such as its SHA-1: parsed files are cached by it.
    """

    key: str
    path: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A line and column of a minified file as browsers count, from 1, and the minified function if known."""

    line: int
    column: int | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveFrames:
    """Positions to look up in one source map.

    Without `map`, it is the data URL at the end of `source`. Without `source`, the enclosing functions are not known.
    """

    map: InputFile | None
    source: InputFile | None
    positions: tuple[Position, ...]
    context_lines: int = DEFAULT_CONTEXT_LINES


@dataclass(frozen=True, slots=True)
class SourceContext:
    """A line of a source and the lines around it, without line ends; long lines are cut."""

    line: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResolvedPosition:
    """An original position, from 1, or the problem.

    `source` is the source's name in the map. `function` is the enclosing original function. `token_name` is the
    original name at the position: at a call, the name of the called function. `context` is None if the
    map does not have the source's text, which is no problem here.
    """

    source: str | None = None
    line: int | None = None
    column: int | None = None
    function: str | None = None
    token_name: str | None = None
    context: SourceContext | None = None
    problem: FrameProblem | None = None


@dataclass(frozen=True, slots=True)
class SourceMapHeader:
    """What a source map says about itself: the minified file's name and its debug id."""

    file: str | None
    debug_id: str | None


@dataclass(frozen=True, slots=True)
class SymbolicatedFrame:
    """A frame with its original position if that was found; otherwise line, column and function are those of `raw`."""

    raw: StackFrame
    symbolicated: bool
    line: int
    column: int | None = None
    function: str | None = None
    file: str | None = None
    abs_path: str | None = None
    context_line: str | None = None
    pre_context: tuple[str, ...] = ()
    post_context: tuple[str, ...] = ()
    resolved_with: ResolvedWith | None = None
    bundle_id: int | None = None
    problem: FrameProblem | None = None


@dataclass(frozen=True, slots=True)
class Symbolication:
    """A symbolicated stack. `text` has it in V8's form. It is complete if no frame has a problem."""

    message: str | None
    frames: tuple[SymbolicatedFrame, ...]
    text: str
    complete: bool


def keep_frame(
    raw: StackFrame,
    problem: FrameProblem | None = None,
    resolved_with: ResolvedWith | None = None,
    bundle_id: int | None = None,
) -> SymbolicatedFrame:
    """Return a frame that was not symbolicated."""
    return SymbolicatedFrame(
        raw, False, raw.line, raw.column, raw.function, resolved_with=resolved_with, bundle_id=bundle_id, problem=problem
    )


def symbolicate_frame(
    raw: StackFrame,
    position: ResolvedPosition,
    caller: ResolvedPosition | None = None,
    map_url: str | None = None,
    resolved_with: ResolvedWith | None = None,
    bundle_id: int | None = None,
) -> SymbolicatedFrame:
    """Return a frame at its resolved position.

    `caller` is the position of the frame that called this one, the next one of the stack. The function is the enclosing
    one if known, else the name at the caller's position, else the minified name. `map_url` is the URL of the source
    map, to which the source's path is joined. A frame without source text has the problem MISSING_SOURCE_CONTENT;
    `add_context` takes it away.
    """
    if position.problem is not None or position.line is None:
        problem = position.problem or frame_problem(FrameProblemCode.INVALID_LOCATION)
        return keep_frame(raw, problem, resolved_with, bundle_id)
    names = (position.function, caller.token_name if caller else None, raw.function)
    frame = SymbolicatedFrame(
        raw,
        True,
        position.line,
        position.column,
        next((name for name in names if name and name not in USELESS_FUNCTIONS), raw.function),
        resolved_with=resolved_with,
        bundle_id=bundle_id,
        problem=frame_problem(FrameProblemCode.MISSING_SOURCE_CONTENT),
    )
    if position.source:
        abs_path = join_reference(map_url, position.source) if map_url else position.source
        frame = replace(frame, file=clean_source_name(position.source), abs_path=abs_path)
    return add_context(frame, position.context) if position.context else frame


def add_context(frame: SymbolicatedFrame, context: SourceContext) -> SymbolicatedFrame:
    """Return a frame with its source text, and without the problem that this was missing."""
    return replace(frame, context_line=context.line, pre_context=context.before, post_context=context.after, problem=None)


def build_symbolication(message: str | None, frames: Sequence[SymbolicatedFrame]) -> Symbolication:
    """Return the result of an operation; each frame is written with its original place, or as it was pasted."""
    written = [
        StackFrame(frame.file or frame.raw.url, frame.line, frame.column, frame.function)
        if frame.symbolicated
        else frame.raw
        for frame in frames
    ]
    is_complete = bool(frames) and not any(frame.problem for frame in frames)
    return Symbolication(message, tuple(frames), format_stack(message, written), is_complete)


def cut_context(text: str, line: int, column: int, context_lines: int) -> SourceContext | None:
    """Return a line of a source and those around it, or None if the source has no such line. Counted from 1."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not 1 <= line <= len(lines):
        return None
    return make_context(
        lines[line - 1], lines[max(0, line - 1 - context_lines) : line - 1], lines[line : line + context_lines], column
    )


def make_context(line: str, before: Sequence[str], after: Sequence[str], column: int) -> SourceContext:
    """Return lines without their ends, cut around the column, the lines around it at their ends."""
    return SourceContext(
        cut_line(line.rstrip("\r\n"), column),
        tuple(cut_line(text.rstrip("\r\n")) for text in before),
        tuple(cut_line(text.rstrip("\r\n")) for text in after),
    )


def cut_line(line: str, column: int = 1) -> str:
    """Return about 140 characters around a column of a line of more than 150, with `{snip}` at the cut ends."""
    if len(line) <= MAX_LINE_LENGTH:
        return line
    start = max(0, min(column - 1, len(line)) - _CUT_BEFORE_COLUMN)
    if start < _CUT_TOLERANCE:
        start = 0
    end = min(start + CUT_LINE_LENGTH, len(line))
    if end > len(line) - _CUT_TOLERANCE:
        end = len(line)
        start = end - CUT_LINE_LENGTH
    return (f"{CUT_MARK} " if start else "") + line[start:end] + (f" {CUT_MARK}" if end < len(line) else "")
