"""Requests for symbolication: their limits, and the frames of a stack with their debug ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gql_releases.domain.errors import DomainError, ErrorCode, LimitExceeded
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.stack_traces import ParsedStack, StackFrame, parse_stack
from gql_releases.domain.symbolication import (
    DEFAULT_CONTEXT_LINES,
    MAX_CONTEXT_LINES,
    MAX_FRAMES,
    MAX_IMAGES,
    MAX_STACK_BYTES,
)

DEBUG_ID_LENGTH = 36
"""Characters of a script's debug id: a UUID, without the age that debug files of other formats have."""


@dataclass(frozen=True, slots=True)
class SymbolicationRequest:
    """A stack as a text or as frames, and the project, version and dist ("" for none) that its script belongs to.

    `images`: pairs of the URL and the debug id of a script.
    """

    project: str
    version: str | None = None
    dist: str = ""
    text: str | None = None
    frames: tuple[StackFrame, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    context_lines: int = DEFAULT_CONTEXT_LINES


def read_stack(request: SymbolicationRequest) -> ParsedStack:
    """Return the stack of a request, whose frames have the debug ids that are known. Raises DomainError above a limit."""
    if request.context_lines < 0:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"contextLines must not be negative, but is {request.context_lines}.")
    _require("contextLines", request.context_lines, MAX_CONTEXT_LINES)
    _require("images", len(request.images), MAX_IMAGES)
    images = dict(request.images)
    if request.text is None:
        stack = ParsedStack(None, request.frames)
    else:
        _require("stackBytes", len(request.text.encode("utf-8", "replace")), MAX_STACK_BYTES)
        stack = parse_stack(request.text)
    _require("frames", len(stack.frames), MAX_FRAMES)
    return replace(stack, frames=tuple([_add_debug_id(frame, images) for frame in stack.frames]))


def read_debug_id(text: str | None) -> str | None:
    """Return a script's debug id in the form of the store; None if it is none."""
    debug_id = normalize_debug_id(text) if text else None
    return debug_id[:DEBUG_ID_LENGTH] if debug_id else None


def _add_debug_id(frame: StackFrame, images: Mapping[str, str]) -> StackFrame:
    return replace(frame, debug_id=read_debug_id(frame.debug_id) or read_debug_id(images.get(frame.url)))


def _require(name: str, value: int, maximum: int) -> None:
    if value > maximum:
        raise LimitExceeded(name, value, maximum)


def count_frames(stack: object) -> int:
    """Return the highest number of frames that the input of a stack can have: {"text"} or {"frames"}."""
    if not isinstance(stack, Mapping):
        return 0
    text, frames = stack.get("text"), stack.get("frames")
    if isinstance(text, str):
        return min(1 + text.count("\n") + text.count("\r"), MAX_FRAMES)
    return min(len(frames) if isinstance(frames, Sequence) else int(frames is not None), MAX_FRAMES)
