"""The root fields that read."""

from __future__ import annotations

import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.graphql_api.bindings import Arguments, argument, paging_arguments, planned
from gql_releases.graphql_api.connections import Connection, Node
from gql_releases.graphql_api.inputs import ReleaseBy
from gql_releases.graphql_api.scalars import from_global_id
from gql_releases.graphql_api.types import Organization, Release, Viewer


def release_key(by: Arguments) -> ReleaseKey:
    """Turn a coerced ReleaseBy into the domain's key; an id that is no release's leads nowhere."""
    if by.get("id") is not None:
        entity, key = from_global_id(by["id"]) or ("", -1)
        return ReleaseKey(id=key if entity == "Release" else -1)
    return ReleaseKey(organization=by["key"]["organization"], version=by["key"]["version"])


def _organization(arguments: Arguments, principal: Principal) -> Conditions:
    return (("slug", arguments["slug"]),)


def _release(arguments: Arguments, principal: Principal) -> Conditions | None:
    key = release_key(arguments["by"])
    if key.organization is not None and key.organization != principal.organization_slug:
        return None
    return key.conditions()


@strawberry.type(description="What can be read.")
class Query:
    """Every field here is planned."""

    viewer: Viewer | None = planned("viewer", "Who asks, and what the token opens.")
    organization: Organization | None = planned(
        "one",
        "The organization with this slug; null if there is none that the token opens.",
        _organization,
        [argument("slug", str, "The organization's slug.")],
    )
    organizations: Connection[Organization] | None = planned(
        "list", "The organizations that the token opens, by slug.", None, paging_arguments()
    )
    release: Release | None = planned(
        "one",
        "The release with this id or key; null if there is none that the token opens.",
        _release,
        [argument("by", ReleaseBy, "Which release.")],
    )
    node: Node | None = planned(
        "node",
        "The object with this id; null if there is none that the token opens.",
        None,
        [argument("id", strawberry.ID, "The object's id.")],
    )
    nodes: list[Node | None] | None = planned(
        "nodes",
        "The objects with these ids, at most 100, in their order; null in the place of each that is not there.",
        None,
        [argument("ids", list[strawberry.ID], "The objects' ids.")],
    )
