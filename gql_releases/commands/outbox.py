"""`gql-releases outbox`: requests that the upstream has not accepted yet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gql_releases.commands.support import Slug, with_store
from gql_releases.commands.upstream import find_organization_id, upstream_service
from gql_releases.storage.store import Store

COMMAND = typer.Typer(
    help="List and retry requests that the upstream has not accepted yet.", no_args_is_help=True, add_completion=False
)


@COMMAND.command("list")
def list_outbox(organization: Slug) -> None:
    """List waiting requests, oldest first: version, kind, state, attempts, time of the next attempt, last error."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return await upstream_service(store).list_outbox(await find_organization_id(store, organization))

    for request in with_store(work):
        fields = (
            request["version"],
            request["kind"],
            request["state"],
            request["attempts"],
            request["next_attempt_at"],
            request["last_error"] or "-",
        )
        typer.echo("\t".join(map(str, fields)))


@COMMAND.command("retry")
def retry(
    organization: Slug,
    version: Annotated[str | None, typer.Argument(help="The release's version (default: all refused releases).")] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Drop the refused request and continue with the next one.")] = False,
) -> None:
    """Retry releases that the upstream refused."""

    async def work(store: Store) -> int:
        return await upstream_service(store).retry(await find_organization_id(store, organization), version, skip=skip)

    typer.echo(f"{with_store(work)} releases will be retried")
