"""Deploys over REST."""

from __future__ import annotations

from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.domain.errors import InvalidInput, ReleaseNotFound
from gql_releases.domain.paging import Order
from gql_releases.domain.selection import Read, View
from gql_releases.rest_api import lists, parameters, shapes, wire
from gql_releases.rest_api.pagination import read_page
from gql_releases.rest_api.releases import OUTCOMES, readable_key, release_key, with_unknown_projects
from gql_releases.rest_api.requests import Answer, Request

LAST_FINISHED = Order("finish_order", descending=True)


async def create_deploy(request: Request) -> Answer:
    """Record a deploy of a release; each POST is a deploy, unless it names a known `externalId`.

    Source: docs/sentry-contract.md#6-1-deploys.
    """
    try:
        new = parse_new_deploy(wire.DEPLOY.to_domain(request.body))
    except InvalidInput as error:
        raise await with_unknown_projects(request, error, message="Invalid project") from None
    made = await request.services.deploys.create_deploy(request.principal, release_key(request), new, shapes.DEPLOY)
    assert made.shown is not None
    return Answer(OUTCOMES[made.outcome], made.shown)


async def list_deploys(request: Request) -> Answer:
    """List the last finished deploy of each project in each environment, the last finished first.

    Source: docs/sentry-contract.md#6-1-deploys.

    One that goes on has no dateFinished, and without that sentry-cli breaks off: GraphQL lists all.
    """
    key = readable_key(request)
    projects = await parameters.read_projects(request)
    condition = ("last_of", projects) if projects else ("last", True)
    page = read_page(request.parameters, LAST_FINISHED, (condition,))
    read = Read(View(lists.DEPLOYS, (page,)), key.conditions())
    return await lists.answer_page(request, read, page, ReleaseNotFound())
