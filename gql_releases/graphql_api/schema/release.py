"""Releases: the type, its version and upstream, and the root field that reads one."""

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
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    GeneratedText,
    argument,
    column,
    comparison_field,
    embedded_field,
    generated_text,
    node_id,
    query_field,
    reference_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.scalars import BigInt, JSONObject
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.commit import CommitStatus
from gql_releases.graphql_api.schema.fields import given_arguments, optional_field
from gql_releases.graphql_api.schema.issue import INTRODUCED_ISSUES, NEW_PATHS, RELEASE_ISSUES
from gql_releases.graphql_api.schema.release_by import ReleaseBy, release_key
from gql_releases.graphql_api.schema.release_file import RELEASE_FILE_LIST
from gql_releases.graphql_api.schema.release_filters import ReleaseStatus
from gql_releases.graphql_api.schema.release_health import HEALTH_ARGUMENTS, ReleaseHealth

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.artifact_bundle import ArtifactBundle, ReleaseArtifacts
    from gql_releases.graphql_api.schema.commit import Commit, CommitAuthor, HeadCommit
    from gql_releases.graphql_api.schema.deploy import Deploy
    from gql_releases.graphql_api.schema.issue import Issue, ReleaseIssue
    from gql_releases.graphql_api.schema.organization import Organization
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release_file import ReleaseFile
else:
    ArtifactBundle = lazy_type("ArtifactBundle", "artifact_bundle")
    ReleaseArtifacts = lazy_type("ReleaseArtifacts", "artifact_bundle")
    ReleaseFile = lazy_type("ReleaseFile", "release_file")
    Organization = lazy_type("Organization", "organization")
    Project = lazy_type("Project", "project")
    Commit = lazy_type("Commit", "commit")
    CommitAuthor = lazy_type("CommitAuthor", "commit")
    HeadCommit = lazy_type("HeadCommit", "commit")
    Deploy = lazy_type("Deploy", "deploy")
    Issue = lazy_type("Issue", "issue")
    ReleaseIssue = lazy_type("ReleaseIssue", "issue")


@strawberry.enum(description="Whether a release has been forwarded to the organization's Sentry.")
class UpstreamState(Enum):
    """The state of the domain, by name."""

    PENDING = strawberry.enum_value("PENDING", description="A request is waiting to be sent, or to be retried.")
    SENT = strawberry.enum_value("SENT", description="All requests have arrived.")
    FAILED = strawberry.enum_value(
        "FAILED",
        description="Sentry refused a request; the release's later requests wait until an operator retries or skips it.",
    )


@strawberry.enum(description="What made a release known.")
class ReleaseOrigin(Enum):
    """The origin, as the store has it."""

    CLIENT = strawberry.enum_value("CLIENT", description="A client created, finalized or deployed it, such as CI.")
    EVENT = strawberry.enum_value(
        "EVENT", description="An event or a session named it, and no client has created it: `latestRelease` leaves it out."
    )


@strawberry.type(
    description=(
        "The parts of a version, such as 1.4.0 and 77 in `web@1.4.0+77`. Numbers are null unless the version "
        "has the form `package@major.minor.patch-pre+build`."
    )
)
class VersionNumbers:
    """The parts of a version after the package."""

    raw: str = column("raw", "The version without its package, such as `1.4.0+77` in `web@1.4.0+77`.")
    major: BigInt | None = column("major", "The first number, such as 1 in `web@1.4.2`.", int)
    minor: BigInt | None = column(
        "minor", "The second number, such as 4 in `web@1.4.2`; 0 if it is left out, as in `web@1`.", int
    )
    patch: BigInt | None = column(
        "patch", "The third number, such as 2 in `web@1.4.2`; 0 if it is left out, as in `web@1.4`.", int
    )
    pre: str | None = column("pre", "The pre-release, such as `rc.1` in `web@2.0.0-rc.1`; null if there is none.")
    build_code: str | None = column(
        "build_code", "The part after the plus sign, such as `77` in `web@1.4.0+77`; null if there is none."
    )
    components: int | None = column("components", "How many numbers the version has, 1 to 4: 2 for `web@1.4`.")


@strawberry.type(description="What can be parsed out of a release's version, by the rules of Sentry.")
class VersionInfo:
    """A parsed version."""

    package: str | None = column("package", "The part before the @, such as `web` in `web@1.4.0+77`; null if there is none.")
    version: VersionNumbers = embedded_field("", "The numbers and other parts of the version.")
    description: str = column("description", "The version for display, such as `1.4.0 (77)` for `web@1.4.0+77`.")
    build_hash: str | None = column(
        "build_hash",
        "The commit hash in the version, if its build or the whole version is one: 12, 16, 20, 32, 40 or 64 hex digits.",
    )


@strawberry.type(description="A version of one or more projects, with its commits, heads, deploys and dates.")
class Release(Node):
    """A release."""

    id: strawberry.ID = node_id()
    version: str = column("version", "The version, unique in the organization, such as `web@1.4.0+77`.")
    short_version: str = column("version", "The same as `version`, under the name that Sentry's API uses.")
    version_info: VersionInfo | None = embedded_field("description", "The parsed version; null if nothing can be parsed.")
    ref: str | None = column(
        "ref", "What the release was built from: a branch, a tag or a commit, such as `main`; null if it was not sent."
    )
    url: str | None = column("url", "A page about the release, such as the CI run; null if it was not sent.")
    status: ReleaseStatus = column("status", "OPEN or ARCHIVED.")
    date_created: datetime = column("date_created", "When the release was created here.")
    date_released: datetime | None = column("date_released", "When the release was finalized; null until then.")
    commit_count: int = column("commit_count", "The number of commits.")
    commit_status: CommitStatus = embedded_field(
        "", "Whether all commits of the release are known, and if not, why: the worst status of its `headCommits`."
    )
    deploy_count: int = column("deploy_count", "The number of deploys.")
    notes: str | None = generated_text(
        GeneratedText("notes", "commits", "Commit", SHOWN_COMMITS, ("sha", "message"), notes_from_commits),
        "Release notes in Markdown. If none were set, a list of the newest 100 commits, such as `- Fix the "
        "total (6ba09a7)`; null if there are none either. Costs 100.",
    )
    metadata: JSONObject | None = column(
        "metadata_json",
        'The JSON object that was set with the release, such as {"pipeline": 4711}; null if none was.',
        orjson.Fragment,
    )
    organization: Organization = to_one("organization", "The organization that the release belongs to.")
    previous: Release | None = reference_field(
        "previous",
        "The release of a project before this one, by `dateReleased`, or by `dateCreated` for one without; "
        "null if this is the first.",
        given_arguments("project"),
        [
            argument(
                "project",
                str,
                "The slug of a project of the release, such as `web`; PROJECT_NOT_FOUND if it does not exist.",
            )
        ],
    )
    upstream: Upstream | None = reference_field(
        "upstream",
        "How far the release has been forwarded to the organization's Sentry; null if nothing of it was.",
        lambda arguments: (),
    )
    last_commit: Commit | None = to_one(
        "last_commit", "The newest commit. With several repositories: of the first commit of each, the newest by timestamp."
    )
    last_deploy: Deploy | None = to_one("last_deploy", "The deploy that was recorded last; null if there is none.")
    projects: Connection[Project] | None = to_many(
        "projects", "The projects that the release belongs to, the first created first.", Order("project_id")
    )
    commits: Connection[Commit] | None = to_many("commits", "The commits of the release, newest first.", Order("position"))
    authors: Connection[CommitAuthor] | None = to_many(
        "authors", "The authors of the commits, each once; the author of the newest commit first.", Order("position")
    )
    head_commits: Connection[HeadCommit] | None = to_many("head_commits", "The head commit of each repository.", Order("id"))
    deploys: Connection[Deploy] | None = to_many(
        "deploys",
        "The deploys of the release: unfinished ones first, then the last finished first.",
        Order("finish_order", descending=True),
    )
    files: Connection[ReleaseFile] | None = to_many(
        "files",
        "The files that were uploaded to the release by themselves, sorted by name. Uploads of `sentry-cli sourcemaps` and "
        "of bundler plugins are in `artifactBundles`.",
        **RELEASE_FILE_LIST,
    )
    artifact_bundles: Connection[ArtifactBundle] | None = to_many(
        "artifact_bundles",
        "The artifact bundles that were uploaded for the release's version, the last modified first, also those uploaded "
        "before the release was created.",
        Order("date_modified", descending=True),
    )
    artifacts: ReleaseArtifacts | None = reference_field(
        "artifacts",
        "Totals of the files that were uploaded for the release's version; null if there was no upload.",
        lambda arguments: (),
    )
    origin: ReleaseOrigin = column("origin", "Whether a client created the release, or an event named it first.")
    first_event: datetime | None = column(
        "first_event", "The time of the first event of the release; null if there was none. Sessions do not count."
    )
    last_event: datetime | None = column("last_event", "The time of the last event of the release; null if there was none.")
    event_count: BigInt = column("event_count", "The number of events of the release.")
    new_issue_count: int = column(
        "new_issue_count",
        "The number of issues whose first received event was of this release, new paths too: `newGroups` of Sentry's API.",
    )
    introduced_issues: Connection[Issue] | None = to_many(
        "introduced_issues",
        "What the release broke: the issues that it introduced, without new paths to older ones; by default the most "
        "frequent first.",
        **INTRODUCED_ISSUES,
    )
    new_paths: Connection[Issue] | None = to_many(
        "introduced_issues",
        "Issues that the release introduced, whose error is that of an older issue reached on a new path: by another "
        "caller. The most frequent first.",
        **NEW_PATHS,
    )
    regressed_issues: Connection[Issue] | None = to_many(
        "regressed_issues",
        "Issues that were resolved and came back with this release, the newest issue first.",
        Order("id", descending=True),
    )
    fixed_issues: Connection[Issue] | None = to_many(
        "fixed_issues",
        "Issues that this release resolves, the newest issue first. One that came back has the status UNRESOLVED.",
        Order("id", descending=True),
    )
    issues: Connection[ReleaseIssue] | None = to_many(
        "issues",
        "All issues with an event of this release, each with what was counted in it; the last seen first.",
        **RELEASE_ISSUES,
    )
    health: ReleaseHealth | None = comparison_field(
        "with_sessions",
        "Whether it is healthy: its sessions and users, and how many of them had a crash. Null if it has no sessions.",
        HEALTH_ARGUMENTS,
        given_arguments("environment", "project"),
    )


@strawberry.type(
    description=("How far a release has been forwarded to the Sentry server of its organization. See docs/forwarding.md.")
)
class Upstream:
    """The queue of a release's requests to the upstream."""

    state: UpstreamState = column("state", "Whether all of the release has arrived.")
    attempts: int = column("attempts", "How many times the current request, or the last one, was sent.")
    last_error: str | None = column("last_error", "Why the last attempt failed; null if it succeeded.")


@strawberry.input
class ReleaseFieldsInput:
    """The fields of RELEASE_FIELDS, which all inputs of a release have."""

    ref: str | None = optional_field(
        "What it was built from: a branch, a tag or a commit, such as `main`; at most 200 characters."
    )
    url: str | None = optional_field(
        "A page about the release, such as the CI run; at most 200 characters, INVALID_URL if it is no URL."
    )
    date_released: datetime | None = optional_field(
        "When it was released. A new release without it is not finalized (see `finalizeRelease`); in updateRelease, null "
        "makes it unreleased again."
    )
    status: ReleaseStatus | None = optional_field("OPEN (default) or ARCHIVED.")
    notes: str | None = optional_field(
        "Release notes in Markdown, at most 65,536 characters; in updateRelease, null returns to notes made from the "
        "commits."
    )
    metadata: JSONObject | None = optional_field(
        'Any JSON object of at most 16 KiB, such as {"pipeline": 4711}; in updateRelease, it replaces the existing one '
        "as a whole."
    )


def _find_release_by(arguments: Arguments, principal: Principal) -> Conditions | None:
    key = release_key(arguments["by"])
    if key.organization is not None and key.organization != principal.organization_slug:
        return None
    return key.conditions()


@strawberry.type
class ReleaseQuery:
    """Root fields that read releases."""

    release: Release | None = query_field(
        "one",
        "The release with this id or key; null if it does not exist or the token has no access to it. Needs "
        "project:read or a scope that writes releases (else FORBIDDEN).",
        _find_release_by,
        [argument("by", ReleaseBy, 'The release, such as {key: {organization: "acme", version: "web@1.4.0+77"}}.')],
    )


QUERY = ReleaseQuery

NODES = (Release,)
