"""What the store needs of a database: reads on one snapshot, writes in one transaction, errors in the domain's words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Row, Statement, Transaction, Values

Result = TypeVar("Result")
READ_TIMEOUT_SECONDS = 5.0
"""Seconds that a read may take, unless set otherwise."""
Usage = Mapping[str, Mapping[str, float]]
Work = Callable[[Transaction], Awaitable[Result]]


class TakesLong(Exception):
    """A read would hold up the event loop: it is to be run as a large one."""


class Database(Protocol):
    """A database that is open."""

    @property
    def dialect(self) -> Dialect:
        """How this database says what reading needs."""

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Give the rows of a statement that reads: one alone needs no transaction. Raises as `read` does."""

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot. `large` reads do not hold up the event loop.

        Another one that would is run again as a large one, or, where `move` is false, raises TakesLong. Raises TimedOut
        where it takes longer than a read may, Unavailable. Cancelled, it ends what runs in the database.
        """

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in one transaction and answer after its commit. Raises Unavailable: then nothing was committed.

        `large` writes must not hold up the event loop.
        """

    def usage(self) -> Usage:
        """Return what is in use of this process's means: by the names of metrics, then by the value of their label."""

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database."""
