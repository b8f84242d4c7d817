"""Writes and finds tokens by their digests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.organization import NewToken
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal, Scope
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import insert_returning
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.token import TokenRow

tokens, organizations = table(TokenRow), table(OrganizationRow)

INSERT_TOKEN = insert_returning("tokens.insert", 
    tokens, "organization_id", "digest", "hint", "name", "scopes", "date_created", "expires_at", "revoked_at",
    "last_used_at", "maker_id",
)  # fmt: skip
FIND_TOKEN = Statement(
    "tokens.find",
    select(tokens.c.id, tokens.c.organization_id, organizations.c.slug, tokens.c.scopes, tokens.c.expires_at)
    .join_from(tokens, organizations)
    .where(tokens.c.digest == bindparam("digest", type_=tokens.c.digest.type), tokens.c.revoked_at.is_(None)),
)
_LISTED = ("id", "hint", "name", "scopes", "date_created", "expires_at", "revoked_at", "last_used_at", "maker_id")
LIST_TOKENS = Statement(
    "tokens.list",
    select(*(tokens.c[name] for name in _LISTED))
    .where(tokens.c.organization_id == bindparam("organization", type_=Id))
    .order_by(tokens.c.id),
)
NOTE_TOKEN_USE = Statement(
    "tokens.note_use",
    update(tokens)
    .values(last_used_at=bindparam("at", type_=UtcDateTime))
    .where(tokens.c.id == bindparam("token", type_=Id)),
)
REVOKE_TOKEN = Statement(
    "tokens.revoke",
    update(tokens)
    .values(revoked_at=bindparam("at", type_=UtcDateTime))
    .where(
        tokens.c.organization_id == bindparam("organization", type_=Id),
        tokens.c.id == bindparam("token", type_=Id),
        tokens.c.revoked_at.is_(None),
    )
    .returning(tokens.c.id),
)
_descendants = (
    select(tokens.c.id)
    .where(tokens.c.organization_id == bindparam("organization", type_=Id), tokens.c.id == bindparam("token", type_=Id))
    .cte("descendants", recursive=True)
)
_descendants = _descendants.union(select(tokens.c.id).join(_descendants, tokens.c.maker_id == _descendants.c.id))
REVOKE_WITH_MADE = Statement(
    "tokens.revoke_with_made",
    update(tokens)
    .values(revoked_at=bindparam("at", type_=UtcDateTime))
    .where(
        tokens.c.organization_id == bindparam("organization", type_=Id),
        tokens.c.id.in_(select(_descendants.c.id)),
        tokens.c.revoked_at.is_(None),
    )
    .returning(tokens.c.id),
)


class TokenStore:
    """Tokens in a database: digests only."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_token(
        self, maker: Principal, digest: bytes, hint: str, new: NewToken, view: PagedSelection | None
    ) -> tuple[int, Tree | None]:
        """Keep a token's digest; give its id and what it sees of itself. Raises InvalidToken where the maker's died."""
        organization = maker.organization_id

        async def work(transaction: Transaction) -> tuple[int, Tree | None]:
            await require_active_token(transaction, maker)
            row = {
                "organization_id": organization, "digest": digest, "hint": hint, "name": new.name,
                "scopes": " ".join(sorted(new.scopes)), "date_created": now(), "expires_at": new.expires_at,
                "revoked_at": None, "last_used_at": None, "maker_id": maker.token_id,
            }  # fmt: skip
            [(token,)] = await transaction.fetch_many(INSERT_TOKEN, [row])
            if view is None:
                return int(token), None
            itself = Principal(int(token), organization, maker.organization_slug, new.scopes, new.expires_at)
            return int(token), await self._reader.read(transaction, itself, ObjectRead(view, (("id", token),)))

        return await self._database.write(work)

    async def find_principal(self, digest: bytes) -> Principal | None:
        """Give whom a living or expired token stands for; None where it is unknown or revoked."""

        async def work(transaction: Transaction) -> Principal | None:
            row = await transaction.fetch_one(FIND_TOKEN, {"digest": digest})
            if row is None:
                return None
            token, organization, slug, scopes, expires = row
            expires_at = parse_date(expires) if isinstance(expires, str) else expires
            return Principal(token, organization, slug, frozenset(map(Scope, scopes.split())), expires_at)

        return await self._database.read(work)

    async def note_use(self, token: int) -> None:
        """Write down that a token was used now."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(NOTE_TOKEN_USE, {"token": token, "at": now()})

        await self._database.write(work)

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]:
        """Return an organization's tokens, oldest first, as rows of id, hint, name, scopes, dates and maker_id."""

        async def work(transaction: Transaction) -> list[dict[str, Any]]:
            rows = await transaction.fetch_all(LIST_TOKENS, {"organization": organization})
            return [dict(zip(_LISTED, row, strict=True)) for row in rows]

        return await self._database.read(work)

    async def revoke_token(self, revoker: Principal, token: int, *, with_made: bool) -> bool:
        """Revoke a token, and `with_made` all that it made, directly or not; False where nothing valid was there."""
        organization = revoker.organization_id
        statement = REVOKE_WITH_MADE if with_made else REVOKE_TOKEN

        async def work(transaction: Transaction) -> bool:
            await require_active_token(transaction, revoker)
            return bool(await transaction.fetch_all(statement, {"organization": organization, "token": token, "at": now()}))

        return await self._database.write(work)
