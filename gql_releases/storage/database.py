"""What the store needs of a database: reads on one snapshot, writes in one transaction, errors in the domain's words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from gql_releases.storage.dialects import Dialect
from gql_releases.storage.statements import Row, Statement, Transaction, Values

Result = TypeVar("Result")
Work = Callable[[Transaction], Awaitable[Result]]


class Database(Protocol):
    """A database that is open."""

    @property
    def dialect(self) -> Dialect:
        """How this database says what reading needs."""

    async def rows(self, statement: Statement, values: Values, *, large: bool = False) -> list[Row]:
        """Give the rows of a statement that reads: one alone needs no transaction. Raises Unavailable."""

    async def read(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` on one snapshot. Raises Unavailable. `large` reads must not hold up the event loop."""

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in one transaction and answer after its commit. Raises Unavailable: then nothing was committed.

        `large` writes must not hold up the event loop.
        """

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database."""
