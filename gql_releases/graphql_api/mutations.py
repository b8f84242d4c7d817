"""The root fields that write: each turns its input into one service call."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import (
    ReleaseChange,
    parse_commits,
    parse_new_release,
    parse_refs,
    parse_release_change,
    parse_repository,
)
from gql_releases.domain.selection import View
from gql_releases.graphql_api import inputs
from gql_releases.graphql_api.bindings import commanded
from gql_releases.graphql_api.queries import release_key
from gql_releases.graphql_api.scalars import to_global_id
from gql_releases.graphql_api.services import Services
from gql_releases.graphql_api.types import Deploy, Release

Input = dict[str, Any]
Payload = dict[str, Any]


@strawberry.enum(description="What a creation did.")
class CreateReleaseOutcome(Enum):
    """The domain's outcome."""

    CREATED = strawberry.enum_value("CREATED", description="The release is new.")
    EXTENDED = strawberry.enum_value("EXTENDED", description="The version was known; a project is new to it.")
    EXISTING = strawberry.enum_value("EXISTING", description="The version and its projects were known.")


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


@strawberry.type(description="What createRelease answers.")
class CreateReleasePayload:
    """A creation's answer."""

    release: Release | None = _shown("release")
    outcome: CreateReleaseOutcome | None = strawberry.field(description="What was done.")
    ignored_fields: list[str] = strawberry.field(
        description="Those of ref, url, dateReleased that were given and that a known release does not take."
    )
    user_errors: list[UserError] = _errors()


@strawberry.type(description="What updateRelease answers.")
class UpdateReleasePayload:
    """A change's answer."""

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
    user_errors: list[UserError] = _errors()


async def _create_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    # Null says nothing here: REST refuses null lists, as Sentry does.
    body = {name: value for name, value in given.items() if value is not None}
    created = await services.releases.create_release(principal, given["organization"], parse_new_release(body), view)
    ignored = ["dateReleased" if name == "date_released" else name for name in created.ignored]
    return {"outcome": created.outcome, "ignored_fields": ignored, "shown": created.shown}


async def _update_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    body = {name: value for name, value in given.items() if name != "status" or value is not None}
    change = ReleaseChange(parse_release_change(body).values)
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def _finalize_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    key, at = release_key(given["release"]), given.get("date_released")
    return {"shown": await services.releases.finalize_release(principal, key, at, view)}


async def _delete_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    deleted = await services.releases.delete_release(principal, release_key(given["release"]))
    return {"deleted_release_id": to_global_id("Release", deleted)}


async def _set_release_commits(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    key, commits = release_key(given["release"]), parse_commits(given["commits"])
    repository = parse_repository(given.get("repository"))
    shown = await services.releases.set_commits(principal, key, commits, repository, view)
    return {"shown": shown}


async def _set_release_refs(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    key, refs = release_key(given["release"]), parse_refs(given["refs"])
    return {"shown": await services.releases.set_refs(principal, key, refs, view)}


async def _create_deploy(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    body = {name: value for name, value in given.items() if name != "release"}
    shown = await services.deploys.create_deploy(principal, release_key(given["release"]), parse_new_deploy(body), view)
    return {"shown": shown}


@strawberry.type(description="What can be changed. Every mutation is one transaction.")
class Mutation:
    """Every field here is commanded."""

    create_release: CreateReleasePayload | None = commanded(
        _create_release,
        inputs.CreateReleaseInput,
        "Create a release, or touch the one of this version: idempotent. Refused input changes nothing.",
        shows="release",
    )
    update_release: UpdateReleasePayload | None = commanded(
        _update_release, inputs.UpdateReleaseInput, "Change a release.", shows="release"
    )
    finalize_release: FinalizeReleasePayload | None = commanded(
        _finalize_release, inputs.FinalizeReleaseInput, "Give a release its date.", shows="release"
    )
    delete_release: DeleteReleasePayload | None = commanded(
        _delete_release,
        inputs.DeleteReleaseInput,
        "Delete a release with its deploys, for all its projects. Needs project:releases or project:admin.",
    )
    set_release_commits: SetReleaseCommitsPayload | None = commanded(
        _set_release_commits, inputs.SetReleaseCommitsInput, "Replace a release's commits.", shows="release"
    )
    set_release_refs: SetReleaseRefsPayload | None = commanded(
        _set_release_refs, inputs.SetReleaseRefsInput, "Set a release's heads.", shows="release"
    )
    create_deploy: CreateDeployPayload | None = commanded(
        _create_deploy,
        inputs.CreateDeployInput,
        "Record a deploy; it does not finalize the release. Not idempotent: each call is a deploy.",
        shows="deploy",
    )
