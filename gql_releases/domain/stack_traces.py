"""JavaScript stack traces as text: those of V8, Firefox and Safari are parsed, V8's form is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_HIGHEST_NUMBER = 2**31 - 1
_MAX_FRAME_LENGTH = 8192
"""A longer line is no frame."""
_EVAL_IN_V8 = "eval at "
_EVAL_IN_FIREFOX = (" > eval", " > Function")
_SCHEME_END = "://"


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One call of a stack: a position in a file as browsers count, from 1."""

    url: str
    line: int
    column: int | None = None
    function: str | None = None
    debug_id: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedStack:
    """A stack trace: the lines before its first frame, and its frames, the innermost call first."""

    message: str | None
    frames: tuple[StackFrame, ...]


def parse_stack(text: str) -> ParsedStack:
    """Parse a pasted `error.stack`.

    The lines before the first frame are the message. Later lines that are no frame are left out, and so are frames
    without a place, such as `at Array.map (<anonymous>)`.
    """
    message: list[str] = []
    frames: list[StackFrame] = []
    has_begun = False
    for line in text.splitlines():
        is_frame, frame = _parse_line(line.strip())
        has_begun = has_begun or is_frame
        if frame is not None:
            frames.append(frame)
        elif not has_begun:
            message.append(line)
    return ParsedStack("\n".join(message).strip() or None, tuple(frames))


def format_frame(frame: StackFrame) -> str:
    """Return a frame in V8's form: `    at pick (src/util.ts:4:11)`."""
    place = f"{frame.url}:{frame.line}" if frame.column is None else f"{frame.url}:{frame.line}:{frame.column}"
    return f"    at {frame.function} ({place})" if frame.function else f"    at {place}"


def format_stack(message: str | None, frames: Iterable[StackFrame]) -> str:
    """Return a stack in V8's form."""
    lines = [format_frame(frame) for frame in frames]
    return "\n".join([message, *lines] if message else lines)


def _parse_line(line: str) -> tuple[bool, StackFrame | None]:
    """Return whether a line is a frame, and the frame; None for one without a place."""
    if len(line) > _MAX_FRAME_LENGTH:
        return False, None
    if line.startswith("at "):
        return _parse_v8_frame(line[3:].strip())
    if (frame := _parse_at_sign_frame(line)) is not None:
        return True, frame
    if line.endswith("@[native code]"):
        return True, None
    if " " not in line and _SCHEME_END in line and (place := _parse_place(line)) is not None:
        return True, StackFrame(*place)
    return False, None


def _parse_v8_frame(text: str) -> tuple[bool, StackFrame | None]:
    """Parse what follows `at `: `fn (url:1:2)` or `url:1:2`, each perhaps after `async `."""
    text = text.removeprefix("async ").lstrip()
    opening = text.find(" (")
    if opening >= 0 and text.endswith(")"):
        function, location = text[:opening].strip(), text[opening + 2 : -1]
        if (alias := function.find(" [as ")) > 0:
            function = function[:alias]
        is_frame = True
    else:
        function, location = "", text
        is_frame = location in ("<anonymous>", "native")
    place = _parse_place(_leave_eval(location.removeprefix("address at ")))
    if place is None:
        return is_frame, None
    return True, StackFrame(*place, function or None)


def _leave_eval(location: str) -> str:
    """Return the place of the script for code that was passed to `eval`, maybe several times."""
    position = location.rfind(_EVAL_IN_V8)
    if position < 0:
        return location
    # eval at b (eval at a (https://host/a.js:3:4), <anonymous>:1:1): the last one is in the script.
    inner = location[position + len(_EVAL_IN_V8) :]
    opening = inner.find(" (")
    if opening < 0:
        return inner.partition(", ")[0]
    return inner[opening + 2 :].partition("),")[0].rstrip(")")


def _parse_at_sign_frame(line: str) -> StackFrame | None:
    """Parse Firefox's and Safari's `fn@url:1:2` and `@url:1:2`; Firefox writes `foo@url line 3 > eval:1:2` for eval."""
    at_sign = line.find("@")
    while at_sign >= 0:
        location = line[at_sign + 1 :]
        if location.startswith(("/", "~/", "[")) or _SCHEME_END in location.partition("@")[0] or " " not in location:
            break
        at_sign = line.find("@", at_sign + 1)
    if at_sign < 0 or ": " in line[:at_sign]:
        return None
    place = _parse_place(_leave_firefox_eval(location))
    if place is None or " " in place[0]:
        return None
    function = line[:at_sign].rpartition("*")[2].strip()  # async*fn, promise callback*fn
    return StackFrame(*place, function or None)


def _leave_firefox_eval(location: str) -> str:
    positions = [position for mark in _EVAL_IN_FIREFOX if (position := location.find(mark)) >= 0]
    if not positions:
        return location
    url, separator, line = location[: min(positions)].rpartition(" line ")
    return f"{url}:{line}" if separator else location


def _parse_place(text: str) -> tuple[str, int, int | None] | None:
    """Split `url:1:2` or `url:1`; None if it has no line or is no file."""
    rest, column = _split_number(text)
    url, line = _split_number(rest)
    if line is None:
        url, line, column = rest, column, None
    if line is None or url in ("", "<anonymous>", "native", "[native code]"):
        return None
    scheme, separator, host = url.partition(_SCHEME_END)
    if separator and host and "/" not in host and column is None and scheme in ("http", "https"):
        return None  # https://host:8080
    return url.removeprefix("async "), line, column


def _split_number(text: str) -> tuple[str, int | None]:
    rest, _, digits = text.rpartition(":")
    if not rest or not digits.isascii() or not digits.isdigit() or len(digits) > 10 or int(digits) > _HIGHEST_NUMBER:
        return text, None
    return rest, int(digits)
