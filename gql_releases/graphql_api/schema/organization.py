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
from gql_releases.graphql_api.execution.name_checks import build_commit_condition
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import given_arguments
from gql_releases.graphql_api.schema.issue import ISSUE_LIST
from gql_releases.graphql_api.schema.release_filters import RELEASE_LIST

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.comparison import ReleaseComparison
    from gql_releases.graphql_api.schema.environment import Environment
    from gql_releases.graphql_api.schema.issue import Issue
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
    from gql_releases.graphql_api.schema.repository import Repository
else:
    ReleaseComparison = lazy_type("ReleaseComparison", "comparison")
    Project = lazy_type("Project", "project")
    Repository = lazy_type("Repository", "repository")
    Environment = lazy_type("Environment", "environment")
    Issue = lazy_type("Issue", "issue")
    Release = lazy_type("Release", "release")


def containing_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions for the release that contains a commit."""
    return build_commit_condition(arguments["commit"]), *given_arguments("repository")(arguments)


def comparison_conditions(arguments: Arguments) -> Conditions:
    """Return the condition for a comparison."""
    return (("between", (arguments["project"], arguments["base"], arguments["head"])),)


@strawberry.type(
    description=(
        "A tenant, such as `acme`. Projects, releases, commits, repositories, environments and tokens each "
        "belong to one organization, and none of them is visible to another."
    )
)
class Organization(Node):
    """An organization: the root of most reads."""

    id: strawberry.ID = node_id()
    slug: str = column("slug", "The unique name used in URLs and arguments, such as `acme`.")
    name: str = column("name", "The display name, such as `Acme Inc.`; the slug if none was set.")
    date_created: datetime = column("date_created", "When the organization was created.")
    projects: Connection[Project] | None = to_many("projects", "The organization's projects, sorted by slug.", Order("slug"))
    repositories: Connection[Repository] | None = to_many(
        "repositories", "The organization's repositories, sorted by name.", Order("name")
    )
    environments: Connection[Environment] | None = to_many(
        "environments", "The organization's environments, sorted by name.", Order("name")
    )
    releases: Connection[Release] | None = to_many(
        "releases", "The organization's releases, archived ones too; by default the last created first.", **RELEASE_LIST
    )
    issues: Connection[Issue] | None = to_many(
        "issues", "The issues of all projects, resolved ones too; by default the last seen first.", **ISSUE_LIST
    )
    release_containing: Release | None = reference_field(
        "release_containing",
        "The release that shipped a commit: of the releases that contain it, the one that was created first. "
        "Null if no release contains it.",
        containing_conditions,
        [
            argument(
                "commit",
                str,
                "The commit's sha, or its first 7 to 39 hex digits in lower case, such as `6ba09a7`; AMBIGUOUS_SHA "
                "if several commits begin with them.",
            ),
            argument(
                "repository",
                str | None,
                "The name of the commit's repository, such as `acme/web` (default: any); REPOSITORY_NOT_FOUND if it "
                "does not exist.",
            ),
        ],
    )
    compare: ReleaseComparison | None = comparison_field(
        "compared_head",
        "What changed between two releases of a project: the releases after `base`, up to and including "
        "`head`, with their commits, authors, files and deploys.",
        [
            argument(
                "project",
                str,
                "The slug of a project that has both releases, such as `web`; PROJECT_NOT_FOUND if it does not exist.",
            ),
            argument(
                "base",
                str,
                "The version of the earlier release, such as `web@1.3.0`; its own changes are not included. "
                "RELEASE_NOT_FOUND if the project has no such release, INVALID_ARGUMENT if it is later than `head`.",
            ),
            argument(
                "head",
                str,
                "The version of the later release, such as `web@1.4.0`; its changes are included. RELEASE_NOT_FOUND "
                "if the project has no such release.",
            ),
        ],
        comparison_conditions,
        "Release",
    )


def _find_organization(arguments: Arguments, principal: Principal) -> Conditions:
    return (("slug", arguments["slug"]),)


@strawberry.type
class OrganizationQuery:
    """Root fields that read organizations."""

    organization: Organization | None = query_field(
        "one",
        "The organization with this slug; null if it does not exist or the token has no access to it.",
        _find_organization,
        [argument("slug", str, "The organization's slug, such as `acme`.")],
    )
    organizations: Connection[Organization] | None = query_field(
        "list",
        "The organizations that the token has access to, sorted by slug. A token belongs to one organization.",
        None,
        paging_arguments(),
    )


QUERY = OrganizationQuery

NODES = (Organization,)
