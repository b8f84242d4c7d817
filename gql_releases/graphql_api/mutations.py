"""The root fields that write: each turns its input into one service call."""

from __future__ import annotations

import strawberry

from gql_releases.graphql_api import commands, inputs
from gql_releases.graphql_api import payload_types as p
from gql_releases.graphql_api.bindings import commanded


@strawberry.type(description="What can be changed. Every mutation is one transaction.")
class Mutation:
    """Every field here is commanded."""

    create_release: p.CreateReleasePayload | None = commanded(
        commands.create_release,
        inputs.CreateReleaseInput,
        "Create a release, or touch the one of this version: idempotent. Refused input changes nothing.",
        shows="release",
    )
    create_releases: p.CreateReleasesPayload | None = commanded(
        commands.create_releases,
        inputs.CreateReleasesInput,
        "Create many releases, together or each by itself; as createRelease does one.",
        shows="release",
    )
    update_release: p.UpdateReleasePayload | None = commanded(
        commands.update_release,
        inputs.UpdateReleaseInput,
        "Change a release.",
        shows="release",
    )
    archive_release: p.ArchiveReleasePayload | None = commanded(
        commands.archive_release,
        inputs.ArchiveReleaseInput,
        "Put a release into the archive: it stays, and REST lists it no longer by default.",
        shows="release",
    )
    restore_release: p.RestoreReleasePayload | None = commanded(
        commands.restore_release,
        inputs.RestoreReleaseInput,
        "Take a release out of the archive.",
        shows="release",
    )
    finalize_release: p.FinalizeReleasePayload | None = commanded(
        commands.finalize_release,
        inputs.FinalizeReleaseInput,
        "Give a release its date.",
        shows="release",
    )
    delete_release: p.DeleteReleasePayload | None = commanded(
        commands.delete_release,
        inputs.DeleteReleaseInput,
        "Delete a release with its deploys, for all its projects. Needs project:releases or project:admin.",
    )
    set_release_commits: p.SetReleaseCommitsPayload | None = commanded(
        commands.set_release_commits,
        inputs.SetReleaseCommitsInput,
        "Replace a release's commits.",
        shows="release",
    )
    set_release_refs: p.SetReleaseRefsPayload | None = commanded(
        commands.set_release_refs,
        inputs.SetReleaseRefsInput,
        "Set a release's heads.",
        shows="release",
    )
    create_deploy: p.CreateDeployPayload | None = commanded(
        commands.create_deploy,
        inputs.CreateDeployInput,
        "Record a deploy; it does not finalize the release. Idempotent with an externalId; without, each call is a deploy.",
        shows="deploy",
    )
    update_deploy: p.UpdateDeployPayload | None = commanded(
        commands.update_deploy,
        inputs.UpdateDeployInput,
        "Change a deploy, as its status. What succeeds runs in the environment from then on.",
        shows="deploy",
    )
    create_project: p.CreateProjectPayload | None = commanded(
        commands.create_project,
        inputs.CreateProjectInput,
        "Make a project. Needs project:write, project:admin, org:write or org:admin.",
        shows="project",
    )
    update_project: p.UpdateProjectPayload | None = commanded(
        commands.update_project,
        inputs.UpdateProjectInput,
        "Change a project. Needs what createProject needs.",
        shows="project",
    )
    create_repository: p.CreateRepositoryPayload | None = commanded(
        commands.create_repository,
        inputs.CreateRepositoryInput,
        "Make a repository, or find the one of this name: idempotent. Commits that name a new one make it, too.",
        shows="repository",
    )
    create_environment: p.CreateEnvironmentPayload | None = commanded(
        commands.create_environment,
        inputs.CreateEnvironmentInput,
        "Make an environment, or find the one of this name: idempotent. Deploys that name a new one make it, too.",
        shows="environment",
    )
    create_token: p.CreateTokenPayload | None = commanded(
        commands.create_token,
        inputs.CreateTokenInput,
        "Make a token and show its secret this once. Needs org:write or org:admin, and every scope that it hands out.",
        shows="token",
    )
    revoke_token: p.RevokeTokenPayload | None = commanded(
        commands.revoke_token,
        inputs.RevokeTokenInput,
        "Make a token open nothing from its next request on. Needs org:write or org:admin, or is the token itself.",
    )
