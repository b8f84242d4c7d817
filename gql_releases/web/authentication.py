"""Authentication of a request, the same for both APIs: the limit of refusals by address, and the status of each error."""

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
"""Code -> status. Clients repeat a 503 and proxies take a server that sends it out of service: for Unavailable alone."""


async def authenticate(authenticator: Authenticator, limit: RefusalLimit | None, scope: Scope) -> Principal:
    """Return the holder of a request's token, and count a refusal.

    Where an address is above the limit, only a token that was used lately is looked at, and the store is not.
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
