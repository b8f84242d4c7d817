"""Writes repositories."""

from __future__ import annotations

from gql_releases.domain.outcomes import UpsertResult
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import NaturalKeyTable
from gql_releases.storage.engine.statements import Transaction
from gql_releases.storage.lookup import find_or_create_named
from gql_releases.storage.reading.reader import Reader
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.repository import RepositoryRow

repository_keys = NaturalKeyTable(table(RepositoryRow), ("name",), ("date_created",), by="name")


class RepositoryStore:
    """Repositories in a database."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    async def create_repository(self, principal: Principal, name: str, view: PagedSelection | None) -> UpsertResult:
        """Find a repository by its name, or create it. Raises InvalidToken."""

        async def work(transaction: Transaction) -> UpsertResult:
            return await find_or_create_named(transaction, self._reader, repository_keys, principal, name, view)

        return await self._database.write(work)
