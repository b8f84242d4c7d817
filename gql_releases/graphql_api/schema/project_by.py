"""How the input of a mutation identifies a project."""

from __future__ import annotations

import strawberry

from gql_releases.domain.organization import ProjectReference
from gql_releases.graphql_api.execution.bindings import Input
from gql_releases.graphql_api.schema.fields import id_of_entity, optional_field, required_field


@strawberry.input(description="The natural key of a project.")
class ProjectByKey:
    """The natural key of a project."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    slug: str = required_field("The project's slug, such as `web`.")


@strawberry.input(
    one_of=True,
    description="Identifies a project by `id` or by `key`: give exactly one. PROJECT_NOT_FOUND if it does not exist.",
)
class ProjectBy:
    """A project by id or by natural key."""

    id: strawberry.ID | None = optional_field("The project's global id (`Project.id`).")
    key: ProjectByKey | None = optional_field("The project's organization and slug.")


def project_reference(by: Input) -> ProjectReference:
    """Return how the domain names the project of a ProjectBy."""
    if by.get("id") is not None:
        return ProjectReference(id=id_of_entity("Project", by["id"]))
    return ProjectReference(**by["key"])
