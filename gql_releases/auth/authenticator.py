"""Authenticates requests by their Authorization header."""

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
"""Principals cached in memory. Each read and write checks in its own statement that the token is still valid."""
MAX_KEPT_HEADER = 500
"""Characters of a header that is cached: any number of blanks is allowed around a token."""
LAST_USE_INTERVAL_SECONDS = 60.0
"""Seconds between two updates of a token's last use."""


class TokenStore(Protocol):
    """The storage of tokens."""

    async def find_principal(self, digest: bytes) -> Principal | None:
        """Return the principal of a token; None if it is unknown or revoked."""

    async def note_use(self, token: int) -> None:
        """Store the current time as the token's last use."""


class Authenticator:
    """Looks up tokens by their digests, with a cache of recently used Authorization headers."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, Principal] = (
            OrderedDict()
        )  # by header: computing a digest takes as long as all else here
        self._noted: OrderedDict[int, float] = OrderedDict()  # in the order of the updates
        self._noting: set[asyncio.Future[None]] = set()
        self._unnoted = Incident("the last use of a token was not recorded")

    async def authenticate(self, header: str | None) -> Principal:
        """Return the principal of an Authorization header: a bearer token, or Basic's user name (SENTRY_API_KEY).

        Raises Unauthenticated without a header, InvalidToken for an unknown, revoked or expired token.
        Messages: docs/sentry-contract.md#1-1-authentication.
        """
        if not header:
            raise Unauthenticated
        principal = self._kept.get(header) or await self._find(header)
        if principal.expires_at and principal.expires_at <= now():
            raise InvalidToken("Token expired")
        return principal

    def remembers(self, header: str | None) -> bool:
        """Return whether the principal of a header is cached."""
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
        """Remove a token from the cache, after the store has rejected it."""
        for header in [header for header, kept in self._kept.items() if kept.token_id == principal.token_id]:
            del self._kept[header]

    def note_use(self, principal: Principal) -> None:
        """Update the token's last use in the background, at most once a minute."""
        moment, token = time.monotonic(), principal.token_id
        if token is None or moment - self._noted.get(token, -LAST_USE_INTERVAL_SECONDS) < LAST_USE_INTERVAL_SECONDS:
            return
        self._noted[token] = moment
        self._noted.move_to_end(token)
        if len(self._noted) > MAX_CACHED_PRINCIPALS:
            self._noted.popitem(last=False)
        noting = asyncio.ensure_future(self._note(token))
        self._noting.add(noting)  # the event loop has only weak references to tasks
        noting.add_done_callback(self._noting.discard)

    async def _note(self, token: int) -> None:
        try:
            await self._store.note_use(token)
        except Unavailable as error:  # reads still succeed while the store cannot write
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
    """Return the token in the user name of Basic credentials, as sentry-cli 2 sends SENTRY_API_KEY."""
    try:
        name = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        raise InvalidToken("API key is not valid") from None
    if not looks_like_token(name):
        raise InvalidToken("API key is not valid")
    return name
