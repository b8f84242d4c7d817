"""Releases: the type, its version and upstream, and the query."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.notes import SHOWN_COMMITS, notes_from_commits
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    GeneratedText,
    argument,
    column,
    embedded_field,
    generated_text,
    node_id,
    query_field,
    reference_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.scalars import BigInt, JSONObject, from_global_id
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.commit import CommitStatus
from gql_releases.graphql_api.schema.fields import given_arguments, optional_field, required_field
from gql_releases.graphql_api.schema.release_filters import ReleaseStatus

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.commit import Commit, CommitAuthor, HeadCommit
    from gql_releases.graphql_api.schema.deploy import Deploy
    from gql_releases.graphql_api.schema.organization import Organization
    from gql_releases.graphql_api.schema.project import Project
else:
    Organization = lazy_type("Organization", "organization")
    Project = lazy_type("Project", "project")
    Commit = lazy_type("Commit", "commit")
    CommitAuthor = lazy_type("CommitAuthor", "commit")
    HeadCommit = lazy_type("HeadCommit", "commit")
    Deploy = lazy_type("Deploy", "deploy")


@strawberry.enum(description="Whether an upstream has all of a release.")
class UpstreamState(Enum):
    """The domain's state."""

    PENDING = strawberry.enum_value("PENDING", description="Something waits to be sent, or to be sent again.")
    SENT = strawberry.enum_value("SENT", description="All has arrived.")
    FAILED = strawberry.enum_value("FAILED", description="The upstream refused something; what came after it waits.")


@strawberry.type(description="The numbers that a version is made of; null where it does not follow the grammar.")
class VersionNumbers:
    """The part of a version after the package."""

    raw: str = column("raw", "The version without its package.")
    major: BigInt | None = column("major", "The first number.", int)
    minor: BigInt | None = column("minor", "The second number; 0 where it is not written.", int)
    patch: BigInt | None = column("patch", "The third number; 0 where it is not written.", int)
    pre: str | None = column("pre", "The pre-release, as rc1 in 1.0-rc1.")
    build_code: str | None = column("build_code", "What follows the plus sign.")
    components: int | None = column("components", "How many numbers are written, 1 to 4.")


@strawberry.type(description="What a release's version says.")
class VersionInfo:
    """A parsed version."""

    package: str | None = column("package", "What stands before the @.")
    version: VersionNumbers = embedded_field("", "The version's numbers.")
    description: str = column("description", "The version for people, as 1.4.0 (77).")
    build_hash: str | None = column("build_hash", "The commit hash that the version carries.")


@strawberry.type(description="A version of some projects, with the commits that it is made of and where it was deployed.")
class Release(Node):
    """A release."""

    id: strawberry.ID = node_id()
    version: str = column("version", "The version, unique in its organization.")
    short_version: str = column("version", "The version as Sentry's API repeats it; equal to `version`.")
    version_info: VersionInfo | None = embedded_field("description", "What the version says; null if it cannot be parsed.")
    ref: str | None = column("ref", "What the release was built from: a commit, a branch, a tag.")
    url: str | None = column("url", "Where people find more about the release.")
    status: ReleaseStatus = column("status", "Whether it is listed by default.")
    date_created: datetime = column("date_created", "When the store first heard of it.")
    date_released: datetime | None = column("date_released", "When it was released; null until it is finalized.")
    commit_count: int = column("commit_count", "How many commits it has.")
    commit_status: CommitStatus = embedded_field(
        "", "Whether its commits are all there, and why not: the worst of what its head commits say."
    )
    deploy_count: int = column("deploy_count", "How many deploys it has.")
    notes: str | None = generated_text(
        GeneratedText("notes", "commits", "Commit", SHOWN_COMMITS, ("sha", "message"), notes_from_commits),
        "Release notes in Markdown; where nobody wrote some, a list made from the commits.",
    )
    metadata: JSONObject | None = column("metadata_json", "What its maker says of it, as JSON.", orjson.Fragment)
    organization: Organization = to_one("organization", "Whose release it is.")
    previous: Release | None = reference_field(
        "previous",
        "The release of a project that came before this one, by date of release or else of creation.",
        given_arguments("project"),
        [argument("project", str, "The slug of a project that both are releases of; else PROJECT_NOT_FOUND.")],
    )
    upstream: Upstream | None = reference_field(
        "upstream",
        "How far it has been sent on to the organization's upstream; null where nothing of it ever was.",
        lambda given: (),
    )
    last_commit: Commit | None = to_one(
        "last_commit", "Its newest commit: the first of each repository's, and of these the last by time."
    )
    last_deploy: Deploy | None = to_one("last_deploy", "The deploy that was recorded last.")
    projects: Connection[Project] | None = to_many("projects", "The projects that it is a release of.", Order("project_id"))
    commits: Connection[Commit] | None = to_many("commits", "Its commits, the newest first.", Order("position"))
    authors: Connection[CommitAuthor] | None = to_many(
        "authors", "Who wrote its commits, whose newest commit is the newest first.", Order("position")
    )
    head_commits: Connection[HeadCommit] | None = to_many(
        "head_commits", "The newest commit of each repository.", Order("id")
    )
    deploys: Connection[Deploy] | None = to_many(
        "deploys",
        "Its deploys, the last finished first; what goes on is before them.",
        Order("finish_order", descending=True),
    )


@strawberry.type(description="How far a release has been sent on to the Sentry that its organization forwards to.")
class Upstream:
    """A release's queue."""

    state: UpstreamState = column("state", "Whether the upstream has all of the release.")
    attempts: int = column("attempts", "How often the request was tried that is sent now, or was the last.")
    last_error: str | None = column("last_error", "Why the last attempt did not succeed; null where it did.")


@strawberry.input(description="A release by what people know it by.")
class ReleaseByKey:
    """The natural key of a release."""

    organization: str = required_field("The organization's slug.")
    version: str = required_field("The version.")


@strawberry.input(one_of=True, description="Names a release: by its id or by its key.")
class ReleaseBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional_field("The release's id.")
    key: ReleaseByKey | None = optional_field("The release's organization and version.")


def release_key(by: Arguments) -> ReleaseKey:
    """Turn a coerced ReleaseBy into the domain's key; an id that is no release's leads nowhere."""
    if by.get("id") is not None:
        entity, key = from_global_id(by["id"]) or ("", -1)
        return ReleaseKey(id=key if entity == "Release" else -1)
    return ReleaseKey(organization=by["key"]["organization"], version=by["key"]["version"])


def _find_release_by(arguments: Arguments, principal: Principal) -> Conditions | None:
    key = release_key(arguments["by"])
    if key.organization is not None and key.organization != principal.organization_slug:
        return None
    return key.conditions()


@strawberry.type
class ReleaseQuery:
    """Queries of releases."""

    release: Release | None = query_field(
        "one",
        "The release with this id or key; null if there is none that the token opens.",
        _find_release_by,
        [argument("by", ReleaseBy, "Which release.")],
    )


QUERY = ReleaseQuery

NODES = (Release,)
