"""`gql-releases copy`: copies the store into another database, with a progress bar and a table of the comparison."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.commands.support import require_current
from gql_releases.domain.errors import CommandFailed, Unavailable
from gql_releases.file_storage import find_files_url, list_file_options, open_files
from gql_releases.services.file_copy import FileComparison, copy_files
from gql_releases.settings import Settings
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.transfer.copy import COPY_AGAIN_MESSAGE, MAX_BATCH_ROWS, TableComparison, copy
from gql_releases.storage.transfer.file_rows import open_file_rows
from gql_releases.storage.transfer.table_parts import EVENT_TABLES

COMMAND = typer.Typer(add_completion=False)

SHOWN_DIGEST_DIGITS = 16
"""Digits of a digest that are printed."""
SHOWN_FAULTS = 5
"""Files that are named if they are missing."""


class _Bar:
    """Progress bars: one for copying, one for comparing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, activity: str, total: int, completed: int) -> None:
        self._task = self._progress.add_task(activity, total=total, completed=completed)

    def advance(self, rows: int) -> None:
        self._progress.advance(self._task, rows)


def copy_with_progress(source_url: str, target_url: str, batch: int, without: Collection[str] = frozenset()) -> bool:
    """Copy all tables but those `without`, print the comparison of the tables, and return whether all of them are equal.

    Raises CopyRefused, ValueError; Unavailable, after which a second run continues.
    """
    with _open_progress() as progress:
        comparisons = asyncio.run(copy(source_url, target_url, _Bar(progress), batch, without))
    Console().print(_build_table(comparisons))
    return all(comparison.same for comparison in comparisons)


def copy_files_with_progress(settings: Settings, target: BlobStore) -> bool:
    """Copy the bytes of all files into another storage, print what was compared, and return whether nothing is missing.

    Raises ValueError; Unavailable, after which a second run continues.
    """

    async def work() -> list[FileComparison]:
        source = open_files(settings)
        try:
            if source is None:
                raise ValueError("The source keeps no files: GQL_RELEASES_FILES is not set.")
            async with await open_file_rows(settings.database_url) as rows:
                return await copy_files(rows, source, target, _Bar(progress))
        finally:
            for store in (source, target):
                if store:
                    await store.close()

    with _open_progress() as progress:
        comparisons = asyncio.run(work())
    table = Table("files", "bytes", "")
    for comparison in comparisons:
        faults = ", ".join(comparison.faulty[:SHOWN_FAULTS]) + (" ..." if len(comparison.faulty) > SHOWN_FAULTS else "")
        count = f"{comparison.files} {comparison.kind}"
        table.add_row(count, str(comparison.bytes), f"missing or damaged: {faults}" if faults else "ok")
    Console().print(table)
    return not any(comparison.faulty for comparison in comparisons)


def _open_progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


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
    files_to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the copy's files are put, as in GQL_RELEASES_FILES (default: they stay)."),
    ] = None,
    files_to_options: Annotated[
        Path | None,
        typer.Option(help="A JSON file with options of that storage, such as endpoint, region, access_key_id."),
    ] = None,
    without_events: Annotated[
        bool,
        typer.Option("--without-events", help="Leave out issues, events, sessions and their counts."),
    ] = False,
) -> None:
    """Copy the store into another database, then compare both.

    Stop the server first: nothing may write during the copy. An interrupted copy continues when the command is run again.
    Files are copied and compared with --files-to; without it they stay where they are, for both databases.
    """

    settings = Settings()
    source = settings.database_url
    require_current(source)
    try:
        note = _copy_files(settings, files_to, files_to_options)
        without = EVENT_TABLES if without_events else frozenset()
        is_equal = copy_with_progress(source, to, batch or MAX_BATCH_ROWS, without)
    except Unavailable as error:
        typer.echo(f"{error.message} What was copied so far is kept: run the command again to continue.", err=True)
        raise typer.Exit(1) from None
    if not is_equal:
        typer.echo("The databases differ: the source or the target was written to during the copy.", err=True)
        typer.echo(COPY_AGAIN_MESSAGE, err=True)
        raise typer.Exit(1)
    typer.echo(f"{redact_url(to)} is an exact copy of {redact_url(source)}{', without events' if without_events else ''}")
    typer.echo(note)


def _copy_files(settings: Settings, url: str | None, options: Path | None) -> str:
    """Copy the files, if they are to be copied, and return a sentence on where they are.

    Raises ValueError, CommandFailed for files that are missing, Unavailable.
    """
    current = find_files_url(settings)
    if url is None:
        return f"files stay where they are: set GQL_RELEASES_FILES={current} for the copy" if current else "no files"
    values = _read_options(options) if options else list_file_options(settings)
    target = open_blob_store(url, {} if url.startswith("file:") else values, work_folder=settings.files_work_folder)
    source = open_files(settings)
    if source is not None and source.identity == target.identity:
        return f"files stay where they are: {url} is the storage of both databases"
    if not copy_files_with_progress(settings, target):
        raise CommandFailed("Some files are missing or damaged: the copy of the database was not begun.")
    return f"files were copied: set GQL_RELEASES_FILES={url} for the copy"


def _read_options(path: Path) -> dict[str, str]:
    """Return the options of a JSON file. Raises ValueError."""
    try:
        values = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ValueError(f"{path} must have an object whose values are texts.")
    return values
