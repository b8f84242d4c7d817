"""The comparison of two releases of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    reference_field,
    to_many,
)
from gql_releases.graphql_api.execution.connections import Connection
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.commit import Commit, CommitAuthor, FileChange
    from gql_releases.graphql_api.schema.deploy import Deploy
    from gql_releases.graphql_api.schema.release import Release
else:
    Release = lazy_type("Release", "release")
    Commit = lazy_type("Commit", "commit")
    CommitAuthor = lazy_type("CommitAuthor", "commit")
    FileChange = lazy_type("FileChange", "commit")
    Deploy = lazy_type("Deploy", "deploy")


def version_conditions(side: str) -> Callable[[Arguments], Conditions]:
    """Return a function that makes the condition for the release of one side of a comparison."""
    return lambda arguments: (("version", arguments[side]),)


def compared_list(attribute: str, description: str, order: Order) -> Any:
    """Declare a list of what lies between two releases."""
    return to_many(attribute, description, order, inherits=True)


@strawberry.type(
    description=(
        "What changed between two releases of a project: everything of the releases after `base`, up to and "
        "including `head`. Releases are ordered by `dateReleased`, or by `dateCreated` for those without."
    )
)
class ReleaseComparison:
    """A comparison of two releases."""

    base: Release | None = reference_field(
        "release_of_version", "The earlier release; its own changes are not included.", version_conditions("base")
    )
    head: Release | None = reference_field(
        "release_of_version", "The later release; its changes are included.", version_conditions("head")
    )
    releases: Connection[Release] | None = compared_list(
        "compared_releases",
        "The releases after `base`, up to and including `head`, newest first.",
        Order("date_shown", descending=True),
    )
    commits: Connection[Commit] | None = compared_list(
        "compared_commits",
        "The commits of these releases, sorted by their position in a release, then by repository and sha.",
        Order("place"),
    )
    authors: Connection[CommitAuthor] | None = compared_list(
        "compared_authors", "The authors of these commits, sorted by e-mail address.", Order("email")
    )
    file_changes: Connection[FileChange] | None = compared_list(
        "compared_file_changes",
        "The file changes of these commits, sorted by path: an item for each commit and file.",
        Order("path"),
    )
    deploys: Connection[Deploy] | None = compared_list(
        "compared_deploys",
        "The deploys of these releases: unfinished ones first, then the last finished first.",
        Order("finish_order", descending=True),
    )
