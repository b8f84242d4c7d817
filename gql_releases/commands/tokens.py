"""`gql-releases token`: creates, lists and revokes tokens."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from gql_releases.auth.token_service import NewTokenResult, TokenService
from gql_releases.commands.support import Slug, with_store
from gql_releases.domain.dates import format_date, now, parse_date
from gql_releases.domain.organization import NewToken, parse_new_token
from gql_releases.domain.principal import Scope
from gql_releases.services.organizations import OrganizationService
from gql_releases.storage.store import Store

COMMAND = typer.Typer(help="Create, list and revoke tokens.", no_args_is_help=True, add_completion=False)

MAX_TOKEN_DAYS = 365 * 1000
EXPIRES_SOON = timedelta(days=14)


@COMMAND.command("create")
def create_token(
    organization: Slug,
    scope: Annotated[list[str], typer.Option(help=f"A scope; repeat the option for several. One of {', '.join(Scope)}.")],
    name: Annotated[str, typer.Option(help="What the token is for, such as ci.")] = "",
    expires: Annotated[
        int | None, typer.Option(min=1, max=MAX_TOKEN_DAYS, help="Days until it expires (default: never).")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object with token, id, scopes and expiresAt.")
    ] = False,
) -> None:
    """Create a token and print it. It cannot be printed again: only a digest is stored."""
    expires_at = now() + timedelta(days=expires) if expires else None
    new = parse_new_token({"name": name, "scopes": list(scope), "expires_at": expires_at})
    token = with_store(lambda store: _create_token(store, organization, new))
    if as_json:
        fields = {"token": token.text, "id": token.id, "scopes": sorted(new.scopes)}
        typer.echo(json.dumps({**fields, "expiresAt": format_date(expires_at) if expires_at else None}))
    else:
        typer.echo(token.text)


async def _create_token(store: Store, organization: str, new: NewToken) -> NewTokenResult:
    operator = await OrganizationService(store.organizations).load_operator(organization)
    return await TokenService(store.tokens).create_token(operator, organization, new)


@COMMAND.command("list")
def list_tokens(
    organization: Annotated[str | None, typer.Argument(help="The organization's slug (default: all organizations).")] = None,
) -> None:
    """List tokens without their secrets: id, hint, name, scopes, state, last use, and the token that created it."""

    async def work(store: Store) -> None:
        slugs = [organization] if organization else [row[0] for row in await store.organizations.list_organizations()]
        for slug in slugs:
            operator = await OrganizationService(store.organizations).load_operator(slug)
            prefix = "" if organization else f"{slug}\t"
            for row in await TokenService(store.tokens).list_tokens(operator.organization_id):
                typer.echo(prefix + _describe_token(row, now()))

    with_store(work)


def _describe_token(row: dict[str, Any], moment: datetime) -> str:
    used, maker = row["last_used_at"] or "never", f"\tcreated by {row['maker_id']}" if row["maker_id"] else ""
    state = _token_state(row, moment)
    return f"{row['id']}\t...{row['hint']}\t{row['name'] or '-'}\t{row['scopes']}\t{state}\tused {used}{maker}"


def _token_state(row: dict[str, Any], moment: datetime) -> str:
    expires = row["expires_at"]
    if row["revoked_at"]:
        return "revoked"
    if not expires:
        return "active"
    expiry = parse_date(expires) if isinstance(expires, str) else expires
    if expiry <= moment:
        return f"expired {expires}"
    return f"expires {expires}" + (" (soon)" if expiry - moment <= EXPIRES_SOON else "")


@COMMAND.command("revoke")
def revoke_token(
    organization: Slug,
    token_id: Annotated[int, typer.Argument(help="The token's id, from `token list`.")],
    with_made: Annotated[
        bool, typer.Option("--with-made", help="Also revoke the tokens that it created, and those that they created.")
    ] = False,
) -> None:
    """Revoke a token: its next request is refused."""

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).load_operator(organization)
        await TokenService(store.tokens).revoke_token(operator, token_id, with_made=with_made)

    with_store(work)
    typer.echo(f"revoked token {token_id}")
