"""Mutations of releases: inputs, payloads, handlers."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, invalid
from gql_releases.domain.outcomes import CreateResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import (
    MAX_BULK,
    ReleaseChange,
    Status,
    parse_listed_commits,
    parse_new_release,
    parse_new_releases,
    parse_refs,
    parse_release_change,
)
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    mutation_field,
)
from gql_releases.graphql_api.execution.scalars import JSONObject, to_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.commit import CommitInput, RefInput
from gql_releases.graphql_api.schema.fields import (
    UserError,
    drop_nulls,
    errors_field,
    node_field,
    optional_field,
    required_field,
    to_body_names,
)
from gql_releases.graphql_api.schema.release import ReleaseBy, release_key
from gql_releases.graphql_api.schema.release_filters import ReleaseStatus
from gql_releases.services import input_problems
from gql_releases.web.large_bodies import run_in_thread

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.release import Release
else:
    Release = lazy_type("Release", "release")


@strawberry.input(description="A release to be created, or touched where its version is known.")
class CreateReleaseInput:
    """A creation."""

    organization: str = required_field("The organization's slug.")
    version: str = required_field("The version, at most 200 characters, without slashes, tabs and line breaks.")
    projects: list[str] = required_field("Slugs or numeric ids of projects; added to those of a known release.")
    ref: str | None = optional_field("What it was built from: a commit, a branch, a tag. A known release keeps its own.")
    url: str | None = optional_field("Where people find more about it. A known release keeps its own.")
    date_released: datetime | None = optional_field("When it was released. A known release keeps its own.")
    status: ReleaseStatus | None = optional_field("Whether it is listed by default.")
    notes: str | None = optional_field("Release notes in Markdown. A known release keeps its own.")
    metadata: JSONObject | None = optional_field(
        "Whatever its maker wants to say, at most 16 KiB. A known release keeps its own."
    )
    commits: list[CommitInput] | None = optional_field("Its commits, which replace those of a known release.")
    refs: list[RefInput] | None = optional_field("The newest commit of each repository.")


@strawberry.input(description="One of many releases to be created.")
class ReleaseInput:
    """A creation, but for the organization."""

    version: str = required_field("The version, at most 200 characters, without slashes, tabs and line breaks.")
    projects: list[str] = required_field("Slugs or numeric ids of projects; added to those of a known release.")
    ref: str | None = optional_field("What it was built from: a commit, a branch, a tag. A known release keeps its own.")
    url: str | None = optional_field("Where people find more about it. A known release keeps its own.")
    date_released: datetime | None = optional_field("When it was released. A known release keeps its own.")
    status: ReleaseStatus | None = optional_field("Whether it is listed by default.")
    notes: str | None = optional_field("Release notes in Markdown. A known release keeps its own.")
    metadata: JSONObject | None = optional_field(
        "Whatever its maker wants to say, at most 16 KiB. A known release keeps its own."
    )
    commits: list[CommitInput] | None = optional_field("Its commits, which replace those of a known release.")
    refs: list[RefInput] | None = optional_field("The newest commit of each repository.")


@strawberry.enum(description="What becomes of good releases beside bad ones.")
class BulkMode(Enum):
    """How a bulk creation is one."""

    TOGETHER = strawberry.enum_value("TOGETHER", description="One transaction: all are created, or none.")
    EACH = strawberry.enum_value("EACH", description="Each is a transaction of its own: bad ones are left out.")


@strawberry.input(description="Releases to be created, or touched where their versions are known.")
class CreateReleasesInput:
    """A bulk creation."""

    organization: str = required_field("The organization's slug.")
    releases: list[ReleaseInput] = required_field("The releases, at most 1,000.")
    mode: BulkMode = strawberry.field(default=BulkMode.TOGETHER, description="What becomes of good ones beside bad ones.")


@strawberry.input(description="What to change of a release; null clears, what is left out stays.")
class UpdateReleaseInput:
    """A change."""

    release: ReleaseBy = required_field("Which release.")
    ref: str | None = optional_field("What it was built from.")
    url: str | None = optional_field("Where people find more about it.")
    date_released: datetime | None = optional_field("When it was released; null makes it unreleased again.")
    status: ReleaseStatus | None = optional_field("Whether it is listed by default.")
    notes: str | None = optional_field("Release notes in Markdown; null lets the commits speak again.")
    metadata: JSONObject | None = optional_field("Whatever its maker wants to say, at most 16 KiB; replaces what is there.")


@strawberry.input(description="A release to be archived.")
class ArchiveReleaseInput:
    """An archiving."""

    release: ReleaseBy = required_field("Which release.")


@strawberry.input(description="A release to be taken out of the archive.")
class RestoreReleaseInput:
    """A restoring."""

    release: ReleaseBy = required_field("Which release.")


@strawberry.input(description="A release to be finalized.")
class FinalizeReleaseInput:
    """A finalization."""

    release: ReleaseBy = required_field("Which release.")
    date_released: datetime | None = optional_field("When it was released; else the date it has, else now.")


@strawberry.input(description="A release to be deleted.")
class DeleteReleaseInput:
    """A deletion."""

    release: ReleaseBy = required_field("Which release.")


@strawberry.input(description="A release's new commits.")
class SetReleaseCommitsInput:
    """A replacement of commits."""

    release: ReleaseBy = required_field("Which release.")
    commits: list[CommitInput] = required_field("The commits that replace the present ones.")
    repository: str | None = optional_field("Replace only this repository's commits; those of the others stay.")


@strawberry.input(description="A release's heads.")
class SetReleaseRefsInput:
    """New heads."""

    release: ReleaseBy = required_field("Which release.")
    refs: list[RefInput] = required_field("The newest commit of each repository; an empty list clears heads and commits.")


@strawberry.enum(description="What a creation did.")
class CreateReleaseOutcome(Enum):
    """The domain's outcome."""

    CREATED = strawberry.enum_value("CREATED", description="The release is new.")
    EXTENDED = strawberry.enum_value("EXTENDED", description="The version was known; a project is new to it.")
    EXISTING = strawberry.enum_value("EXISTING", description="The version and its projects were known.")


def _ignored_fields_field() -> Any:
    return strawberry.field(
        description="Those of ref, url, dateReleased, notes, metadata that were given; a known release keeps its own."
    )


@strawberry.type(description="What createRelease answers.")
class CreateReleasePayload:
    """A creation's answer."""

    release: Release | None = node_field("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(description="What was done.")
    ignored_fields: list[str] = _ignored_fields_field()
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What became of one release of a bulk creation.")
class CreateReleasesResult:
    """An answer of a bulk creation, in the place of its input."""

    release: Release | None = node_field("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(description="What was done.")
    ignored_fields: list[str] = _ignored_fields_field()
    user_errors: list[UserError] = strawberry.field(description="Why this release was left out; empty when all was well.")


@strawberry.type(description="What createReleases answers.")
class CreateReleasesPayload:
    """A bulk creation's answer."""

    results: list[CreateReleasesResult] = strawberry.field(
        description="What became of each release, in the order of the input; empty when nothing was done."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What updateRelease answers.")
class UpdateReleasePayload:
    """A change's answer."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What archiveRelease answers.")
class ArchiveReleasePayload:
    """An archiving's answer."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What restoreRelease answers.")
class RestoreReleasePayload:
    """A restoring's answer."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What finalizeRelease answers.")
class FinalizeReleasePayload:
    """A finalization's answer."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What deleteRelease answers.")
class DeleteReleasePayload:
    """A deletion's answer."""

    deleted_release_id: strawberry.ID | None = strawberry.field(description="The id that the release had.")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What setReleaseCommits answers.")
class SetReleaseCommitsPayload:
    """An answer with the release's new commits."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="What setReleaseRefs answers.")
class SetReleaseRefsPayload:
    """An answer with the release's new heads."""

    release: Release | None = node_field("release")
    user_errors: list[UserError] = errors_field()


async def create_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Create a release, or touch the one of this version."""
    body = drop_nulls(given)
    new = await run_in_thread(parse_new_release, body) if services.large else parse_new_release(body)
    return _to_payload(await services.releases.create_release(principal, given["organization"], new, view))


def _to_payload(done: CreateResult) -> Payload:
    ignored = ["dateReleased" if name == "date_released" else name for name in done.ignored]
    return {"outcome": done.outcome, "ignored_fields": ignored, "shown": done.shown}


async def create_releases(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Create many releases, together or each by itself."""
    raws = [drop_nulls(one) for one in given["releases"]]
    if len(raws) > MAX_BULK:
        raise invalid(ErrorCode.TOO_LONG, ("releases",), f"Ensure this list has no more than {MAX_BULK} releases.")
    news = await run_in_thread(parse_new_releases, raws) if services.large else parse_new_releases(raws)
    together = given["mode"] == "TOGETHER"
    done = await services.releases.create_releases(principal, given["organization"], news, view, together=together)
    done = await add_unknown_projects(services, principal, given, done)
    return {"results": [one if isinstance(one, InvalidInput) else _to_payload(one) for one in done]}


async def update_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Change a release."""
    change = ReleaseChange(parse_release_change(to_body_names(given)).values)
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def archive_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Put a release into the archive: it stays, and is not listed by default."""
    change = ReleaseChange({"status": Status.ARCHIVED})
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def restore_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Take a release out of the archive."""
    change = ReleaseChange({"status": Status.OPEN})
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def finalize_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Give a release its date."""
    key, at = release_key(given["release"]), given.get("date_released")
    return {"shown": await services.releases.finalize_release(principal, key, at, view)}


async def delete_release(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Delete a release."""
    deleted = await services.releases.delete_release(principal, release_key(given["release"]))
    return {"deleted_release_id": to_global_id("Release", deleted)}


async def set_release_commits(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Replace a release's commits."""
    key, raws = release_key(given["release"]), given["commits"]
    named = raws, given.get("repository")
    commits, repository = (
        await run_in_thread(parse_listed_commits, *named) if services.large else parse_listed_commits(*named)
    )
    shown = await services.releases.set_commits(principal, key, commits, repository, view)
    return {"shown": shown}


async def set_release_refs(services: Services, principal: Principal, given: Input, view: PagedSelection) -> Payload:
    """Set a release's heads."""
    key, refs = release_key(given["release"]), parse_refs(given["refs"])
    return {"shown": await services.releases.set_refs(principal, key, refs, view)}


async def add_unknown_projects(services: Services, principal: Principal, given: Input, results: list[Any]) -> list[Any]:
    """Add to each result of a bulk creation that is a refusal the projects that its release names and nobody has."""
    if not any(isinstance(result, InvalidInput) for result in results):
        return results
    found = await find_unknown_projects_of_all(services, principal, given)
    return [
        input_problems.merge_problems(result, [problem for problem in found if problem.path[1] == index])
        if isinstance(result, InvalidInput)
        else result
        for index, result in enumerate(results)
    ]


async def find_unknown_projects(services: Services, principal: Principal, given: Input) -> list[Problem]:
    """Return a problem for each project of a creation that does not exist."""
    named = [(("projects", index), name) for index, name in enumerate(given["projects"])]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


async def find_unknown_projects_of_all(services: Services, principal: Principal, given: Input) -> list[Problem]:
    """Return the same for all releases of a bulk creation."""
    named = [
        (("releases", number, "projects", index), name)
        for number, release in enumerate(given["releases"])
        for index, name in enumerate(release["projects"])
    ]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


async def find_missing_release(services: Services, principal: Principal, given: Input) -> list[Problem]:
    """Return a problem where the release of an input does not exist."""
    return await input_problems.find_missing_release(services.reads, principal, release_key(given["release"]))


@strawberry.type
class ReleaseMutation:
    """Mutations of releases."""

    create_release: CreateReleasePayload | None = mutation_field(
        create_release,
        CreateReleaseInput,
        "Create a release, or touch the one of this version: idempotent. Refused input changes nothing.",
        shows="release",
        find_problems=find_unknown_projects,
    )
    create_releases: CreateReleasesPayload | None = mutation_field(
        create_releases,
        CreateReleasesInput,
        "Create many releases, together or each by itself; as createRelease does one.",
        shows="release",
        find_problems=find_unknown_projects_of_all,
    )
    update_release: UpdateReleasePayload | None = mutation_field(
        update_release,
        UpdateReleaseInput,
        "Change a release.",
        shows="release",
        find_problems=find_missing_release,
    )
    archive_release: ArchiveReleasePayload | None = mutation_field(
        archive_release,
        ArchiveReleaseInput,
        "Put a release into the archive: it stays, and REST lists it no longer by default.",
        shows="release",
    )
    restore_release: RestoreReleasePayload | None = mutation_field(
        restore_release,
        RestoreReleaseInput,
        "Take a release out of the archive.",
        shows="release",
    )
    finalize_release: FinalizeReleasePayload | None = mutation_field(
        finalize_release,
        FinalizeReleaseInput,
        "Give a release its date.",
        shows="release",
        find_problems=find_missing_release,
    )
    delete_release: DeleteReleasePayload | None = mutation_field(
        delete_release,
        DeleteReleaseInput,
        "Delete a release with its deploys, for all its projects. Needs project:releases or project:admin.",
    )
    set_release_commits: SetReleaseCommitsPayload | None = mutation_field(
        set_release_commits,
        SetReleaseCommitsInput,
        "Replace a release's commits.",
        shows="release",
        find_problems=find_missing_release,
    )
    set_release_refs: SetReleaseRefsPayload | None = mutation_field(
        set_release_refs,
        SetReleaseRefsInput,
        "Set a release's heads.",
        shows="release",
        find_problems=find_missing_release,
    )


MUTATION = ReleaseMutation
