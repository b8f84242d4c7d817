"""All faults of a mutation's input at once: for each mutation, what is looked up after its input was refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gql_releases.domain.deploy import DeployKey
from gql_releases.domain.errors import DomainError, Forbidden, InvalidInput, Problem
from gql_releases.domain.organization import ProjectKey
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.queries import release_key
from gql_releases.graphql_api.scalars import from_global_id
from gql_releases.graphql_api.services import Services
from gql_releases.services import input_problems

Input = dict[str, Any]
Find = Callable[[Services, Principal, Input], Awaitable[list[Problem]]]


async def report_all(name: str, services: Services, principal: Principal, given: Input, error: DomainError) -> InvalidInput:
    """Return what refused the input of a mutation, and all else that is wrong with it."""
    organization = given.get("organization")
    found = input_problems.check_organization(principal, organization, "organization")
    find = FINDERS.get(name)
    if find and not found:
        try:
            found += await find(services, principal, given)
        except Forbidden:  # a token that may not read it learns nothing about it
            pass
        except DomainError as refusal:  # a text that no database takes
            found += [] if refusal.code == error.code else [Problem(refusal.code, refusal.path, refusal.message)]
    return input_problems.merge_problems(error, found)


async def report_projects(services: Services, principal: Principal, given: Input, results: list[Any]) -> list[Any]:
    """Add to each result of a bulk creation that is a refusal the projects that its release names and nobody has."""
    if not any(isinstance(result, InvalidInput) for result in results):
        return results
    found = await _find_projects_of_all(services, principal, given)
    return [
        input_problems.merge_problems(result, [problem for problem in found if problem.path[1] == index])
        if isinstance(result, InvalidInput)
        else result
        for index, result in enumerate(results)
    ]


async def _find_projects(services: Services, principal: Principal, given: Input) -> list[Problem]:
    named = [(("projects", index), name) for index, name in enumerate(given["projects"])]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


async def _find_projects_of_all(services: Services, principal: Principal, given: Input) -> list[Problem]:
    named = [
        (("releases", number, "projects", index), name)
        for number, release in enumerate(given["releases"])
        for index, name in enumerate(release["projects"])
    ]
    create = services.releases.creates_projects
    return await input_problems.find_unknown_projects(services.reads, principal, named, create=create)


async def _find_release(services: Services, principal: Principal, given: Input) -> list[Problem]:
    return await input_problems.find_missing_release(services.reads, principal, release_key(given["release"]))


async def _find_release_and_projects(services: Services, principal: Principal, given: Input) -> list[Problem]:
    named = [(("projects", index), name) for index, name in enumerate(given.get("projects") or ())]
    found = await _find_release(services, principal, given)
    return found + await input_problems.find_unknown_projects(services.reads, principal, named)


async def _find_deploy(services: Services, principal: Principal, given: Input) -> list[Problem]:
    by = given["deploy"]
    key = DeployKey(id=_id_of("Deploy", by["id"])) if by.get("id") is not None else DeployKey(**by["key"])
    return await input_problems.find_missing_deploy(services.reads, principal, key)


async def _find_taken(services: Services, principal: Principal, given: Input) -> list[Problem]:
    return await input_problems.find_taken_slug(services.reads, principal, given["slug"])


async def _find_project(services: Services, principal: Principal, given: Input) -> list[Problem]:
    by = given["project"]
    key = ProjectKey(id=_id_of("Project", by["id"])) if by.get("id") is not None else ProjectKey(**by["key"])
    found = await input_problems.find_missing_project(services.reads, principal, key)
    return found + await input_problems.find_taken_slug(services.reads, principal, given.get("slug"), key)


async def _find_scopes(services: Services, principal: Principal, given: Input) -> list[Problem]:
    return input_problems.find_scopes_not_held(principal, given["scopes"])


def _id_of(entity: str, given: str) -> int:
    named, key = from_global_id(given) or ("", -1)
    return key if named == entity else -1


FINDERS: Mapping[str, Find] = {
    "create_release": _find_projects,
    "create_releases": _find_projects_of_all,
    "update_release": _find_release,
    "finalize_release": _find_release,
    "set_release_commits": _find_release,
    "set_release_refs": _find_release,
    "create_deploy": _find_release_and_projects,
    "update_deploy": _find_deploy,
    "create_project": _find_taken,
    "update_project": _find_project,
    "create_token": _find_scopes,
}
"""Command -> what is looked up for it beside its organization; the others have nothing else that could be wrong."""
