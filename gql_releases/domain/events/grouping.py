"""Groups events: one list of rules, the first that applies gives the key, whose hash is that of the issue.

Line numbers, and lines other than that of the innermost frame, are no part of a key: an edit elsewhere in a file creates
no new issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from gql_releases.domain.events.event import REACT_STACK, NewEvent
from gql_releases.domain.events.issue import GroupingStep
from gql_releases.domain.events.message_text import normalize_text

ALGORITHM = "grouping-1"
"""Name of these rules; a change that gives another key to any event gets another name."""
MAX_GROUPED_FRAMES = 30
MAX_GROUPED_LINE_LENGTH = 120
MINIFIED_COLUMN = 500
MAX_MINIFIED_LETTERS = 2

_PERSON = ALGORITHM.encode()
_DEFAULT_PARTS = frozenset(("{{ default }}", "{{default}}"))
_SCRIPT_PLATFORMS = frozenset(("javascript", "node"))
_NAMELESS = frozenset(("?", "<anonymous>", "<lambda>", "<module>", "eval", "anonymous"))
_NO_PLACE = ("http:", "https:", "blob:", "data:", "<", "[native")
_CAUSES = frozenset(("cause", "__cause__", "__context__"))
# A run can begin only after a separator, and contains separators: each character is passed at most seven times.
_BUILD_HASH = re.compile(r"(?<=[._-])[a-z0-9_-]{6,}(?=[._-])")
_DIGIT = re.compile("[0-9]")
_GENERATED_SUFFIX = re.compile(r"(?<=.)(?:\$[0-9]{1,9}|/?<)\Z")


@dataclass(frozen=True, slots=True)
class Grouping:
    """How an event is grouped.

    `site` is the hash of the place of the error: type, innermost app frame and its line; None without frames.
    `hash_without_frames` is the hash as if all frames were minified, for an event with symbolicated frames; the hash of
    the event for others.
    """

    step: GroupingStep
    key: tuple[str, ...]
    hash: str
    site: str | None
    hash_without_frames: str


class _ExceptionParts(NamedTuple):
    """What an exception adds to a key, with and without its frames."""

    parts: list[str]
    without_frames: list[str]


class _Stack(NamedTuple):
    """The frames of a key, as (where, function) from the outermost, and the line of the innermost."""

    frames: list[tuple[str, str]]
    line: str
    is_minified: bool


_NO_STACK = _Stack([], "", False)


def hash_key(key: Iterable[str]) -> str:
    """Return the hash of a key's parts as 32 hex digits."""
    content = b""
    for part in key:
        text = part.encode("utf-8", "replace")
        content += len(text).to_bytes(4, "big") + text
    return blake2b(content, digest_size=16, person=_PERSON).hexdigest()


def group_event(event: NewEvent) -> Grouping:
    """Return the grouping of an event by its body, after symbolication of its frames."""
    step, key, site, key_without_frames = _group_by_content(event)
    content_hash = hash_key(key)
    hash_without_frames = content_hash if key_without_frames is None else hash_key(key_without_frames)
    if not _DEFAULT_PARTS.issuperset(event.fingerprint):
        key = _build_fingerprint_key(event.fingerprint, content_hash)
        fingerprint_hash = hash_key(key)
        if key_without_frames is None:
            hash_without_frames = fingerprint_hash
        else:
            hash_without_frames = hash_key(_build_fingerprint_key(event.fingerprint, hash_without_frames))
        return Grouping(GroupingStep.FINGERPRINT, tuple(key), fingerprint_hash, site, hash_without_frames)
    return Grouping(step, tuple(key), content_hash, site, hash_without_frames)


def _build_fingerprint_key(fingerprint: Sequence[str], content_hash: str) -> list[str]:
    key = ["fingerprint"]
    for part in fingerprint:
        key += ("default", content_hash) if part in _DEFAULT_PARTS else ("text", part)
    return key


def _group_by_content(event: NewEvent) -> tuple[GroupingStep, list[str], str | None, list[str] | None]:
    """Return step, key and site of an event without its fingerprint, and the key without frames.

    The latter is None for an event without symbolicated frames.
    """
    body = event.body
    if exceptions := body.get("exception", {}).get("values"):
        return _group_by_exceptions(exceptions, event.platform)
    for thread in body.get("threads", {}).get("values", ()):
        stack = _read_stack(thread, event.platform)
        if stack.frames:
            return GroupingStep.THREAD, ["thread", *_list_parts(stack)], None, None
    entry = body.get("logentry", {})
    for message in (entry.get("message"), entry.get("formatted"), body.get("message")):
        if message and (text := normalize_text(message)):
            return GroupingStep.MESSAGE, ["message", text], None, None
    if csp := body.get("csp"):
        return GroupingStep.CSP, ["csp", csp["directive"], csp["host"]], None, None
    return GroupingStep.EMPTY, ["empty", body.get("type", ""), body.get("logger", "")], None, None


def _group_by_exceptions(
    exceptions: Sequence[dict[str, Any]], platform: str
) -> tuple[GroupingStep, list[str], str | None, list[str] | None]:
    if platform in _SCRIPT_PLATFORMS:
        # @sentry/react adds an exception whose frames are the components around the error.
        errors = [item for item in exceptions if not item.get("type", "").startswith(REACT_STACK)]
        exceptions = errors or exceptions
    stacks = [_read_stack(exception, platform) for exception in exceptions]
    is_symbolicated = any(
        frame.get("symbolicated") for item in exceptions for frame in item.get("stacktrace", {}).get("frames", ())
    )
    chain: list[_ExceptionParts] = []
    site = None
    for exception, stack in zip(exceptions, stacks, strict=True):
        kind = "" if exception.get("mechanism", {}).get("synthetic") else exception.get("type", "")
        by_value: list[str] = []
        if is_symbolicated or not stack.frames:
            by_value = ["exception", kind, "value", normalize_text(exception.get("value", ""))]
        chain.append(_ExceptionParts(["exception", kind, *_list_parts(stack)] if stack.frames else by_value, by_value))
        if stack.frames:
            site = ["site", kind, *stack.frames[-1], stack.line]
    if any(stack.frames for stack in stacks):
        step = GroupingStep.STACK
    else:
        step = GroupingStep.MINIFIED if any(stack.is_minified for stack in stacks) else GroupingStep.VALUE
    key = _join_chain(exceptions, [item.parts for item in chain])
    without_frames = _join_chain(exceptions, [item.without_frames for item in chain]) if is_symbolicated else None
    return step, key, hash_key(site) if site else None, without_frames


def _join_chain(exceptions: Sequence[dict[str, Any]], parts: list[list[str]]) -> list[str]:
    """Return the parts of a chain, in its order; of a group, equal exceptions count once.

    A group whose exceptions are all equal is left out. Children precede their parents: a parent that does not follow is
    none.
    """
    mechanisms = [exception.get("mechanism", {}) for exception in exceptions]
    if not any(mechanism.get("is_exception_group") for mechanism in mechanisms):
        return [part for exception_parts in parts for part in exception_parts]
    positions = {mechanism.get("exception_id"): position for position, mechanism in enumerate(mechanisms)}
    children: list[list[int]] = [[] for _ in exceptions]
    key: list[str] = []
    trees: list[list[str]] = []
    for position, mechanism in enumerate(mechanisms):
        trees.append(_join_tree(mechanisms, parts[position], position, children, trees))
        parent_id = mechanism.get("parent_id")
        parent = positions.get(parent_id, -1) if parent_id is not None else -1
        if parent > position:
            children[parent].append(position)
        else:
            key += trees[position]
    return key


def _join_tree(
    mechanisms: list[dict[str, Any]],
    own_parts: list[str],
    position: int,
    children: list[list[int]],
    trees: list[list[str]],
) -> list[str]:
    """Return the parts of an exception and of those below it, whose parts are in `trees`."""
    if not mechanisms[position].get("is_exception_group"):
        return [part for child in children[position] for part in trees[child]] + own_parts
    joined: list[str] = []
    members: set[tuple[str, ...]] = set()
    for child in children[position]:
        if mechanisms[child].get("source") not in _CAUSES:
            tree = tuple(trees[child])
            if tree in members:
                continue
            members.add(tree)
        joined += trees[child]
    return joined if len(members) == 1 else joined + own_parts


def _list_parts(stack: _Stack) -> list[str]:
    return [part for frame in stack.frames for part in frame] + [stack.line]


def _read_stack(holder: dict[str, Any], platform: str) -> _Stack:
    """Return the usable frames of an exception or thread; without any if most are minified."""
    frames: Sequence[dict[str, Any]] = holder.get("stacktrace", {}).get("frames", ())
    if not frames:
        return _NO_STACK
    is_script = platform in _SCRIPT_PLATFORMS
    if is_script:
        # Code of eval and of the browser itself has no file.
        frames = [frame for frame in frames if not _read_file(frame).startswith("<")] or frames
    frames = [frame for frame in frames if frame.get("in_app") is True] or frames
    if platform == "javascript":
        votes = [is_minified(frame) for frame in frames]
        minified = votes.count(True)
        if minified and 2 * minified >= minified + votes.count(False):
            return _Stack([], "", True)
        if minified:
            frames = [frame for frame, vote in zip(frames, votes, strict=True) if not vote]
    pairs: list[tuple[str, str]] = []
    innermost: dict[str, Any] = {}
    previous = None
    for frame in reversed(frames):
        pair = _describe_frame(frame.get("module") or "", _read_file(frame), frame.get("function") or "", platform)
        if pair == ("", "") or pair == previous:
            continue
        innermost = innermost or frame
        pairs.append(pair)
        previous = pair
        if len(pairs) == MAX_GROUPED_FRAMES:
            break
    if not pairs:
        return _NO_STACK
    pairs.reverse()
    line = " ".join((innermost.get("context_line") or "").split())[:MAX_GROUPED_LINE_LENGTH]
    return _Stack(pairs, line, False)


def _read_file(frame: dict[str, Any]) -> str:
    return frame.get("filename") or frame.get("abs_path") or ""


def is_minified(frame: dict[str, Any]) -> bool | None:
    """Return whether a frame is minified; None if that is unknown: without a file, or without a name and column."""
    if frame.get("symbolicated"):
        return False
    file = _read_file(frame)
    if not file or file.startswith(("<", "[native")):
        return None
    if (frame.get("colno") or 0) >= MINIFIED_COLUMN:
        return True
    name = _read_function(frame.get("function") or "", is_script=True)
    return sum(map(str.isalpha, name)) <= MAX_MINIFIED_LETTERS if name else None


@lru_cache(maxsize=1024)
def _describe_frame(module: str, file: str, function: str, platform: str) -> tuple[str, str]:
    """Return where a frame is and its function; both are empty if a build or the platform determines them."""
    is_node = platform == "node"
    where = module if module and (not is_node or ":" in module or "/" in module) else _read_place(file, is_node=is_node)
    return where, _read_function(function, is_script=platform in _SCRIPT_PLATFORMS)


def _read_place(file: str, *, is_node: bool) -> str:
    """Return a file's name without what changes with a build."""
    place = file.lower()
    if place.startswith(_NO_PLACE):
        return ""
    place = place.partition("?")[0].partition("#")[0]
    if is_node:
        place = "/".join(place.replace("\\", "/").rsplit("/", 2)[-2:])
    return _BUILD_HASH.sub(_replace_build_hash, place)


def _replace_build_hash(match: re.Match[str]) -> str:
    return "#" if _DIGIT.search(match[0]) else match[0]


def _read_function(function: str, *, is_script: bool) -> str:
    """Return a function's name; empty if it has none."""
    function = function.strip()
    if is_script:
        function = function.partition(" [as ")[0].removeprefix("async ").removeprefix("new ")
        function = function.rpartition(".")[2]
        function = _GENERATED_SUFFIX.sub("", function)
    return "" if function in _NAMELESS else function
