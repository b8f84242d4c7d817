"""Requests to an upstream, a running Sentry: the bodies of Sentry's API.

A queue has the requests of one release, which are sent in order.
Sources: docs/sentry-contract.md#2-creation, docs/sentry-contract.md#3-2-put and
docs/sentry-contract.md#6-1-deploys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from gql_releases.domain.commit import NewCommit
from gql_releases.domain.dates import format_date
from gql_releases.domain.errors import ErrorCode, Path, Problem
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import RELEASE_FIELDS, NewRelease, Status
from gql_releases.domain.validation import read, record, text

Body = dict[str, Any]

ERROR_LENGTH = 500
_ORIGIN = re.compile(r"https?://[^/?#@\s\\]+", re.IGNORECASE)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class UpstreamState(StrEnum):
    """Whether the upstream has accepted all requests of a release."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class Kind(StrEnum):
    """The kind of a request."""

    CREATION = "CREATION"
    CHANGE = "CHANGE"
    DELETION = "DELETION"
    DEPLOY = "DEPLOY"


METHODS = {Kind.CREATION: "POST", Kind.CHANGE: "PUT", Kind.DELETION: "DELETE", Kind.DEPLOY: "POST"}


@dataclass(frozen=True, slots=True)
class NewUpstream:
    """A new upstream: Sentry's origin, the organization there, a token with write access."""

    url: str
    organization: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upstream:
    """An upstream; `sealed` is its encrypted token."""

    organization_id: int
    url: str
    organization: str
    sealed: bytes = field(repr=False)

    @property
    def context(self) -> bytes:
        """The context that the token is encrypted with: with another URL or organization it cannot be decrypted."""
        return encryption_context(self.organization_id, self.url)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A request that a sender has claimed until its lease expires; `claim` is the number of this claim.

    `attempts` includes this one. `last_deploy` is the upstream's id of the last deploy that it acknowledged.
    """

    upstream: Upstream
    queue: int
    claim: int
    version: str
    item: int
    kind: Kind
    body: str | None
    attempts: int
    last_deploy: str | None


def encryption_context(organization_id: int, url: str) -> bytes:
    """Return the context that the token of an upstream is encrypted with."""
    return f"{organization_id} {url}".encode()


def _read_origin(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    before = len(problems)
    value: str | None = text(max=200)(raw, path, problems)
    if value is None or len(problems) > before:
        return None
    value = value.rstrip("/")
    try:
        is_origin = bool(_ORIGIN.fullmatch(value)) and bool(urlsplit(value).hostname) and urlsplit(value).port != 0
    except ValueError:
        is_origin = False
    if not is_origin:
        message = "Enter the URL of a Sentry server without a path, such as https://sentry.example.com."
        problems.append(Problem(ErrorCode.INVALID_URL, path, message))
    return value


def _read_segment(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    before = len(problems)
    value: str | None = text(max=100)(raw, path, problems)
    if value is not None and len(problems) == before and not _SEGMENT.fullmatch(value):
        problems.append(
            Problem(ErrorCode.INVALID_SLUG, path, "Enter the slug or id of the organization on the Sentry server.")
        )
    return value


def _read_secret(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    before = len(problems)
    value: str | None = text(max=1000)(raw, path, problems)
    if value is not None and len(problems) == before and not (value.isascii() and value.isprintable() and " " not in value):
        problems.append(
            Problem(ErrorCode.INVALID_CHARACTERS, path, "A token has printable ASCII characters only, and no spaces.")
        )
    return value


_read_upstream = record(
    {"url": _read_origin, "organization": _read_segment, "token": _read_secret},
    required=("url", "organization", "token"),
)


def parse_new_upstream(raw: Any) -> NewUpstream:
    """Read a new upstream. Raises InvalidInput; no message contains the token."""
    return NewUpstream(**read(_read_upstream, raw))


def creation_body(new: NewRelease, projects: Sequence[str], commits: Sequence[NewCommit]) -> Body:
    """Return the body of a creation; `projects` are the slugs of all projects of the release: ids differ between stores."""
    body: Body = {"version": new.version, "projects": list(projects)}
    body |= _render_fields(new.values)
    if commits:
        body["commits"] = render_commits(commits)
    if new.refs:
        body["refs"] = _render_refs(new.refs)
    return body


def change_body(values: Mapping[str, Any], commits: Sequence[NewCommit] | None, refs: Sequence[Ref] | None) -> Body:
    """Return the body of a change, empty if it has no field of Sentry. Sentry cannot clear a field: those are left out.

    Source: docs/sentry-contract.md#3-2-put.
    """
    body = _render_fields(values)
    if commits:
        body["commits"] = render_commits(commits)
    elif commits is not None or refs is not None:
        body["refs"] = []
    if refs:
        body["refs"] = _render_refs(refs)
    return body


def status_body(version: str, projects: Sequence[str], status: Status) -> Body:
    """Return the body of a creation that changes the status in both directions: a PUT does not reopen a release.

    Source: docs/sentry-contract.md#3-2-put.
    """
    return {"version": version, "projects": list(projects), "status": status.lower()}


def deploy_body(
    environment: str,
    name: str | None,
    url: str | None,
    started: datetime | None,
    finished: datetime | None,
    projects: Sequence[str],
) -> Body:
    """Return the body of a deploy, with all fields: they identify it if it is unknown whether the request arrived."""
    dates = {"dateStarted": _render_date(started), "dateFinished": _render_date(finished)}
    return {"environment": environment, "name": name, "url": url, **dates, "projects": list(projects)}


def render_commits(commits: Sequence[NewCommit]) -> list[Body]:
    """Return the bodies of commits, in a release's order. If some have no time, none is sent: Sentry would fail.

    Source: docs/sentry-contract.md#2-5-commits.
    """
    dated = all(commit.timestamp for commit in commits)
    return [_render_commit(commit, dated=dated) for commit in commits]


def _render_commit(commit: NewCommit, *, dated: bool) -> Body:
    body: Body = {"id": commit.sha}
    if commit.repository:
        body["repository"] = commit.repository
    if commit.message is not None:
        body["message"] = commit.message
    if commit.author:
        body["author_email"] = commit.author.email
        if commit.author.name:
            body["author_name"] = commit.author.name
    if dated:
        body["timestamp"] = _render_date(commit.timestamp)
    if commit.file_changes:
        body["patch_set"] = [{"path": change.path, "type": change.type.letter} for change in commit.file_changes]
    return body


def _render_refs(refs: Sequence[Ref]) -> list[Body]:
    return [{"repository": ref.repository, "commit": ref.sha, "previousCommit": ref.previous_sha} for ref in refs]


def _render_fields(values: Mapping[str, Any]) -> Body:
    """Return the fields of a release that Sentry has, under its names."""
    return {
        str(field.rest_name): _to_sentry(values[field.name])
        for field in RELEASE_FIELDS
        if field.is_in_sentry and values.get(field.name)
    }


def _to_sentry(value: Any) -> Any:
    match value:
        case datetime():
            return format_date(value)
        case Status():
            return value.lower()
    return value


def _render_date(moment: datetime | None) -> str | None:
    return None if moment is None else format_date(moment)
