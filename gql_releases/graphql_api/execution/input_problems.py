"""Collects all problems of a mutation's input, also those that only a lookup finds."""

from __future__ import annotations

from gql_releases.domain.errors import DomainError, Forbidden, InvalidInput, Problem
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.bindings import FindProblems, Input
from gql_releases.graphql_api.execution.services import Services
from gql_releases.services import input_problems


async def find_all_problems(
    find: FindProblems | None, services: Services, principal: Principal, values: Input, error: DomainError
) -> InvalidInput:
    """Return the error of a mutation's input together with all other problems of the input."""
    organization = values.get("organization")
    problems = input_problems.check_organization(principal, organization, "organization")
    if find and not problems:
        try:
            problems += await find(services, principal, values)
        except Forbidden:  # a token that may not read the objects gets no problems from looking them up
            pass
        except DomainError as failure:  # such as a text that no database stores
            problems += [] if failure.code == error.code else [Problem(failure.code, failure.path, failure.message)]
    return input_problems.merge_problems(error, problems)
