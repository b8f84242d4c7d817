"""`gql-releases migrate`: applies migrations to the database."""

from __future__ import annotations

from typing import Annotated

import typer

from gql_releases.commands.support import apply_platform_settings, require_no_copy
from gql_releases.domain.errors import CommandFailed
from gql_releases.storage.schema.revision import newest_revision

COMMAND = typer.Typer(add_completion=False)


@COMMAND.command()
def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; the exit code is 1 if migrations are missing.")
    ] = False,
) -> None:
    """Create the database's tables, or apply the missing migrations."""
    settings, _ = apply_platform_settings()
    url = settings.database_url
    state = require_no_copy(url)
    if check and not state.is_current:
        raise CommandFailed(f"at revision {state.revision or 'none'}, not up to date: {', '.join(state.missing())} to apply")
    if not check:
        migrate_database(url)
    typer.echo(f"up to date at revision {newest_revision()}")


def migrate_database(url: str) -> None:
    """Apply the missing migrations."""
    from gql_releases.storage.schema.migrate import migrate  # imports Alembic

    migrate(url)
