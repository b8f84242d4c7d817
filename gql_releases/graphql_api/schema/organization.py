"""Organizations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    argument,
    column,
    comparison_field,
    node_id,
    paging_arguments,
    query_field,
    reference_field,
    to_many,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.name_checks import commit_condition
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import given_arguments
from gql_releases.graphql_api.schema.release_filters import RELEASE_LIST

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.comparison import ReleaseComparison
    from gql_releases.graphql_api.schema.environment import Environment
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
    from gql_releases.graphql_api.schema.repository import Repository
else:
    ReleaseComparison = lazy_type("ReleaseComparison", "comparison")
    Project = lazy_type("Project", "project")
    Repository = lazy_type("Repository", "repository")
    Environment = lazy_type("Environment", "environment")
    Release = lazy_type("Release", "release")


def containing_conditions(given: Arguments) -> Conditions:
    """Return the conditions for the release that contains a commit."""
    return commit_condition(given["commit"]), *given_arguments("repository")(given)


def comparison_conditions(given: Arguments) -> Conditions:
    """Return the condition for a comparison."""
    return (("between", (given["project"], given["base"], given["head"])),)


@strawberry.type(description="A tenant: everything else belongs to one organization.")
class Organization(Node):
    """An organization."""

    id: strawberry.ID = node_id()
    slug: str = column("slug", "The organization's name in addresses, unique.")
    name: str = column("name", "The organization's name for people.")
    date_created: datetime = column("date_created", "When it was made.")
    projects: Connection[Project] | None = to_many("projects", "Its projects, by slug.", Order("slug"))
    repositories: Connection[Repository] | None = to_many("repositories", "Its repositories, by name.", Order("name"))
    environments: Connection[Environment] | None = to_many("environments", "Its environments, by name.", Order("name"))
    releases: Connection[Release] | None = to_many("releases", "Its releases, the newest first.", **RELEASE_LIST)
    release_containing: Release | None = reference_field(
        "release_containing",
        "The first release that has a commit: the one that brought it.",
        containing_conditions,
        [
            argument(
                "commit", str, "The commit's sha, or 7 to 39 hex digits that it begins with; AMBIGUOUS_SHA if several do."
            ),
            argument(
                "repository",
                str | None,
                "The name of its repository (any by default); REPOSITORY_NOT_FOUND if there is none.",
            ),
        ],
    )
    compare: ReleaseComparison | None = comparison_field(
        "compared_head",
        "What lies between two releases of a project. `base` must not be the later one: INVALID_ARGUMENT.",
        [
            argument("project", str, "The project's slug; PROJECT_NOT_FOUND if there is none."),
            argument("base", str, "The version of the earlier release, which is not part of it; else RELEASE_NOT_FOUND."),
            argument("head", str, "The version of the later release, which is; else RELEASE_NOT_FOUND."),
        ],
        comparison_conditions,
        "Release",
    )


def _find_organization(arguments: Arguments, principal: Principal) -> Conditions:
    return (("slug", arguments["slug"]),)


@strawberry.type
class OrganizationQuery:
    """Queries of organizations."""

    organization: Organization | None = query_field(
        "one",
        "The organization with this slug; null if there is none that the token opens.",
        _find_organization,
        [argument("slug", str, "The organization's slug.")],
    )
    organizations: Connection[Organization] | None = query_field(
        "list", "The organizations that the token opens, by slug.", None, paging_arguments()
    )


QUERY = OrganizationQuery

NODES = (Organization,)
