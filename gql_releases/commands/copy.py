"""`gql-releases copy`: copies the store into another database, with a progress bar and a table of the comparison."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from gql_releases.commands.support import require_current
from gql_releases.domain.errors import Unavailable
from gql_releases.settings import Settings
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.transfer.copy import COPY_AGAIN_MESSAGE, MAX_BATCH_ROWS, TableComparison, copy

COMMAND = typer.Typer(add_completion=False)

SHOWN_DIGEST_DIGITS = 16
"""Digits of a digest that are printed."""


class _Bar:
    """Progress bars: one for copying, one for comparing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, activity: str, total: int, completed: int) -> None:
        self._task = self._progress.add_task(activity, total=total, completed=completed)

    def advance(self, rows: int) -> None:
        self._progress.advance(self._task, rows)


def copy_with_progress(source_url: str, target_url: str, batch: int) -> bool:
    """Copy, print the comparison of the tables, and return whether all of them are equal.

    Raises CopyRefused, ValueError; Unavailable, after which a second run continues.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        comparisons = asyncio.run(copy(source_url, target_url, _Bar(progress), batch))
    Console().print(_build_table(comparisons))
    return all(comparison.same for comparison in comparisons)


def _build_table(comparisons: list[TableComparison]) -> Table:
    table = Table("table")
    table.add_column("rows", justify="right")
    table.add_column("digest")
    table.add_column("")
    for comparison in comparisons:
        rows = str(comparison.rows[0]) if comparison.same else f"{comparison.rows[0]} / {comparison.rows[1]}"
        digest = (
            comparison.digests[0][:SHOWN_DIGEST_DIGITS]
            if comparison.same
            else f"{comparison.digests[0][:SHOWN_DIGEST_DIGITS]} / {comparison.digests[1][:SHOWN_DIGEST_DIGITS]}"
        )
        table.add_row(comparison.table, rows, digest, "ok" if comparison.same else "differs")
    return table


@COMMAND.command()
def copy_store(
    to: Annotated[str, typer.Option(metavar="URL", help="The target: an empty database, or one with an interrupted copy.")],
    batch: Annotated[
        int | None,
        typer.Option(min=1, help=f"Rows per transaction, which are held in memory (default: {MAX_BATCH_ROWS:,})."),
    ] = None,
) -> None:
    """Copy the store into another database, then compare both.

    Stop the server first: nothing may write during the copy. An interrupted copy continues when the command is run again.
    """

    source = Settings().database_url
    require_current(source)
    try:
        is_equal = copy_with_progress(source, to, batch or MAX_BATCH_ROWS)
    except Unavailable as error:
        typer.echo(f"{error.message} The rows copied so far are kept: run the command again to continue.", err=True)
        raise typer.Exit(1) from None
    if not is_equal:
        typer.echo("The databases differ: the source or the target was written to during the copy.", err=True)
        typer.echo(COPY_AGAIN_MESSAGE, err=True)
        raise typer.Exit(1)
    typer.echo(f"{redact_url(to)} is an exact copy of {redact_url(source)}")
