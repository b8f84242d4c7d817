"""Releases in requests, and the keys by which operations find a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from gql_releases.domain.commit import ORIGIN, NewCommit, commit_reader, repository_name
from gql_releases.domain.errors import ErrorCode, InvalidInput, Path, Problem
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.ref import Ref, head_reader, ref_reader
from gql_releases.domain.validation import (
    Reader,
    array,
    choice,
    date,
    json_object,
    read,
    record,
    text,
    url,
    wrong_characters,
)
from gql_releases.domain.versions.version import VersionInfo, check_version, parse_version

VERSION_LENGTH = 200
USER_AGENT_LENGTH = 256
NOTES_LENGTH = 64 * 1024
MAX_BULK = 1000
"""Releases of one bulk creation at most."""
UNKNOWN_PROJECT_MESSAGE = "Invalid project ids or slugs"
"""Sentry's message (docs/sentry-contract.md#2-5-commits)."""


class Status(StrEnum):
    """Whether a release is listed by default."""

    OPEN = "OPEN"
    ARCHIVED = "ARCHIVED"


class Origin(StrEnum):
    """Whether a client created a release, or an event of a version that no release had."""

    CLIENT = "CLIENT"
    EVENT = "EVENT"


class Outcome(StrEnum):
    """The outcome of a creation: a new release; an existing release with a new project; an existing release."""

    CREATED = "CREATED"
    EXTENDED = "EXTENDED"
    EXISTING = "EXISTING"


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release to be created; an invalid version raises InvalidInput.

    `values` are those of RELEASE_FIELDS that were sent, by the fields' names. Commits are in the order given. Only imports
    set `date_created`. `resolves_origin`: some commits or refs name `origin`, to be read as the default repository of the
    release's projects.
    """

    version: str
    projects: tuple[str | int, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    commits: tuple[NewCommit, ...] = ()
    refs: tuple[Ref, ...] = ()
    user_agent: str | None = None
    date_created: datetime | None = None
    resolves_origin: bool = False
    version_info: VersionInfo | None = field(init=False)

    def __post_init__(self) -> None:
        read(read_version, self.version)
        object.__setattr__(self, "version_info", parse_version(self.version))


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """What to change of a release: values of RELEASE_FIELDS by the fields' names; () as refs clears the commits.

    `resolves_origin` is as that of a NewRelease.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
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
        """Return the key as conditions of an ObjectRead."""
        conditions: list[tuple[str, Any]] = [("id", self.id) if self.id is not None else ("version", self.version)]
        if self.project is not None:
            conditions.append(on_project(self.project))
        if self.needs_project:
            conditions.append(("has_project", True))
        return tuple(conditions)


def on_project(slug_or_id: str) -> tuple[str, Any]:
    """Return the condition that a release is on a project, by slug or decimal id; a slug contains a letter."""
    number = parse_row_id(slug_or_id)
    return ("project", slug_or_id) if number is None else ("on_projects", [number])


_read_version_text = text(max=VERSION_LENGTH, trim=False)


def read_version(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    """Read a release's version, verbatim (docs/sentry-contract.md#2-3-versions)."""
    before = len(problems)
    version: str | None = _read_version_text(raw, path, problems)
    if version is not None and len(problems) == before and (wrong := check_version(version)):
        problems.append(Problem(ErrorCode.INVALID_VERSION, path, wrong))
    return version


def read_project(raw: Any, path: Path, problems: list[Problem]) -> str | int | None:
    """Read a project's slug or id."""
    if isinstance(raw, str) and not wrong_characters(raw):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    problems.append(Problem(ErrorCode.UNKNOWN_PROJECT, path, UNKNOWN_PROJECT_MESSAGE))
    return None


_STATUSES = {member.value.lower(): member for member in Status}
"""Lower-case name in a request -> status (docs/sentry-contract.md#2-2-body)."""


@dataclass(frozen=True, slots=True)
class ReleaseField:
    """The declaration of a plain column of a release, which creations, updates and imports can set.

    `type` is that of its values. `read` checks and converts a value that was sent. `column` is the column's name (default:
    the field's). `rest_name` is its name in the REST API, in requests and responses; None: it is not there. `is_in_sentry`:
    a running Sentry has it under that name, so that it is forwarded and imported. `is_kept`: an existing release keeps its
    own value when it is created again. `default`: the value of a new release if none was sent. `blank_is_null`: an empty
    text clears it. `is_filter`: releases can be filtered by its exact value, under its name (ReleaseFilter has it, too).
    """

    name: str
    type: type
    read: Reader
    column: str = ""
    rest_name: str | None = None
    is_in_sentry: bool = False
    is_kept: bool = True
    default: Any = None
    blank_is_null: bool = False
    is_filter: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", self.column or self.name)

    @property
    def graphql_name(self) -> str:
        """Return the field's name in the GraphQL API."""
        first, *others = self.name.split("_")
        return first + "".join(word.title() for word in others)

    def convert(self, value: Any) -> Any:
        """Return the value to store for one that was read."""
        return None if self.blank_is_null and value == "" else value


RELEASE_FIELDS = (
    ReleaseField("ref", str, text(max=200, null=True, blank=True), rest_name="ref", is_in_sentry=True),
    ReleaseField("url", str, url(), rest_name="url", is_in_sentry=True),
    ReleaseField("date_released", datetime, date(), rest_name="dateReleased", is_in_sentry=True),
    ReleaseField(
        "status",
        Status,
        choice(_STATUSES, lambda value: f"Invalid status {value}"),
        rest_name="status",
        is_in_sentry=True,
        is_kept=False,
        default=Status.OPEN,
        is_filter=True,
    ),
    ReleaseField("notes", str, text(max=NOTES_LENGTH, null=True, blank=True, trim=False), blank_is_null=True),
    ReleaseField("metadata", str, json_object(), column="metadata_json"),
)
"""The one declaration of a release's plain columns: parsing, rows, updates and the names of both APIs come from it."""

FIELDS_KEPT_BY_EXISTING = tuple(field.name for field in RELEASE_FIELDS if field.is_kept)
"""Fields of a creation that do not change an existing release."""

_READERS = {
    **{field.name: field.read for field in RELEASE_FIELDS},
    "commits": array(commit_reader()),
    "refs": array(ref_reader()),
    "head_commits": array(head_reader()),
}
_read_new = record({"version": read_version, "projects": array(read_project), **_READERS}, required=("version", "projects"))
_read_change = record(_READERS)
read_commits = array(commit_reader())
read_refs = array(ref_reader())


def parse_new_release(raw: Any, *, user_agent: str | None = None, resolves_origin: bool = False) -> NewRelease:
    """Read the body of a creation. Raises InvalidInput with all problems (docs/sentry-contract.md#2-2-body).

    `resolves_origin`: `origin` in commits or refs is the default repository of the projects.
    """
    values = read(_read_new, raw)
    commits, refs = values.get("commits", ()), values.get("refs") or values.get("head_commits", ())
    return NewRelease(
        version=values["version"],
        projects=values["projects"],
        values={name: value for name, value in _field_values(values).items() if value is not None},
        commits=commits,
        refs=refs,
        user_agent=user_agent[:USER_AGENT_LENGTH] if user_agent is not None else None,
        resolves_origin=resolves_origin and _names_origin(commits, refs),
    )


def _field_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of RELEASE_FIELDS that were sent, as they are stored."""
    return {field.name: field.convert(values[field.name]) for field in RELEASE_FIELDS if field.name in values}


def _names_origin(commits: Sequence[NewCommit], refs: Sequence[Ref]) -> bool:
    return any(commit.repository == ORIGIN for commit in commits) or any(ref.repository == ORIGIN for ref in refs)


def parse_release_change(raw: Any, *, resolves_origin: bool = False) -> ReleaseChange:
    """Read the body of a change. Raises InvalidInput. An empty list of commits changes nothing, one of refs clears them.

    Source: docs/sentry-contract.md#3-2-put.
    """
    values = read(_read_change, raw)
    refs = values.get("refs")
    commits, heads = values.get("commits") or None, refs or values.get("head_commits", refs)
    return ReleaseChange(
        _field_values(values), commits, heads, resolves_origin and _names_origin(commits or (), heads or ())
    )


def parse_new_releases(raws: Sequence[Any]) -> list[NewRelease | InvalidInput]:
    """Read the bodies of a bulk creation; invalid ones are returned as errors with paths below ("releases", index)."""
    releases: list[NewRelease | InvalidInput] = []
    for index, raw in enumerate(raws):
        try:
            releases.append(parse_new_release(raw))
        except InvalidInput as error:
            releases.append(error.within("releases", index))
    return releases


def parse_listed_commits(raw: Any, repository: Any) -> tuple[tuple[NewCommit, ...], str | None]:
    """Read a list of commits and the name of their repository. Raises InvalidInput with all problems of both."""
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
