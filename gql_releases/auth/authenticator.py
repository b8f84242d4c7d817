"""From a request's Authorization header to a Principal."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import OrderedDict
from typing import Protocol

from gql_releases.auth.token_format import digest_token, looks_like_token
from gql_releases.domain.counters import count_fall_back
from gql_releases.domain.dates import now
from gql_releases.domain.errors import InvalidToken, Unauthenticated, Unavailable
from gql_releases.domain.incidents import Incident, explain_error
from gql_releases.domain.principal import Principal

MAX_CACHED_PRINCIPALS = 1024
"""Principals kept in memory. Each read and write asks the store itself whether the token still lives."""
MAX_KEPT_HEADER = 500
"""Characters of a header that is kept: blanks around a token may be any number."""
LAST_USE_INTERVAL_SECONDS = 60.0
"""Seconds between two notes of a token's last use."""


class TokenStore(Protocol):
    """Where tokens are kept."""

    async def find_principal(self, digest: bytes) -> Principal | None:
        """Give whom a token stands for; None where it is unknown or revoked."""

    async def note_use(self, token: int) -> None:
        """Write down that a token was used now."""


class Authenticator:
    """Knows tokens by their digests, and in memory those that were used last by the header that they came in."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, Principal] = OrderedDict()  # by the header: its digest costs as much as all else here
        self._noted: OrderedDict[int, float] = OrderedDict()  # the token that was noted last is the last one
        self._noting: set[asyncio.Future[None]] = set()
        self._unnoted = Incident("a token's last use was not written")

    async def authenticate(self, header: str | None) -> Principal:
        """Give the holder of the token in an Authorization header: a bearer token, or Basic's user name (SENTRY_API_KEY).

        Raises Unauthenticated without a header, InvalidToken for anything that opens nothing.
        Messages: docs/sentry-contract.md#1-1-authentication.
        """
        if not header:
            raise Unauthenticated
        principal = self._kept.get(header) or await self._find(header)
        if principal.expires_at and principal.expires_at <= now():
            raise InvalidToken("Token expired")
        return principal

    def remembers(self, header: str | None) -> bool:
        """Return whether a header's token was valid when it was used last, and is kept in memory."""
        return header in self._kept

    async def _find(self, header: str) -> Principal:
        token = _parse_header(header)
        principal = await self._store.find_principal(digest_token(token)) if looks_like_token(token) else None
        if principal is None:
            raise InvalidToken
        if len(header) <= MAX_KEPT_HEADER:
            self._kept[header] = principal
            if len(self._kept) > MAX_CACHED_PRINCIPALS:
                self._kept.popitem(last=False)
        return principal

    def forget(self, principal: Principal) -> None:
        """Drop what is kept of a token that the store called dead."""
        for header in [header for header, kept in self._kept.items() if kept.token_id == principal.token_id]:
            del self._kept[header]

    def note_use(self, principal: Principal) -> None:
        """Write down that the token was used, at most once a minute, and not in the request's way."""
        moment, token = time.monotonic(), principal.token_id
        if token is None or moment - self._noted.get(token, -LAST_USE_INTERVAL_SECONDS) < LAST_USE_INTERVAL_SECONDS:
            return
        self._noted[token] = moment
        self._noted.move_to_end(token)
        if len(self._noted) > MAX_CACHED_PRINCIPALS:
            self._noted.popitem(last=False)
        noting = asyncio.ensure_future(self._note(token))
        self._noting.add(noting)  # the loop itself holds tasks only weakly
        noting.add_done_callback(self._noting.discard)

    async def _note(self, token: int) -> None:
        try:
            await self._store.note_use(token)
        except Unavailable as error:  # a store that cannot write is no reason to refuse a read
            count_fall_back("token_use")
            self._unnoted.report(explain_error(error))


def _parse_header(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "basic":
        return _parse_basic(token)
    if scheme.lower() != "bearer":
        raise Unauthenticated
    token = token.strip(" ")
    if not token:
        raise InvalidToken("Invalid token header. No credentials provided.")
    if " " in token:
        raise InvalidToken("Invalid token header. Token string should not contain spaces.")
    return token


def _parse_basic(credentials: str) -> str:
    """Give the token that Basic credentials have for a user name: sentry-cli 2 sends SENTRY_API_KEY so."""
    try:
        name = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        raise InvalidToken("API key is not valid") from None
    if not looks_like_token(name):
        raise InvalidToken("API key is not valid")
    return name
