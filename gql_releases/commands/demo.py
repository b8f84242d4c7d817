"""`gql-releases demo`: an organization with sample data, and the text that `make run` prints."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from gql_releases.auth.token_format import digest_token, looks_like_token
from gql_releases.auth.token_service import TokenService
from gql_releases.blobs.blob_store import BlobStore
from gql_releases.commands.demo_events import send_events
from gql_releases.commands.demo_files import store_bundle
from gql_releases.commands.support import with_store
from gql_releases.domain.dates import now
from gql_releases.domain.deploy import NewDeploy
from gql_releases.domain.errors import InvalidInput, OrganizationNotFound
from gql_releases.domain.organization import NewProject, NewToken, ProjectReference
from gql_releases.domain.principal import Scope
from gql_releases.domain.project_key import DEFAULT_KEY_NAME, build_dsn
from gql_releases.domain.release import Outcome, ReleaseKey, parse_new_release
from gql_releases.file_storage import open_files
from gql_releases.services.deploys import DeployService
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.projects import ProjectService
from gql_releases.services.releases import ReleaseService
from gql_releases.settings import Settings
from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.engine.sqlite import sqlite_path
from gql_releases.storage.store import Store

COMMAND = typer.Typer(add_completion=False)

MIN_VALIDITY = timedelta(hours=1)
ORGANIZATION, PROJECTS = "acme", ("web", "api")
START = datetime(2026, 9, 1, 9, tzinfo=UTC)
AUTHORS = ("Ada", "Grace", "Linus", "Margaret")
SUBJECTS = (
    "Fix the total in the basket", "Show prices with taxes", "Cache what the header asks for", "Drop the old importer",
    "Retry a payment once", "Measure the search", "Rename worker to runner", "Translate the invoice",
)  # fmt: skip
FILES = ("basket.ts", "prices.ts", "header.ts", "importer.ts", "payment.ts", "search.ts", "runner.ts", "invoice.ts")


async def prepare(store: Store, blobs: BlobStore | None, token_file: Path) -> str:
    """Create the demo if it is missing, and return a token that expires within a day.

    The token is stored in a file that only its owner can read, and is reused until an hour before it expires, so that a
    start does not create another token. Raises Unavailable; OSError if the file cannot be written.
    """
    try:
        operator = await OrganizationService(store.organizations).load_operator(ORGANIZATION)
    except OrganizationNotFound:
        await fill(store, blobs)
        operator = await OrganizationService(store.organizations).load_operator(ORGANIZATION)
    token = await _read_token(store, token_file)
    if token is None:
        new = NewToken("make run", frozenset(Scope), now() + timedelta(days=1))
        token = (await TokenService(store.tokens).create_token(operator, ORGANIZATION, new)).text
        _write_token(token_file, token)
    return token


async def _read_token(store: Store, file: Path) -> str | None:
    """Return the token of the file if it belongs to the demo and is valid for MIN_VALIDITY; else None."""
    token = _read_text(file).strip()
    principal = await store.tokens.find_principal(digest_token(token)) if looks_like_token(token) else None
    if principal is None or principal.organization_slug != ORGANIZATION:
        return None
    is_valid = principal.expires_at is not None and principal.expires_at > now() + MIN_VALIDITY
    return token if is_valid else None


def _read_text(file: Path) -> str:
    """Return the text of a file; "" if it cannot be read."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _write_token(file: Path, token: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        os.fchmod(descriptor, 0o600)  # an existing file may have other permissions
        target.write(f"{token}\n")


async def find_dsn(store: Store, base_url: str) -> str:
    """Return the DSN of the demo's first project: of its first active key, which is created if there is none."""
    operator = await OrganizationService(store.organizations).load_operator(ORGANIZATION)
    project = ProjectReference(slug=PROJECTS[0])
    project_id, keys = await store.project_keys.list_keys(operator, project)
    active = [key.public_key for key in keys if key.is_active]
    if not active:
        await ProjectKeyService(store.project_keys).create_key(operator, project, DEFAULT_KEY_NAME)
        project_id, keys = await store.project_keys.list_keys(operator, project)
        active = [key.public_key for key in keys if key.is_active]
    return build_dsn(base_url, active[0], project_id)


def token_file(url: str) -> Path:
    """Return the path of the demo's token: next to a SQLite file, else in the current folder. Raises ValueError."""
    if is_postgres(url):
        return Path("gql-releases-demo.token")
    path = sqlite_path(url)
    return path.with_name(f"{path.name}.token")


async def fill(store: Store, blobs: BlobStore | None) -> int:
    """Create the demo's organization, projects, releases, deploys and events; return the number of new releases.

    With a storage of files, also a bundle with a source map.
    """
    organizations = OrganizationService(store.organizations)
    await _ignore_existing(organizations.create_organization({"slug": ORGANIZATION, "name": "Acme"}))
    operator = await organizations.load_operator(ORGANIZATION)
    projects = ProjectService(store.projects)
    for slug in PROJECTS:
        await _ignore_existing(projects.create_project(operator, ORGANIZATION, NewProject(slug, slug)))
    releases, deploys = ReleaseService(store.releases), DeployService(store.deploys)
    created_count = 0
    for number in range(1, 31):
        body = _build_release(number)
        created = await releases.create_release(operator, ORGANIZATION, parse_new_release(body))
        if created.outcome is Outcome.CREATED:
            created_count += 1
            for deploy in _build_deploys(number, body):
                await deploys.create_deploy(operator, ReleaseKey(version=body["version"]), deploy)
    if created_count:
        await send_events(store, operator)
    if blobs is not None:
        await store_bundle(store, blobs, operator)
    return created_count


async def _ignore_existing(creation: Any) -> None:
    with suppress(InvalidInput):
        await creation


def _build_release(number: int) -> dict[str, Any]:
    project = PROJECTS[number % 3 == 0]
    finished = START + timedelta(days=2 * number, hours=number % 7)
    commits = [_build_commit(number, index, project, finished) for index in range(2 + number % 4)]
    minor, build = divmod(number, 5)
    return {
        # The operations in the documentation read web@1.4.0+77.
        "version": f"{project}@1.{minor}.{build}+{77 if number == 20 else 100 + number}",
        "projects": [project],
        "ref": commits[0]["sha"],
        "url": f"https://ci.example.com/{project}/{100 + number}",
        "date_released": finished if number < 29 else None,
        "commits": commits,
        "refs": [{"repository": f"{ORGANIZATION}/{project}", "sha": commits[0]["sha"]}],
    }


def _build_commit(number: int, index: int, project: str, finished: datetime) -> dict[str, Any]:
    author = AUTHORS[(number + index) % len(AUTHORS)]
    subject = (3 * number + index) % len(SUBJECTS)
    return {
        "sha": hashlib.sha1(f"{number}/{index}".encode(), usedforsecurity=False).hexdigest(),
        "repository": f"{ORGANIZATION}/{project}",
        "message": f"{SUBJECTS[subject]} (#{10 * number + index})",
        "author_name": author,
        "author_email": f"{author.lower()}@example.com",
        "timestamp": finished - timedelta(hours=5 * (index + 1)),
        "file_changes": [{"path": f"src/{FILES[subject]}", "type": "A" if number % 6 == index else "M"}],
    }


def _build_deploys(number: int, body: dict[str, Any]) -> list[NewDeploy]:
    finished = body["date_released"]
    if finished is None:
        return []
    environments = ("staging", "production") if number % 4 else ("staging",)
    return [
        NewDeploy(
            environment,
            name=f"{environment}-{number}",
            url=f"https://deploy.example.com/{environment}/{number}",
            date_started=finished + timedelta(minutes=10 * index),
            date_finished=finished + timedelta(minutes=10 * index + 4),
        )
        for index, environment in enumerate(environments)
    ]


def welcome(origin: str, token: str, dsn: str) -> str:
    """Return what `make run` prints."""
    body = '{"version": "web@2.0.0+1", "projects": ["web"]}'
    return f"""
GraphiQL    {origin}/graphql#token={token}

For sentry-cli:
  export SENTRY_URL={origin}
  export SENTRY_AUTH_TOKEN={token}
  export SENTRY_ORG={ORGANIZATION}
  export SENTRY_PROJECT={PROJECTS[0]}

With curl:
  curl {origin}/api/0/organizations/{ORGANIZATION}/releases/ \\
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
    -d '{body}'

For Sentry's SDKs:
  export SENTRY_DSN={dsn}
  python -c "import sentry_sdk; sentry_sdk.init(release='web@2.0.0+1'); 1 / 0"

The token expires within a day. Ctrl-C ends the server.
"""


@COMMAND.command()
def fill_demo() -> None:
    """Create example data: organization acme, projects web and api, about 30 releases."""

    blobs = open_files(Settings())

    async def work(store: Store) -> int:
        try:
            return await fill(store, blobs)
        finally:
            if blobs is not None:
                await blobs.close()

    created_count = with_store(work)
    typer.echo(f"created {created_count} example releases")
