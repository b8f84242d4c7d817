"""Runs a command's work on the store that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gql_releases.settings import Settings
from gql_releases.storage.revisions import is_current
from gql_releases.storage.store import Store, open_store

Result = TypeVar("Result")


def with_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Run some work on the store. Raises ValueError where its tables are not up to date."""
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
    """Refuse a database whose tables are not up to date. Raises ValueError."""
    if not is_current(url):
        raise ValueError("The database's tables are not up to date: run `gql-releases migrate`.")
