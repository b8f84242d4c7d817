"""What mutations answer: the object, what was done, and `userErrors`."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry

from gql_releases.graphql_api.types import Deploy, Environment, Project, Release, Repository, Token


@strawberry.enum(description="What a creation did.")
class CreateReleaseOutcome(Enum):
    """The domain's outcome."""

    CREATED = strawberry.enum_value("CREATED", description="The release is new.")
    EXTENDED = strawberry.enum_value("EXTENDED", description="The version was known; a project is new to it.")
    EXISTING = strawberry.enum_value("EXISTING", description="The version and its projects were known.")


@strawberry.enum(description="Whether something was made.")
class CreateOutcome(Enum):
    """The domain's outcome where nothing can be extended."""

    CREATED = strawberry.enum_value("CREATED", description="It is new.")
    EXISTING = strawberry.enum_value("EXISTING", description="It was there, and stays as it is.")


@strawberry.type(description="Why an input was refused.")
class UserError:
    """A problem of the input."""

    code: str = strawberry.field(description="The kind of problem, a word that stays; docs/errors.md lists them.")
    message: str = strawberry.field(description="The problem for people.")
    field: list[str] | None = strawberry.field(description="The path into the input, as commits, 0, sha.")


def _errors() -> Any:
    return strawberry.field(description="Why nothing was done; empty when all was well.")


def _shown(what: str) -> Any:
    return strawberry.field(description=f"The {what} as it is now; null when nothing was done.")


def _ignored() -> Any:
    return strawberry.field(
        description="Those of ref, url, dateReleased, notes, metadata that were given; a known release keeps its own."
    )


@strawberry.type(description="What createRelease answers.")
class CreateReleasePayload:
    """A creation's answer."""

    release: Release | None = _shown("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(description="What was done.")
    ignored_fields: list[str] = _ignored()
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What became of one release of a bulk creation.")
class CreateReleasesResult:
    """An answer of a bulk creation, in the place of its input."""

    release: Release | None = _shown("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(description="What was done.")
    ignored_fields: list[str] = _ignored()
    user_errors: list[UserError] = strawberry.field(description="Why this release was left out; empty when all was well.")


@strawberry.type(description="What createReleases answers.")
class CreateReleasesPayload:
    """A bulk creation's answer."""

    results: list[CreateReleasesResult] = strawberry.field(
        description="What became of each release, in the order of the input; empty when nothing was done."
    )
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What updateRelease answers.")
class UpdateReleasePayload:
    """A change's answer."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What archiveRelease answers.")
class ArchiveReleasePayload:
    """An archiving's answer."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What restoreRelease answers.")
class RestoreReleasePayload:
    """A restoring's answer."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What finalizeRelease answers.")
class FinalizeReleasePayload:
    """A finalization's answer."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What deleteRelease answers.")
class DeleteReleasePayload:
    """A deletion's answer."""

    deleted_release_id: strawberry.ID | None = strawberry.field(description="The id that the release had.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What setReleaseCommits answers.")
class SetReleaseCommitsPayload:
    """An answer with the release's new commits."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What setReleaseRefs answers.")
class SetReleaseRefsPayload:
    """An answer with the release's new heads."""

    release: Release | None = _shown("release")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What createDeploy answers.")
class CreateDeployPayload:
    """A deploy's answer."""

    deploy: Deploy | None = _shown("deploy")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What updateDeploy answers.")
class UpdateDeployPayload:
    """A change's answer."""

    deploy: Deploy | None = _shown("deploy")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What createProject answers.")
class CreateProjectPayload:
    """A project's answer."""

    project: Project | None = _shown("project")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What updateProject answers.")
class UpdateProjectPayload:
    """A change's answer."""

    project: Project | None = _shown("project")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What createRepository answers.")
class CreateRepositoryPayload:
    """A repository's answer."""

    repository: Repository | None = _shown("repository")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What createEnvironment answers.")
class CreateEnvironmentPayload:
    """An environment's answer."""

    environment: Environment | None = _shown("environment")
    outcome: CreateOutcome | None = strawberry.field(description="What was done.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What createToken answers.")
class CreateTokenPayload:
    """A token's answer."""

    token: Token | None = _shown("token")
    secret: str | None = strawberry.field(
        description="What to send as Authorization: Bearer. Shown this once: the store keeps a digest."
    )
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What revokeToken answers.")
class RevokeTokenPayload:
    """A revocation's answer."""

    revoked_token_id: strawberry.ID | None = strawberry.field(description="The id of the token that opens nothing now.")
    user_errors: list[UserError] = _errors()
