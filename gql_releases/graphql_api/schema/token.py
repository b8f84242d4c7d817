"""Tokens, and the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.organization import (
    parse_new_token,
)
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    column,
    mutation_field,
    node_id,
    query_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    UserError,
    errors_field,
    id_of_entity,
    node_field,
    optional_field,
    required_field,
)
from gql_releases.services import input_problems

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.organization import Organization
else:
    Organization = lazy_type("Organization", "organization")


@strawberry.type(description="A credential, without its secret.")
class Token(Node):
    """A token."""

    id: strawberry.ID = node_id()
    name: str = column("name", "What the token is for.")
    hint: str = column("hint", "The last characters of its secret, to tell tokens apart.")
    scopes: list[str] = column("scopes", "What it may do, in Sentry's words, as project:releases.", str.split)
    date_created: datetime = column("date_created", "When it was made.")
    expires_at: datetime | None = column("expires_at", "When it stops working; null for never.")
    last_used_at: datetime | None = column("last_used_at", "When it was last used, to the minute.")


@strawberry.type(description="Who asks.")
class Viewer:
    """The holder of the token that came with the request."""

    token: Token = to_one("token", "The token that came with the request.")
    organizations: Connection[Organization] | None = to_many(
        "organizations", "The organizations that the token opens, by slug.", Order("slug")
    )


@strawberry.input(description="A token to be made.")
class CreateTokenInput:
    """A token."""

    organization: str = required_field("The organization's slug.")
    scopes: list[str] = required_field("What it may do, as project:releases; nothing that your own token may not.")
    name: str | None = optional_field("What it is for, at most 64 characters.")
    expires_at: datetime | None = optional_field("When it stops working; never if it is not said.")


@strawberry.input(description="A token to be revoked.")
class RevokeTokenInput:
    """A revocation."""

    token: strawberry.ID = required_field("The token's id.")


@strawberry.type(description="What createToken answers.")
class CreateTokenPayload:
    """A token's answer."""

    token: Token | None = node_field("token")
    secret: str | None = strawberry.field(
        description="What to send as Authorization: Bearer. Shown this once: the store keeps a digest."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What revokeToken answers.")
class RevokeTokenPayload:
    """A revocation's answer."""

    revoked_token_id: strawberry.ID | None = strawberry.field(description="The id of the token that opens nothing now.")
    user_errors: list[UserError] = errors_field()


async def create_token(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Make a token; its secret is in this answer and nowhere else."""
    minted = await services.tokens.create_token(principal, given["organization"], parse_new_token(given), view)
    return {"secret": minted.text, "shown": minted.shown}


async def revoke_token(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Revoke a token."""
    await services.tokens.revoke_token(principal, id_of_entity("Token", given["token"]))
    return {"revoked_token_id": given["token"]}


async def _find_missing_scopes(services: Services, principal: Principal, given: Input) -> list[Problem]:
    return input_problems.find_scopes_not_held(principal, given["scopes"])


@strawberry.type
class TokenMutation:
    """Mutations of tokens."""

    create_token: CreateTokenPayload | None = mutation_field(
        create_token,
        CreateTokenInput,
        "Make a token and show its secret this once. Needs org:write or org:admin, and every scope that it hands out.",
        shows="token",
        find_problems=_find_missing_scopes,
    )
    revoke_token: RevokeTokenPayload | None = mutation_field(
        revoke_token,
        RevokeTokenInput,
        "Make a token open nothing from its next request on. Needs org:write or org:admin, or is the token itself.",
    )


MUTATION = TokenMutation


@strawberry.type
class TokenQuery:
    """Queries of tokens."""

    viewer: Viewer | None = query_field("viewer", "Who asks, and what the token opens.")


QUERY = TokenQuery

NODES = (Token,)
