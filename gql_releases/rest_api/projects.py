"""Endpoints of projects."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.errors import Forbidden, InvalidInput, ProjectNotFound, UnwrittenNumber
from gql_releases.domain.release import UNKNOWN_PROJECT_MESSAGE
from gql_releases.domain.selection import ObjectRead
from gql_releases.rest_api.engine.paged_selections import SLUG_ORDER, answer_organization_list, date_field, paged_selection
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import project_condition, require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.organizations import ORGANIZATION_SELECTION
from gql_releases.services.input_problems import check_organization, find_unknown_projects, merge_problems

PROJECT_SELECTION = s.Selection(
    "Project",
    (
        s.Value("id", "id", str),
        s.Value("slug", "slug"),
        s.Value("name", "name"),
        s.Constant("platform", None),
        s.Constant("platforms", []),
        date_field("dateCreated", "date_created"),
        s.Constant("status", "active"),
        s.Constant("isBookmarked", False),
        s.Constant("isMember", True),
        s.Constant("hasAccess", True),
        s.Constant("features", []),
        s.Constant("firstEvent", None),
        s.Constant("team", None),
        s.Constant("teams", []),
    ),
)
PROJECT_VIEW = s.PagedSelection(
    s.Selection("Project", (*PROJECT_SELECTION.fields, s.ToOneField("organization", "organization", ORGANIZATION_SELECTION)))
)
"""A project with its organization."""
PROJECTS = paged_selection("Organization", "projects", PROJECT_SELECTION)


async def list_projects(request: Request) -> Answer:
    """Return a page of an organization's projects, by slug."""
    return await answer_organization_list(request, PROJECTS, SLUG_ORDER)


async def get_project(request: Request) -> Answer:
    """Return a project. `collapse=organization` leaves out its organization. Raises ProjectNotFound."""
    require_organization_read(request)
    read = ObjectRead(PROJECT_VIEW, (project_condition(request.path[1]),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ProjectNotFound
    if "organization" in request.parameters.get("collapse", ()):
        del tree["organization"]
    return Answer(200, tree)


async def add_unknown_projects(
    request: Request, error: InvalidInput, *, create: bool = False, message: str = UNKNOWN_PROJECT_MESSAGE
) -> InvalidInput:
    """Return the error of a body with its unknown projects added, so that one response has all problems."""
    if isinstance(error, UnwrittenNumber):  # run_handler parses the body again
        return error
    principal, names = request.principal, request.body.get("projects") if isinstance(request.body, dict) else None
    if not isinstance(names, list | tuple) or check_organization(principal, request.path[0]):
        return error
    slugs = [(("projects", index), name) for index, name in enumerate(names)]
    try:
        problems = await find_unknown_projects(request.services.reads, principal, slugs, create=create, message=message)
    except Forbidden:
        return error
    return merge_problems(error, problems)


ROUTES: Routes = {(*ORGANIZATION_PATH, "projects"): {"GET": list_projects}, PROJECT_PATH: {"GET": get_project}}
PARAMETERS: QueryParameters = {list_projects: PAGE_PARAMETERS, get_project: ("collapse",)}
