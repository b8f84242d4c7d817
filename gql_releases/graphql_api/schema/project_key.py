"""Project keys: the type and the mutations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.principal import Principal
from gql_releases.domain.project_key import (
    Dsn,
    ProjectKeyReference,
    parse_new_project_key,
    parse_project_key_change,
)
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    column,
    composed_field,
    mutation_field,
    node_id,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Node
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    UserError,
    drop_nulls,
    errors_field,
    id_of_entity,
    node_field,
    optional_field,
    required_field,
)
from gql_releases.graphql_api.schema.project_by import ProjectBy, project_reference
from gql_releases.services import input_problems

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.project import Project
else:
    Project = lazy_type("Project", "project")


@strawberry.type(
    description=(
        "A key with which Sentry's SDKs send the events of a project; `dsn` is what they are configured with. It is public: "
        "it is part of web pages and apps, and nothing can be read with it."
    )
)
class ProjectKey(Node):
    """A project key."""

    id: strawberry.ID = node_id()
    name: str = column("name", "What the key is for, such as `Default`.")
    public_key: str = column("public_key", "The key, 32 hex digits, such as `0a4d55a8d778e5022fab701977c5d840`.")
    dsn: str = composed_field(
        ("public_key", "project_id"),
        "The DSN for an SDK, such as `https://0a4d55a8d778e5022fab701977c5d840@releases.example.com/1`. Its host is that of "
        "the setting GQL_RELEASES_PUBLIC_URL, or else that of the request.",
        Dsn,
    )
    is_active: bool = column("is_active", "Whether events with the key are accepted; a change takes a minute.", bool)
    date_created: datetime = column("date_created", "When the key was created.")
    project: Project = to_one("project", "The project whose events the key is for.")


@strawberry.input(description="Input of createProjectKey.")
class CreateProjectKeyInput:
    """A project key to create."""

    project: ProjectBy = required_field("The project; PROJECT_NOT_FOUND if it does not exist.")
    name: str | None = optional_field(
        "What the key is for, such as `checkout page`; at most 64 characters (default: `Default`)."
    )


@strawberry.input(description="Input of updateProjectKey. Fields that are left out stay unchanged.")
class UpdateProjectKeyInput:
    """A change of a project key."""

    id: strawberry.ID = required_field("The id of the key; PROJECT_KEY_NOT_FOUND if it does not exist.")
    name: str | None = optional_field("The new name, at most 64 characters.")
    is_active: bool | None = optional_field("false: refuse events with this key from now on; true: accept them again.")


@strawberry.input(description="Input of deleteProjectKey.")
class DeleteProjectKeyInput:
    """A project key to delete."""

    id: strawberry.ID = required_field("The id of the key; PROJECT_KEY_NOT_FOUND if it does not exist.")


@strawberry.type(description="Result of createProjectKey.")
class CreateProjectKeyPayload:
    """The payload of createProjectKey."""

    project_key: ProjectKey | None = node_field("key")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of updateProjectKey.")
class UpdateProjectKeyPayload:
    """The payload of updateProjectKey."""

    project_key: ProjectKey | None = node_field("key")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of deleteProjectKey.")
class DeleteProjectKeyPayload:
    """The payload of deleteProjectKey."""

    deleted_project_key_id: strawberry.ID | None = strawberry.field(
        description="The id that the key had, to remove it from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def create_project_key(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create a key of a project."""
    name = parse_new_project_key({"name": values.get("name")})
    return {"shown": await services.project_keys.create_key(principal, project_reference(values["project"]), name, view)}


async def update_project_key(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Change a key."""
    change = parse_project_key_change(drop_nulls(values))
    return {"shown": await services.project_keys.update_key(principal, _key_reference(values), change, view)}


async def delete_project_key(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete a key."""
    await services.project_keys.delete_key(principal, _key_reference(values))
    return {"deleted_project_key_id": values["id"]}


def _key_reference(values: Input) -> ProjectKeyReference:
    return ProjectKeyReference(id_of_entity("ProjectKey", values["id"]))


async def _find_missing_project(services: Services, principal: Principal, values: Input) -> list[Problem]:
    return await input_problems.find_missing_project(services.reads, principal, project_reference(values["project"]))


async def _find_missing_key(services: Services, principal: Principal, values: Input) -> list[Problem]:
    return await input_problems.find_missing_project_key(services.reads, principal, _key_reference(values))


@strawberry.type
class ProjectKeyMutation:
    """Root fields that write project keys."""

    create_project_key: CreateProjectKeyPayload | None = mutation_field(
        create_project_key,
        CreateProjectKeyInput,
        "Create an active key of a project, with a DSN for SDKs. Each new project has one already. Needs project:write or "
        "project:admin (else FORBIDDEN).",
        shows="project_key",
        find_problems=_find_missing_project,
    )
    update_project_key: UpdateProjectKeyPayload | None = mutation_field(
        update_project_key,
        UpdateProjectKeyInput,
        "Change a key's name, or whether events with it are accepted. "
        "Needs project:write or project:admin (else FORBIDDEN).",
        shows="project_key",
        find_problems=_find_missing_key,
    )
    delete_project_key: DeleteProjectKeyPayload | None = mutation_field(
        delete_project_key,
        DeleteProjectKeyInput,
        "Delete a key: SDKs with its DSN are refused, and stored events stay. This cannot be undone; `isActive` of "
        "`updateProjectKey` can. Needs project:write or project:admin (else FORBIDDEN).",
    )


MUTATION = ProjectKeyMutation

NODES = (ProjectKey,)
