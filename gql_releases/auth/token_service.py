"""Creates, lists and revokes tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from gql_releases.auth.token_format import digest_token, generate_token, token_hint
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem, TokenNotFound
from gql_releases.domain.organization import NewToken
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import WRITE_TOKENS, Principal
from gql_releases.domain.selection import PagedSelection


class TokenStore(Protocol):
    """The storage of tokens."""

    async def create_token(
        self, maker: Principal, digest: bytes, hint: str, new: NewToken, view: PagedSelection | None
    ) -> tuple[int, Tree | None]: ...

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]: ...

    async def revoke_token(self, revoker: Principal, token: int, *, with_made: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class NewTokenResult:
    """A new token: its text, which is not stored, and `shown`, the requested fields."""

    id: int
    text: str
    shown: Tree | None


class TokenService:
    """Operations on tokens."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    async def create_token(
        self, maker: Principal, organization: str, new: NewToken, view: PagedSelection | None = None
    ) -> NewTokenResult:
        """Create a token; only its digest is stored. It has at most the scopes and the validity of its maker.

        Without an expiry the new token expires with its maker. Raises Forbidden without org:write or org:admin,
        OrganizationNotFound, InvalidInput for scopes that the maker lacks, an expiry in the past or after the maker's.
        """
        maker.require(WRITE_TOKENS)
        maker.require_organization(organization)
        problems = _find_problems(maker, new)
        if problems:
            raise InvalidInput(problems)
        if new.expires_at is None:
            new = replace(new, expires_at=maker.expires_at)
        text = generate_token()
        token, shown = await self._store.create_token(maker, digest_token(text), token_hint(text), new, view)
        return NewTokenResult(token, text, shown)

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]:
        """Return an organization's tokens, without their secrets."""
        return await self._store.list_tokens(organization)

    async def revoke_token(self, revoker: Principal, token: int, *, with_made: bool = False) -> None:
        """Revoke a token: its next request is refused. Tokens that it created stay valid, unless `with_made` is set.

        Raises Forbidden without org:write or org:admin, unless it is the revoker's own token; TokenNotFound.
        """
        if token != revoker.token_id:
            revoker.require(WRITE_TOKENS)
        if not await self._store.revoke_token(revoker, token, with_made=with_made):
            raise TokenNotFound


def _find_problems(maker: Principal, new: NewToken) -> list[Problem]:
    """Return the problems of scopes and expiry that the maker may not grant."""
    problems = []
    beyond = [scope for scope in new.scopes if scope not in maker.grantable_scopes]
    if beyond:
        message = "A token cannot grant scopes that it does not have: " + ", ".join(sorted(beyond))
        problems.append(Problem(ErrorCode.SCOPE_NOT_HELD, ("scopes",), message))
    if new.expires_at and new.expires_at <= now():
        message = f"The expiry {format_date(new.expires_at)} is not in the future."
        problems.append(Problem(ErrorCode.INVALID_DATE, ("expires_at",), message))
    elif new.expires_at and maker.expires_at and new.expires_at > maker.expires_at:
        message = f"A token cannot expire later than the token that creates it, {format_date(maker.expires_at)}."
        problems.append(Problem(ErrorCode.INVALID_DATE, ("expires_at",), message))
    return problems
