"""All stores of a database, for the composition root to pass to the services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gql_releases.domain.client import while_connected
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead
from gql_releases.domain.switching import short_switch_interval
from gql_releases.storage.deploys import DeployStore
from gql_releases.storage.engine.database import READ_TIMEOUT_SECONDS, Database, TakesLong, Usage
from gql_releases.storage.engine.observed_database import ObservedDatabase, Observer
from gql_releases.storage.engine.postgres import POOL_SIZE, POOL_TIMEOUT_SECONDS, PostgresDatabase, is_postgres
from gql_releases.storage.engine.sqlite import SqliteDatabase, sqlite_path
from gql_releases.storage.engine.turns import Turns
from gql_releases.storage.entities import CATALOGUE
from gql_releases.storage.environments import EnvironmentStore
from gql_releases.storage.events.retention import RetentionStore
from gql_releases.storage.events.writer import EventStore
from gql_releases.storage.files.artifact_bundles import ArtifactBundleStore
from gql_releases.storage.files.artifact_lookup import ArtifactLookupStore
from gql_releases.storage.files.assemblies import AssemblyStore
from gql_releases.storage.files.chunks import ChunkStore
from gql_releases.storage.files.collection import CollectionStore
from gql_releases.storage.files.debug_files import DebugFileStore
from gql_releases.storage.files.release_files import ReleaseFileStore
from gql_releases.storage.files.symbolication_lookup import SymbolicationLookup
from gql_releases.storage.files.usage import FileUsageStore
from gql_releases.storage.issues import IssueStore
from gql_releases.storage.organizations import OrganizationStore
from gql_releases.storage.outbox.store import OutboxStore
from gql_releases.storage.project_keys import ProjectKeyStore
from gql_releases.storage.projects import ProjectStore
from gql_releases.storage.readiness import find_obstacles
from gql_releases.storage.reading.compile import RootPlan
from gql_releases.storage.reading.reader import Reader, build_result, is_large
from gql_releases.storage.releases.existing import ExistingReleaseLookup
from gql_releases.storage.releases.store import ReleaseStore
from gql_releases.storage.repositories import RepositoryStore
from gql_releases.storage.tokens import TokenStore

PARALLEL_SCANS = PARALLEL_LARGE_READS = 2
"""Concurrent scans, and other large reads, of a process; more of them wait in turn by token."""


class Store:
    """All stores over one database."""

    def __init__(self, database: Database, observers: Sequence[Observer] = ()) -> None:
        """Take a database and the observers of its statements."""
        self._unobserved = database
        for observer in observers:
            database = ObservedDatabase(database, observer)
        self._database, self._reader = database, Reader(database.dialect, CATALOGUE)
        self._scanning, self._large, self._planning = Turns(PARALLEL_SCANS), Turns(PARALLEL_LARGE_READS), Turns(1)
        self._planner = ThreadPoolExecutor(1, "planner")
        self.releases = ReleaseStore(database, self._reader)
        self.deploys = DeployStore(database, self._reader)
        self.organizations = OrganizationStore(database)
        self.projects = ProjectStore(database, self._reader)
        self.issues = IssueStore(database, self._reader)
        self.project_keys = ProjectKeyStore(database, self._reader)
        self.repositories = RepositoryStore(database, self._reader)
        self.environments = EnvironmentStore(database, self._reader)
        self.tokens = TokenStore(database, self._reader)
        self.outbox = OutboxStore(database)
        self.events = EventStore(database)
        self.chunks = ChunkStore(database)
        self.debug_files = DebugFileStore(database)
        self.assemblies = AssemblyStore(database)
        self.file_collection = CollectionStore(database)
        self.file_usage = FileUsageStore(database)
        self.artifact_bundles = ArtifactBundleStore(database)
        self.symbolication_lookup = SymbolicationLookup(database)
        self.release_files = ReleaseFileStore(database, self._reader)
        self.artifact_lookup = ArtifactLookupStore(database)
        self.event_retention = RetentionStore(database)
        self.existing_releases = ExistingReleaseLookup(database)

    async def read(self, principal: Principal, read: ObjectRead) -> Tree | None:
        """Read one object and its selection on one snapshot; None where it does not exist.

        A scan or a large read waits for its turn and does not block the event loop. Raises InvalidToken, TimedOut,
        ClientGone, Unavailable.
        """
        reader, pages = self._reader, read.view.pages
        plan = reader.find_plan(read)
        if plan is None:
            plan = await while_connected(self._prepare(principal, read))
        if not plan.scans and not is_large(plan, pages):
            try:
                if plan.single:
                    values = reader.bind_values(principal, read)
                    return build_result(
                        plan, await self._database.rows(plan.level.statement, values, move=False), principal, pages
                    )
                return await self._database.read(
                    lambda transaction: reader.read(transaction, principal, read, plan), move=False
                )
            except TakesLong:
                plan.scans = True
        return await while_connected(self._read_in_turn(principal, read, plan))

    async def _prepare(self, principal: Principal, read: ObjectRead) -> RootPlan:
        """Plan a read without a cached plan, in a thread: unusual conditions take a tenth of a second."""
        async with self._planning.turn(principal.token_id or 0):
            with short_switch_interval():
                return await asyncio.get_running_loop().run_in_executor(self._planner, self._reader.plan, read)

    async def _read_in_turn(self, principal: Principal, read: ObjectRead, plan: RootPlan) -> Tree | None:
        turns, reader = self._scanning if plan.scans else self._large, self._reader
        async with turns.turn(principal.token_id or 0):
            with short_switch_interval():
                return await self._database.read(
                    lambda transaction: reader.read(transaction, principal, read, plan), large=True
                )

    async def find_obstacles(self) -> list[str]:
        """Return a sentence for each reason why the database cannot be used."""
        return await find_obstacles(self._unobserved)

    def usage(self) -> Usage:
        """Return the use of this process's resources, by the name of a metric and the value of its label."""
        return self._database.usage()

    @property
    def writes_in_groups(self) -> bool:
        """Whether concurrent writes are committed as a group, in their order; otherwise they run in parallel."""
        return not self._database.dialect.has_network_latency

    async def close(self) -> None:
        """Finish accepted writes, then close all connections."""
        self._planner.shutdown(wait=False, cancel_futures=True)
        await self._database.close()


def open_database(
    url: str,
    pool_size: int = POOL_SIZE,
    pool_seconds: float = POOL_TIMEOUT_SECONDS,
    read_seconds: float = READ_TIMEOUT_SECONDS,
) -> Database:
    """Open the database of a URL; the pool is used for PostgreSQL only. Raises ValueError, Unavailable."""
    if is_postgres(url):
        return PostgresDatabase(url, pool_size, pool_seconds, read_seconds)
    return SqliteDatabase(sqlite_path(url), read_seconds)


def open_store(
    url: str,
    pool_size: int = POOL_SIZE,
    pool_seconds: float = POOL_TIMEOUT_SECONDS,
    read_seconds: float = READ_TIMEOUT_SECONDS,
    observers: Sequence[Observer] = (),
) -> Store:
    """Open the store of a database URL, whose tables must exist. Raises ValueError, Unavailable."""
    return Store(open_database(url, pool_size, pool_seconds, read_seconds), observers)
