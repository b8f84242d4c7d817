"""Operations on upstreams, the running Sentrys that writes are forwarded to, for operators."""

from __future__ import annotations

from typing import Any, Protocol

from gql_releases.domain.errors import ErrorCode, invalid
from gql_releases.domain.forwarding import encryption_context, parse_new_upstream


class OutboxStore(Protocol):
    """The storage of upstreams and of requests to them; each method is one transaction."""

    async def name_upstream(self, organization: int, url: str, slug: str, sealed: bytes) -> None: ...

    async def show_upstream(self, organization: int) -> dict[str, Any] | None: ...

    async def remove_upstream(self, organization: int, *, discard: bool) -> int | None: ...

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]: ...

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int: ...


class Cipher(Protocol):
    """Encrypts tokens, so that access to the database alone does not reveal them."""

    def encrypt(self, token: str, context: bytes) -> bytes: ...


class UpstreamService:
    """Operations of an operator: access to the database authorizes them, there is no principal."""

    def __init__(self, store: OutboxStore, cipher: Cipher | None) -> None:
        self._store, self._cipher = store, cipher

    async def name_upstream(self, organization: int, raw: dict[str, Any]) -> None:
        """Set the Sentry that an organization's writes are forwarded to: url, organization, token.

        Raises InvalidInput; ValueError if there is no secret to encrypt the token with.
        """
        new = parse_new_upstream(raw)
        if self._cipher is None:
            raise ValueError("GQL_RELEASES_SECRET_KEY: an upstream's token is encrypted with this secret, which is not set.")
        sealed = self._cipher.encrypt(new.token, encryption_context(organization, new.url))
        await self._store.name_upstream(organization, new.url, new.organization, sealed)

    async def show_upstream(self, organization: int) -> dict[str, Any] | None:
        """Return an organization's upstream without its token, and the numbers of releases by state; None if it has none."""
        return await self._store.show_upstream(organization)

    async def remove_upstream(self, organization: int, *, discard: bool) -> int:
        """Stop forwarding; return the number of discarded requests.

        Raises InvalidInput if there is no upstream, or if requests are waiting and `discard` is not set.
        """
        unsent = await self._store.remove_upstream(organization, discard=discard)
        if unsent is None:
            raise invalid(ErrorCode.INVALID_ARGUMENT, ("upstream",), "The organization has no upstream.")
        if unsent and not discard:
            message = f"{unsent} requests have not arrived; --discard drops them."
            raise invalid(ErrorCode.INVALID_ARGUMENT, ("upstream",), message)
        return unsent

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]:
        """Return the requests that are not delivered, the oldest first."""
        return await self._store.list_outbox(organization)

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int:
        """Retry rejected releases; return their number. `skip` leaves out the rejected requests."""
        return await self._store.retry(organization, version, skip=skip)
