"""Deploys: the type and the mutations."""

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
from gql_releases.graphql_api.schema.release_by import ReleaseBy, release_key
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


@strawberry.enum(description="The state of a deploy.")
class DeployStatus(Enum):
    """The status of the domain, by name."""

    QUEUED = strawberry.enum_value("QUEUED", description="It has not started.")
    STARTED = strawberry.enum_value("STARTED", description="It is running.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="It finished: its release runs in the environment.")
    FAILED = strawberry.enum_value(
        "FAILED", description="It finished without success: the release that ran before still runs."
    )
    ROLLED_BACK = strawberry.enum_value("ROLLED_BACK", description="It was undone: the release that ran before runs again.")


@strawberry.type(description="A link of a deploy, such as to a log or a ticket.")
class DeployLink:
    """A named URL."""

    name: str = strawberry.field(description="The link's text, such as `Log`.")
    url: str = strawberry.field(description="The link's target, such as `https://ci.example.com/4711`.")


@strawberry.type(description="One installation of a release in an environment, for some of its projects.")
class Deploy(Node):
    """A deploy."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The deploy's name, such as `blue-42`; null if it was not sent.")
    url: str | None = column("url", "A page about the deploy, such as the pipeline; null if it was not sent.")
    date_started: datetime | None = column("date_started", "When the deploy started; null if it was not sent.")
    date_finished: datetime | None = column("date_finished", "When the deploy finished; null until then.")
    date_created: datetime = column("date_created", "When the deploy was recorded here.")
    status: DeployStatus = column("status", "The state of the deploy.")
    external_id: str | None = column(
        "external_id",
        "The deploy's id in your deployment system, such as `job-4711`, unique in a project; null if it was not sent.",
    )
    comment: str | None = column("comment", "A remark for people; null if it was not sent.")
    links: list[DeployLink] = objects("links", "Links to pages about the deploy.")
    environment: Environment = to_one("environment", "The environment that the release was deployed to.")
    previous_release: Release | None = to_one(
        "previous_release",
        "The release that ran in the environment before, as of when this deploy was recorded or succeeded; "
        "null if there was none.",
    )
    release: Release = to_one("release", "The release that was deployed.")
    projects: Connection[Project] | None = to_many(
        "projects", "The projects that were deployed, the first created first.", Order("project_id")
    )


@strawberry.input(description="A link of a deploy, such as to a log or a ticket.")
class DeployLinkInput:
    """A named URL."""

    name: str = required_field("The link's text, such as `Log`; at most 64 characters.")
    url: str = required_field(
        "The link's target, such as `https://ci.example.com/4711`; at most 200 characters, INVALID_URL if it is no URL."
    )


@strawberry.input(description="Input of createDeploy.")
class CreateDeployInput:
    """A deploy to record."""

    release: ReleaseBy = required_field("The release that was deployed; RELEASE_NOT_FOUND if it does not exist.")
    environment: str = required_field(
        "The environment's name, such as `production`, created if it does not exist: at most 64 characters, "
        "no slash or line break (INVALID_ENVIRONMENT)."
    )
    projects: list[str] | None = optional_field(
        "Slugs or numeric ids of the projects that were deployed (default: all of the release's). "
        "UNKNOWN_PROJECT if one does not exist, PROJECT_NOT_ON_RELEASE if the release is not one of its."
    )
    name: str | None = optional_field("The deploy's name, such as `blue-42`; at most 64 characters.")
    url: str | None = optional_field(
        "A page about the deploy, such as the pipeline; at most 200 characters, INVALID_URL if it is no URL."
    )
    date_started: datetime | None = optional_field("When the deploy started.")
    date_finished: datetime | None = optional_field(
        "When the deploy finished (default: now; null if the status is QUEUED or STARTED)."
    )
    status: DeployStatus | None = optional_field("The state of the deploy (default: SUCCEEDED).")
    external_id: str | None = optional_field(
        "The deploy's id in your deployment system, such as `job-4711`: at most 64 characters, unique in a "
        "project. It makes the mutation idempotent; ALREADY_EXISTS if it is that of a deploy of another "
        "release or environment."
    )
    comment: str | None = optional_field("A remark for people, at most 4,096 characters.")
    links: list[DeployLinkInput] | None = optional_field("Links to pages about the deploy, at most 20.")


@strawberry.input(description="The natural key of a deploy: its external id in a project.")
class DeployByKey:
    """The natural key of a deploy."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    project: str = required_field("The slug of one of the deploy's projects, such as `web`.")
    external_id: str = required_field("The `externalId` that the deploy was created with, such as `job-4711`.")


@strawberry.input(
    one_of=True,
    description="Identifies a deploy by `id` or by `key`: give exactly one. DEPLOY_NOT_FOUND if it does not exist.",
)
class DeployBy:
    """A deploy by id or by natural key."""

    id: strawberry.ID | None = optional_field("The deploy's global id (`Deploy.id`).")
    key: DeployByKey | None = optional_field("The deploy's organization, project and external id.")


@strawberry.input(
    description=(
        "Input of updateDeploy. Fields that are left out stay unchanged; null clears a field, but for "
        "`status`, where it is ignored."
    )
)
class UpdateDeployInput:
    """A change of a deploy."""

    deploy: DeployBy = required_field("The deploy to change.")
    status: DeployStatus | None = optional_field(
        "The new state. SUCCEEDED makes the release the current one of the environment; with FAILED or "
        "ROLLED_BACK the last successful deploy before it is current again."
    )
    name: str | None = optional_field("The deploy's name, such as `blue-42`; at most 64 characters.")
    url: str | None = optional_field(
        "A page about the deploy, such as the pipeline; at most 200 characters, INVALID_URL if it is no URL."
    )
    date_started: datetime | None = optional_field("When the deploy started.")
    date_finished: datetime | None = optional_field(
        "When the deploy finished (default: now, if the new status is SUCCEEDED, FAILED or ROLLED_BACK and it has no date)."
    )
    comment: str | None = optional_field("A remark for people, at most 4,096 characters.")
    links: list[DeployLinkInput] | None = optional_field(
        "Links to pages about the deploy, at most 20; they replace the existing ones."
    )


@strawberry.type(description="Result of createDeploy.")
class CreateDeployPayload:
    """The payload of createDeploy."""

    deploy: Deploy | None = node_field("deploy")
    outcome: CreateOutcome | None = strawberry.field(
        description="CREATED, or EXISTING if a deploy with this `externalId` was found; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of updateDeploy.")
class UpdateDeployPayload:
    """The payload of updateDeploy."""

    deploy: Deploy | None = node_field("deploy")
    user_errors: list[UserError] = errors_field()


async def create_deploy(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Record a deploy."""
    new = parse_new_deploy(drop_nulls({name: value for name, value in values.items() if name != "release"}))
    result = await services.deploys.create_deploy(principal, release_key(values["release"]), new, view)
    return {"outcome": result.outcome, "shown": result.shown}


async def update_deploy(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Change a deploy."""
    by = values["deploy"]
    key = DeployKey(id=id_of_entity("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    change = parse_deploy_change(to_body_names({name: value for name, value in values.items() if name != "deploy"}))
    return {"shown": await services.deploys.update_deploy(principal, key, change, view)}


async def _find_missing_release_and_projects(services: Services, principal: Principal, values: Input) -> list[Problem]:
    named = [(("projects", index), name) for index, name in enumerate(values.get("projects") or ())]
    problems = await find_missing_release(services, principal, values)
    return problems + await input_problems.find_unknown_projects(services.reads, principal, named)


async def _find_missing_deploy(services: Services, principal: Principal, values: Input) -> list[Problem]:
    by = values["deploy"]
    key = DeployKey(id=id_of_entity("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    return await input_problems.find_missing_deploy(services.reads, principal, key)


@strawberry.type
class DeployMutation:
    """Root fields that write deploys."""

    create_deploy: CreateDeployPayload | None = mutation_field(
        create_deploy,
        CreateDeployInput,
        "Record a deploy of a release. Idempotent with an `externalId`; without one, each call records "
        "another deploy. It does not finalize the release. Needs project:write, project:admin, "
        "project:releases or org:ci (else FORBIDDEN).",
        shows="deploy",
        find_problems=_find_missing_release_and_projects,
    )
    update_deploy: UpdateDeployPayload | None = mutation_field(
        update_deploy,
        UpdateDeployInput,
        "Change a deploy, such as its status when it finishes. Needs project:write, project:admin, "
        "project:releases or org:ci (else FORBIDDEN).",
        shows="deploy",
        find_problems=_find_missing_deploy,
    )


MUTATION = DeployMutation

NODES = (Deploy,)
