"""`gql-releases org upstream`: the Sentry server that an organization's writes are forwarded to."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from gql_releases.app import token_cipher
from gql_releases.commands.support import Slug, with_store
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.upstreams import UpstreamService
from gql_releases.settings import Settings
from gql_releases.storage.store import Store

COMMAND = typer.Typer(
    help="Forward an organization's writes to a Sentry server.", no_args_is_help=True, add_completion=False
)

Url = Annotated[str, typer.Option(help="The URL of the Sentry server, such as https://sentry.example.com.")]

TOKEN_VARIABLE = "GQL_RELEASES_UPSTREAM_TOKEN"  # noqa: S105 - a variable's name
"""A token is never an argument: other users of the machine can read command lines."""


def upstream_service(store: Store) -> UpstreamService:
    """Return the service for upstreams, which encrypts their tokens."""
    return UpstreamService(store.outbox, token_cipher(Settings()))


async def find_organization_id(store: Store, slug: str) -> int:
    """Return the id of an organization. Raises OrganizationNotFound."""
    return (await OrganizationService(store.organizations).load_operator(slug)).organization_id


def read_token() -> str:
    """Read a token from standard input, without echo on a terminal."""
    if sys.stdin.isatty():
        return str(typer.prompt("Token", hide_input=True, err=True))
    return sys.stdin.readline().strip()


@COMMAND.command("set")
def set_upstream(
    organization: Slug,
    url: Url,
    at: Annotated[str, typer.Option("--organization", help="The organization's slug on the Sentry server.")],
) -> None:
    """Set the Sentry server or its token.

    The token is read from GQL_RELEASES_UPSTREAM_TOKEN or from standard input.
    """
    raw = {"url": url, "organization": at, "token": os.environ.get(TOKEN_VARIABLE) or read_token()}

    async def work(store: Store) -> None:
        await upstream_service(store).name_upstream(await find_organization_id(store, organization), raw)

    with_store(work)
    typer.echo(f"writes to {organization} are forwarded to {url}")


@COMMAND.command("show")
def show_upstream(organization: Slug) -> None:
    """Show the Sentry server without its token, and how many releases were sent, are pending or failed."""

    async def work(store: Store) -> dict[str, Any] | None:
        return await upstream_service(store).show_upstream(await find_organization_id(store, organization))

    upstream = with_store(work)
    if upstream is None:
        typer.echo("none")
        return
    typer.echo(f"{upstream['url']}\torganization {upstream['organization']}")
    counts = ", ".join(f"{count} {state.lower()}" for state, count in upstream["releases"].items())
    typer.echo(f"releases: {counts or 'none'}")
    if upstream["failures"]:
        typer.echo(f"unreachable: {upstream['failures']} failures in a row, next attempt at {upstream['resume_at']}")


@COMMAND.command("remove")
def remove_upstream(
    organization: Slug,
    discard: Annotated[bool, typer.Option("--discard", help="Drop requests that have not arrived.")] = False,
) -> None:
    """Stop forwarding."""

    async def work(store: Store) -> int:
        return await upstream_service(store).remove_upstream(
            await find_organization_id(store, organization), discard=discard
        )

    discarded = with_store(work)
    typer.echo(f"writes to {organization} are no longer forwarded; {discarded} requests were dropped")
