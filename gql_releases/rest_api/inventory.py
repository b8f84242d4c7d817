"""What clients ask around releases, over REST: who they are, organizations, projects, repositories, environments."""

from __future__ import annotations

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import OrganizationNotFound, ProjectNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import READ_ORGANIZATION
from gql_releases.domain.selection import Read, Selection, View
from gql_releases.rest_api import lists, shapes
from gql_releases.rest_api.pagination import read_page
from gql_releases.rest_api.requests import Answer, Request
from gql_releases.rest_api.shapes import Tree

BY_SLUG, BY_NAME = Order("slug"), Order("name")


async def show_api(request: Request) -> Answer:
    """Tell a client that its token opens something, and what."""
    user = await _user(request)
    return Answer(200, {"version": "0", "auth": {"scopes": sorted(request.principal.scopes)}, "user": user})


async def show_user(request: Request) -> Answer:
    """Tell whose token it is."""
    return Answer(200, await _user(request))


async def _user(request: Request) -> Tree:
    """Show the token in a user's place: there are no users, and clients before 2.21 break off where there is none."""
    tree = await request.services.reads.read(request.principal, Read(shapes.TOKEN))
    assert tree is not None  # a revoked token raises
    name = tree["name"] or f"token {tree['id']}"
    return {"id": tree["id"], "name": name, "username": name, "email": name}


async def list_organizations(request: Request) -> Answer:
    """List the token's organization."""
    page = read_page(request.parameters, BY_SLUG)
    return await lists.answer_page(request, Read(View(lists.ORGANIZATIONS, (page,))), page, OrganizationNotFound())


async def get_organization(request: Request) -> Answer:
    """Show the token's organization."""
    _require(request)
    tree = await request.services.reads.read(request.principal, Read(shapes.ONE_ORGANIZATION, request.own))
    if tree is None:
        raise OrganizationNotFound
    return Answer(200, tree)


async def list_projects(request: Request) -> Answer:
    """List an organization's projects by slug."""
    return await _list(request, lists.PROJECTS, BY_SLUG)


async def get_project(request: Request) -> Answer:
    """Show a project; `collapse=organization` leaves its organization out."""
    _require(request)
    read = Read(shapes.ONE_PROJECT, (lists.named(request.path[1]),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ProjectNotFound
    if "organization" in request.parameters.get("collapse", ()):
        del tree["organization"]
    return Answer(200, tree)


async def list_repositories(request: Request) -> Answer:
    """List an organization's repositories by name."""
    return await _list(request, lists.REPOSITORIES, BY_NAME)


async def list_environments(request: Request) -> Answer:
    """List an organization's environments by name. None is hidden."""
    return await _list(request, lists.ENVIRONMENTS, BY_NAME, _visible(request))


async def list_project_environments(request: Request) -> Answer:
    """List the environments that something of a project was deployed to."""
    _require(request)
    found = await request.services.reads.read(request.principal, Read(shapes.PROJECT_ID, (lists.named(request.path[1]),)))
    if found is None:
        raise ProjectNotFound
    return await _list(request, lists.ENVIRONMENTS, BY_NAME, (("of_project", found["id"]), *_visible(request)))


def _visible(request: Request) -> Conditions:
    return (("nothing", True),) if request.last("visibility") == "hidden" else ()


async def _list(request: Request, selection: Selection, order: Order, conditions: Conditions = ()) -> Answer:
    _require(request)
    page = read_page(request.parameters, order, conditions)
    return await lists.answer_page(request, Read(View(selection, (page,)), request.own), page, OrganizationNotFound())


def _require(request: Request) -> None:
    request.principal.require(READ_ORGANIZATION)
    request.principal.require_organization(request.path[0])
