"""Tokens: the type, the viewer, and the mutations."""

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


@strawberry.type(description="An API token, without its secret.")
class Token(Node):
    """A token."""

    id: strawberry.ID = node_id()
    name: str = column("name", "What the token is for, such as `ci`; may be empty.")
    hint: str = column("hint", "The last characters of the secret, to recognize the token by.")
    scopes: list[str] = column(
        "scopes",
        ('What the token may do, such as ["project:read", "project:releases"]; docs/graphql-guide.md lists the scopes.'),
        str.split,
    )
    date_created: datetime = column("date_created", "When the token was created.")
    expires_at: datetime | None = column("expires_at", "When the token expires; null if it does not.")
    last_used_at: datetime | None = column(
        "last_used_at", "When the token was last used, accurate to about a minute; null if never."
    )


@strawberry.type(description="The token of this request, and what it has access to.")
class Viewer:
    """The token of a request."""

    token: Token = to_one("token", "The token of this request and its scopes.")
    organizations: Connection[Organization] | None = to_many(
        "organizations",
        "The organizations that the token has access to, sorted by slug. A token belongs to one organization.",
        Order("slug"),
    )


@strawberry.input(description="Input of createToken.")
class CreateTokenInput:
    """A token to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    scopes: list[str] = required_field(
        'What the new token may do, such as ["project:read"] for a browser: org:read, org:write, org:admin, '
        "org:ci, project:read, project:write, project:admin, project:releases. SCOPE_NOT_HELD for a scope "
        "that your own token lacks, INVALID_CHOICE for an unknown one."
    )
    name: str | None = optional_field("What the token is for, such as `ci`; at most 64 characters.")
    expires_at: datetime | None = optional_field(
        "When the token expires (default: when your own token does; never, if that does not expire). "
        "INVALID_DATE for the past and for later than your own token."
    )


@strawberry.input(description="Input of revokeToken.")
class RevokeTokenInput:
    """A token to revoke."""

    token: strawberry.ID = required_field(
        "The token's global id (`Token.id`); TOKEN_NOT_FOUND if it does not exist or was revoked already."
    )


@strawberry.type(description="Result of createToken.")
class CreateTokenPayload:
    """The payload of createToken."""

    token: Token | None = node_field("token")
    secret: str | None = strawberry.field(
        description=(
            "The secret to send as `Authorization: Bearer <secret>`. It is returned only here: the server stores "
            "a digest of it."
        )
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of revokeToken.")
class RevokeTokenPayload:
    """The payload of revokeToken."""

    revoked_token_id: strawberry.ID | None = strawberry.field(
        description="The id of the revoked token; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def create_token(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create a token; only this response has its secret."""
    minted = await services.tokens.create_token(principal, values["organization"], parse_new_token(values), view)
    return {"secret": minted.text, "shown": minted.shown}


async def revoke_token(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Revoke a token."""
    await services.tokens.revoke_token(principal, id_of_entity("Token", values["token"]))
    return {"revoked_token_id": values["token"]}


async def _find_missing_scopes(services: Services, principal: Principal, values: Input) -> list[Problem]:
    return input_problems.find_scopes_not_held(principal, values["scopes"])


@strawberry.type
class TokenMutation:
    """Root fields that write tokens."""

    create_token: CreateTokenPayload | None = mutation_field(
        create_token,
        CreateTokenInput,
        "Create a token and return its secret once. Needs org:write or org:admin (else FORBIDDEN), and every "
        "scope that the new token gets.",
        shows="token",
        find_problems=_find_missing_scopes,
    )
    revoke_token: RevokeTokenPayload | None = mutation_field(
        revoke_token,
        RevokeTokenInput,
        "Revoke a token: from the next request on it is refused (INVALID_TOKEN). Needs org:write or "
        "org:admin (else FORBIDDEN), unless a token revokes itself.",
    )


MUTATION = TokenMutation


@strawberry.type
class TokenQuery:
    """Root fields that read the viewer."""

    viewer: Viewer | None = query_field(
        "viewer", "The token of this request, its scopes and its organization. UNAUTHENTICATED without a token."
    )


QUERY = TokenQuery

NODES = (Token,)
