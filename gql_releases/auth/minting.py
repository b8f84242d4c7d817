"""Makes, lists and revokes tokens, for whoever runs the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from gql_releases.auth.tokens import digest_of, hint_of, mint_token
from gql_releases.domain.organization import NewToken


class TokenKeeper(Protocol):
    """Where tokens are kept."""

    async def create_token(self, organization: int, digest: bytes, hint: str, new: NewToken) -> int: ...

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]: ...

    async def revoke_token(self, organization: int, token: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: its text is here and nowhere else."""

    id: int
    text: str


class Mint:
    """Makes and unmakes tokens of one organization."""

    def __init__(self, keeper: TokenKeeper) -> None:
        self._keeper = keeper

    async def create_token(self, organization: int, new: NewToken) -> Minted:
        """Make a token; only its digest is kept."""
        text = mint_token()
        return Minted(await self._keeper.create_token(organization, digest_of(text), hint_of(text), new), text)

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]:
        """List an organization's tokens, without their secrets."""
        return await self._keeper.list_tokens(organization)

    async def revoke_token(self, organization: int, token: int) -> bool:
        """Make a token open nothing from its next request on; False where there is no such living token."""
        return await self._keeper.revoke_token(organization, token)
