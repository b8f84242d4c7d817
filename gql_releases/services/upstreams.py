"""Operations on what is sent on to a running Sentry, for whoever runs the store."""

from __future__ import annotations

from typing import Any, Protocol

from gql_releases.domain.errors import ErrorCode, invalid
from gql_releases.domain.forwarding import encryption_context, parse_new_upstream


class OutboxStore(Protocol):
    """Where upstreams and what waits for them are kept; each method is one transaction."""

    async def name_upstream(self, organization: int, url: str, slug: str, sealed: bytes) -> None: ...

    async def show_upstream(self, organization: int) -> dict[str, Any] | None: ...

    async def remove_upstream(self, organization: int, *, discard: bool) -> int | None: ...

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]: ...

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int: ...


class Cipher(Protocol):
    """What makes a token unreadable to whoever has the database alone."""

    def encrypt(self, token: str, context: bytes) -> bytes: ...


class UpstreamService:
    """What an operator does with them; there is no principal, whoever has the database may."""

    def __init__(self, store: OutboxStore, cipher: Cipher | None) -> None:
        self._store, self._cipher = store, cipher

    async def name_upstream(self, organization: int, raw: dict[str, Any]) -> None:
        """Name the Sentry that an organization's writes are sent on to: url, organization, token.

        Raises InvalidInput; ValueError where there is no secret to seal the token under.
        """
        new = parse_new_upstream(raw)
        if self._cipher is None:
            raise ValueError(
                "GQL_RELEASES_SECRET_KEY: an upstream's token is kept sealed under this secret, which is not set."
            )
        sealed = self._cipher.encrypt(new.token, encryption_context(organization, new.url))
        await self._store.name_upstream(organization, new.url, new.organization, sealed)

    async def show_upstream(self, organization: int) -> dict[str, Any] | None:
        """Give an organization's upstream without its token, and how many releases are in which state."""
        return await self._store.show_upstream(organization)

    async def remove_upstream(self, organization: int, *, discard: bool) -> int:
        """Send nothing on any more; give how many requests were discarded.

        Raises InvalidInput where there is no upstream, or where requests wait and are not to be discarded.
        """
        unsent = await self._store.remove_upstream(organization, discard=discard)
        if unsent is None:
            raise invalid(ErrorCode.INVALID_ARGUMENT, ("upstream",), "The organization has none.")
        if unsent and not discard:
            message = f"{unsent} requests have not arrived there; --discard gives them up."
            raise invalid(ErrorCode.INVALID_ARGUMENT, ("upstream",), message)
        return unsent

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]:
        """List the requests that have not arrived, the oldest first."""
        return await self._store.list_outbox(organization)

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int:
        """Let refused releases be tried again; give how many there were. `skip` leaves out what was refused."""
        return await self._store.retry(organization, version, skip=skip)
