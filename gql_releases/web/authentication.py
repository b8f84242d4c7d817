"""Authenticates requests of both APIs: limits refusals by address, and maps errors to statuses."""

from __future__ import annotations

from starlette.types import Scope

from gql_releases.auth.authenticator import Authenticator
from gql_releases.domain.errors import ErrorCode, InvalidToken, Unauthenticated
from gql_releases.domain.principal import Principal
from gql_releases.web.http import header
from gql_releases.web.rate_limit import RefusalLimit

AUTHENTICATION_STATUSES: dict[ErrorCode, int] = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.INVALID_TOKEN: 401,
    ErrorCode.UNAVAILABLE: 503,
}
"""Code -> status. Only Unavailable is a 503: clients retry it, and proxies take a server that sends it out of service."""


async def authenticate(authenticator: Authenticator, limit: RefusalLimit | None, scope: Scope) -> Principal:
    """Return the principal of a request's token; a refusal is counted.

    For an address above the limit only cached tokens are accepted, and the store is not queried.
    Raises as Authenticator.authenticate does, and TooManyRefusals.
    """
    authorization = header(scope, b"authorization")
    if limit is None:
        return await authenticator.authenticate(authorization)
    if not authenticator.remembers(authorization):
        limit.check(scope)
    try:
        return await authenticator.authenticate(authorization)
    except (Unauthenticated, InvalidToken):
        limit.count(scope)
        raise
