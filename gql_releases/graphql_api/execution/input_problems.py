"""All problems of a mutation's input at once: what the mutation looks up after its input was refused."""

from __future__ import annotations

from gql_releases.domain.errors import DomainError, Forbidden, InvalidInput, Problem
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.bindings import FindProblems, Input
from gql_releases.graphql_api.execution.services import Services
from gql_releases.services import input_problems


async def find_all_problems(
    find: FindProblems | None, services: Services, principal: Principal, given: Input, error: DomainError
) -> InvalidInput:
    """Return what refused the input of a mutation, and all else that is wrong with it."""
    organization = given.get("organization")
    found = input_problems.check_organization(principal, organization, "organization")
    if find and not found:
        try:
            found += await find(services, principal, given)
        except Forbidden:  # a token that may not read it learns nothing about it
            pass
        except DomainError as refusal:  # a text that no database takes
            found += [] if refusal.code == error.code else [Problem(refusal.code, refusal.path, refusal.message)]
    return input_problems.merge_problems(error, found)
