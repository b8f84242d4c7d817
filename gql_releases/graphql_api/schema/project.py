"""Projects: the type and the mutations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.organization import (
    parse_new_project,
    parse_project_change,
)
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    argument,
    column,
    comparison_field,
    mutation_field,
    node_id,
    reference_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.artifact_bundle import search_argument, search_conditions
from gql_releases.graphql_api.schema.debug_file import DEBUG_FILE_LIST
from gql_releases.graphql_api.schema.fields import (
    UserError,
    drop_nulls,
    errors_field,
    given_arguments,
    node_field,
    optional_field,
    required_field,
)
from gql_releases.graphql_api.schema.project_by import ProjectBy, project_reference
from gql_releases.graphql_api.schema.project_stats import STATS_ARGUMENTS, ProjectStats, stats_conditions
from gql_releases.graphql_api.schema.release_filters import RELEASE_LIST
from gql_releases.services import input_problems

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.artifact_bundle import ArtifactBundle
    from gql_releases.graphql_api.schema.debug_file import DebugFile
    from gql_releases.graphql_api.schema.organization import Organization
    from gql_releases.graphql_api.schema.project_key import ProjectKey
    from gql_releases.graphql_api.schema.release import Release
    from gql_releases.graphql_api.schema.repository import Repository
else:
    ArtifactBundle = lazy_type("ArtifactBundle", "artifact_bundle")
    DebugFile = lazy_type("DebugFile", "debug_file")
    Organization = lazy_type("Organization", "organization")
    ProjectKey = lazy_type("ProjectKey", "project_key")
    Repository = lazy_type("Repository", "repository")
    Release = lazy_type("Release", "release")


@strawberry.type(
    description=("A part of an organization that is released, such as `web`. A release belongs to one or more projects.")
)
class Project(Node):
    """A project."""

    id: strawberry.ID = node_id()
    slug: str = column("slug", "The name used in URLs and arguments, unique in the organization, such as `web`.")
    name: str = column("name", "The display name, such as `Web shop`; the slug if none was set.")
    date_created: datetime = column("date_created", "When the project was created.")
    organization: Organization = to_one("organization", "The organization that the project belongs to.")
    default_repository: Repository | None = to_one(
        "default_repository",
        (
            "The repository that the REST API uses in place of `origin`, which is what sentry-cli calls every "
            "repository; null if none is set."
        ),
    )
    releases: Connection[Release] | None = to_many(
        "releases", "The project's releases, archived ones too; by default the last created first.", **RELEASE_LIST
    )
    latest_release: Release | None = reference_field(
        "latest_release",
        "The project's newest release by `dateReleased`, or by `dateCreated` if it has none. With "
        "`environment`: the release that runs there now. Null if there is none.",
        given_arguments("environment"),
        [
            argument(
                "environment",
                str | None,
                "The name of an environment, such as `production`; ENVIRONMENT_NOT_FOUND if it does not exist.",
            )
        ],
    )
    artifact_bundles: Connection[ArtifactBundle] | None = to_many(
        "artifact_bundles",
        "The artifact bundles that were uploaded for the project, the last modified first.",
        Order("date_modified", descending=True),
        conditions=search_conditions,
        arguments=[search_argument("Only bundles whose id, version or dist contains this text, in upper or lower case.")],
    )
    debug_files: Connection[DebugFile] | None = to_many(
        "debug_files", "The debug files of the project, the last uploaded first.", **DEBUG_FILE_LIST
    )
    keys: Connection[ProjectKey] | None = to_many(
        "keys", "The keys with which SDKs send events of the project, the first created first.", Order("id")
    )
    stats: ProjectStats | None = comparison_field(
        "",
        "What became of the events that SDKs sent: stored, discarded, or refused. Counted by hours.",
        STATS_ARGUMENTS,
        stats_conditions,
    )


@strawberry.input(description="Input of createProject.")
class CreateProjectInput:
    """A project to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    slug: str = required_field(
        "The project's slug, such as `web`: 1 to 50 lowercase letters, digits, - or _, and not a number "
        "(INVALID_SLUG). ALREADY_EXISTS if the organization has a project with this slug."
    )
    name: str | None = optional_field("The display name, at most 64 characters (default: the slug).")
    repository: str | None = optional_field(
        "The name of the default repository, such as `acme/shop`, created if it does not exist: the REST API "
        "uses it in place of `origin`."
    )


@strawberry.input(description="Input of updateProject. Fields that are left out stay unchanged.")
class UpdateProjectInput:
    """A change of a project."""

    project: ProjectBy = required_field("The project to change.")
    slug: str | None = optional_field(
        "The new slug, such as `web`; INVALID_SLUG or ALREADY_EXISTS. Links and arguments with the old slug stop working."
    )
    name: str | None = optional_field("The new display name, at most 64 characters.")
    repository: str | None = optional_field(
        "The name of the new default repository, such as `acme/shop`, created if it does not exist; null "
        "removes the default."
    )


@strawberry.type(description="Result of createProject.")
class CreateProjectPayload:
    """The payload of createProject."""

    project: Project | None = node_field("project")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of updateProject.")
class UpdateProjectPayload:
    """The payload of updateProject."""

    project: Project | None = node_field("project")
    user_errors: list[UserError] = errors_field()


async def create_project(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create a project."""
    new = parse_new_project(values)
    return {"shown": await services.projects.create_project(principal, values["organization"], new, view)}


async def update_project(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Change a project."""
    key = project_reference(values["project"])
    repository = {"repository": values["repository"]} if "repository" in values else {}
    change = parse_project_change(drop_nulls(values) | repository)
    return {"shown": await services.projects.update_project(principal, key, change, view)}


async def _find_taken_slug(services: Services, principal: Principal, values: Input) -> list[Problem]:
    return await input_problems.find_taken_slug(services.reads, principal, values["slug"])


async def _find_missing_project(services: Services, principal: Principal, values: Input) -> list[Problem]:
    key = project_reference(values["project"])
    problems = await input_problems.find_missing_project(services.reads, principal, key)
    return problems + await input_problems.find_taken_slug(services.reads, principal, values.get("slug"), key)


@strawberry.type
class ProjectMutation:
    """Root fields that write projects."""

    create_project: CreateProjectPayload | None = mutation_field(
        create_project,
        CreateProjectInput,
        "Create a project. Needs project:write, project:admin, org:write or org:admin (else FORBIDDEN).",
        shows="project",
        find_problems=_find_taken_slug,
    )
    update_project: UpdateProjectPayload | None = mutation_field(
        update_project,
        UpdateProjectInput,
        "Change a project's slug, name or default repository. Needs project:write, project:admin, org:write "
        "or org:admin (else FORBIDDEN).",
        shows="project",
        find_problems=_find_missing_project,
    )


MUTATION = ProjectMutation

NODES = (Project,)
