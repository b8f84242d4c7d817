"""From a mutation's coerced input to one service call, and from what it did to the payload's attributes."""

from __future__ import annotations

from typing import Any

from gql_releases.domain.deploy import DeployKey, parse_deploy_change, parse_environment_name, parse_new_deploy
from gql_releases.domain.errors import ErrorCode, InvalidInput, invalid
from gql_releases.domain.organization import (
    ProjectKey,
    parse_new_project,
    parse_new_token,
    parse_project_change,
    parse_repository_name,
)
from gql_releases.domain.outcomes import Created
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
from gql_releases.domain.selection import View
from gql_releases.graphql_api.faults import report_projects
from gql_releases.graphql_api.queries import release_key
from gql_releases.graphql_api.scalars import from_global_id, to_global_id
from gql_releases.graphql_api.services import Services
from gql_releases.web.large_bodies import run_in_thread

Input = dict[str, Any]
Payload = dict[str, Any]


def _said(given: Input) -> Input:
    """Leave out what is null. Null says nothing in a creation: REST refuses null lists, as Sentry does."""
    return _worded({name: value for name, value in given.items() if value is not None})


def _worded(given: Input) -> Input:
    """Spell a status as bodies have it; null says nothing in a change, either."""
    status = given.get("status")
    rest = {name: value for name, value in given.items() if name != "status"}
    return rest if status is None else {**rest, "status": status.lower()}


def _id_of(entity: str, given: str) -> int:
    """Give the key in an id; -1, which nothing has, for an id of something else."""
    named, key = from_global_id(given) or ("", -1)
    return key if named == entity else -1


async def create_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Create a release, or touch the one of this version."""
    body = _said(given)
    new = await run_in_thread(parse_new_release, body) if services.large else parse_new_release(body)
    return _created(await services.releases.create_release(principal, given["organization"], new, view))


def _created(done: Created) -> Payload:
    ignored = ["dateReleased" if name == "date_released" else name for name in done.ignored]
    return {"outcome": done.outcome, "ignored_fields": ignored, "shown": done.shown}


async def create_releases(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Create many releases, together or each by itself."""
    raws = [_said(one) for one in given["releases"]]
    if len(raws) > MAX_BULK:
        raise invalid(ErrorCode.TOO_LONG, ("releases",), f"Ensure this list has no more than {MAX_BULK} releases.")
    news = await run_in_thread(parse_new_releases, raws) if services.large else parse_new_releases(raws)
    together = given["mode"] == "TOGETHER"
    done = await services.releases.create_releases(principal, given["organization"], news, view, together=together)
    done = await report_projects(services, principal, given, done)
    return {"results": [one if isinstance(one, InvalidInput) else _created(one) for one in done]}


async def update_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Change a release."""
    change = ReleaseChange(parse_release_change(_worded(given)).values)
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def archive_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Put a release into the archive: it stays, and is not listed by default."""
    change = ReleaseChange({"status": Status.ARCHIVED})
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def restore_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Take a release out of the archive."""
    change = ReleaseChange({"status": Status.OPEN})
    return {"shown": await services.releases.update_release(principal, release_key(given["release"]), change, view)}


async def finalize_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Give a release its date."""
    key, at = release_key(given["release"]), given.get("date_released")
    return {"shown": await services.releases.finalize_release(principal, key, at, view)}


async def delete_release(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Delete a release."""
    deleted = await services.releases.delete_release(principal, release_key(given["release"]))
    return {"deleted_release_id": to_global_id("Release", deleted)}


async def set_release_commits(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Replace a release's commits."""
    key, raws = release_key(given["release"]), given["commits"]
    named = raws, given.get("repository")
    commits, repository = (
        await run_in_thread(parse_listed_commits, *named) if services.large else parse_listed_commits(*named)
    )
    shown = await services.releases.set_commits(principal, key, commits, repository, view)
    return {"shown": shown}


async def set_release_refs(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Set a release's heads."""
    key, refs = release_key(given["release"]), parse_refs(given["refs"])
    return {"shown": await services.releases.set_refs(principal, key, refs, view)}


async def create_deploy(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Record a deploy."""
    new = parse_new_deploy(_said({name: value for name, value in given.items() if name != "release"}))
    done = await services.deploys.create_deploy(principal, release_key(given["release"]), new, view)
    return {"outcome": done.outcome, "shown": done.shown}


async def update_deploy(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Change a deploy."""
    by = given["deploy"]
    key = DeployKey(id=_id_of("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    change = parse_deploy_change(_worded({name: value for name, value in given.items() if name != "deploy"}))
    return {"shown": await services.deploys.update_deploy(principal, key, change, view)}


async def create_project(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Make a project."""
    new = parse_new_project(given)
    return {"shown": await services.projects.create_project(principal, given["organization"], new, view)}


async def update_project(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Change a project."""
    by = given["project"]
    key = ProjectKey(id=_id_of("Project", by["id"])) if by.get("id") is not None else ProjectKey(**by["key"])
    repository = {"repository": given["repository"]} if "repository" in given else {}
    change = parse_project_change(_said(given) | repository)
    return {"shown": await services.projects.update_project(principal, key, change, view)}


async def create_repository(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Make a repository, or find it."""
    name = parse_repository_name(given)
    done = await services.repositories.create_repository(principal, given["organization"], name, view)
    return {"outcome": done.outcome, "shown": done.shown}


async def create_environment(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Make an environment, or find it."""
    name = parse_environment_name(given)
    done = await services.environments.create_environment(principal, given["organization"], name, view)
    return {"outcome": done.outcome, "shown": done.shown}


async def create_token(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Make a token; its secret is in this answer and nowhere else."""
    minted = await services.tokens.create_token(principal, given["organization"], parse_new_token(given), view)
    return {"secret": minted.text, "shown": minted.shown}


async def revoke_token(services: Services, principal: Principal, given: Input, view: View) -> Payload:
    """Revoke a token."""
    await services.tokens.revoke_token(principal, _id_of("Token", given["token"]))
    return {"revoked_token_id": given["token"]}
