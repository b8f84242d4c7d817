"""Endpoints of the token of a request and of its organization."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.errors import OrganizationNotFound
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import SLUG_ORDER, Tree, answer_page, date_field, paged_selection
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, QueryParameters, Routes

ORGANIZATION_SELECTION = s.Selection(
    "Organization",
    (
        s.Value("id", "id", str),
        s.Value("slug", "slug"),
        s.Value("name", "name"),
        date_field("dateCreated", "date_created"),
        s.Constant("status", {"id": "active", "name": "active"}),
        s.Constant("isEarlyAdopter", False),
        s.Constant("require2FA", False),
        s.Constant("requireEmailVerification", False),
        s.Constant("avatar", {"avatarType": "letter_avatar", "avatarUuid": None, "avatarUrl": None}),
        s.Constant("features", []),
    ),
)
ORGANIZATION_VIEW = s.PagedSelection(ORGANIZATION_SELECTION)
TOKEN_VIEW = s.PagedSelection(s.Selection("Viewer", (s.Value("id", "id", str), s.Value("name", "name"))))
"""The token of the request."""
ORGANIZATIONS = paged_selection("Viewer", "organizations", ORGANIZATION_SELECTION)


async def show_api(request: Request) -> Answer:
    """Return the API's version and the token with its scopes."""
    user = await read_user(request)
    return Answer(200, {"version": "0", "auth": {"scopes": sorted(request.principal.scopes)}, "user": user})


async def show_user(request: Request) -> Answer:
    """Return the token in the shape of a user."""
    return Answer(200, await read_user(request))


async def read_user(request: Request) -> Tree:
    """Return the token in the shape of a user: this server has no users, and sentry-cli before 2.21 fails without one."""
    tree = await request.services.reads.read(request.principal, ObjectRead(TOKEN_VIEW))
    assert tree is not None  # a revoked token raises
    name = tree["name"] or f"token {tree['id']}"
    return {"id": tree["id"], "name": name, "username": name, "email": name}


async def list_organizations(request: Request) -> Answer:
    """Return the token's organization as a list."""
    page = read_page(request.parameters, SLUG_ORDER)
    read = ObjectRead(PagedSelection(ORGANIZATIONS, (page,)))
    return await answer_page(request, read, page, OrganizationNotFound())


async def get_organization(request: Request) -> Answer:
    """Return the token's organization. Raises OrganizationNotFound for another one."""
    require_organization_read(request)
    tree = await request.services.reads.read(request.principal, ObjectRead(ORGANIZATION_VIEW, request.own_organization))
    if tree is None:
        raise OrganizationNotFound
    return Answer(200, tree)


ROUTES: Routes = {
    (): {"GET": show_api},
    ("auth",): {"GET": show_user},
    ("organizations",): {"GET": list_organizations},
    ORGANIZATION_PATH: {"GET": get_organization},
}
PARAMETERS: QueryParameters = {list_organizations: PAGE_PARAMETERS}
