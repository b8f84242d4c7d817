"""Organizations, projects and tokens in requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gql_releases.domain.errors import ErrorCode, Path, Problem, quote_value
from gql_releases.domain.principal import Scope
from gql_releases.domain.validation import array, date, read, record, text

REPOSITORY_LENGTH = 200
_SLUG = re.compile(r"(?![0-9]+$)[a-z0-9][a-z0-9_-]{0,49}")
_WRONG_SLUG = (
    "Enter a slug of 1 to 50 lowercase letters, digits, - or _, that begins with a letter or digit and is not a number."
)


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """A new organization."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class NewProject:
    """A new project. `repository` is the name of its default repository, which is created if it does not exist."""

    slug: str
    name: str
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectReference:
    """How an operation names a project: by id, or by slug; `organization` must then be the caller's."""

    id: int | None = None
    organization: str | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """A change of a project; None keeps a value. `repository` "" removes the default repository."""

    slug: str | None = None
    name: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


_read_text = text(trim=False)


def read_slug(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    """Read a slug. A number is not a slug: paths have a slug or an id."""
    before = len(problems)
    slug: str | None = _read_text(raw, path, problems)
    if slug is not None and len(problems) == before and not _SLUG.fullmatch(slug):
        problems.append(Problem(ErrorCode.INVALID_SLUG, path, _WRONG_SLUG))
    return slug


def wrong_slug(slug: str) -> str | None:
    """Return the message for an invalid slug of a project, which quotes it; None for a valid slug."""
    return None if _SLUG.fullmatch(slug) else f"{quote_value(slug)} is not a slug. {_WRONG_SLUG}"


def _read_scope(raw: Any, path: Path, problems: list[Problem]) -> Scope | None:
    try:
        return Scope(raw)
    except ValueError:
        message = f"Unknown scope; there are {', '.join(Scope)}."
        problems.append(Problem(ErrorCode.INVALID_CHOICE, path, message))
        return None


_read_named = record({"slug": read_slug, "name": text(max=64, null=True, blank=True)}, required=("slug",))
_read_default_repository = text(max=REPOSITORY_LENGTH, null=True, blank=True)
_read_new_project = record(
    {"slug": read_slug, "name": text(max=64, null=True, blank=True), "repository": _read_default_repository},
    required=("slug",),
)
_read_project_change = record({"slug": read_slug, "name": text(max=64), "repository": _read_default_repository})
_read_repository = record({"name": text(max=REPOSITORY_LENGTH)}, required=("name",))
_read_token = record(
    {"name": text(max=64, null=True, blank=True), "scopes": array(_read_scope, empty=False), "expires_at": date()},
    required=("scopes",),
)


def parse_new_organization(raw: Any) -> NewOrganization:
    """Read a new organization; its name defaults to its slug. Raises InvalidInput."""
    values = read(_read_named, raw)
    return NewOrganization(values["slug"], values.get("name") or values["slug"])


def parse_new_project(raw: Any) -> NewProject:
    """Read a new project; its name defaults to its slug. Raises InvalidInput."""
    values = read(_read_new_project, raw)
    return NewProject(values["slug"], values.get("name") or values["slug"], values.get("repository") or None)


def parse_project_change(raw: Any) -> ProjectChange:
    """Read a change of a project; a `repository` of null or "" removes the default repository. Raises InvalidInput."""
    values = read(_read_project_change, raw)
    repository = (values["repository"] or "") if "repository" in values else None
    return ProjectChange(values.get("slug"), values.get("name"), repository)


def parse_repository_name(raw: Any) -> str:
    """Read the name of a new repository. Raises InvalidInput."""
    name: str = read(_read_repository, raw)["name"]
    return name


def parse_new_token(raw: Any) -> NewToken:
    """Read a new token. Raises InvalidInput."""
    values = read(_read_token, raw)
    return NewToken(values.get("name") or "", frozenset(values["scopes"]), values.get("expires_at"))
