"""Arguments that identify a release: by id or by natural key."""

from __future__ import annotations

import strawberry

from gql_releases.domain.release import ReleaseKey
from gql_releases.graphql_api.execution.bindings import Arguments
from gql_releases.graphql_api.execution.scalars import from_global_id
from gql_releases.graphql_api.schema.fields import optional_field, required_field


@strawberry.input(description="The natural key of a release.")
class ReleaseByKey:
    """The natural key of a release."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; in mutations ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    version: str = required_field("The release's version, such as `web@1.4.0+77`.")


@strawberry.input(one_of=True, description="Identifies a release by `id` or by `key`: give exactly one.")
class ReleaseBy:
    """A release by id or by natural key."""

    id: strawberry.ID | None = optional_field("The release's global id (`Release.id`).")
    key: ReleaseByKey | None = optional_field("The release's organization and version.")


def release_key(by: Arguments) -> ReleaseKey:
    """Return the domain's key of a coerced ReleaseBy; an id of another type finds nothing."""
    if by.get("id") is not None:
        entity, key = from_global_id(by["id"]) or ("", -1)
        return ReleaseKey(id=key if entity == "Release" else -1)
    return ReleaseKey(organization=by["key"]["organization"], version=by["key"]["version"])
