"""Creation of releases, one or many: inputs, payloads and handlers."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, invalid
from gql_releases.domain.outcomes import CreateResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import (
    MAX_BULK,
    RELEASE_FIELDS,
    parse_new_release,
    parse_new_releases,
)
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Input,
    Payload,
    mutation_field,
)
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
)
from gql_releases.graphql_api.schema.release import ReleaseFieldsInput
from gql_releases.services import input_problems
from gql_releases.web.large_bodies import run_in_thread

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.release import Release
else:
    Release = lazy_type("Release", "release")


def _list_kept_fields() -> str:
    """Return the fields that an existing release keeps, as text for descriptions."""
    *names, last = [f"`{field.graphql_name}`" for field in RELEASE_FIELDS if field.is_kept]
    return f"{', '.join(names)} and {last}"


KEPT_FIELDS = _list_kept_fields()


@strawberry.input(
    description=(
        f"A release of createReleases. An existing release keeps its {KEPT_FIELDS} "
        "(see `ignoredFields`), and gets the projects, the status and the commits of the input."
    )
)
class ReleaseInput(ReleaseFieldsInput):
    """A release to create, without its organization."""

    version: str = required_field(
        "The version, such as `web@1.4.0+77`: at most 200 characters, no slash, backslash, tab or line "
        "break, and not `latest`, `.` or `..` (INVALID_VERSION). It is case-sensitive and stored as sent."
    )
    projects: list[str] = required_field(
        'Slugs or numeric ids of the release\'s projects, such as ["web"]; added to those of an existing '
        "release. UNKNOWN_PROJECT if one does not exist, unless the server creates projects "
        "(GQL_RELEASES_CREATE_PROJECTS)."
    )
    commits: list[CommitInput] | None = optional_field(
        "Its commits: newest first, or with timestamps, by which they are sorted. They replace those of an existing release."
    )
    refs: list[RefInput] | None = optional_field(
        "The head commit of each repository. The release gets the commits from `previousCommit` to the head "
        "that were sent with other releases; `commitStatus` says whether all are known."
    )


@strawberry.input(
    description=(
        "Input of createRelease. It is safe to send it again: a release is identified by its organization and version. An "
        f"existing release keeps its {KEPT_FIELDS} (see `ignoredFields`), and "
        "gets the projects, the status and the commits of the input."
    )
)
class CreateReleaseInput(ReleaseInput):
    """A release to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )


@strawberry.enum(description="Whether valid releases are created if others of the same call are invalid.")
class BulkMode(Enum):
    """The transactions of a bulk creation."""

    TOGETHER = strawberry.enum_value("TOGETHER", description="One transaction: all releases are created, or none.")
    EACH = strawberry.enum_value(
        "EACH",
        description=(
            "A transaction for each release: valid ones are created, invalid ones have `userErrors` in their result."
        ),
    )


@strawberry.input(description="Input of createReleases.")
class CreateReleasesInput:
    """Releases to create."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    releases: list[ReleaseInput] = required_field("The releases, at most 1,000; TOO_LONG for more.")
    mode: BulkMode = strawberry.field(
        default=BulkMode.TOGETHER, description="TOGETHER (default) for all or none, EACH to create the valid ones."
    )


@strawberry.enum(description="What a creation did.")
class CreateReleaseOutcome(Enum):
    """The outcome of the domain, by name."""

    CREATED = strawberry.enum_value("CREATED", description="The release was created.")
    EXTENDED = strawberry.enum_value(
        "EXTENDED", description="The release existed, and was added to at least one more project."
    )
    EXISTING = strawberry.enum_value("EXISTING", description="The release existed with all of these projects.")


def _ignored_fields_field() -> Any:
    return strawberry.field(
        description=(
            f"The fields of the input that an existing release did not take over: of {KEPT_FIELDS} those that were "
            "sent. Change them with `updateRelease`."
        )
    )


@strawberry.type(description="Result of createRelease.")
class CreateReleasePayload:
    """The payload of createRelease."""

    release: Release | None = node_field("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(
        description="CREATED, EXTENDED or EXISTING; null if there are user errors."
    )
    ignored_fields: list[str] = _ignored_fields_field()
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="The result of one release of createReleases.")
class CreateReleasesResult:
    """The result of one release of a bulk creation."""

    release: Release | None = node_field("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(
        description="CREATED, EXTENDED or EXISTING; null if there are user errors."
    )
    ignored_fields: list[str] = _ignored_fields_field()
    user_errors: list[UserError] = strawberry.field(
        description=(
            'The validation errors of this release, with paths that begin with ["releases", "<index>"]; empty if '
            "it was created."
        )
    )


@strawberry.type(description="Result of createReleases.")
class CreateReleasesPayload:
    """The payload of createReleases."""

    results: list[CreateReleasesResult] = strawberry.field(
        description="The result of each release, in the order of the input; empty if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def create_release(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create a release, or update the existing one of this version."""
    body = drop_nulls(values)
    new = await run_in_thread(parse_new_release, body) if services.large else parse_new_release(body)
    return _to_payload(await services.releases.create_release(principal, values["organization"], new, view))


def _to_payload(result: CreateResult) -> Payload:
    ignored = [field.graphql_name for field in RELEASE_FIELDS if field.name in result.ignored]
    return {"outcome": result.outcome, "ignored_fields": ignored, "shown": result.shown}


async def create_releases(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Create several releases, in one transaction or in one each."""
    raws = [drop_nulls(release) for release in values["releases"]]
    if len(raws) > MAX_BULK:
        raise invalid(ErrorCode.TOO_LONG, ("releases",), f"Ensure this list has no more than {MAX_BULK} releases.")
    news = await run_in_thread(parse_new_releases, raws) if services.large else parse_new_releases(raws)
    together = values["mode"] == "TOGETHER"
    results = await services.releases.create_releases(principal, values["organization"], news, view, together=together)
    results = await add_unknown_projects(services, principal, values, results)
    return {"results": [result if isinstance(result, InvalidInput) else _to_payload(result) for result in results]}


async def add_unknown_projects(services: Services, principal: Principal, values: Input, results: list[Any]) -> list[Any]:
    """Add to each invalid result of a bulk creation the unknown projects of its release."""
    if not any(isinstance(result, InvalidInput) for result in results):
        return results
    problems = await find_unknown_projects_of_all(services, principal, values)
    return [
        input_problems.merge_problems(result, [problem for problem in problems if problem.path[1] == index])
        if isinstance(result, InvalidInput)
        else result
        for index, result in enumerate(results)
    ]


async def find_unknown_projects(services: Services, principal: Principal, values: Input) -> list[Problem]:
    """Return a problem for each project of a creation that does not exist."""
    named = [(("projects", index), name) for index, name in enumerate(values["projects"])]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


async def find_unknown_projects_of_all(services: Services, principal: Principal, values: Input) -> list[Problem]:
    """Return a problem for each project of a bulk creation that does not exist."""
    named = [
        (("releases", number, "projects", index), name)
        for number, release in enumerate(values["releases"])
        for index, name in enumerate(release["projects"])
    ]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


@strawberry.type
class ReleaseCreationMutation:
    """Mutations that create releases."""

    create_release: CreateReleasePayload | None = mutation_field(
        create_release,
        CreateReleaseInput,
        "Create a release, or add projects and commits to the existing one of this version: safe to repeat. "
        f"An existing release keeps its {KEPT_FIELDS} (see `ignoredFields`). "
        "Needs project:write, project:admin, project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_unknown_projects,
    )
    create_releases: CreateReleasesPayload | None = mutation_field(
        create_releases,
        CreateReleasesInput,
        "Create up to 1,000 releases in one call, each as createRelease does. Needs project:write, "
        "project:admin, project:releases or org:ci (else FORBIDDEN).",
        shows="release",
        find_problems=find_unknown_projects_of_all,
    )


MUTATION = ReleaseCreationMutation
