"""Finds further problems of an input that was refused, so that all problems are reported in one response.

Only refused inputs are checked: the problems are added to those of the refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.deploy import DeployKey
from gql_releases.domain.errors import (
    DeployNotFound,
    DomainError,
    ErrorCode,
    Forbidden,
    InvalidInput,
    IssueNotFound,
    OrganizationNotFound,
    Path,
    Problem,
    ProjectKeyNotFound,
    ProjectNotFound,
    ReleaseNotFound,
)
from gql_releases.domain.events.issue_change import IssueKey
from gql_releases.domain.organization import ProjectReference, wrong_slug
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.principal import Principal, Scope
from gql_releases.domain.project_key import ProjectKeyReference
from gql_releases.domain.release import UNKNOWN_PROJECT_MESSAGE, ReleaseKey, read_project
from gql_releases.services.reads import ReadService

MAX_CHECKED_PROJECTS = 100
"""Names of projects that are looked up for one refused input; more are not checked."""
_ID = (s.Value("id", "id"),)
_RELEASE, _DEPLOY = s.Selection("Release", _ID), s.Selection("Deploy", _ID)
_PROJECT_KEY = s.Selection("ProjectKey", _ID)
_ISSUE = s.Selection("Issue", _ID)
_PROJECT = s.Selection("Project", (s.Value("id", "id"), s.Value("slug", "slug")))
_PROJECTS = s.Selection(
    "Organization", (s.ToManyField("rows", "projects", "Project", 0, (s.Nodes("nodes", _PROJECT),), str),)
)


def merge_problems(error: DomainError, additions: Iterable[Problem]) -> InvalidInput:
    """Return the problems of an error, then those of `additions` with another path or code."""
    problems = error.problems if isinstance(error, InvalidInput) else (Problem(error.code, error.path, error.message),)
    reported = {(problem.code, problem.path) for problem in problems}
    return InvalidInput([*problems, *(problem for problem in additions if (problem.code, problem.path) not in reported)])


async def find_unknown_projects(
    reads: ReadService,
    principal: Principal,
    named: Sequence[tuple[Path, Any]],
    *,
    create: bool = False,
    message: str = UNKNOWN_PROJECT_MESSAGE,
) -> list[Problem]:
    """Return a problem for each well-formed name of a project that the organization does not have.

    With `create`, unknown slugs are those of new projects, and only invalid slugs are problems.
    """
    names = [(path, name) for path, name in named if read_project(name, path, []) is not None][:MAX_CHECKED_PROJECTS]
    if not names:
        return []
    slugs = {("slug", name) for _, name in names if not _is_number(name)}
    ids = {("id", number) for _, name in names if _is_number(name) and 0 <= (number := int(name)) < 2**63}
    conditions = (*sorted(slugs), *sorted(ids))
    page = PageRequest(len(conditions), conditions=(("or", conditions),))
    own = (("id", principal.organization_id),)
    tree = await reads.read(principal, s.ObjectRead(s.PagedSelection(_PROJECTS, (page,)), own))
    existing = (
        {text for project in tree["rows"]["nodes"] for text in (str(project["id"]), project["slug"])} if tree else set()
    )
    problems = []
    for path, name in names:
        if str(name) in existing:
            continue
        if not create or _is_number(name):
            problems.append(Problem(ErrorCode.UNKNOWN_PROJECT, path, message))
        elif wrong := wrong_slug(name):
            problems.append(Problem(ErrorCode.INVALID_SLUG, path, wrong))
    return problems


def _is_number(name: Any) -> bool:
    return isinstance(name, int) or (name.isascii() and name.isdigit())


async def find_missing_release(reads: ReadService, principal: Principal, key: ReleaseKey) -> list[Problem]:
    """Return the problem of a key that names another organization, or no release."""
    problems = check_organization(principal, key.organization, "release", "key", "organization")
    return problems or await _check_exists(reads, principal, _RELEASE, key.conditions(), ReleaseNotFound())


async def find_missing_issue(reads: ReadService, principal: Principal, key: IssueKey) -> list[Problem]:
    """Return the problem of a key that names another organization, or no issue."""
    problems = check_organization(principal, key.organization, "issue", "key", "organization")
    return problems or await _check_exists(reads, principal, _ISSUE, key.conditions(), IssueNotFound())


async def find_missing_deploy(reads: ReadService, principal: Principal, key: DeployKey) -> list[Problem]:
    """Return the problem of a key that names another organization, or no deploy."""
    condition = ("id", key.id) if key.id is not None else ("named", (key.project, key.external_id))
    problems = check_organization(principal, key.organization, "deploy", "key", "organization")
    return problems or await _check_exists(reads, principal, _DEPLOY, (condition,), DeployNotFound())


async def find_missing_project(reads: ReadService, principal: Principal, key: ProjectReference) -> list[Problem]:
    """Return the problem of a key that names another organization, or no project."""
    condition = ("id", key.id) if key.id is not None else ("slug", key.slug)
    problems = check_organization(principal, key.organization, "project", "key", "organization")
    return problems or await _check_exists(reads, principal, _PROJECT, (condition,), ProjectNotFound())


async def find_missing_project_key(reads: ReadService, principal: Principal, key: ProjectKeyReference) -> list[Problem]:
    """Return the problem of an id that no project key has."""
    return await _check_exists(reads, principal, _PROJECT_KEY, (("id", key.id),), ProjectKeyNotFound())


async def find_taken_slug(
    reads: ReadService, principal: Principal, slug: Any, own: ProjectReference | None = None
) -> list[Problem]:
    """Return the problem of a new slug that another project has; `own` is the project that is renamed."""
    if not isinstance(slug, str) or wrong_slug(slug):
        return []
    tree = await reads.read(principal, s.ObjectRead(s.PagedSelection(_PROJECT), (("slug", slug),)))
    if tree is None or (own and (own.id == tree["id"] or own.slug == slug)):
        return []
    return [Problem(ErrorCode.ALREADY_EXISTS, ("slug",), f'The project "{slug}" exists already.')]


def find_scopes_not_held(principal: Principal, scopes: Iterable[Any]) -> list[Problem]:
    """Return the problem of scopes for a new token that its maker lacks; unknown scopes are ignored."""
    beyond = sorted(scope for scope in scopes if scope in set(Scope) and scope not in principal.grantable_scopes)
    message = "A token cannot grant scopes that it does not have: " + ", ".join(beyond)
    return [Problem(ErrorCode.SCOPE_NOT_HELD, ("scopes",), message)] if beyond else []


def check_organization(principal: Principal, named: str | None, *path: str) -> list[Problem]:
    """Return the problem of an organization that is not the token's."""
    try:
        if named is not None:
            principal.require_organization(named, *path)
    except OrganizationNotFound as error:
        return [Problem(error.code, error.path, error.message)]
    return []


async def _check_exists(
    reads: ReadService, principal: Principal, selection: s.Selection, conditions: Any, error: DomainError
) -> list[Problem]:
    try:
        tree = await reads.read(principal, s.ObjectRead(s.PagedSelection(selection), conditions))
    except Forbidden:
        return []
    return [] if tree else [Problem(error.code, error.path, error.message)]
