"""Repositories."""

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


@strawberry.type(description="Where commits come from, known by its name.")
class Repository(Node):
    """A repository."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The repository's name, unique in its organization, as commits gave it.")
    date_created: datetime = column("date_created", "When it was first named.")
    organization: Organization = to_one("organization", "Whose repository it is.")


@strawberry.input(description="A repository to be made.")
class CreateRepositoryInput:
    """A repository."""

    organization: str = required_field("The organization's slug.")
    name: str = required_field("Its name, at most 200 characters, as commits and refs give it.")


@strawberry.type(description="What createRepository answers.")
class CreateRepositoryPayload:
    """A repository's answer."""

    repository: Repository | None = node_field("repository")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = errors_field()


async def create_repository(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Make a repository, or find it."""
    name = parse_repository_name(given)
    done = await services.repositories.create_repository(principal, given["organization"], name, view)
    return {"outcome": done.outcome, "shown": done.shown}


@strawberry.type
class RepositoryMutation:
    """Mutations of repositorys."""

    create_repository: CreateRepositoryPayload | None = mutation_field(
        create_repository,
        CreateRepositoryInput,
        "Make a repository, or find the one of this name: idempotent. Commits that name a new one make it, too.",
        shows="repository",
    )


MUTATION = RepositoryMutation

NODES = (Repository,)
