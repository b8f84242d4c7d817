"""`gql-releases status`: prints version, database, counts, and the settings without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import typer
from pydantic import SecretStr

from gql_releases.commands.support import apply_platform_settings
from gql_releases.settings import Settings
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.overview import read_overview
from gql_releases.storage.schema.revision import DatabaseState, newest_revision, read_state

COMMAND = typer.Typer(add_completion=False)

MEBIBYTE = 1024 * 1024


def describe_status(settings: Settings, variables: Sequence[str] = ()) -> Iterator[str]:
    """Return the lines; `variables` are the used variables of PLATFORM_VARIABLES. Raises ValueError, Unavailable."""
    url = settings.database_url
    state = read_state(url)
    overview = asyncio.run(read_overview(url))
    yield f"version    {version('gql-releases')}"
    yield f"database   {redact_url(url)}"
    for variable in variables:
        yield f"           from the environment variable {variable}"
    yield f"revision   {_describe_revision(state)}"
    yield f"size       {overview.size_bytes / MEBIBYTE:.1f} MiB"
    for table, count in overview.counts.items():
        yield f"{table:18}{count:>10}"
    for name, (count, size) in overview.stored.items():
        yield f"{name:18}{count:>10}  {size / MEBIBYTE:.1f} MiB"
    yield "settings"
    for name in Settings.model_fields:
        yield f"  GQL_RELEASES_{name.upper()}={_show_setting(name, getattr(settings, name))}"


def _describe_revision(state: DatabaseState) -> str:
    if state.is_copying:
        return f"{state.revision}, an unfinished copy: run the same `gql-releases copy` again"
    if state.revision is None:
        return "none: the database is empty or does not exist; run `gql-releases migrate`"
    if state.revision > newest_revision():
        return f"{state.revision}, newer than this version knows ({newest_revision()})"
    if not state.is_current:
        return f"{state.revision}, not up to date: run `gql-releases migrate` for {newest_revision()}"
    return f"{state.revision}, up to date"


def _show_setting(name: str, value: object) -> str:
    if name == "database_url":
        return redact_url(str(value))
    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


@COMMAND.command()
def show_status() -> None:
    """Print the version, the database with its revision, size and counts, and the settings without secrets."""

    settings, variables = apply_platform_settings()
    for line in describe_status(settings, variables):
        typer.echo(line)
