"""The nodes of the graph: each field says what it is bound to, and its description is the public documentation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.history import MESSAGES
from gql_releases.domain.history import CommitStatus as CommitStatusOf
from gql_releases.domain.notes import SHOWN_COMMITS, notes_from_commits
from gql_releases.domain.paging import Order
from gql_releases.graphql_api.bindings import (
    Arguments,
    Written,
    argument,
    column,
    compared,
    embedded,
    node_id,
    objects,
    picked,
    to_many,
    to_one,
    written,
)
from gql_releases.graphql_api.connections import Connection, Node
from gql_releases.graphql_api.filters import RELEASE_LIST, ReleaseStatus
from gql_releases.graphql_api.names import commit_condition
from gql_releases.graphql_api.scalars import BigInt, JSONObject


def _status(code: str) -> Any:
    return strawberry.enum_value(code, description=MESSAGES[CommitStatusOf(code)])


@strawberry.enum(description="What a commit did to a file.")
class FileChangeType(Enum):
    """A, M and D of git."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@strawberry.enum(description="How far a deploy is.")
class DeployStatus(Enum):
    """The domain's status."""

    QUEUED = strawberry.enum_value("QUEUED", description="It waits to begin.")
    STARTED = strawberry.enum_value("STARTED", description="It goes on.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="It ended well: its release runs in the environment.")
    FAILED = strawberry.enum_value("FAILED", description="It ended and changed nothing.")
    ROLLED_BACK = strawberry.enum_value("ROLLED_BACK", description="It was undone: what ran before runs again.")


@strawberry.enum(
    description="Whether the commits of a release are all there, in one word; each is worse than those before it."
)
class CommitStatusCode(Enum):
    """The domain's status."""

    COMPLETE = _status("COMPLETE")
    BY_TIME = _status("BY_TIME")
    HEAD_UNLISTED = _status("HEAD_UNLISTED")
    TOO_LONG = _status("TOO_LONG")
    AMBIGUOUS = _status("AMBIGUOUS")
    GAP = _status("GAP")
    PREVIOUS_UNKNOWN = _status("PREVIOUS_UNKNOWN")
    HEAD_UNKNOWN = _status("HEAD_UNKNOWN")
    ORIGIN_AMBIGUOUS = _status("ORIGIN_AMBIGUOUS")
    NO_COMMITS = _status("NO_COMMITS")


@strawberry.enum(description="Whether an upstream has all of a release.")
class UpstreamState(Enum):
    """The domain's state."""

    PENDING = strawberry.enum_value("PENDING", description="Something waits to be sent, or to be sent again.")
    SENT = strawberry.enum_value("SENT", description="All has arrived.")
    FAILED = strawberry.enum_value("FAILED", description="The upstream refused something; what came after it waits.")


def _given(*names: str) -> Callable[[Arguments], Conditions]:
    """Make the function that gives those of some arguments that say something, as conditions."""
    return lambda given: tuple((name, given[name]) for name in names if given.get(name) is not None)


def _containing(given: Arguments) -> Conditions:
    return commit_condition(given["commit"]), *_given("repository")(given)


def _version_of(side: str) -> Callable[[Arguments], Conditions]:
    return lambda given: (("version", given[side]),)


def _between(given: Arguments) -> Conditions:
    return (("between", (given["project"], given["base"], given["head"])),)


def _compared_list(attribute: str, description: str, order: Order) -> Any:
    return to_many(attribute, description, order, inherits=True)


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
    release_containing: Release | None = picked(
        "release_containing",
        "The first release that has a commit: the one that brought it.",
        _containing,
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
    compare: ReleaseComparison | None = compared(
        "compared_head",
        "What lies between two releases of a project. `base` must not be the later one: INVALID_ARGUMENT.",
        [
            argument("project", str, "The project's slug; PROJECT_NOT_FOUND if there is none."),
            argument("base", str, "The version of the earlier release, which is not part of it; else RELEASE_NOT_FOUND."),
            argument("head", str, "The version of the later release, which is; else RELEASE_NOT_FOUND."),
        ],
        _between,
        "Release",
    )


@strawberry.type(description="What lies between two releases of a project: the releases after the one, up to the other.")
class ReleaseComparison:
    """A comparison; releases stand in the order of their dates, of release or else of creation."""

    base: Release | None = picked("release_of_version", "The earlier release.", _version_of("base"))
    head: Release | None = picked("release_of_version", "The later release.", _version_of("head"))
    releases: Connection[Release] | None = _compared_list(
        "compared_releases",
        "The releases in between, with the later one, the newest first.",
        Order("date_shown", descending=True),
    )
    commits: Connection[Commit] | None = _compared_list(
        "compared_commits",
        "The commits of these releases, by their position in a release, then by repository and sha.",
        Order("place"),
    )
    authors: Connection[CommitAuthor] | None = _compared_list(
        "compared_authors", "Who wrote these commits, by e-mail address.", Order("email")
    )
    file_changes: Connection[FileChange] | None = _compared_list(
        "compared_file_changes", "The paths that these commits touched, by path.", Order("path")
    )
    deploys: Connection[Deploy] | None = _compared_list(
        "compared_deploys",
        "The deploys of these releases, the last finished first.",
        Order("finish_order", descending=True),
    )


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
    latest_release: Release | None = picked(
        "latest_release",
        "Its newest release by date, of release or else of creation; with an environment, the one that runs there now.",
        _given("environment"),
        [argument("environment", str | None, "The environment's name; ENVIRONMENT_NOT_FOUND if there is none.")],
    )


@strawberry.type(description="Where commits come from, known by its name.")
class Repository(Node):
    """A repository."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The repository's name, unique in its organization, as commits gave it.")
    date_created: datetime = column("date_created", "When it was first named.")
    organization: Organization = to_one("organization", "Whose repository it is.")


@strawberry.type(description="Where releases are deployed to, known by its name.")
class Environment(Node):
    """An environment."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The environment's name, unique in its organization.")
    date_created: datetime = column("date_created", "When it was first named.")
    organization: Organization = to_one("organization", "Whose environment it is.")
    current: Connection[CurrentDeploy] | None = to_many(
        "current", "What runs here now: the last successful deploy of each project.", Order("id")
    )
    deploys: Connection[Deploy] | None = to_many(
        "deploys",
        "What was put here, the last finished first; what goes on is before them.",
        Order("finish_order", descending=True),
    )


@strawberry.type(description="What a project runs in an environment now.")
class CurrentDeploy(Node):
    """A project in an environment; its id stays when another deploy takes the place."""

    id: strawberry.ID = node_id()
    environment: Environment = to_one("environment", "Where.")
    project: Project = to_one("project", "Which project.")
    deploy: Deploy = to_one("deploy", "The last successful deploy.")
    release: Release = to_one("release", "What it put there.")


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
    version: VersionNumbers = embedded("", "The version's numbers.")
    description: str = column("description", "The version for people, as 1.4.0 (77).")
    build_hash: str | None = column("build_hash", "The commit hash that the version carries.")


@strawberry.type(description="Whether commits are all there, and if not, why: for machines and for people.")
class CommitStatus:
    """A status and its sentence."""

    code: CommitStatusCode = column("commit_status", "The status in one word.")
    message: str = column("commit_status", "What it means, and what to do.", lambda code: MESSAGES[CommitStatusOf(code)])


@strawberry.type(description="A version of some projects, with the commits that it is made of and where it was deployed.")
class Release(Node):
    """A release."""

    id: strawberry.ID = node_id()
    version: str = column("version", "The version, unique in its organization.")
    short_version: str = column("version", "The version as Sentry's API repeats it; equal to `version`.")
    version_info: VersionInfo | None = embedded("description", "What the version says; null if it cannot be parsed.")
    ref: str | None = column("ref", "What the release was built from: a commit, a branch, a tag.")
    url: str | None = column("url", "Where people find more about the release.")
    status: ReleaseStatus = column("status", "Whether it is listed by default.")
    date_created: datetime = column("date_created", "When the store first heard of it.")
    date_released: datetime | None = column("date_released", "When it was released; null until it is finalized.")
    commit_count: int = column("commit_count", "How many commits it has.")
    commit_status: CommitStatus = embedded(
        "", "Whether its commits are all there, and why not: the worst of what its head commits say."
    )
    deploy_count: int = column("deploy_count", "How many deploys it has.")
    notes: str | None = written(
        Written("notes", "commits", "Commit", SHOWN_COMMITS, ("sha", "message"), notes_from_commits),
        "Release notes in Markdown; where nobody wrote some, a list made from the commits.",
    )
    metadata: JSONObject | None = column("metadata_json", "What its maker says of it, as JSON.", orjson.Fragment)
    organization: Organization = to_one("organization", "Whose release it is.")
    previous: Release | None = picked(
        "previous",
        "The release of a project that came before this one, by date of release or else of creation.",
        _given("project"),
        [argument("project", str, "The slug of a project that both are releases of; else PROJECT_NOT_FOUND.")],
    )
    upstream: Upstream | None = picked(
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


@strawberry.type(description="A commit of a repository.")
class Commit(Node):
    """A commit; one that is known only as a head has a sha and nothing more."""

    id: strawberry.ID = node_id()
    sha: str = column("sha", "The commit's hash, or whatever names it in its repository.")
    message: str | None = column("message", "The commit's message; null where only its hash is known.")
    timestamp: datetime | None = column("timestamp", "When it was made; null where only its hash is known.")
    repository: Repository = to_one("repository", "The repository that it belongs to.")
    author: CommitAuthor | None = to_one("author", "Who wrote it.")
    file_changes: Connection[FileChange] | None = to_many(
        "file_changes", "The paths that it touched, by path.", Order("path")
    )
    releases: Connection[Release] | None = to_many("releases", "The releases that it is part of.", Order("release_id"))


@strawberry.type(description="Who wrote commits, known by an e-mail address.")
class CommitAuthor(Node):
    """An author."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The author's name, as the last commit that said one has it.")
    email: str = column("email", "The author's e-mail address, in lower case.")


@strawberry.type(description="A path that a commit touched.")
class FileChange(Node):
    """A file change."""

    id: strawberry.ID = node_id()
    path: str = column("path", "The file's path in its repository.")
    type: FileChangeType = column("type", "What was done to it.")
    commit: Commit = to_one("commit", "The commit that touched it.")


@strawberry.type(description="The newest commit of one repository in a release.")
class HeadCommit(Node):
    """A head."""

    id: strawberry.ID = node_id()
    repository: Repository = to_one("repository", "The repository.")
    commit: Commit = to_one("commit", "Its newest commit.")
    previous_sha: str | None = column("previous_sha", "The last commit before the release's range, if it was said.")
    commit_status: CommitStatus = embedded(
        "", "Whether the release's commits of this repository are all there, and why not."
    )
    known_until: str | None = column(
        "known_until", "The sha where the known line ends on the way from head to previous; null where it does not."
    )


@strawberry.type(description="A link that belongs to a deploy, as to a log or a ticket.")
class DeployLink:
    """A named URL."""

    name: str = strawberry.field(description="What the link is called.")
    url: str = strawberry.field(description="Where it leads.")


@strawberry.type(description="A release put into an environment.")
class Deploy(Node):
    """A deploy."""

    id: strawberry.ID = node_id()
    name: str | None = column("name", "The deploy's name.")
    url: str | None = column("url", "Where people find more about it.")
    date_started: datetime | None = column("date_started", "When it began.")
    date_finished: datetime | None = column("date_finished", "When it ended; null while it has not.")
    date_created: datetime = column("date_created", "When the store first heard of it.")
    status: DeployStatus = column("status", "How far it is.")
    external_id: str | None = column("external_id", "The deployer's own name for it, unique in a project.")
    comment: str | None = column("comment", "What people should know about it.")
    links: list[DeployLink] = objects("links", "Where people find more about it.")
    environment: Environment = to_one("environment", "Where the release was put.")
    previous_release: Release | None = to_one(
        "previous_release", "What ran there before, when this deploy was made or succeeded."
    )
    release: Release = to_one("release", "What was put there.")
    projects: Connection[Project] | None = to_many("projects", "The projects that were deployed.", Order("project_id"))


@strawberry.type(description="A credential, without its secret.")
class Token(Node):
    """A token."""

    id: strawberry.ID = node_id()
    name: str = column("name", "What the token is for.")
    hint: str = column("hint", "The last characters of its secret, to tell tokens apart.")
    scopes: list[str] = column("scopes", "What it may do, in Sentry's words, as project:releases.", str.split)
    date_created: datetime = column("date_created", "When it was made.")
    expires_at: datetime | None = column("expires_at", "When it stops working; null for never.")
    last_used_at: datetime | None = column("last_used_at", "When it was last used, to the minute.")


@strawberry.type(description="Who asks.")
class Viewer:
    """The holder of the token that came with the request."""

    token: Token = to_one("token", "The token that came with the request.")
    organizations: Connection[Organization] | None = to_many(
        "organizations", "The organizations that the token opens, by slug.", Order("slug")
    )


NODES = [
    Organization, Project, Repository, Environment, Release, Commit, CommitAuthor, FileChange, HeadCommit, Deploy,
    CurrentDeploy, Token,
]  # fmt: skip
"""Every type with an id."""
