"""The status of each error that the authenticator raises, for both APIs."""

from __future__ import annotations

from gql_releases.domain.errors import ErrorCode

AUTHENTICATION_STATUSES: dict[ErrorCode, int] = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.INVALID_TOKEN: 401,
    ErrorCode.UNAVAILABLE: 503,
}
"""Code -> status. Clients repeat a 503 and proxies take a server that sends it out of service: for Unavailable alone."""
