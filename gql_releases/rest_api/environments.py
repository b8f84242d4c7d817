"""Endpoints of environments."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.rest_api.engine.paged_selections import NAME_ORDER, answer_organization_list, paged_selection
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS, invalid_parameter
from gql_releases.rest_api.engine.path_parameters import project_id, require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes

ENVIRONMENT_SELECTION = s.Selection(
    "Environment", (s.Value("id", "id", str), s.Value("name", "name"), s.Constant("isHidden", False))
)
ENVIRONMENTS = paged_selection("Organization", "environments", ENVIRONMENT_SELECTION)

VISIBILITIES = ["all", "hidden", "visible"]


async def list_environments(request: Request) -> Answer:
    """Return a page of an organization's environments, by name."""
    return await answer_organization_list(request, ENVIRONMENTS, NAME_ORDER, read_visibility(request))


async def list_project_environments(request: Request) -> Answer:
    """Return a page of the environments with a deploy of a project, by name."""
    require_organization_read(request)
    conditions = (("of_project", await project_id(request)), *read_visibility(request))
    return await answer_organization_list(request, ENVIRONMENTS, NAME_ORDER, conditions)


def read_visibility(request: Request) -> Conditions:
    """Return the condition of `visibility` (default `visible`); no environment is hidden. Raises DomainError."""
    visibility = request.last("visibility", "visible")
    if visibility not in VISIBILITIES:
        raise invalid_parameter(f"Invalid value for 'visibility', valid values are: {VISIBILITIES}")
    return (("nothing", True),) if visibility == "hidden" else ()


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "environments"): {"GET": list_environments},
    (*PROJECT_PATH, "environments"): {"GET": list_project_environments},
}
PARAMETERS: QueryParameters = dict.fromkeys((list_environments, list_project_environments), ("visibility", *PAGE_PARAMETERS))
