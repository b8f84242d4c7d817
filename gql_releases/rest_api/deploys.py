"""Endpoints of a release's deploys."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.domain.errors import InvalidInput, ReleaseNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.field_names import FieldNames, same_names
from gql_releases.rest_api.engine.paged_selections import VERSION_SELECTION, answer_page, date_field, paged_selection
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS, PROJECT_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import release_key
from gql_releases.rest_api.engine.release_reads import read_release
from gql_releases.rest_api.engine.requests import STATUS_BY_OUTCOME, Answer, Request
from gql_releases.rest_api.engine.router import QueryParameters, Routes, release_routes
from gql_releases.rest_api.projects import add_unknown_projects

DEPLOY_SELECTION = s.Selection(
    "Deploy",
    (
        s.Value("id", "id", str),
        s.ToOneField("environment", "environment", s.Selection("Environment", (s.Value("name", "name"),)), bare=True),
        date_field("dateStarted", "date_started"),
        date_field("dateFinished", "date_finished"),
        s.Value("name", "name"),
        s.Value("url", "url"),
        s.Value("status", "status", str.lower),
        s.Value("externalId", "external_id"),
        s.ToOneField("previousRelease", "previous_release", VERSION_SELECTION, bare=True),
    ),
)

DEPLOY_VIEW = s.PagedSelection(DEPLOY_SELECTION)
RELEASE_DEPLOYS = paged_selection("Release", "deploys", DEPLOY_SELECTION)

LAST_FINISHED = Order("finish_order", descending=True)


async def create_deploy(request: Request) -> Answer:
    """Create a deploy of a release. A POST with the `externalId` of an existing deploy returns that one (208).

    Source: docs/sentry-contract.md#6-1-deploys.
    """
    try:
        new = parse_new_deploy(DEPLOY_FIELDS.to_domain(request.body))
    except InvalidInput as error:
        raise await add_unknown_projects(request, error, message="Invalid project") from None
    result = await request.services.deploys.create_deploy(request.principal, release_key(request), new, DEPLOY_VIEW)
    assert result.shown is not None
    return Answer(STATUS_BY_OUTCOME[result.outcome], result.shown)


async def list_deploys(request: Request) -> Answer:
    """Return a page of the last finished deploy of each project in each environment, the last finished first.

    A deploy in progress is left out: it has no dateFinished, without which sentry-cli fails. GraphQL lists all deploys.
    Source: docs/sentry-contract.md#6-1-deploys.
    """
    release, projects = await read_release(request)
    condition = ("last_of", projects) if projects else ("last", True)
    page = read_page(request.parameters, LAST_FINISHED, (condition,))
    read = ObjectRead(PagedSelection(RELEASE_DEPLOYS, (page,)), release)
    return await answer_page(request, read, page, ReleaseNotFound())


DEPLOY_FIELDS = FieldNames(
    same_names("environment", "name", "url", "projects", "status", "comment")
    | {"dateStarted": ("date_started", None), "dateFinished": ("date_finished", None), "externalId": ("external_id", None)}
    | {"links": ("links", FieldNames(same_names("name", "url")))}
)
"""The body of a deploy."""

FIELDS = DEPLOY_FIELDS
ROUTES: Routes = release_routes("deploys", {"GET": list_deploys, "POST": create_deploy})
PARAMETERS: QueryParameters = {list_deploys: (*PROJECT_PARAMETERS, *PAGE_PARAMETERS)}
