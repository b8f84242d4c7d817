"""`gql-releases import-sentry`: imports releases, commits and deploys from a running Sentry through its public API."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from gql_releases.commands.sentry_objects import (
    Object,
    SentryReleaseSummary,
    build_release,
    read_deploys,
    read_release_summary,
)
from gql_releases.commands.support import split_batches, with_store
from gql_releases.commands.upstream import Url, read_token
from gql_releases.domain.deploy import parse_new_deploy
from gql_releases.domain.errors import InvalidInput, Unavailable
from gql_releases.domain.forwarding import parse_new_upstream
from gql_releases.domain.principal import Principal
from gql_releases.domain.release import ReleaseKey
from gql_releases.forwarding.client import ConnectionFailed, Connections, SentryClient, UpstreamResponse
from gql_releases.services.deploys import DeployService
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.releases import ReleaseService
from gql_releases.settings import Settings
from gql_releases.storage.store import Store

COMMAND = typer.Typer(add_completion=False)

PARALLEL_REQUESTS = 4
"""Releases that are requested at a time; they are written one after the other, the oldest first."""
MAX_IMPORT_ATTEMPTS = 6
"""Attempts of one request before the import ends; the next run continues."""
FIRST_BACKOFF_SECONDS = 1.0
"""Seconds before the second attempt, doubled before each further one."""
MAX_BACKOFF_SECONDS = 60.0
"""Seconds at most between two attempts."""


@dataclass(slots=True)
class SentryImportSummary:
    """Numbers of imported objects."""

    created: int = 0
    existing: int = 0
    commits: int = 0
    deploys: int = 0
    bad: int = 0

    def __str__(self) -> str:
        return (
            f"{self.created} releases created, {self.existing} existing, {self.commits} commits, "
            f"{self.deploys} deploys, {self.bad} invalid"
        )


async def import_all(
    store: Store, organization: str, raw: dict[str, Any], seconds: float, first_wait: float = FIRST_BACKOFF_SECONDS
) -> SentryImportSummary:
    """Import the releases of an organization of a running Sentry; `raw` has its url, organization and token.

    Existing releases are not changed. Invalid objects are reported on standard error and skipped. Nothing is forwarded to
    an upstream, which has the objects already. Raises InvalidInput, OrganizationNotFound; Unavailable if Sentry or the
    store fails, after which a second run continues.
    """
    source = parse_new_upstream(raw)
    operator = await OrganizationService(store.organizations).load_operator(organization)
    connections = Connections(seconds)
    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not sys.stderr.isatty()) as progress:
            client = SentryClient(connections, source.url, source.organization, source.token)
            prefix = hashlib.sha256(f"{source.url} {source.organization}".encode()).hexdigest()[:12]
            importer = replace(operator, forwards=False)
            return await _Import(store, importer, client, prefix, progress, first_wait).run()
    finally:
        await connections.close()


class _Import:
    """One run: all releases, then all deploys in the order in which they were created.

    `prefix` distinguishes the deploys of this Sentry from those of another.
    """

    def __init__(
        self, store: Store, operator: Principal, client: SentryClient, prefix: str, progress: Progress, first_wait: float
    ) -> None:
        self._prefix, self._first_wait = prefix, first_wait
        self._known, self._releases = store.existing_releases, ReleaseService(store.releases, create_projects=True)
        self._deploys = DeployService(store.deploys)
        self._operator, self._client, self._progress = operator, client, progress
        self._summary = SentryImportSummary()

    async def run(self) -> SentryImportSummary:
        """Import all objects and return the summary."""
        summaries = await self._list_releases()
        bar = self._progress.add_task("releases", total=len(summaries))
        for group in split_batches(summaries, PARALLEL_REQUESTS):
            missing = await self._find_missing(group)
            self._summary.existing += len(group) - len(missing)
            changes = await asyncio.gather(*(self._load_commits(summary) for summary in missing))
            for summary, (commits, files) in zip(missing, changes, strict=True):
                await self._create(summary, commits, files)
            self._progress.advance(bar, len(group))
        await self._import_deploys([summary for summary in summaries if summary.deploy_count])
        return self._summary

    async def _list_releases(self) -> list[SentryReleaseSummary]:
        """Return all releases, also archived ones, the oldest first."""
        summaries: dict[str, SentryReleaseSummary] = {}
        bar = self._progress.add_task("listing", total=None)
        for raw in await self._load_all(["releases"], {"per_page": "100", "status": ""}, bar=bar):
            if summary := read_release_summary(raw):
                summaries.setdefault(summary.version, summary)  # a new release shifts the pages, so that one may repeat
            else:
                self._report_bad("an item of the list is not a release")
        self._progress.remove_task(bar)
        return list(reversed(summaries.values()))

    async def _find_missing(self, summaries: Sequence[SentryReleaseSummary]) -> list[SentryReleaseSummary]:
        """Return the releases that the store lacks, or whose commits it lacks: both are written in one transaction."""
        organization = self._operator.organization_id
        commit_counts = await self._known.commit_counts(organization, [summary.version for summary in summaries])
        return [
            summary
            for summary in summaries
            if summary.version not in commit_counts or (summary.commit_count and not commit_counts[summary.version])
        ]

    async def _load_commits(self, summary: SentryReleaseSummary) -> tuple[list[Object], list[Object]]:
        if not summary.commit_count:
            return [], []
        path = ["releases", summary.version]
        return await self._load_all([*path, "commits"]), await self._load_all([*path, "commitfiles"])

    async def _create(self, summary: SentryReleaseSummary, commits: list[Object], files: list[Object]) -> None:
        try:
            new = build_release(summary, commits, files)
            await self._releases.create_release(self._operator, self._operator.organization_slug, new)
        except InvalidInput as error:
            self._report_bad(f"release {summary.version!r}: {_describe_problems(error)}")
            return
        self._summary.created += 1
        self._summary.commits += len(new.commits)

    async def _import_deploys(self, summaries: Sequence[SentryReleaseSummary]) -> None:
        bar = self._progress.add_task("deploys", total=len(summaries))
        all_deploys: list[tuple[int, SentryReleaseSummary, Object]] = []
        for group in split_batches(summaries, PARALLEL_REQUESTS):
            for summary, deploys in zip(group, await asyncio.gather(*map(self._load_deploys, group)), strict=True):
                all_deploys += [(int(raw["id"]), summary, raw) for raw in deploys]
            self._progress.advance(bar, len(group))
        # In the order of creation, so that the previous deploy of each is the same as in Sentry.
        for number, summary, raw in sorted(all_deploys, key=lambda row: row[0]):
            body = {**raw, "external_id": raw["external_id"] or f"sentry-{self._prefix}-{number}"}
            try:
                await self._deploys.create_deploy(
                    self._operator, ReleaseKey(version=summary.version), parse_new_deploy(body)
                )
            except InvalidInput as error:
                self._report_bad(f"deploy {number} of {summary.version!r}: {_describe_problems(error)}")
            else:
                self._summary.deploys += 1

    async def _load_deploys(self, summary: SentryReleaseSummary) -> list[Object]:
        """Return a release's deploys; their projects are known only from requests filtered by project."""
        path = ["releases", summary.version, "deploys"]
        if len(summary.projects) < 2:
            return read_deploys({None: await self._load_all(path)})
        return read_deploys(
            {slug: await self._load_all(path, {"project": str(number)}) for slug, number in summary.projects.items()}
        )

    async def _load_all(self, path: Sequence[str], parameters: dict[str, str] | None = None, bar: Any = None) -> list[Any]:
        """Return the items of all pages of a list; a 404 is an empty list, except for the list of releases."""
        items: list[Any] = []
        cursor: str | None = ""
        seen = set[str]()
        while cursor is not None and cursor not in seen:
            seen.add(cursor)
            response, cursor = await self._load_page(path, cursor, parameters)
            if response.status == 404 and len(path) > 1:
                return items
            if response.status != 200 or not isinstance(response.value, list):
                raise Unavailable(f"{'/'.join(path)}: HTTP {response.status} instead of a list; the import stopped.")
            items += response.value
            if bar is not None:
                self._progress.advance(bar, len(response.value))
        return items

    async def _load_page(
        self, path: Sequence[str], cursor: str, parameters: dict[str, str] | None
    ) -> tuple[UpstreamResponse, str | None]:
        for attempt in count(1):
            try:
                response, next_cursor = await self._client.load_page(path, cursor, parameters)
                if response.status != 429 and response.status < 500:
                    return response, next_cursor
                reason, retry_after = f"HTTP {response.status}", response.retry_after
            except ConnectionFailed as error:
                reason, retry_after = str(error), None
            if attempt == MAX_IMPORT_ATTEMPTS:
                raise Unavailable(f"Sentry: {reason}; run the command again to continue from here.")
            wait = self._first_wait * 2 ** (attempt - 1)
            await asyncio.sleep(min(wait if retry_after is None else retry_after, MAX_BACKOFF_SECONDS))
        raise AssertionError("unreachable")

    def _report_bad(self, text: str) -> None:
        self._summary.bad += 1
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _describe_problems(error: InvalidInput) -> str:
    return "; ".join(f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in error.problems)


@COMMAND.command()
def import_sentry(
    url: Url,
    org: Annotated[str, typer.Option(help="The organization's slug on the Sentry server.")],
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SENTRY_AUTH_TOKEN",
            help="A Sentry token that may read releases. Set the variable, or type it when asked: other users see options.",
        ),
    ] = None,
    into: Annotated[str | None, typer.Option(help="The organization's slug here (default: the same).")] = None,
) -> None:
    """Import releases, commits and deploys from a Sentry server, with their dates.

    Existing releases are kept, and get commits if they have none. An interrupted import continues
    when the command is run again.
    """
    raw = {"url": url, "organization": org, "token": token or read_token()}

    seconds = max(Settings().forward_timeout, MAX_BACKOFF_SECONDS)
    summary = with_store(lambda store: import_all(store, into or org, raw, seconds))
    typer.echo(str(summary))
    if summary.bad:
        raise SystemExit(1)
