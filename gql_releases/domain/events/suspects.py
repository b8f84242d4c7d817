"""Suspect commits of an issue: those that changed a file of the stack trace, compared by the ends of the paths.

Nothing is known but the names of changed files: a suspect is a hint, with the reason beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from gql_releases.domain.commit import ChangeType
from gql_releases.domain.events.grouping import is_minified
from gql_releases.domain.events.issue import GroupingStep, SuspectStatus

MAX_SUSPECT_FRAMES = 10
"""Frames of the application, from the crash outward, whose files are looked for."""
MAX_SUSPECTS = 3
MAX_RELEASES_BACK = 4
"""Releases before that of the issue whose commits are examined, too."""
MAX_SCORE = 100.0
SCORE_DIGITS = 6
RELEASE_FACTOR = 0.6
FRAME_FACTOR = 0.7
_MIN_SEGMENTS = 2

_SCHEME_AND_HOST = re.compile(r"(?:[a-z][a-z0-9.+-]*:)?//[^/]*/+", re.IGNORECASE)
_NOT_CODE_FOLDERS = frozenset(
    ("test", "tests", "__tests__", "testing", "spec", "specs", "e2e", "__mocks__", "__snapshots__", "docs", "doc")
)
_NOT_CODE_NAMES = frozenset(
    (
        "conftest.py", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "packages.lock.json",
        "license", "copying", "authors", "changelog", "changes", "readme", "notice",
    )
)  # fmt: skip
_NOT_CODE_EXTENSIONS = frozenset(("lock", "lockb", "md", "mdx", "rst", "txt", "adoc", "markdown", "pdf", "snap"))
_TEST_STEM = re.compile(r"test_.*|.*[._-](?:test|tests|spec|specs)(?:\.d)?|test")


class FramePath(NamedTuple):
    """The file of a frame: `text` as it is shown, its segments without regard to case, and its distance from the crash.

    `is_module`: it was derived from the name of a module and has no extension.
    """

    text: str
    segments: tuple[str, ...]
    distance: int
    is_module: bool = False

    @property
    def name(self) -> str:
        """The last segment."""
        return self.segments[-1]


class CandidateChange(NamedTuple):
    """A changed file of a commit in the release `releases_back` releases before that of the issue."""

    commit_id: int
    path: str
    type: str
    releases_back: int
    position: int
    """The commit's place in the release's list, 0 is the newest."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that may have caused an issue, and why."""

    commit_id: int
    score: float
    path: str
    frame_path: str
    matched_segments: int
    releases_back: int


def list_frame_paths(body: Mapping[str, Any], platform: str) -> list[FramePath]:
    """Return the files of the app frames of an event's body, from the crash outward; minified frames are left out.

    The frames are those of the last exception that has any, else of the thread.
    """
    holders = (*reversed(body.get("exception", {}).get("values", ())), *body.get("threads", {}).get("values", ()))
    frames: Sequence[dict[str, Any]] = next(filter(None, (_get_frames(holder) for holder in holders)), ())
    frames = [frame for frame in frames if frame.get("in_app") is True] or frames
    paths = []
    for distance, frame in enumerate(reversed(frames[-MAX_SUSPECT_FRAMES:])):
        if platform == "javascript" and is_minified(frame):
            continue
        if path := _read_path(frame, distance):
            paths.append(path)
    return paths


def _get_frames(holder: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    frames: Sequence[dict[str, Any]] = holder.get("stacktrace", {}).get("frames", ())
    return frames


def _read_path(frame: Mapping[str, Any], distance: int) -> FramePath | None:
    names = ("filename", "abs_path") if frame.get("symbolicated") else ("abs_path", "filename")
    for name in names:
        text = frame.get(name) or ""
        if text and not text.startswith(("<", "[")) and (segments := split_path(text)):
            return FramePath(text, segments, distance)
    module = (frame.get("module") or "").partition("$")[0]
    segments = split_path(module.replace(".", "/"))
    return FramePath(module, segments, distance, is_module=True) if segments else None


@lru_cache(maxsize=4096)
def split_path(text: str) -> tuple[str, ...]:
    """Return the segments of a path or URL without regard to case; without scheme, host, query and relative segments."""
    text = text.replace("\\", "/")
    if match := _SCHEME_AND_HOST.match(text):
        text = text[match.end() :].partition("?")[0].partition("#")[0]
    segments: list[str] = []
    for segment in text.casefold().split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", ".", "~"):
            segments.append(segment)
    return tuple(segments)


def choose_suspects(frames: Sequence[FramePath], changes: Iterable[CandidateChange]) -> list[Suspect]:
    """Return the best suspects of an issue, at most MAX_SUSPECTS; of commits with one score the newest first.

    `changes` must contain all changes of the releases whose last segment is that of a frame.
    """
    ordered = sorted(changes, key=lambda change: (change.releases_back, change.position, change.commit_id, change.path))
    paths = {split_path(change.path) for change in ordered}
    by_name = Counter(path[-1] for path in paths if path)
    by_stem = Counter(_drop_extension(path[-1]) for path in paths if path)
    best: dict[int, Suspect] = {}
    for change in ordered:
        if is_code(change.path, change.type):
            for suspect in _match_frames(frames, change, by_name, by_stem):
                if change.commit_id not in best or suspect.score > best[change.commit_id].score:
                    best[change.commit_id] = suspect
    return sorted(best.values(), key=lambda suspect: -suspect.score)[:MAX_SUSPECTS]


def _match_frames(
    frames: Sequence[FramePath], change: CandidateChange, by_name: Counter[str], by_stem: Counter[str]
) -> Iterator[Suspect]:
    segments = split_path(change.path)
    if not segments:
        return
    for frame in frames:
        names, counts = (segments, by_name) if not frame.is_module else (_drop_last_extension(segments), by_stem)
        matched = count_equal_segments(frame.segments, names)
        is_single = len(frame.segments) == 1 or len(segments) == 1
        if matched >= _MIN_SEGMENTS or (matched == 1 and is_single and counts[names[-1]] == 1):
            factor = RELEASE_FACTOR**change.releases_back * FRAME_FACTOR**frame.distance
            score = round(MAX_SCORE * factor * min(matched / len(segments), 1), SCORE_DIGITS)
            yield Suspect(change.commit_id, score, change.path, frame.text, matched, change.releases_back)


def count_equal_segments(left: Sequence[str], right: Sequence[str]) -> int:
    """Return how many segments at the end of two paths are equal."""
    count = 0
    for left_segment, right_segment in zip(reversed(left), reversed(right), strict=False):
        if left_segment != right_segment:
            break
        count += 1
    return count


def _drop_last_extension(segments: tuple[str, ...]) -> tuple[str, ...]:
    return (*segments[:-1], _drop_extension(segments[-1]))


def _drop_extension(name: str) -> str:
    return name.rpartition(".")[0] or name


def is_code(path: str, change_type: str) -> bool:
    """Return whether a changed file can have caused an error: it is no deleted, test, lock or documentation file."""
    if change_type == ChangeType.DELETED:
        return False
    *folders, name = split_path(path) or ("",)
    stem, _, extension = name.rpartition(".")
    if name in _NOT_CODE_NAMES or extension in _NOT_CODE_EXTENSIONS or (not stem and extension in _NOT_CODE_NAMES):
        return False
    return _NOT_CODE_FOLDERS.isdisjoint(folders) and _TEST_STEM.fullmatch(stem or name) is None


def choose_status(step: str, suspects: Collection[Suspect], *, has_changes: bool) -> SuspectStatus:
    """Return the status of an issue with a release; `has_changes`: a commit of the releases has changed files."""
    if suspects:
        return SuspectStatus.FOUND
    if step == GroupingStep.MINIFIED:
        return SuspectStatus.MINIFIED
    return SuspectStatus.NO_MATCH if has_changes else SuspectStatus.NO_COMMITS
