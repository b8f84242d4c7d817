"""`gql-releases files`: removes files that nothing refers to any more."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gql_releases.commands.support import require_current
from gql_releases.domain.dates import now
from gql_releases.domain.errors import CommandFailed
from gql_releases.domain.file_collection import Collected
from gql_releases.file_storage import build_collector, open_files
from gql_releases.settings import Settings
from gql_releases.storage.store import open_store

COMMAND = typer.Typer(
    help="Remove uploaded files that nothing refers to any more.", no_args_is_help=True, add_completion=False
)

NAMES = {
    "bundles": "bundles that were not used for long",
    "debug_files": "debug files that were not used for long",
    "chunk_rows": "chunks",
    "blob_rows": "files of which nothing is left",
    "assemblies": "states of uploads",
    "chunks": "contents of chunks",
    "blobs": "contents of files",
    "temporary": "temporary files",
}
"""Attribute of Collected -> what is printed."""


@COMMAND.callback()
def files() -> None:
    """Have a group of commands, although there is one."""


@COMMAND.command()
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be removed.")] = False,
) -> None:
    """Remove files that nothing refers to, and those that GQL_RELEASES_FILES_KEEP_DAYS lets expire.

    A server does the same every hour. The bytes of a removed file are removed by the next collection.
    """
    settings = Settings()
    require_current(settings.database_url)
    collected = asyncio.run(_collect(settings, dry_run=dry_run))
    if collected is None:
        raise CommandFailed("Another process collects at the moment.")
    verb = "would remove" if dry_run else "removed"
    for name, removed in collected.list_removed():
        if removed.number:
            typer.echo(f"{verb} {removed.number} {NAMES[name]}" + (f", {removed.bytes} bytes" if removed.bytes else ""))
    if collected.is_empty:
        typer.echo("nothing to remove")


async def _collect(settings: Settings, *, dry_run: bool) -> Collected | None:
    blobs = open_files(settings)
    if blobs is None:
        raise CommandFailed("There is no storage of files: GQL_RELEASES_FILES is not set.")
    store = open_store(settings.database_url)
    try:
        return await build_collector(settings, store, blobs).collect_alone(now(), dry_run=dry_run)
    finally:
        await store.close()
        await blobs.close()
