"""Releases over REST: under an organization, and under one of its projects."""

from __future__ import annotations

from typing import Any

from gql_releases.domain.errors import (
    DomainError,
    ErrorCode,
    Forbidden,
    InvalidInput,
    ProjectNotFound,
    ReleaseNotFound,
)
from gql_releases.domain.outcomes import Created
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.release import Outcome, ReleaseChange, ReleaseKey, parse_new_release, parse_release_change
from gql_releases.domain.selection import Read, View
from gql_releases.rest_api import shapes, wire
from gql_releases.rest_api.pagination import link_header, read_page
from gql_releases.rest_api.requests import Answer, Request

BY_DATE = Order("date_created", descending=True)
BY_DATE_SHOWN = Order("date_shown", descending=True)
STATUSES = {"open": (("status", "OPEN"),), "archived": (("status", "ARCHIVED"),), "": ()}
OUTCOMES = {Outcome.CREATED: 201, Outcome.EXTENDED: 201, Outcome.EXISTING: 208}


async def list_releases(request: Request) -> Answer:
    """List an organization's releases, the newest first (contract section 5)."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    conditions = [*_status(request), *_query(request), *await _projects(request)]
    if not any(name == "on_projects" for name, _ in conditions):
        conditions.append(("has_project", True))
    page = read_page(request.parameters, _sort(request), tuple(conditions))
    own = (("id", request.principal.organization_id),)
    return await _page(request, Read(View(shapes.RELEASES_OF_ORGANIZATION, (page, *shapes.PAGES)), own), page)


async def list_project_releases(request: Request) -> Answer:
    """List a project's open releases by release date, else by creation date (contract section 5)."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    conditions = (("status", "OPEN"), *_query(request))
    page = read_page(request.parameters, BY_DATE_SHOWN, conditions)
    _sort(request)
    view = View(shapes.RELEASES_OF_PROJECT, (page, *shapes.PAGES))
    return await _page(request, Read(view, (_named(request.path[1]),)), page)


async def create_release(request: Request) -> Answer:
    """Create a release, or touch the known one: 201 or 208 (contract section 2)."""
    new = parse_new_release(wire.CREATION.to_domain(request.body), user_agent=request.user_agent)
    created = await request.services.releases.create_release(request.principal, request.path[0], new, shapes.RELEASE)
    return _created(created)


async def create_project_release(request: Request) -> Answer:
    """Create a release of one project (contract section 2.11)."""
    organization, project = request.path
    body = wire.PROJECT_CREATION.to_domain(request.body)
    if isinstance(body, dict):
        body["projects"] = [project]
    new = parse_new_release(body, user_agent=request.user_agent)
    try:
        created = await request.services.releases.create_release(request.principal, organization, new, shapes.RELEASE)
    except InvalidInput as error:
        if any(problem.code is ErrorCode.UNKNOWN_PROJECT for problem in error.problems):
            raise ProjectNotFound from error
        raise
    return _created(created)


def _created(created: Created) -> Answer:
    assert created.shown is not None
    return Answer(OUTCOMES[created.outcome], shapes.finish_release(created.shown))


async def get_release(request: Request) -> Answer:
    """Show one release (contract section 3.1)."""
    request.principal.require(READ_RELEASES)
    key = release_key(request)
    request.principal.require_organization(request.path[0])
    conditions = [*key.conditions(), *await _projects(request)]
    tree = await request.services.reads.read(request.principal, Read(shapes.RELEASE, tuple(conditions)))
    if tree is None:
        raise ReleaseNotFound
    return Answer(200, shapes.finish_release(tree))


async def update_release(request: Request) -> Answer:
    """Change a release; empty values and null change nothing (contract sections 3.2 and 9)."""
    names = wire.CHANGE if len(request.path) == 2 else wire.PROJECT_CHANGE
    change = parse_release_change(names.to_domain(request.body))
    given = {name: value for name, value in change.values.items() if value}
    change = ReleaseChange(given, change.commits, change.refs)
    key = release_key(request)
    tree = await request.services.releases.update_release(request.principal, key, change, shapes.RELEASE)
    return Answer(200, shapes.finish_release(tree))


async def delete_release(request: Request) -> Answer:
    """Delete a release for all its projects (contract section 3.3)."""
    await request.services.releases.delete_release(request.principal, release_key(request))
    return Answer(204)


def release_key(request: Request) -> ReleaseKey:
    """Give the release that the path names; one without projects does not exist over REST."""
    organization, *project, version = request.path
    named = project[0] if project else None
    return ReleaseKey(organization=organization, version=version, project=named, needs_project=named is None)


async def _page(request: Request, read: Read, page: PageRequest) -> Answer:
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ProjectNotFound
    listed = tree["releases"]
    link = link_header(request.origin, request.raw_path, request.query, page.size, listed["info"])
    releases = [shapes.finish_release(one) for one in listed["nodes"]]
    return Answer(200, releases, [(b"link", link.encode("latin-1"))])


def _named(project: str) -> tuple[str, Any]:
    """Give the condition for a project by slug or id."""
    return ("id", int(project)) if project.isascii() and project.isdigit() and len(project) < 19 else ("slug", project)


def _last(request: Request, name: str, default: str) -> str:
    return request.parameters.get(name, [default])[-1]


def _sort(request: Request) -> Order:
    if _last(request, "sort", "date") != "date":
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "invalid sort")
    return BY_DATE


def _status(request: Request) -> tuple[tuple[str, Any], ...]:
    status = _last(request, "status", "open")
    if status not in STATUSES:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "invalid value for status")
    return STATUSES[status]


def _query(request: Request) -> tuple[tuple[str, Any], ...]:
    """Read the free text that versions must contain; `X (Y)` also stands for `X+Y`, as descriptions have it."""
    query = _last(request, "query", "").strip()
    if not query:
        return ()
    texts = [query]
    if query.endswith(")") and " (" in query:
        version, _, build = query[:-1].rpartition(" (")
        texts.append(f"{version}+{build}")
    return (("version_contains", texts),)


async def _projects(request: Request) -> tuple[tuple[str, Any], ...]:
    """Read the `project` parameters; -1 stands for all. Raises Forbidden where one is not to be seen."""
    ids = set()
    for text in request.parameters.get("project", ()):
        try:
            ids.add(int(text))
        except ValueError:
            message = "Invalid project parameter. Values must be numbers."
            raise DomainError(ErrorCode.INVALID_ARGUMENT, message) from None
    if not ids or -1 in ids:
        return ()
    asked = sorted(one for one in ids if 0 <= one < 2**63)
    page = PageRequest(len(asked), conditions=(("ids", asked),))
    tree = await request.services.reads.read(request.principal, Read(View(shapes.PROJECTS_BY_ID, (page,))))
    if tree is None or len(tree["projects"]["nodes"]) != len(ids):
        raise Forbidden
    return (("on_projects", asked),)
