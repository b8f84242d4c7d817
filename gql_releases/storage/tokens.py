"""Writes tokens and finds them by their digests."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update

from gql_releases.domain.dates import now
from gql_releases.domain.organization import NewToken
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal, Scope
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import insert_returning
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime, to_datetime
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


class StoredToken(NamedTuple):
    """The columns of FIND_TOKEN."""

    id: int
    organization_id: int
    slug: str
    scopes: str
    expires_at: datetime | str | None


FIND_TOKEN = RowStatement(
    "tokens.find",
    StoredToken,
    select(tokens.c.id, tokens.c.organization_id, organizations.c.slug, tokens.c.scopes, tokens.c.expires_at)
    .join_from(tokens, organizations)
    .where(tokens.c.digest == bindparam("digest", type_=tokens.c.digest.type), tokens.c.revoked_at.is_(None)),
)
_LISTED_COLUMNS = ("id", "hint", "name", "scopes", "date_created", "expires_at", "revoked_at", "last_used_at", "maker_id")
LIST_TOKENS = Statement(
    "tokens.list",
    select(*(tokens.c[name] for name in _LISTED_COLUMNS))
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
        """Insert a token; return its id and the `view` of it, read with its own scopes.

        Raises InvalidToken where the maker's token has expired or was revoked.
        """
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
        """Return the principal of a token, also of an expired one; None where it is unknown or revoked."""

        async def work(transaction: Transaction) -> Principal | None:
            token = await FIND_TOKEN.fetch_one(transaction, {"digest": digest})
            if token is None:
                return None
            scopes = frozenset(map(Scope, token.scopes.split()))
            return Principal(token.id, token.organization_id, token.slug, scopes, to_datetime(token.expires_at))

        return await self._database.read(work)

    async def note_use(self, token: int) -> None:
        """Store the current time as the token's last use."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(NOTE_TOKEN_USE, {"token": token, "at": now()})

        await self._database.write(work)

    async def list_tokens(self, organization: int) -> list[dict[str, Any]]:
        """Return an organization's tokens, oldest first, as rows of id, hint, name, scopes, dates and maker_id."""

        async def work(transaction: Transaction) -> list[dict[str, Any]]:
            rows = await transaction.fetch_all(LIST_TOKENS, {"organization": organization})
            return [dict(zip(_LISTED_COLUMNS, row, strict=True)) for row in rows]

        return await self._database.read(work)

    async def revoke_token(self, revoker: Principal, token: int, *, with_made: bool) -> bool:
        """Revoke a token, and `with_made` all that were made with it, directly or not. Return whether any was revoked."""
        organization = revoker.organization_id
        statement = REVOKE_WITH_MADE if with_made else REVOKE_TOKEN

        async def work(transaction: Transaction) -> bool:
            await require_active_token(transaction, revoker)
            return bool(await transaction.fetch_all(statement, {"organization": organization, "token": token, "at": now()}))

        return await self._database.write(work)
