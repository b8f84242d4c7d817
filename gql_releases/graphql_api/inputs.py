"""What mutations take. Python names are the domain's: a coerced input is read by the domain's own rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.commit import ChangeType
from gql_releases.graphql_api.coercing import SPELLED
from gql_releases.graphql_api.filters import ReleaseStatus
from gql_releases.graphql_api.scalars import JSONObject
from gql_releases.graphql_api.types import DeployStatus, FileChangeType


def given(description: str, name: str | None = None, spelled: Callable[[Any], Any] | None = None) -> Any:
    """Declare a field that must be given; `spelled` makes of its value what the domain reads."""
    return strawberry.field(description=description, name=name, metadata={SPELLED: spelled} if spelled else None)


def optional(description: str, name: str | None = None) -> Any:
    """Declare a field that may be left out; left out is not null."""
    return strawberry.field(description=description, name=name, default=strawberry.UNSET)


@strawberry.input(description="A release by what people know it by.")
class ReleaseByKey:
    """The natural key of a release."""

    organization: str = given("The organization's slug.")
    version: str = given("The version.")


@strawberry.input(one_of=True, description="Names a release: by its id or by its key.")
class ReleaseBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional("The release's id.")
    key: ReleaseByKey | None = optional("The release's organization and version.")


@strawberry.input(description="A path that a commit touched.")
class FileChangeInput:
    """A file change."""

    path: str = given("The file's path in its repository, at most 510 characters.")
    type: FileChangeType = given("What was done to it.", spelled=lambda said: ChangeType(said).letter)


@strawberry.input(description="A commit; what is left out keeps what the store knows of it.")
class CommitInput:
    """A commit."""

    sha: str = given("The commit's hash, at most 64 characters.")
    repository: str | None = optional("The name of its repository, which is made if it is new.")
    message: str | None = optional("Its message; a commit that says #skipsentry is left out.")
    author_name: str | None = optional("Who wrote it.")
    author_email: str | None = optional("The author's e-mail address, which tells authors apart.")
    timestamp: datetime | None = optional("When it was made.")
    file_changes: list[FileChangeInput] | None = optional("The paths that it touched.")


@strawberry.input(description="The newest commit of a repository.")
class RefInput:
    """A ref."""

    repository: str = given("The name of the repository, which must be known.")
    sha: str = given("The commit's hash, or a range `previous..commit`.", name="commit")
    previous_sha: str | None = optional("The last commit before the range.", name="previousCommit")


@strawberry.input(description="A release to be created, or touched where its version is known.")
class CreateReleaseInput:
    """A creation."""

    organization: str = given("The organization's slug.")
    version: str = given("The version, at most 200 characters, without slashes, tabs and line breaks.")
    projects: list[str] = given("Slugs or numeric ids of projects; added to those of a known release.")
    ref: str | None = optional("What it was built from: a commit, a branch, a tag. A known release keeps its own.")
    url: str | None = optional("Where people find more about it. A known release keeps its own.")
    date_released: datetime | None = optional("When it was released. A known release keeps its own.")
    status: ReleaseStatus | None = optional("Whether it is listed by default.")
    notes: str | None = optional("Release notes in Markdown. A known release keeps its own.")
    metadata: JSONObject | None = optional("Whatever its maker wants to say, at most 16 KiB. A known release keeps its own.")
    commits: list[CommitInput] | None = optional("Its commits, which replace those of a known release.")
    refs: list[RefInput] | None = optional("The newest commit of each repository.")


@strawberry.input(description="One of many releases to be created.")
class ReleaseInput:
    """A creation, but for the organization."""

    version: str = given("The version, at most 200 characters, without slashes, tabs and line breaks.")
    projects: list[str] = given("Slugs or numeric ids of projects; added to those of a known release.")
    ref: str | None = optional("What it was built from: a commit, a branch, a tag. A known release keeps its own.")
    url: str | None = optional("Where people find more about it. A known release keeps its own.")
    date_released: datetime | None = optional("When it was released. A known release keeps its own.")
    status: ReleaseStatus | None = optional("Whether it is listed by default.")
    notes: str | None = optional("Release notes in Markdown. A known release keeps its own.")
    metadata: JSONObject | None = optional("Whatever its maker wants to say, at most 16 KiB. A known release keeps its own.")
    commits: list[CommitInput] | None = optional("Its commits, which replace those of a known release.")
    refs: list[RefInput] | None = optional("The newest commit of each repository.")


@strawberry.enum(description="What becomes of good releases beside bad ones.")
class BulkMode(Enum):
    """How a bulk creation is one."""

    TOGETHER = strawberry.enum_value("TOGETHER", description="One transaction: all are created, or none.")
    EACH = strawberry.enum_value("EACH", description="Each is a transaction of its own: bad ones are left out.")


@strawberry.input(description="Releases to be created, or touched where their versions are known.")
class CreateReleasesInput:
    """A bulk creation."""

    organization: str = given("The organization's slug.")
    releases: list[ReleaseInput] = given("The releases, at most 1,000.")
    mode: BulkMode = strawberry.field(default=BulkMode.TOGETHER, description="What becomes of good ones beside bad ones.")


@strawberry.input(description="What to change of a release; null clears, what is left out stays.")
class UpdateReleaseInput:
    """A change."""

    release: ReleaseBy = given("Which release.")
    ref: str | None = optional("What it was built from.")
    url: str | None = optional("Where people find more about it.")
    date_released: datetime | None = optional("When it was released; null makes it unreleased again.")
    status: ReleaseStatus | None = optional("Whether it is listed by default.")
    notes: str | None = optional("Release notes in Markdown; null lets the commits speak again.")
    metadata: JSONObject | None = optional("Whatever its maker wants to say, at most 16 KiB; replaces what is there.")


@strawberry.input(description="A release to be archived.")
class ArchiveReleaseInput:
    """An archiving."""

    release: ReleaseBy = given("Which release.")


@strawberry.input(description="A release to be taken out of the archive.")
class RestoreReleaseInput:
    """A restoring."""

    release: ReleaseBy = given("Which release.")


@strawberry.input(description="A release to be finalized.")
class FinalizeReleaseInput:
    """A finalization."""

    release: ReleaseBy = given("Which release.")
    date_released: datetime | None = optional("When it was released; else the date it has, else now.")


@strawberry.input(description="A release to be deleted.")
class DeleteReleaseInput:
    """A deletion."""

    release: ReleaseBy = given("Which release.")


@strawberry.input(description="A release's new commits.")
class SetReleaseCommitsInput:
    """A replacement of commits."""

    release: ReleaseBy = given("Which release.")
    commits: list[CommitInput] = given("The commits that replace the present ones.")
    repository: str | None = optional("Replace only this repository's commits; those of the others stay.")


@strawberry.input(description="A release's heads.")
class SetReleaseRefsInput:
    """New heads."""

    release: ReleaseBy = given("Which release.")
    refs: list[RefInput] = given("The newest commit of each repository; an empty list clears heads and commits.")


@strawberry.input(description="A link that belongs to a deploy.")
class DeployLinkInput:
    """A named URL."""

    name: str = given("What the link is called, at most 64 characters.")
    url: str = given("Where it leads, at most 200 characters.")


@strawberry.input(description="A deploy to be recorded.")
class CreateDeployInput:
    """A deploy."""

    release: ReleaseBy = given("Which release.")
    environment: str = given("Where it was put, at most 64 characters; made if it is new.")
    projects: list[str] | None = optional("Slugs or ids of the projects; all of the release's if it is not said.")
    name: str | None = optional("The deploy's name.")
    url: str | None = optional("Where people find more about it.")
    date_started: datetime | None = optional("When it began.")
    date_finished: datetime | None = optional(
        "When it ended; now if it is not said, unless the status says that it goes on."
    )
    status: DeployStatus | None = optional("How far it is; SUCCEEDED if it is not said.")
    external_id: str | None = optional(
        "Your own name for it, at most 64 characters, unique in a project: a second call finds the deploy of the first."
    )
    comment: str | None = optional("What people should know about it, at most 4096 characters.")
    links: list[DeployLinkInput] | None = optional("Where people find more about it, at most 20.")


@strawberry.input(description="A deploy by what its deployer knows it by.")
class DeployByKey:
    """The natural key of a deploy."""

    organization: str = given("The organization's slug.")
    project: str = given("The slug of one of its projects.")
    external_id: str = given("The external id that it was created with.")


@strawberry.input(one_of=True, description="Names a deploy: by its id or by its key.")
class DeployBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional("The deploy's id.")
    key: DeployByKey | None = optional("The deploy's organization, project and external id.")


@strawberry.input(description="What to change of a deploy; null clears, what is left out stays.")
class UpdateDeployInput:
    """A change."""

    deploy: DeployBy = given("Which deploy.")
    status: DeployStatus | None = optional("How far it is. What was rolled back gives way to what ran before it.")
    name: str | None = optional("The deploy's name.")
    url: str | None = optional("Where people find more about it.")
    date_started: datetime | None = optional("When it began.")
    date_finished: datetime | None = optional("When it ended; now if the status says that it ended and nobody says when.")
    comment: str | None = optional("What people should know about it, at most 4096 characters.")
    links: list[DeployLinkInput] | None = optional("Where people find more about it; they replace those that are there.")


@strawberry.input(description="A project to be made.")
class CreateProjectInput:
    """A project."""

    organization: str = given("The organization's slug.")
    slug: str = given("Its name in addresses: 1 to 50 lowercase letters, digits, - or _; no number.")
    name: str | None = optional("Its name for people, at most 64 characters; the slug if it is not said.")
    repository: str | None = optional(
        "The name of its default repository, as acme/shop: the REST API reads `origin` as it. A new one is created."
    )


@strawberry.input(description="A project by what people know it by.")
class ProjectByKey:
    """The natural key of a project."""

    organization: str = given("The organization's slug.")
    slug: str = given("The project's slug.")


@strawberry.input(one_of=True, description="Names a project: by its id or by its key.")
class ProjectBy:
    """Exactly one of the ways."""

    id: strawberry.ID | None = optional("The project's id.")
    key: ProjectByKey | None = optional("The project's organization and slug.")


@strawberry.input(description="What to change of a project; what is left out stays.")
class UpdateProjectInput:
    """A change."""

    project: ProjectBy = given("Which project.")
    slug: str | None = optional("Its new name in addresses.")
    name: str | None = optional("Its new name for people.")
    repository: str | None = optional("The name of its new default repository; null takes the default away.")


@strawberry.input(description="A repository to be made.")
class CreateRepositoryInput:
    """A repository."""

    organization: str = given("The organization's slug.")
    name: str = given("Its name, at most 200 characters, as commits and refs give it.")


@strawberry.input(description="An environment to be made.")
class CreateEnvironmentInput:
    """An environment."""

    organization: str = given("The organization's slug.")
    name: str = given("Its name, at most 64 characters, without slashes and line breaks.")


@strawberry.input(description="A token to be made.")
class CreateTokenInput:
    """A token."""

    organization: str = given("The organization's slug.")
    scopes: list[str] = given("What it may do, as project:releases; nothing that your own token may not.")
    name: str | None = optional("What it is for, at most 64 characters.")
    expires_at: datetime | None = optional("When it stops working; never if it is not said.")


@strawberry.input(description="A token to be revoked.")
class RevokeTokenInput:
    """A revocation."""

    token: strawberry.ID = given("The token's id.")
