"""The commands about a running Sentry: naming the upstream, the outbox, importing what is there."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from gql_releases.app import seal_of
from gql_releases.running import with_store
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.upstreams import UpstreamService
from gql_releases.settings import Settings
from gql_releases.storage.store import Store

upstream = typer.Typer(help="The running Sentry that an organization's writes are sent on to.", no_args_is_help=True)
outbox = typer.Typer(help="What is to be sent on and has not arrived.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="The organization's slug.")]
Url = Annotated[str, typer.Option(help="The Sentry's origin, as https://sentry.example.com.")]

TOKEN_VARIABLE = "GQL_RELEASES_UPSTREAM_TOKEN"
"""A token is never a word of the command line, which others of the machine can read."""


def _service(store: Store) -> UpstreamService:
    return UpstreamService(store.outbox, seal_of(Settings()))


async def _id_of(store: Store, slug: str) -> int:
    return (await OrganizationService(store.organizations).operator_of(slug)).organization_id


def read_token() -> str:
    """Read a token from standard input, unseen where somebody types it."""
    if sys.stdin.isatty():
        return str(typer.prompt("Token", hide_input=True, err=True))
    return sys.stdin.readline().strip()


@upstream.command("set")
def set_upstream(
    organization: Slug,
    url: Url,
    at: Annotated[str, typer.Option("--organization", help="The organization's slug there.")],
) -> None:
    """Name the Sentry, or give another token for it. The token comes from GQL_RELEASES_UPSTREAM_TOKEN, else from stdin."""
    raw = {"url": url, "organization": at, "token": os.environ.get(TOKEN_VARIABLE) or read_token()}

    async def work(store: Store) -> None:
        await _service(store).name_upstream(await _id_of(store, organization), raw)

    with_store(work)
    typer.echo(f"what is written in {organization} is sent on to {url}")


@upstream.command("show")
def show_upstream(organization: Slug) -> None:
    """Show the Sentry, without the token, and how many releases have arrived, wait, or were refused."""

    async def work(store: Store) -> dict[str, Any] | None:
        return await _service(store).show_upstream(await _id_of(store, organization))

    found = with_store(work)
    if found is None:
        typer.echo("none")
        return
    typer.echo(f"{found['url']}\torganization {found['organization']}")
    counted = ", ".join(f"{count} {state.lower()}" for state, count in found["releases"].items())
    typer.echo(f"releases: {counted or 'none'}")
    if found["failures"]:
        typer.echo(f"it failed {found['failures']} times in a row and is asked again at {found['resume_at']}")


@upstream.command("remove")
def remove_upstream(
    organization: Slug,
    discard: Annotated[bool, typer.Option("--discard", help="Give up what has not arrived.")] = False,
) -> None:
    """Send nothing on any more."""

    async def work(store: Store) -> int:
        return await _service(store).remove_upstream(await _id_of(store, organization), discard=discard)

    given_up = with_store(work)
    typer.echo(f"nothing of {organization} is sent on any more; {given_up} requests were given up")


@outbox.command("list")
def list_outbox(organization: Slug) -> None:
    """List the requests that have not arrived, the oldest first: version, kind, state, attempts, when, last error."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return await _service(store).list_outbox(await _id_of(store, organization))

    for one in with_store(work):
        said = (one["version"], one["kind"], one["state"], one["attempts"], one["next_attempt_at"], one["last_error"] or "-")
        typer.echo("\t".join(map(str, said)))


@outbox.command("retry")
def retry(
    organization: Slug,
    version: Annotated[str | None, typer.Argument(help="The release's version; all that were refused if not said.")] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out the refused request, and go on after it.")] = False,
) -> None:
    """Try what the upstream refused again."""

    async def work(store: Store) -> int:
        return await _service(store).retry(await _id_of(store, organization), version, skip=skip)

    typer.echo(f"{with_store(work)} releases are tried again")


def import_sentry(
    url: Url,
    org: Annotated[str, typer.Option(help="The organization's slug there.")],
    token: Annotated[
        str | None, typer.Option(envvar="SENTRY_AUTH_TOKEN", help="A token that may read there; better not as a word.")
    ] = None,
    into: Annotated[str | None, typer.Option(help="The organization's slug here; the same if not said.")] = None,
) -> None:
    """Import releases, commits and deploys of a running Sentry, with their dates. A second run goes on where one ended."""
    raw = {"url": url, "organization": org, "token": token or read_token()}
    from gql_releases import importing_sentry  # brings rich, which serving need not load

    seconds = max(Settings().forward_timeout, importing_sentry.LONGEST)
    done = with_store(lambda store: importing_sentry.import_all(store, into or org, raw, seconds))
    typer.echo(str(done))
    if done.bad:
        raise SystemExit(1)
