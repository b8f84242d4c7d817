"""Releases over REST, one by one: under an organization, and under one of its projects."""

from __future__ import annotations

from dataclasses import replace

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import ErrorCode, Forbidden, InvalidInput, ProjectNotFound, ReleaseNotFound, UnwrittenNumber
from gql_releases.domain.outcomes import Created
from gql_releases.domain.paging import Order, PageRequest, Position
from gql_releases.domain.principal import READ_RELEASES
from gql_releases.domain.release import (
    UNKNOWN_PROJECT_MESSAGE,
    NewRelease,
    Outcome,
    ReleaseChange,
    ReleaseKey,
    parse_new_release,
    parse_release_change,
)
from gql_releases.domain.selection import Read, View
from gql_releases.rest_api import parameters, shapes, wire
from gql_releases.rest_api.requests import Answer, Request
from gql_releases.rest_api.shapes import Tree
from gql_releases.services.faults import check_organization, find_unknown_projects, merge_problems
from gql_releases.web.large import apart, let_go

OUTCOMES = {Outcome.CREATED: 201, Outcome.EXTENDED: 201, Outcome.EXISTING: 208}


async def create_release(request: Request) -> Answer:
    """Create a release, or touch the known one: 201 or 208 (docs/sentry-contract.md#2-creation)."""
    try:
        new = await apart(_new, request) if request.large else _new(request)
    except InvalidInput as error:
        create = request.services.releases.creates_projects
        raise await with_unknown_projects(request, error, create=create) from None
    created = await request.services.releases.create_release(request.principal, request.path[0], new, shapes.RELEASE)
    return _created(created)


async def with_unknown_projects(
    request: Request, error: InvalidInput, *, create: bool = False, message: str = UNKNOWN_PROJECT_MESSAGE
) -> InvalidInput:
    """Return a refusal of a body, with the projects that it names and nobody has: all of its faults in one answer."""
    if isinstance(error, UnwrittenNumber):  # the body is read again
        return error
    principal, names = request.principal, request.body.get("projects") if isinstance(request.body, dict) else None
    if not isinstance(names, list | tuple) or check_organization(principal, request.path[0]):
        return error
    named = [(("projects", index), name) for index, name in enumerate(names)]
    try:
        found = await find_unknown_projects(request.services.reads, principal, named, create=create, message=message)
    except Forbidden:
        return error
    return merge_problems(error, found)


async def create_project_release(request: Request) -> Answer:
    """Create a release of one project (docs/sentry-contract.md#2-11-project-creation)."""
    organization, project = request.path
    new = await apart(_new, request, project) if request.large else _new(request, project)
    try:
        created = await request.services.releases.create_release(request.principal, organization, new, shapes.RELEASE)
    except InvalidInput as error:
        if any(problem.code is ErrorCode.UNKNOWN_PROJECT for problem in error.problems):
            raise ProjectNotFound from error
        raise
    return _created(created)


def _new(request: Request, project: str | None = None) -> NewRelease:
    """Read the body of a creation; with `project`, under that one. Raises InvalidInput."""
    body = (wire.CREATION if project is None else wire.PROJECT_CREATION).to_domain(request.body)
    if project is not None and isinstance(body, dict):
        body["projects"] = [project]
    new = parse_new_release(body, user_agent=request.user_agent, resolves_origin=True)
    if request.large:
        let_go([body, request.body])
    return new


def _created(created: Created) -> Answer:
    assert created.shown is not None
    return Answer(OUTCOMES[created.outcome], created.shown)


async def get_release(request: Request) -> Answer:
    """Show one release; with a `project`, also what stands around it there (docs/sentry-contract.md#3-1-get)."""
    key = readable_key(request)
    parameters.read_periods(request)
    projects = await parameters.read_projects(request, slugs=True)
    conditions = (*key.conditions(), *((("on_projects", projects),) if projects else ()))
    tree = await request.services.reads.read(request.principal, Read(shapes.RELEASE, conditions))
    if tree is None:
        raise ReleaseNotFound
    if projects:
        if parameters.read_sort(request)[0] != parameters.NEWEST:
            raise parameters.wrong("invalid sort")
        tree["currentProjectMeta"] = await _neighbours(request, tree, projects[0])
    return Answer(200, tree)


async def _neighbours(request: Request, found: Tree, project: int) -> Tree | None:
    """Tell the versions before and after a release in a project, by (dateCreated, id), and the first and last ones."""
    here = Position("date_created", format_date(parse_date(found["dateCreated"])), found["id"])
    older, newer = Order("date_created", descending=True), Order("date_created")
    within = parameters.require_statement(await parameters.read_environments(request, [project]))
    near = (*parameters.read_status(request), *parameters.read_query(request, [project]), *within)
    pages = (
        PageRequest(1, older, after=here, conditions=near),
        PageRequest(1, newer, after=here, conditions=near),
        PageRequest(1, newer, conditions=within),
        PageRequest(1, older, conditions=within),
    )
    read = Read(View(shapes.NEIGHBOURS, pages), (("id", project),))
    return await request.services.reads.read(request.principal, read)


async def update_release(request: Request) -> Answer:
    """Change a release; empty values and null change nothing.

    Source: docs/sentry-contract.md#3-2-put and docs/sentry-contract.md#9-decisions.
    """
    change = await apart(_change, request) if request.large else _change(request)
    given = {name: value for name, value in change.values.items() if value}
    change = replace(change, values=given)
    key = release_key(request)
    tree = await request.services.releases.update_release(request.principal, key, change, shapes.RELEASE)
    return Answer(200, tree)


def _change(request: Request) -> ReleaseChange:
    names = wire.CHANGE if len(request.path) == 2 else wire.PROJECT_CHANGE
    return parse_release_change(names.to_domain(request.body), resolves_origin=True)


async def delete_release(request: Request) -> Answer:
    """Delete a release for all its projects (docs/sentry-contract.md#3-3-delete)."""
    await request.services.releases.delete_release(request.principal, release_key(request))
    return Answer(204)


async def get_meta(request: Request) -> Answer:
    """Summarize a release (docs/sentry-contract.md#4-10-meta)."""
    found = await release_id(request)
    pages = (shapes.ALL, PageRequest(1, conditions=(("release", found),)))
    tree = await request.services.reads.read(request.principal, Read(View(shapes.META, pages), (("id", found),)))
    if tree is None:
        raise ReleaseNotFound
    return Answer(200, tree)


def release_key(request: Request) -> ReleaseKey:
    """Give the release that the path names; one without projects does not exist over REST."""
    organization, *project, version = request.path
    named = project[0] if project else None
    return ReleaseKey(organization=organization, version=version, project=named, needs_project=named is None)


async def release_id(request: Request) -> int:
    """Give the id of the release that the path names. Raises Forbidden, OrganizationNotFound, ReleaseNotFound."""
    read = Read(shapes.RELEASE_ID, readable_key(request).conditions())
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ReleaseNotFound
    found: int = tree["id"]
    return found


def readable_key(request: Request) -> ReleaseKey:
    """Give the same for a read. Raises Forbidden, OrganizationNotFound."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    return release_key(request)
