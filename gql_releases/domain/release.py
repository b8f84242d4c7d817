"""Releases as a client sends them, and the names by which operations find one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from gql_releases.domain.versions.version import VersionInfo, check_version, parse_version

from .commit import ORIGIN, NewCommit, commit_reader, repository_name
from .errors import ErrorCode, InvalidInput, Path, Problem
from .ref import Ref, head_reader, ref_reader
from .validation import choice, date, json_object, list_of, read, record, text, url, wrong_characters

VERSION_LENGTH = 200
USER_AGENT_LENGTH = 256


class Status(StrEnum):
    """Whether a release is listed by default."""

    OPEN = "OPEN"
    ARCHIVED = "ARCHIVED"


class Outcome(StrEnum):
    """What a creation did: made a release; found it and gave it a new project; found it."""

    CREATED = "CREATED"
    EXTENDED = "EXTENDED"
    EXISTING = "EXISTING"


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release to be created; cannot be built from a bad version.

    Commits are in the order given, `metadata` is the text of a JSON object. `date_created` is said by imports alone.
    `resolves_origin`: some commits or refs name `origin`, to be read as the default repository of the release's projects.
    """

    version: str
    projects: tuple[str | int, ...]
    ref: str | None = None
    url: str | None = None
    date_released: datetime | None = None
    commits: tuple[NewCommit, ...] = ()
    refs: tuple[Ref, ...] = ()
    status: Status | None = None
    user_agent: str | None = None
    notes: str | None = None
    metadata: str | None = None
    date_created: datetime | None = None
    resolves_origin: bool = False
    version_info: VersionInfo | None = field(init=False)

    def __post_init__(self) -> None:
        read(read_version, self.version)
        object.__setattr__(self, "version_info", parse_version(self.version))


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """What to change of a release: given values of CHANGEABLE; () as refs clears the commits.

    `resolves_origin` is as that of a NewRelease.
    """

    values: Mapping[str, str | datetime | Status | None] = field(default_factory=dict)
    commits: tuple[NewCommit, ...] | None = None
    refs: tuple[Ref, ...] | None = None
    resolves_origin: bool = False


class ReleaseKey(NamedTuple):
    """How an operation names a release: by id, or by version; `organization` must then be the caller's.

    `project`: only if the release is linked to that project (slug or id). `needs_project`: one without any does not count.
    """

    id: int | None = None
    organization: str | None = None
    version: str | None = None
    project: str | None = None
    needs_project: bool = False

    def conditions(self) -> tuple[tuple[str, Any], ...]:
        """Give the key as conditions of a Read."""
        found: list[tuple[str, Any]] = [("id", self.id) if self.id is not None else ("version", self.version)]
        if self.project is not None:
            found.append(on_project(self.project))
        if self.needs_project:
            found.append(("has_project", True))
        return tuple(found)


def on_project(named: str) -> tuple[str, Any]:
    """Give the condition that a release is on a project, named by slug or decimal id: slugs have a letter in them."""
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None
    return ("project", named) if number is None else ("on_projects", [number])


_read_version_text = text(max=VERSION_LENGTH, trim=False)


def read_version(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    """Read a release's version, verbatim (docs/sentry-contract.md#2-3-versions)."""
    before = len(problems)
    version: str | None = _read_version_text(raw, path, problems)
    if version is not None and len(problems) == before and (wrong := check_version(version)):
        problems.append(Problem(ErrorCode.INVALID_VERSION, path, wrong))
    return version


UNKNOWN_PROJECT_MESSAGE = "Invalid project ids or slugs"
"""Sentry's words (docs/sentry-contract.md#2-5-commits)."""


def read_project(raw: Any, path: Path, problems: list[Problem]) -> str | int | None:
    """Read a project's slug or id."""
    if isinstance(raw, str) and not wrong_characters(raw):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    problems.append(Problem(ErrorCode.UNKNOWN_PROJECT, path, UNKNOWN_PROJECT_MESSAGE))
    return None


CHANGEABLE = ("ref", "url", "date_released", "status", "notes", "metadata")
"""What a change can set."""
NOTES_LENGTH = 64 * 1024
MAX_BULK = 1000
"""Releases that one bulk creation takes."""

_STATUSES = {member.value.lower(): member for member in Status}
"""In bodies they are written in small letters, and in no others (docs/sentry-contract.md#2-2-body)."""

_CHANGEABLE = {
    "ref": text(max=200, null=True, blank=True),
    "url": url(),
    "date_released": date(),
    "status": choice(_STATUSES, lambda said: f"Invalid status {said}"),
    "notes": text(max=NOTES_LENGTH, null=True, blank=True, trim=False),
    "metadata": json_object(),
    "commits": list_of(commit_reader()),
    "refs": list_of(ref_reader()),
    "head_commits": list_of(head_reader()),
}
_read_new = record(
    {"version": read_version, "projects": list_of(read_project), **_CHANGEABLE}, required=("version", "projects")
)
_read_change = record(_CHANGEABLE)
read_commits = list_of(commit_reader())
read_refs = list_of(ref_reader())


def parse_new_release(raw: Any, *, user_agent: str | None = None, resolves_origin: bool = False) -> NewRelease:
    """Read the body of a creation. Raises InvalidInput with every problem found (docs/sentry-contract.md#2-2-body).

    `resolves_origin`: where commits or refs name `origin`, the default repository of the projects is meant.
    """
    values = read(_read_new, raw)
    commits, refs = values.get("commits", ()), values.get("refs") or values.get("head_commits", ())
    return NewRelease(
        values["version"],
        values["projects"],
        values.get("ref"),
        values.get("url"),
        values.get("date_released"),
        commits,
        refs,
        values.get("status"),
        user_agent[:USER_AGENT_LENGTH] if user_agent is not None else None,
        values.get("notes") or None,
        values.get("metadata"),
        resolves_origin=resolves_origin and _names_origin(commits, refs),
    )


def _names_origin(commits: Sequence[NewCommit], refs: Sequence[Ref]) -> bool:
    return any(one.repository == ORIGIN for one in commits) or any(ref.repository == ORIGIN for ref in refs)


def parse_release_change(raw: Any, *, resolves_origin: bool = False) -> ReleaseChange:
    """Read the body of a change. Raises InvalidInput. No commits change nothing; no refs clear.

    Source: docs/sentry-contract.md#3-2-put.
    """
    values = read(_read_change, raw)
    refs = values.get("refs")
    given = {name: values[name] for name in CHANGEABLE if name in values}
    if "notes" in given:
        given["notes"] = given["notes"] or None
    commits, heads = values.get("commits") or None, refs or values.get("head_commits", refs)
    return ReleaseChange(given, commits, heads, resolves_origin and _names_origin(commits or (), heads or ()))


def parse_new_releases(raws: Sequence[Any]) -> list[NewRelease | InvalidInput]:
    """Read the bodies of a bulk creation, each by itself; paths of problems begin with ("releases", index)."""
    found: list[NewRelease | InvalidInput] = []
    for index, raw in enumerate(raws):
        try:
            found.append(parse_new_release(raw))
        except InvalidInput as error:
            found.append(error.within("releases", index))
    return found


def parse_listed_commits(raw: Any, repository: Any) -> tuple[tuple[NewCommit, ...], str | None]:
    """Read a list of commits and the name of the repository that it is of. Raises InvalidInput with all problems of both."""
    problems: list[Problem] = []
    commits, name = read_commits(raw, ("commits",), problems), repository_name(repository, ("repository",), problems)
    if problems:
        raise InvalidInput(problems)
    return tuple(commits), name or None


def parse_refs(raw: Any) -> tuple[Ref, ...]:
    """Read a list of refs. Raises InvalidInput."""
    return tuple(_at(("refs",), read_refs, raw))


def _at(path: Path, reader: Any, raw: Any) -> Any:
    problems: list[Problem] = []
    value = reader(raw, path, problems)
    if problems:
        raise InvalidInput(problems)
    return value
