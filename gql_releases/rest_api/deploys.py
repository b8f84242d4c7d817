"""Deploys over REST."""

from __future__ import annotations

from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.rest_api import shapes, wire
from gql_releases.rest_api.releases import release_key
from gql_releases.rest_api.requests import Answer, Request


async def create_deploy(request: Request) -> Answer:
    """Record a deploy of a release; each POST is a deploy (contract section 6.1)."""
    new = parse_new_deploy(wire.DEPLOY.to_domain(request.body))
    made = await request.services.deploys.create_deploy(request.principal, release_key(request), new, shapes.DEPLOY)
    assert made.shown is not None
    return Answer(201, shapes.finish_deploy(made.shown))
