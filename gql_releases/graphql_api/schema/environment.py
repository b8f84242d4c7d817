"""Environments, and the current deploys in them."""

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


@strawberry.type(description="A place that releases are deployed to, identified by its name, such as `production`.")
class Environment(Node):
    """An environment."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The name, unique in the organization, such as `production`.")
    date_created: datetime = column(
        "date_created", "When the environment was created, explicitly or by the first deploy to it."
    )
    organization: Organization = to_one("organization", "The organization that the environment belongs to.")
    current: Connection[CurrentDeploy] | None = to_many(
        "current", "What runs in the environment now: the last successful deploy of each project.", Order("id")
    )
    deploys: Connection[Deploy] | None = to_many(
        "deploys",
        "The deploys to the environment: unfinished ones first, then the last finished first.",
        Order("finish_order", descending=True),
    )


@strawberry.type(
    description=(
        "What a project runs in an environment now. Its id stays the same when a newer deploy replaces the current one."
    )
)
class CurrentDeploy(Node):
    """The current deploy of a project in an environment."""

    id: strawberry.ID = node_id()
    environment: Environment = to_one("environment", "The environment.")
    project: Project = to_one("project", "The project.")
    deploy: Deploy = to_one("deploy", "The project's last successful deploy to the environment.")
    release: Release = to_one("release", "The release that runs.")


@strawberry.input(description="Input of createEnvironment.")
class CreateEnvironmentInput:
    """An environment to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    name: str = required_field(
        "The name, such as `production`: at most 64 characters (TOO_LONG), no slash or line break (INVALID_ENVIRONMENT)."
    )


@strawberry.type(description="Result of createEnvironment.")
class CreateEnvironmentPayload:
    """The payload of createEnvironment."""

    environment: Environment | None = node_field("environment")
    outcome: CreateOutcome | None = strawberry.field(
        description="CREATED, or EXISTING if the organization had this environment; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def create_environment(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create an environment, or return the existing one."""
    name = parse_environment_name(values)
    result = await services.environments.create_environment(principal, values["organization"], name, view)
    return {"outcome": result.outcome, "shown": result.shown}


@strawberry.type
class EnvironmentMutation:
    """Root fields that write environments."""

    create_environment: CreateEnvironmentPayload | None = mutation_field(
        create_environment,
        CreateEnvironmentInput,
        "Create an environment, or return the existing one of this name (idempotent). Rarely needed: a "
        "deploy creates the environment that it names. Needs project:write, project:admin, project:releases, "
        "org:ci, org:write or org:admin (else FORBIDDEN).",
        shows="environment",
    )


MUTATION = EnvironmentMutation

NODES = (
    Environment,
    CurrentDeploy,
)
