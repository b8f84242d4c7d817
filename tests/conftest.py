"""A harness for every test: a copy of one migrated store with two tenants that share slugs."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gql_releases.app import create_app
from gql_releases.auth.token_service import TokenService
from gql_releases.domain.organization import parse_new_project, parse_new_token
from gql_releases.domain.principal import Scope
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.projects import ProjectService
from gql_releases.settings import Settings
from gql_releases.storage.schema.migrate import migrate
from gql_releases.storage.store import Store, open_store
from tests.client import Client
from tests.databases import ON_POSTGRES, Databases, PostgresServer, SqliteFiles
from tests.timing import pytest_runtest_makereport as pytest_runtest_makereport

COLLECT_AFTER_TESTS = 50
FINISHED = itertools.count(1)
SHARED = Path(__file__).parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is about the other database, and put the files with the most slow tests first: nothing long starts last."""
    other, name = ("sqlite", "SQLite") if ON_POSTGRES else ("postgres", "PostgreSQL")
    for item in items:
        if item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"about {name}"))
    slow = Counter(item.path for item in items if item.get_closest_marker("slow") and not item.get_closest_marker("skip"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_runtest_logfinish() -> None:
    """Keep full collections of garbage short: they grow with what a session imports and caches, and tests measure CPU time."""
    if next(FINISHED) % COLLECT_AFTER_TESTS == 0:
        gc.collect()
        gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests counted."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "counts":
                terminalreporter.write_line(value)


@dataclass
class Template:
    """A migrated store, and the tokens of its tenants."""

    databases: Databases
    url: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return SqliteFiles().path(self.url)


async def fill(template: Template) -> None:
    """Make two tenants that share slugs."""
    store = open_store(template.url)
    organizations = OrganizationService(store.organizations)
    for slug, projects in (("acme", ("web", "api")), ("other", ("web",))):
        await organizations.create_organization({"slug": slug})
        operator = await organizations.load_operator(slug)
        for project in projects:
            await ProjectService(store.projects).create_project(operator, slug, parse_new_project({"slug": project}))
        token = parse_new_token({"name": "all", "scopes": list(Scope)})
        template.tokens[slug] = (await TokenService(store.tokens).create_token(operator, slug, token)).text
    await store.close()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    built: Databases = PostgresServer() if ON_POSTGRES else SqliteFiles()
    yield built
    built.stop()


@pytest.fixture(scope="session")
def template(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Template:
    built = Template(databases, databases.empty(tmp_path_factory.mktemp("template")))
    migrate(built.url)
    asyncio.run(fill(built))
    return built


class Harness:
    """An application over a store of its own; organization acme has projects web and api, other has web."""

    def __init__(self, template: Template, folder: Path, **settings: Any) -> None:
        self.databases, self.url = template.databases, template.databases.copy(template.url, folder)
        self.tokens = template.tokens
        settings.setdefault("files", (folder / "files").absolute().as_uri())
        self.settings = Settings(database_url=self.url, **settings)
        self.store: Store = open_store(self.url, read_seconds=self.settings.read_timeout)
        try:
            self.app = create_app(self.settings, self.store)
        except BaseException:  # Python 3.13 and later warn of connections that are not closed
            asyncio.run(self.store.close())
            raise
        self.client = Client(self.app, self.tokens["acme"])

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return SqliteFiles().path(self.url)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement beside the application."""
        return self.databases.rows(self.url, sql)

    def token(self, *scopes: str, organization: str = "acme", **more: Any) -> str:
        """Mint a token."""

        async def work() -> str:
            operator = await OrganizationService(self.store.organizations).load_operator(organization)
            new = parse_new_token({"scopes": scopes, **more})
            return (await TokenService(self.store.tokens).create_token(operator, organization, new)).text

        return self.run(work())

    def run(self, work: Any) -> Any:
        """Run a coroutine on the client's loop."""
        return self.client.runner.run(work)

    def close(self) -> None:
        """Let go of the store."""
        self.run(self.store.close())
        self.client.close()
        if ON_POSTGRES:
            self.databases.drop(self.url)


@pytest.fixture
def harness(template: Template, tmp_path: Path) -> Iterator[Harness]:
    built = Harness(template, tmp_path)
    yield built
    built.close()


@pytest.fixture
def client(harness: Harness) -> Client:
    return harness.client


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real release histories beside the checkout; a test that needs them is skipped, loudly, where they are not."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED: there is no {folder.name} folder beside the checkout")
    return folder
