"""Repositories: the type and the mutation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.organization import (
    parse_repository_name,
)
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    column,
    mutation_field,
    node_id,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import CreateOutcome, UserError, errors_field, node_field, required_field

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.organization import Organization
else:
    Organization = lazy_type("Organization", "organization")


@strawberry.type(
    description=(
        "A source code repository, identified by its name. The server never connects to it: clients send its commits."
    )
)
class Repository(Node):
    """A repository."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The name as clients sent it, unique in the organization, such as `acme/web`.")
    date_created: datetime = column(
        "date_created", "When the repository was created, explicitly or by the first commit that names it."
    )
    organization: Organization = to_one("organization", "The organization that the repository belongs to.")


@strawberry.input(description="Input of createRepository.")
class CreateRepositoryInput:
    """A repository to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    name: str = required_field(
        "The name, such as `acme/web`, at most 200 characters (TOO_LONG), as commits and refs will name it."
    )


@strawberry.type(description="Result of createRepository.")
class CreateRepositoryPayload:
    """The payload of createRepository."""

    repository: Repository | None = node_field("repository")
    outcome: CreateOutcome | None = strawberry.field(
        description="CREATED, or EXISTING if the organization had this repository; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def create_repository(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create a repository, or return the existing one."""
    name = parse_repository_name(values)
    result = await services.repositories.create_repository(principal, values["organization"], name, view)
    return {"outcome": result.outcome, "shown": result.shown}


@strawberry.type
class RepositoryMutation:
    """Root fields that write repositories."""

    create_repository: CreateRepositoryPayload | None = mutation_field(
        create_repository,
        CreateRepositoryInput,
        "Create a repository, or return the existing one of this name (idempotent). Rarely needed: commits "
        "and refs create the repositories that they name. Needs project:write, project:admin, "
        "project:releases, org:ci, org:write or org:admin (else FORBIDDEN).",
        shows="repository",
    )


MUTATION = RepositoryMutation

NODES = (Repository,)
