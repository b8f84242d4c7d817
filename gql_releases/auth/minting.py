"""Makes, lists and revokes tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from gql_releases.auth.tokens import digest_of, hint_of, mint_token
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, TokenNotFound
from gql_releases.domain.organization import NewToken
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import WRITE_TOKENS, Principal
from gql_releases.domain.selection import View


class TokenKeeper(Protocol):
    """Where tokens are kept."""

    async def create_token(
        self, maker: Principal, digest: bytes, hint: str, new: NewToken, view: View | None
    ) -> tuple[int, Tree | None]: ...

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]: ...

    async def revoke_token(self, revoker: Principal, token: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token: its text is here and nowhere else; `shown` is the view of it."""

    id: int
    text: str
    shown: Tree | None


class Mint:
    """Makes and unmakes tokens of one organization."""

    def __init__(self, keeper: TokenKeeper) -> None:
        self._keeper = keeper

    async def create_token(self, maker: Principal, organization: str, new: NewToken, view: View | None = None) -> Minted:
        """Make a token; only its digest is kept. Nobody hands out more than they hold.

        Raises Forbidden without org:write or org:admin, OrganizationNotFound, InvalidInput for scopes that the maker lacks.
        """
        maker.require(WRITE_TOKENS)
        maker.require_organization(organization)
        beyond = [scope for scope in new.scopes if scope not in maker.scopes]
        if beyond:
            message = "A token cannot hand out scopes that it lacks: " + ", ".join(sorted(beyond))
            raise InvalidInput([Problem(ErrorCode.SCOPE_NOT_HELD, ("scopes",), message)])
        text = mint_token()
        token, shown = await self._keeper.create_token(maker, digest_of(text), hint_of(text), new, view)
        return Minted(token, text, shown)

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]:
        """List an organization's tokens, without their secrets."""
        return await self._keeper.list_tokens(organization)

    async def revoke_token(self, revoker: Principal, token: int) -> None:
        """Make a token open nothing from its next request on.

        Raises Forbidden without org:write or org:admin, unless it is the revoker's own; TokenNotFound.
        """
        if token != revoker.token_id:
            revoker.require(WRITE_TOKENS)
        if not await self._keeper.revoke_token(revoker, token):
            raise TokenNotFound
