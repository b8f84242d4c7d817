"""Deploys: the type, and the mutations."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.deploy import DeployKey, parse_deploy_change, parse_new_deploy
from gql_releases.domain.errors import Problem
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    column,
    mutation_field,
    node_id,
    objects,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    CreateOutcome,
    UserError,
    drop_nulls,
    errors_field,
    id_of_entity,
    node_field,
    optional_field,
    required_field,
    to_body_names,
)
from gql_releases.graphql_api.schema.release import ReleaseBy, release_key
from gql_releases.graphql_api.schema.release_mutations import find_missing_release
from gql_releases.services import input_problems

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.environment import Environment
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
else:
    Project = lazy_type("Project", "project")
    Environment = lazy_type("Environment", "environment")
    Release = lazy_type("Release", "release")


@strawberry.enum(description="How far a deploy is.")
class DeployStatus(Enum):
    """The domain's status."""

    QUEUED = strawberry.enum_value("QUEUED", description="It waits to begin.")
    STARTED = strawberry.enum_value("STARTED", description="It goes on.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="It ended well: its release runs in the environment.")
    FAILED = strawberry.enum_value("FAILED", description="It ended and changed nothing.")
    ROLLED_BACK = strawberry.enum_value("ROLLED_BACK", description="It was undone: what ran before runs again.")


@strawberry.type(description="A link that belongs to a deploy, as to a log or a ticket.")
class DeployLink:
    """A named URL."""

    name: str = strawberry.field(description="What the link is called.")
    url: str = strawberry.field(description="Where it leads.")


@strawberry.type(description="A release put into an environment.")
class Deploy(Node):
    """A deploy."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The deploy's name.")
    url: str | None = column("url", "Where people find more about it.")
    date_started: datetime | None = column("date_started", "When it began.")
    date_finished: datetime | None = column("date_finished", "When it ended; null while it has not.")
    date_created: datetime = column("date_created", "When the store first heard of it.")
    status: DeployStatus = column("status", "How far it is.")
    external_id: str | None = column("external_id", "The deployer's own name for it, unique in a project.")
    comment: str | None = column("comment", "What people should know about it.")
    links: list[DeployLink] = objects("links", "Where people find more about it.")
    environment: Environment = to_one("environment", "Where the release was put.")
    previous_release: Release | None = to_one(
        "previous_release", "What ran there before, when this deploy was made or succeeded."
    )
    release: Release = to_one("release", "What was put there.")
    projects: Connection[Project] | None = to_many("projects", "The projects that were deployed.", Order("project_id"))


@strawberry.input(description="A link that belongs to a deploy.")
class DeployLinkInput:
    """A named URL."""

    name: str = required_field("What the link is called, at most 64 characters.")
    url: str = required_field("Where it leads, at most 200 characters.")


@strawberry.input(description="A deploy to be recorded.")
class CreateDeployInput:
    """A deploy."""

    release: ReleaseBy = required_field("Which release.")
    environment: str = required_field("Where it was put, at most 64 characters; made if it is new.")
    projects: list[str] | None = optional_field("Slugs or ids of the projects; all of the release's if it is not said.")
    name: str | None = optional_field("The deploy's name.")
    url: str | None = optional_field("Where people find more about it.")
    date_started: datetime | None = optional_field("When it began.")
    date_finished: datetime | None = optional_field(
        "When it ended; now if it is not said, unless the status says that it goes on."
    )
    status: DeployStatus | None = optional_field("How far it is; SUCCEEDED if it is not said.")
    external_id: str | None = optional_field(
        "Your own name for it, at most 64 characters, unique in a project: a second call finds the deploy of the first."
    )
    comment: str | None = optional_field("What people should know about it, at most 4096 characters.")
    links: list[DeployLinkInput] | None = optional_field("Where people find more about it, at most 20.")


@strawberry.input(description="A deploy by what its deployer knows it by.")
class DeployByKey:
    """The natural key of a deploy."""

    organization: str = required_field("The organization's slug.")
    project: str = required_field("The slug of one of its projects.")
    external_id: str = required_field("The external id that it was created with.")


@strawberry.input(one_of=True, description="Names a deploy: by its id or by its key.")
class DeployBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional_field("The deploy's id.")
    key: DeployByKey | None = optional_field("The deploy's organization, project and external id.")


@strawberry.input(description="What to change of a deploy; null clears, what is left out stays.")
class UpdateDeployInput:
    """A change."""

    deploy: DeployBy = required_field("Which deploy.")
    status: DeployStatus | None = optional_field("How far it is. What was rolled back gives way to what ran before it.")
    name: str | None = optional_field("The deploy's name.")
    url: str | None = optional_field("Where people find more about it.")
    date_started: datetime | None = optional_field("When it began.")
    date_finished: datetime | None = optional_field(
        "When it ended; now if the status says that it ended and nobody says when."
    )
    comment: str | None = optional_field("What people should know about it, at most 4096 characters.")
    links: list[DeployLinkInput] | None = optional_field(
        "Where people find more about it; they replace those that are there."
    )


@strawberry.type(description="What createDeploy answers.")
class CreateDeployPayload:
    """A deploy's answer."""

    deploy: Deploy | None = node_field("deploy")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What updateDeploy answers.")
class UpdateDeployPayload:
    """A change's answer."""

    deploy: Deploy | None = node_field("deploy")
    user_errors: list[UserError] = errors_field()


async def create_deploy(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Record a deploy."""
    new = parse_new_deploy(drop_nulls({name: value for name, value in given.items() if name != "release"}))
    done = await services.deploys.create_deploy(principal, release_key(given["release"]), new, view)
    return {"outcome": done.outcome, "shown": done.shown}


async def update_deploy(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Change a deploy."""
    by = given["deploy"]
    key = DeployKey(id=id_of_entity("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    change = parse_deploy_change(to_body_names({name: value for name, value in given.items() if name != "deploy"}))
    return {"shown": await services.deploys.update_deploy(principal, key, change, view)}


async def _find_missing_release_and_projects(services: Services, principal: Principal, given: Input) -> list[Problem]:
    named = [(("projects", index), name) for index, name in enumerate(given.get("projects") or ())]
    found = await find_missing_release(services, principal, given)
    return found + await input_problems.find_unknown_projects(services.reads, principal, named)


async def _find_missing_deploy(services: Services, principal: Principal, given: Input) -> list[Problem]:
    by = given["deploy"]
    key = DeployKey(id=id_of_entity("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    return await input_problems.find_missing_deploy(services.reads, principal, key)


@strawberry.type
class DeployMutation:
    """Mutations of deploys."""

    create_deploy: CreateDeployPayload | None = mutation_field(
        create_deploy,
        CreateDeployInput,
        "Record a deploy; it does not finalize the release. Idempotent with an externalId; without, each call is a deploy.",
        shows="deploy",
        find_problems=_find_missing_release_and_projects,
    )
    update_deploy: UpdateDeployPayload | None = mutation_field(
        update_deploy,
        UpdateDeployInput,
        "Change a deploy, as its status. What succeeds runs in the environment from then on.",
        shows="deploy",
        find_problems=_find_missing_deploy,
    )


MUTATION = DeployMutation

NODES = (Deploy,)
