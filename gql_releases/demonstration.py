"""The demo: an organization to look at, and the words that `make run` greets with."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from gql_releases.auth.minting import Mint, Minted
from gql_releases.domain.dates import now
from gql_releases.domain.deploy import NewDeploy
from gql_releases.domain.errors import InvalidInput, OrganizationNotFound
from gql_releases.domain.organization import NewProject, NewToken
from gql_releases.domain.principal import Scope
from gql_releases.domain.release import Outcome, ReleaseKey, parse_new_release
from gql_releases.services.deploys import DeployService
from gql_releases.services.inventory import InventoryService
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.releases import ReleaseService
from gql_releases.storage.store import Store

ORGANIZATION, PROJECTS = "acme", ("web", "api")
START = datetime(2026, 9, 1, 9, tzinfo=UTC)
AUTHORS = ("Ada", "Grace", "Linus", "Margaret")
SUBJECTS = (
    "Fix the total in the basket", "Show prices with taxes", "Cache what the header asks for", "Drop the old importer",
    "Retry a payment once", "Measure the search", "Rename worker to runner", "Translate the invoice",
)  # fmt: skip
FILES = ("basket.ts", "prices.ts", "header.ts", "importer.ts", "payment.ts", "search.ts", "runner.ts", "invoice.ts")


async def prepare(store: Store) -> Minted:
    """Fill the demo in where it is not, and mint a token that lives a day."""
    try:
        operator = await OrganizationService(store.organizations).operator_of(ORGANIZATION)
    except OrganizationNotFound:
        await fill(store)
        operator = await OrganizationService(store.organizations).operator_of(ORGANIZATION)
    new = NewToken("make run", frozenset(Scope), now() + timedelta(days=1))
    return await Mint(store.tokens).create_token(operator, ORGANIZATION, new)


async def fill(store: Store) -> int:
    """Make the demo's organization, projects, releases and deploys; give the number of releases that were not there."""
    organizations = OrganizationService(store.organizations)
    await _unless_there(organizations.create_organization({"slug": ORGANIZATION, "name": "Acme"}))
    operator = await organizations.operator_of(ORGANIZATION)
    inventory = InventoryService(store.inventory)
    for slug in PROJECTS:
        await _unless_there(inventory.create_project(operator, ORGANIZATION, NewProject(slug, slug)))
    releases, deploys = ReleaseService(store.releases), DeployService(store.deploys)
    made = 0
    for number in range(1, 31):
        body = _release(number)
        created = await releases.create_release(operator, ORGANIZATION, parse_new_release(body))
        if created.outcome is Outcome.CREATED:
            made += 1
            for deploy in _deploys(number, body):
                await deploys.create_deploy(operator, ReleaseKey(version=body["version"]), deploy)
    return made


async def _unless_there(making: Any) -> None:
    with suppress(InvalidInput):
        await making


def _release(number: int) -> dict[str, Any]:
    project = PROJECTS[number % 3 == 0]
    finished = START + timedelta(days=2 * number, hours=number % 7)
    commits = [_commit(number, index, project, finished) for index in range(2 + number % 4)]
    minor, build = divmod(number, 5)
    return {
        # The operations of the documentation ask for web@1.4.0+77.
        "version": f"{project}@1.{minor}.{build}+{77 if number == 20 else 100 + number}",
        "projects": [project],
        "ref": commits[0]["sha"],
        "url": f"https://ci.example.com/{project}/{100 + number}",
        "date_released": finished if number < 29 else None,
        "commits": commits,
        "refs": [{"repository": f"{ORGANIZATION}/{project}", "sha": commits[0]["sha"]}],
    }


def _commit(number: int, index: int, project: str, finished: datetime) -> dict[str, Any]:
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


def _deploys(number: int, body: dict[str, Any]) -> list[NewDeploy]:
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


def welcome(origin: str, minted: Minted) -> str:
    """Give the words of `make run`."""
    body = '{"version": "web@2.0.0+1", "projects": ["web"]}'
    return f"""
GraphiQL    {origin}/graphql#token={minted.text}

For sentry-cli:
  export SENTRY_URL={origin}
  export SENTRY_AUTH_TOKEN={minted.text}
  export SENTRY_ORG={ORGANIZATION}
  export SENTRY_PROJECT={PROJECTS[0]}

With curl:
  curl {origin}/api/0/organizations/{ORGANIZATION}/releases/ \\
    -H 'Authorization: Bearer {minted.text}' -H 'Content-Type: application/json' \\
    -d '{body}'

The token lives a day. Ctrl-C ends the server.
"""
