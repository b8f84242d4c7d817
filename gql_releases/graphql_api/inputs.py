"""What mutations take. Python names are the domain's: a coerced input is read by the domain's own rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from gql_releases.graphql_api.filters import ReleaseStatus
from gql_releases.graphql_api.types import FileChangeType


def given(description: str, name: str | None = None) -> Any:
    """Declare a field that must be given."""
    return strawberry.field(description=description, name=name)


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
    type: FileChangeType = given("What was done to it.")


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
    commits: list[CommitInput] | None = optional("Its commits, which replace those of a known release.")
    refs: list[RefInput] | None = optional("The newest commit of each repository.")


@strawberry.input(description="What to change of a release; null clears, what is left out stays.")
class UpdateReleaseInput:
    """A change."""

    release: ReleaseBy = given("Which release.")
    ref: str | None = optional("What it was built from.")
    url: str | None = optional("Where people find more about it.")
    date_released: datetime | None = optional("When it was released; null makes it unreleased again.")
    status: ReleaseStatus | None = optional("Whether it is listed by default.")


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


@strawberry.input(description="A deploy to be recorded.")
class CreateDeployInput:
    """A deploy."""

    release: ReleaseBy = given("Which release.")
    environment: str = given("Where it was put, at most 64 characters; made if it is new.")
    projects: list[str] | None = optional("Slugs or ids of the projects; all of the release's if it is not said.")
    name: str | None = optional("The deploy's name.")
    url: str | None = optional("Where people find more about it.")
    date_started: datetime | None = optional("When it began.")
    date_finished: datetime | None = optional("When it ended; now if it is not said.")
