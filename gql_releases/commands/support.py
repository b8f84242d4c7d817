"""Shared by commands: opens the store of the settings, checks its state, arguments."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, TypeVar

import typer

from gql_releases.domain.errors import CommandFailed
from gql_releases.settings import PLATFORM_VARIABLES, Settings, read_platform_settings
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.schema.revision import DatabaseState, newest_revision, read_state
from gql_releases.storage.store import Store, open_store

Item = TypeVar("Item")
Result = TypeVar("Result")

Slug = Annotated[str, typer.Argument(help="The organization's slug.")]
DisplayName = Annotated[str | None, typer.Option(help="The display name (default: the slug).")]


def with_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Call `work` with the open store and return its result. Raises ValueError if the tables are not up to date."""
    settings = Settings()
    require_current(settings.database_url)

    async def run() -> Result:
        store = open_store(settings.database_url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def require_current(url: str) -> None:
    """Check that the tables are up to date and no copy is unfinished. Raises ValueError, CommandFailed."""
    if not require_no_copy(url).is_current:
        raise ValueError("The database's tables are not up to date: run `gql-releases migrate`.")


def require_no_copy(url: str) -> DatabaseState:
    """Return the state of the database. Raises CommandFailed for an unfinished copy, and for a newer version's tables."""
    state = read_state(url)
    if state.revision and state.revision > newest_revision():
        raise CommandFailed(
            f"{redact_url(url)} is at revision {state.revision}, and this version knows {newest_revision()} as the last: "
            "install the version that migrated it."
        )
    if state.is_copying:
        raise CommandFailed(
            f"{redact_url(url)} holds an unfinished copy: run the same `gql-releases copy` again, which continues it."
        )
    return state


def apply_platform_settings() -> tuple[Settings, list[str]]:
    """Read the settings with PORT and DATABASE_URL, and export these to worker processes as GQL_RELEASES_*.

    Returns also the names of the used variables.
    """
    settings, variables = read_platform_settings()
    for name, variable in PLATFORM_VARIABLES.items():
        if variable in variables:
            os.environ[f"GQL_RELEASES_{name.upper()}"] = os.environ[variable]
    return settings, variables


def find_origin(settings: Settings, host: str, port: int) -> str:
    """Return the URL of the setting, or else of a server that listens on a host and port."""
    is_any = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on
    return settings.public_url or f"http://{'localhost' if is_any else host}:{port}"


def split_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Return lists of at most `size` consecutive items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
