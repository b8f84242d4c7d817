"""Arguments that identify an issue: by id or by short id."""

from __future__ import annotations

import strawberry

from gql_releases.domain.events.issue_change import IssueKey
from gql_releases.graphql_api.execution.bindings import Arguments
from gql_releases.graphql_api.schema.fields import id_of_entity, optional_field, required_field


@strawberry.input(description="The natural key of an issue.")
class IssueByKey:
    """The natural key of an issue."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    short_id: str = required_field("The issue's short id in upper or lower case, such as `WEB-12`.")


@strawberry.input(
    one_of=True,
    description="Identifies an issue by `id` or by `key`: give exactly one. ISSUE_NOT_FOUND if it does not exist.",
)
class IssueBy:
    """An issue by id or by natural key."""

    id: strawberry.ID | None = optional_field("The issue's global id (`Issue.id`).")
    key: IssueByKey | None = optional_field("The issue's organization and short id.")


def issue_key(by: Arguments) -> IssueKey:
    """Return the domain's key of a coerced IssueBy; an id of another type finds nothing."""
    if by.get("id") is not None:
        return IssueKey(id=id_of_entity("Issue", by["id"]))
    return IssueKey(organization=by["key"]["organization"], short_id=by["key"]["short_id"])
