"""`gql-releases outbox`: requests that the upstream has not accepted yet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gql_releases.commands.support import Slug, with_store
from gql_releases.commands.upstream import find_organization_id, upstream_service
from gql_releases.storage.store import Store

COMMAND = typer.Typer(help="Requests to the upstream that have not arrived.", no_args_is_help=True, add_completion=False)


@COMMAND.command("list")
def list_outbox(organization: Slug) -> None:
    """List the requests that have not arrived, the oldest first: version, kind, state, attempts, when, last error."""

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
    version: Annotated[str | None, typer.Argument(help="The release's version; all that were refused if not said.")] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out the refused request, and go on after it.")] = False,
) -> None:
    """Try what the upstream refused again."""

    async def work(store: Store) -> int:
        return await upstream_service(store).retry(await find_organization_id(store, organization), version, skip=skip)

    typer.echo(f"{with_store(work)} releases are tried again")
