"""What the plain schema's resolvers load by: ORM rows, one statement for all parents of a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import strawberry
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlmodel import create_engine, select
from strawberry.dataloader import DataLoader

from gql_releases.storage.engine.postgres import use_text_dates
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow
from gql_releases.storage.schema.tables.deploy import DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow, ReleaseProjectRow


def wire(date: datetime | None) -> str | None:
    """Spell a date."""
    return None if date is None else date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """Runs statements: inline on SQLite, which is faster than a thread, and by asyncpg on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._sync = self._async = None
        if url.startswith("sqlite"):
            self._sync = create_engine(url, connect_args={"check_same_thread": False})
            event.listen(self._sync, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=FULL"))
        else:
            self._async = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), pool_size=10)
            event.listen(self._async.sync_engine, "connect", lambda connection, _: connection.run_async(use_text_dates))

    async def all(self, statement: Any) -> Sequence[Any]:
        """Give a statement's rows."""
        if self._sync:
            with Session(self._sync, expire_on_commit=False) as session:
                return session.execute(statement).all()
        async with AsyncSession(self._async, expire_on_commit=False) as asynchronous:
            return (await asynchronous.execute(statement)).all()

    async def write(self, work: Any) -> Any:
        """Run some work on a session in one transaction."""
        if self._sync:
            with Session(self._sync, expire_on_commit=False) as session, session.begin():
                return work(session)
        async with AsyncSession(self._async, expire_on_commit=False) as asynchronous, asynchronous.begin():
            return await asynchronous.run_sync(work)


class Loaders:
    """What one request loads in batches."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.commit = DataLoader(self._by_id(CommitRow))
        self.author = DataLoader(self._by_id(CommitAuthorRow))
        self.environment = DataLoader(self._by_id(EnvironmentRow))
        self.project = DataLoader(self._by_id(ProjectRow))
        self.projects = DataLoader(self._of_release(ReleaseProjectRow, ReleaseProjectRow.project_id))
        self.deploys = DataLoader(self._of_release(DeployRow, DeployRow.finish_order.desc(), DeployRow.id.desc()))
        self.commits = DataLoader(self._of_release(ReleaseCommitRow, ReleaseCommitRow.position))

    def _by_id(self, row: Any) -> Any:
        async def load(keys: list[int]) -> list[Any]:
            result = {item.id: item for (item,) in await self.store.all(select(row).where(row.id.in_(keys)))}
            return [result.get(key) for key in keys]

        return load

    def _of_release(self, row: Any, *order: Any) -> Any:
        async def load(keys: list[tuple[int, int]]) -> list[list[Any]]:
            owner, releases = keys[0][0], [release for _, release in keys]
            result = defaultdict(list)
            body = select(row).where(row.organization_id == owner, row.release_id.in_(releases)).order_by(*order)
            for (item,) in await self.store.all(body):
                result[item.release_id].append(item)
            return [result[release] for release in releases]

        return load


Info = strawberry.Info[dict[str, Any], None]


def loaders(info: Info) -> Loaders:
    """Give the request's loaders."""
    result: Loaders = info.context["loaders"]
    return result
