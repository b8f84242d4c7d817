"""Symbolicates the frames of JavaScript events when they arrive, before they are grouped: grouping is not repeated later.

It finds the uploaded files of the project as a request for symbolication does: by debug ids, else by URLs of release and
dist.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.errors import DomainError
from gql_releases.domain.events.event import NewEvent, find_culprit
from gql_releases.domain.events.ingest_request import IngestProject
from gql_releases.domain.principal import Principal
from gql_releases.domain.stack_traces import StackFrame
from gql_releases.domain.symbolication import MAX_IMAGES, FrameProblemCode, SymbolicatedFrame
from gql_releases.domain.symbolication_request import SymbolicationRequest
from gql_releases.domain.uploaded_files import FileQuery, FoundFiles
from gql_releases.services.symbolication import SymbolicationService

WAIT_SECONDS = 2.0
"""Seconds that an event waits for its source maps; they are then parsed for later events, and it is stored without."""
MAX_RUNNING = 32
"""Events whose frames are symbolicated at the same time, those included that did not wait."""
MAX_LATE = 4
"""Events of a project that did not wait long enough and whose maps are still read; others do not wait meanwhile."""
ABSENCE_SECONDS = 10.0
"""Seconds for which it is cached that nothing was uploaded for a release, or for a stack's scripts."""
MAX_CACHED_ENTRIES = 10_000
PLATFORMS = frozenset(("javascript", "node"))
_CONTEXT_LINES = 5
_VENDOR_FOLDER = "node_modules/"

_SentStack = list[StackFrame]
_Stack = list[SymbolicatedFrame]
_Images = tuple[tuple[str, str], ...]
"""The URL and debug id of each script that has one."""
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class ProjectFileLookup(Protocol):
    """Finds the uploaded files of a project by its id. Raises Unavailable, TimedOut."""

    async def has_files(self, organization: int, project: int, version: str | None) -> bool: ...

    async def find_project_files(self, organization: int, project: int, query: FileQuery) -> FoundFiles: ...


class _FilesOfProject:
    """The FileLookup of one project."""

    def __init__(self, lookup: ProjectFileLookup, project: int) -> None:
        self._lookup, self._project = lookup, project

    async def find_files(self, principal: Principal, project: str, query: FileQuery) -> FoundFiles | None:
        """Return the files of a query, but none by its base name alone: an `index.js` of another folder is another file."""
        query = replace(query, file_names=())
        return await self._lookup.find_project_files(principal.organization_id, self._project, query)


class EventSymbolicationService:
    """Replaces the frames of events with those of their sources."""

    def __init__(
        self,
        symbolication: SymbolicationService,
        lookup: ProjectFileLookup,
        *,
        is_installed: bool,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """`is_installed`: whether source maps can be read; without, events are stored as they are."""
        self._symbolication, self._lookup = symbolication, lookup
        self._is_installed, self._wait_seconds = is_installed, wait_seconds
        self._running: set[asyncio.Task[list[_Stack]]] = set()
        self._late: Counter[int] = Counter()
        self._has_files: dict[tuple[int, str | None], tuple[bool, float]] = {}
        self._absences: dict[tuple[Any, ...], float] = {}

    async def symbolicate(self, project: IngestProject, event: NewEvent) -> NewEvent:
        """Return the event with symbolicated frames; unchanged where there are no source maps, or not in time."""
        if not self._is_installed or event.platform not in PLATFORMS:
            return event
        stacks = _list_stacks(event.body)
        if not stacks or not await self._may_have_files(project, event.release):
            return event
        images = _list_images(event.body)
        key = (project.project_id, event.release, event.dist, images, frozenset(_list_urls(stacks)))
        if self._absences.get(key, 0) > time.monotonic():
            return event
        symbolicated = await self._wait(project, event, stacks, images)
        if symbolicated is None:
            count_fall_back("event_symbolication")
            return event
        if not any(frame.symbolicated for stack in symbolicated for frame in stack):
            if all(_is_absent(frame) for stack in symbolicated for frame in stack):
                _cache(self._absences, key, time.monotonic() + ABSENCE_SECONDS)
            return event
        body = _replace_frames(event.body, symbolicated)
        return replace(event, body=body, culprit=find_culprit(body))

    async def _may_have_files(self, project: IngestProject, version: str | None) -> bool:
        """Return whether anything was uploaded, at most ABSENCE_SECONDS ago; False while the store is unavailable."""
        key = (project.project_id, version)
        has_files, expires = self._has_files.get(key, (False, 0.0))
        if expires < time.monotonic():
            try:
                has_files = await self._lookup.has_files(project.organization_id, project.project_id, version)
            except DomainError:
                return False
            _cache(self._has_files, key, (has_files, time.monotonic() + ABSENCE_SECONDS))
        return has_files

    async def _wait(
        self, project: IngestProject, event: NewEvent, stacks: Sequence[_SentStack], images: _Images
    ) -> list[_Stack] | None:
        """Return the symbolicated stacks; None if that fails, or takes longer than the wait."""
        number = project.project_id
        if len(self._running) >= MAX_RUNNING or self._late[number] >= MAX_LATE:
            return None
        task = asyncio.create_task(self._symbolicate_all(project, event, stacks, images))
        self._running.add(task)
        task.add_done_callback(self._end)
        await asyncio.wait([task], timeout=self._wait_seconds)
        if not task.done():
            self._late[number] += 1
            task.add_done_callback(lambda _: self._end_late(number))
            return None
        return None if task.cancelled() or task.exception() else task.result()

    async def close(self) -> None:
        """Cancel the symbolications that run."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _symbolicate_all(
        self, project: IngestProject, event: NewEvent, stacks: Sequence[_SentStack], images: _Images
    ) -> list[_Stack]:
        principal = Principal.operator(project.organization_id, "")
        lookup = _FilesOfProject(self._lookup, project.project_id)
        symbolicated: list[_Stack] = []
        for frames in stacks:
            request = SymbolicationRequest(
                "", event.release, event.dist or "", frames=tuple(frames), images=images, context_lines=_CONTEXT_LINES
            )
            symbolicated.append(await self._symbolication.symbolicate_frames(principal, request, lookup) or [])
        return symbolicated

    def _end(self, task: asyncio.Task[list[_Stack]]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, DomainError):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "symbolication of an event failed", "exception": error, "task": task}
            )

    def _end_late(self, project: int) -> None:
        self._late[project] -= 1
        if not self._late[project]:
            del self._late[project]


def _cache(entries: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(entries) >= MAX_CACHED_ENTRIES:
        entries.clear()
    entries[key] = value


def _list_holders(body: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Return the exceptions and threads that have frames with a place."""
    for name in ("exception", "threads"):
        for holder in body.get(name, {}).get("values", ()):
            if any(_has_place(frame) for frame in holder.get("stacktrace", {}).get("frames", ())):
                yield holder


def _has_place(frame: dict[str, Any]) -> bool:
    return bool(frame.get("lineno")) and bool(frame.get("abs_path") or frame.get("filename"))


def _list_stacks(body: dict[str, Any]) -> list[_SentStack]:
    """Return the frames with a place of each exception and thread, the innermost first."""
    return [
        [
            StackFrame(
                frame.get("abs_path") or frame["filename"], frame["lineno"], frame.get("colno"), frame.get("function")
            )
            for frame in reversed(holder["stacktrace"]["frames"])
            if _has_place(frame)
        ]
        for holder in _list_holders(body)
    ]


def _list_urls(stacks: Iterable[_SentStack]) -> Iterable[str]:
    return (frame.url for stack in stacks for frame in stack)


def _list_images(body: dict[str, Any]) -> _Images:
    """Return the URL and debug id of each script that has one."""
    images = body.get("debug_meta", {}).get("images", ())
    pairs = [(image.get("code_file"), image.get("debug_id")) for image in images if image.get("type") == "sourcemap"]
    return tuple([(url, debug_id) for url, debug_id in pairs if url and debug_id][:MAX_IMAGES])


def _is_absent(frame: SymbolicatedFrame) -> bool:
    return frame.problem is None or frame.problem.code is FrameProblemCode.MISSING_SOURCE


def _replace_frames(body: dict[str, Any], stacks: Sequence[_Stack]) -> dict[str, Any]:
    """Return a body with symbolicated frames."""
    remaining = iter(stacks)
    changed = dict(body)
    for name in ("exception", "threads"):
        if name not in body:
            continue
        holders = []
        for holder in body[name]["values"]:
            frames = holder.get("stacktrace", {}).get("frames", ())
            if any(_has_place(frame) for frame in frames):
                symbolicated = iter(reversed(next(remaining)))
                replaced = [_replace_frame(frame, next(symbolicated)) if _has_place(frame) else frame for frame in frames]
                holder = {**holder, "stacktrace": {**holder["stacktrace"], "frames": replaced}}
            holders.append(holder)
        changed[name] = {**body[name], "values": holders}
    return changed


def _replace_frame(frame: dict[str, Any], symbolicated: SymbolicatedFrame) -> dict[str, Any]:
    """Return a frame at its place in the source; `raw` has the sent fields. Frames of packages are not in_app."""
    if not symbolicated.symbolicated:
        return frame
    raw_names = ("function", "module", "filename", "abs_path", "lineno", "colno")
    place = symbolicated.file or symbolicated.abs_path or frame.get("filename")
    values = {
        "function": symbolicated.function,
        "filename": place,
        "abs_path": symbolicated.abs_path or frame.get("abs_path"),
        "lineno": symbolicated.line,
        "colno": symbolicated.column,
        "in_app": False if place and _VENDOR_FOLDER in place else frame.get("in_app"),
        "context_line": symbolicated.context_line,
        "pre_context": list(symbolicated.pre_context),
        "post_context": list(symbolicated.post_context),
        "raw": {name: frame[name] for name in raw_names if name in frame},
        "symbolicated": True,
    }
    return {name: value for name, value in values.items() if value is not None and value != []}
