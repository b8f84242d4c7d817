"""Environments, and what runs in them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.deploy import parse_environment_name
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    column,
    mutation_field,
    node_id,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import CreateOutcome, UserError, errors_field, node_field, required_field

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.deploy import Deploy
    from gql_releases.graphql_api.schema.organization import Organization
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
else:
    Organization = lazy_type("Organization", "organization")
    Project = lazy_type("Project", "project")
    Release = lazy_type("Release", "release")
    Deploy = lazy_type("Deploy", "deploy")


@strawberry.type(description="Where releases are deployed to, known by its name.")
class Environment(Node):
    """An environment."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The environment's name, unique in its organization.")
    date_created: datetime = column("date_created", "When it was first named.")
    organization: Organization = to_one("organization", "Whose environment it is.")
    current: Connection[CurrentDeploy] | None = to_many(
        "current", "What runs here now: the last successful deploy of each project.", Order("id")
    )
    deploys: Connection[Deploy] | None = to_many(
        "deploys",
        "What was put here, the last finished first; what goes on is before them.",
        Order("finish_order", descending=True),
    )


@strawberry.type(description="What a project runs in an environment now.")
class CurrentDeploy(Node):
    """A project in an environment; its id stays when another deploy takes the place."""

    id: strawberry.ID = node_id()
    environment: Environment = to_one("environment", "Where.")
    project: Project = to_one("project", "Which project.")
    deploy: Deploy = to_one("deploy", "The last successful deploy.")
    release: Release = to_one("release", "What it put there.")


@strawberry.input(description="An environment to be made.")
class CreateEnvironmentInput:
    """An environment."""

    organization: str = required_field("The organization's slug.")
    name: str = required_field("Its name, at most 64 characters, without slashes and line breaks.")


@strawberry.type(description="What createEnvironment answers.")
class CreateEnvironmentPayload:
    """An environment's answer."""

    environment: Environment | None = node_field("environment")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = errors_field()


async def create_environment(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Make an environment, or find it."""
    name = parse_environment_name(given)
    done = await services.environments.create_environment(principal, given["organization"], name, view)
    return {"outcome": done.outcome, "shown": done.shown}


@strawberry.type
class EnvironmentMutation:
    """Mutations of environments."""

    create_environment: CreateEnvironmentPayload | None = mutation_field(
        create_environment,
        CreateEnvironmentInput,
        "Make an environment, or find the one of this name: idempotent. Deploys that name a new one make it, too.",
        shows="environment",
    )


MUTATION = EnvironmentMutation

NODES = (
    Environment,
    CurrentDeploy,
)
