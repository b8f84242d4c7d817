"""Mutations of releases: inputs, payloads and handlers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import (
    ReleaseChange,
    Status,
    parse_listed_commits,
    parse_refs,
    parse_release_change,
)
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    mutation_field,
)
from gql_releases.graphql_api.execution.scalars import to_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.commit import CommitInput, RefInput
from gql_releases.graphql_api.schema.fields import (
    UserError,
    errors_field,
    node_field,
    optional_field,
    required_field,
    to_body_names,
)
from gql_releases.graphql_api.schema.release import ReleaseFieldsInput
from gql_releases.graphql_api.schema.release_by import ReleaseBy, release_key
from gql_releases.services import input_problems
from gql_releases.web.large_bodies import run_in_thread

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.release import Release
else:
    Release = lazy_type("Release", "release")


@strawberry.input(
    description=(
        "Input of updateRelease. Fields that are left out stay unchanged; null clears a field, but for "
        "`status`, where it is ignored."
    )
)
class UpdateReleaseInput(ReleaseFieldsInput):
    """A change of a release."""

    release: ReleaseBy = required_field("The release to change; RELEASE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of archiveRelease.")
class ArchiveReleaseInput:
    """A release to archive."""

    release: ReleaseBy = required_field("The release to archive; RELEASE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of restoreRelease.")
class RestoreReleaseInput:
    """A release to restore."""

    release: ReleaseBy = required_field("The release to restore; RELEASE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of finalizeRelease.")
class FinalizeReleaseInput:
    """A release to finalize."""

    release: ReleaseBy = required_field("The release to finalize; RELEASE_NOT_FOUND if it does not exist.")
    date_released: datetime | None = optional_field("When it was released (default: the date that it has, or now).")


@strawberry.input(description="Input of deleteRelease.")
class DeleteReleaseInput:
    """A release to delete."""

    release: ReleaseBy = required_field("The release to delete; RELEASE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of setReleaseCommits.")
class SetReleaseCommitsInput:
    """The new commits of a release."""

    release: ReleaseBy = required_field("The release whose commits are replaced; RELEASE_NOT_FOUND if it does not exist.")
    commits: list[CommitInput] = required_field(
        "The new commits: newest first, or with timestamps, by which they are sorted."
    )
    repository: str | None = optional_field(
        "The name of a repository, such as `acme/web`: only its commits are replaced (default: those of all repositories)."
    )


@strawberry.input(description="Input of setReleaseRefs.")
class SetReleaseRefsInput:
    """The new heads of a release."""

    release: ReleaseBy = required_field("The release whose heads are set; RELEASE_NOT_FOUND if it does not exist.")
    refs: list[RefInput] = required_field("The head commit of each repository; an empty list removes all heads and commits.")


@strawberry.type
class ReleasePayload:
    """The fields of each payload that shows a release."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of updateRelease.")
class UpdateReleasePayload(ReleasePayload):
    """The payload of updateRelease."""


@strawberry.type(description="Result of archiveRelease.")
class ArchiveReleasePayload(ReleasePayload):
    """The payload of archiveRelease."""


@strawberry.type(description="Result of restoreRelease.")
class RestoreReleasePayload(ReleasePayload):
    """The payload of restoreRelease."""


@strawberry.type(description="Result of finalizeRelease.")
class FinalizeReleasePayload(ReleasePayload):
    """The payload of finalizeRelease."""


@strawberry.type(description="Result of deleteRelease.")
class DeleteReleasePayload:
    """The payload of deleteRelease."""

    deleted_release_id: strawberry.ID | None = strawberry.field(
        description="The id that the release had, to remove it from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of setReleaseCommits.")
class SetReleaseCommitsPayload(ReleasePayload):
    """The payload of setReleaseCommits."""


@strawberry.type(description="Result of setReleaseRefs.")
class SetReleaseRefsPayload(ReleasePayload):
    """The payload of setReleaseRefs."""


async def update_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Change a release."""
    change = ReleaseChange(parse_release_change(to_body_names(values)).values)
    return {"shown": await services.releases.update_release(principal, release_key(values["release"]), change, view)}


async def archive_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Set a release's status to ARCHIVED."""
    change = ReleaseChange({"status": Status.ARCHIVED})
    return {"shown": await services.releases.update_release(principal, release_key(values["release"]), change, view)}


async def restore_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Set a release's status to OPEN."""
    change = ReleaseChange({"status": Status.OPEN})
    return {"shown": await services.releases.update_release(principal, release_key(values["release"]), change, view)}


async def finalize_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Set a release's dateReleased."""
    key, at = release_key(values["release"]), values.get("date_released")
    return {"shown": await services.releases.finalize_release(principal, key, at, view)}


async def delete_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete a release."""
    deleted = await services.releases.delete_release(principal, release_key(values["release"]))
    return {"deleted_release_id": to_global_id("Release", deleted)}


async def set_release_commits(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Replace a release's commits."""
    key, raws = release_key(values["release"]), values["commits"]
    named = raws, values.get("repository")
    commits, repository = (
        await run_in_thread(parse_listed_commits, *named) if services.large else parse_listed_commits(*named)
    )
    shown = await services.releases.set_commits(principal, key, commits, repository, view)
    return {"shown": shown}


async def set_release_refs(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Set a release's heads."""
    key, refs = release_key(values["release"]), parse_refs(values["refs"])
    return {"shown": await services.releases.set_refs(principal, key, refs, view)}


async def find_missing_release(services: Services, principal: Principal, values: Input) -> list[Problem]:
    """Return a problem if the release of an input does not exist."""
    return await input_problems.find_missing_release(services.reads, principal, release_key(values["release"]))


@strawberry.type
class ReleaseMutation:
    """Root fields that write releases."""

    update_release: UpdateReleasePayload | None = mutation_field(
        update_release,
        UpdateReleaseInput,
        "Change fields of a release. Needs project:write, project:admin, project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_missing_release,
    )
    archive_release: ArchiveReleasePayload | None = mutation_field(
        archive_release,
        ArchiveReleaseInput,
        "Archive a release: it is kept, but lists of the REST API show it only on request. GraphQL lists "
        "show it unless they filter by `status: OPEN`. Needs project:write, project:admin, project:releases "
        "or org:ci (else FORBIDDEN).",
        shows="release",
    )
    restore_release: RestoreReleasePayload | None = mutation_field(
        restore_release,
        RestoreReleaseInput,
        "Set an archived release to OPEN again. Needs project:write, project:admin, project:releases or "
        "org:ci (else FORBIDDEN).",
        shows="release",
    )
    finalize_release: FinalizeReleasePayload | None = mutation_field(
        finalize_release,
        FinalizeReleaseInput,
        "Mark a release as released by setting its `dateReleased`. Needs project:write, project:admin, "
        "project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_missing_release,
    )
    delete_release: DeleteReleasePayload | None = mutation_field(
        delete_release,
        DeleteReleaseInput,
        "Delete a release with its deploys, for all of its projects; this cannot be undone. Needs "
        "project:admin or project:releases (else FORBIDDEN).",
    )
    set_release_commits: SetReleaseCommitsPayload | None = mutation_field(
        set_release_commits,
        SetReleaseCommitsInput,
        "Replace a release's commits, or only those of one repository. Needs project:write, project:admin, "
        "project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_missing_release,
    )
    set_release_refs: SetReleaseRefsPayload | None = mutation_field(
        set_release_refs,
        SetReleaseRefsInput,
        "Set the head commit of each repository. The release gets the commits in between that were sent with "
        "other releases. Needs project:write, project:admin, project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_missing_release,
    )


MUTATION = ReleaseMutation
