"""The interface of a database: reads on one snapshot, writes in one transaction, errors of the domain."""

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
    """A read would block the event loop: it is to be repeated as a large one."""


class Database(Protocol):
    """An open database."""

    @property
    def dialect(self) -> Dialect:
        """What differs in SQL between databases."""

    async def rows(self, statement: Statement, values: Values, *, large: bool = False, move: bool = True) -> list[Row]:
        """Return the rows of a single reading statement, which needs no transaction. Raises as `read` does."""

    async def read(self, work: Work[Result], *, large: bool = False, move: bool = True) -> Result:
        """Run `work` on one snapshot. `large` reads do not block the event loop.

        Another read that would block it is repeated as a large one, or, where `move` is false, raises TakesLong. Raises
        TimedOut after the timeout of reads, Unavailable. Cancellation ends the running statement.
        """

    async def write(self, work: Work[Result], *, large: bool = False) -> Result:
        """Run `work` in one transaction and return its result after the commit.

        `large` writes must not block the event loop. Raises Unavailable: then nothing was committed.
        """

    def usage(self) -> Usage:
        """Return the use of this process's resources, by the name of a metric and the value of its label."""

    async def close(self) -> None:
        """Finish accepted writes, then close all connections."""
