"""Projects."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.organization import (
    ProjectKey,
    parse_new_project,
    parse_project_change,
)
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    argument,
    column,
    mutation_field,
    node_id,
    reference_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    UserError,
    drop_nulls,
    errors_field,
    given_arguments,
    id_of_entity,
    node_field,
    optional_field,
    required_field,
)
from gql_releases.graphql_api.schema.release_filters import RELEASE_LIST
from gql_releases.services import input_problems

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.organization import Organization
    from gql_releases.graphql_api.schema.release import Release
    from gql_releases.graphql_api.schema.repository import Repository
else:
    Organization = lazy_type("Organization", "organization")
    Repository = lazy_type("Repository", "repository")
    Release = lazy_type("Release", "release")


@strawberry.type(description="What is released.")
class Project(Node):
    """A project."""

    id: strawberry.ID = node_id()
    slug: str = column("slug", "The project's name in addresses, unique in its organization.")
    name: str = column("name", "The project's name for people.")
    date_created: datetime = column("date_created", "When it was made.")
    organization: Organization = to_one("organization", "Whose project it is.")
    default_repository: Repository | None = to_one(
        "default_repository", "The repository that the REST API reads `origin` as, the name that sentry-cli sends."
    )
    releases: Connection[Release] | None = to_many("releases", "Its releases, the newest first.", **RELEASE_LIST)
    latest_release: Release | None = reference_field(
        "latest_release",
        "Its newest release by date, of release or else of creation; with an environment, the one that runs there now.",
        given_arguments("environment"),
        [argument("environment", str | None, "The environment's name; ENVIRONMENT_NOT_FOUND if there is none.")],
    )


@strawberry.input(description="A project to be made.")
class CreateProjectInput:
    """A project."""

    organization: str = required_field("The organization's slug.")
    slug: str = required_field("Its name in addresses: 1 to 50 lowercase letters, digits, - or _; no number.")
    name: str | None = optional_field("Its name for people, at most 64 characters; the slug if it is not said.")
    repository: str | None = optional_field(
        "The name of its default repository, as acme/shop: the REST API reads `origin` as it. A new one is created."
    )


@strawberry.input(description="A project by what people know it by.")
class ProjectByKey:
    """The natural key of a project."""

    organization: str = required_field("The organization's slug.")
    slug: str = required_field("The project's slug.")


@strawberry.input(one_of=True, description="Names a project: by its id or by its key.")
class ProjectBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional_field("The project's id.")
    key: ProjectByKey | None = optional_field("The project's organization and slug.")


@strawberry.input(description="What to change of a project; what is left out stays.")
class UpdateProjectInput:
    """A change."""

    project: ProjectBy = required_field("Which project.")
    slug: str | None = optional_field("Its new name in addresses.")
    name: str | None = optional_field("Its new name for people.")
    repository: str | None = optional_field("The name of its new default repository; null takes the default away.")


@strawberry.type(description="What createProject answers.")
class CreateProjectPayload:
    """A project's answer."""

    project: Project | None = node_field("project")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What updateProject answers.")
class UpdateProjectPayload:
    """A change's answer."""

    project: Project | None = node_field("project")
    user_errors: list[UserError] = errors_field()


async def create_project(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Make a project."""
    new = parse_new_project(given)
    return {"shown": await services.projects.create_project(principal, given["organization"], new, view)}


async def update_project(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Change a project."""
    by = given["project"]
    key = ProjectKey(id=id_of_entity("Project", by["id"])) if by.get("id") is not None else ProjectKey(**by["key"])
    repository = {"repository": given["repository"]} if "repository" in given else {}
    change = parse_project_change(drop_nulls(given) | repository)
    return {"shown": await services.projects.update_project(principal, key, change, view)}


async def _find_taken_slug(services: Services, principal: Principal, given: Input) -> list[Problem]:
    return await input_problems.find_taken_slug(services.reads, principal, given["slug"])


async def _find_missing_project(services: Services, principal: Principal, given: Input) -> list[Problem]:
    by = given["project"]
    key = ProjectKey(id=id_of_entity("Project", by["id"])) if by.get("id") is not None else ProjectKey(**by["key"])
    found = await input_problems.find_missing_project(services.reads, principal, key)
    return found + await input_problems.find_taken_slug(services.reads, principal, given.get("slug"), key)


@strawberry.type
class ProjectMutation:
    """Mutations of projects."""

    create_project: CreateProjectPayload | None = mutation_field(
        create_project,
        CreateProjectInput,
        "Make a project. Needs project:write, project:admin, org:write or org:admin.",
        shows="project",
        find_problems=_find_taken_slug,
    )
    update_project: UpdateProjectPayload | None = mutation_field(
        update_project,
        UpdateProjectInput,
        "Change a project. Needs what createProject needs.",
        shows="project",
        find_problems=_find_missing_project,
    )


MUTATION = ProjectMutation

NODES = (Project,)
