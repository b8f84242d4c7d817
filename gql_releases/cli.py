"""The command line: serve the store, and run it.

What only some commands need is imported in them: each process that serves would load it, and keep it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from datetime import timedelta
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from gql_releases import forwarding_commands
from gql_releases.app import create_app
from gql_releases.auth.minting import Mint, Minted
from gql_releases.domain.dates import format_date, now
from gql_releases.domain.errors import CommandFailed, DomainError, InvalidInput, Unavailable
from gql_releases.domain.organization import NewToken, parse_new_project, parse_new_token
from gql_releases.domain.principal import Scope
from gql_releases.graphql_api.schema import build_schema, print_sdl
from gql_releases.logs import set_up_logging
from gql_releases.running import require_current, require_no_copy, with_store
from gql_releases.services.inventory import InventoryService
from gql_releases.services.organizations import OrganizationService
from gql_releases.settings import Settings
from gql_releases.storage.postgres import is_postgres
from gql_releases.storage.revisions import newest
from gql_releases.storage.store import Store, named
from gql_releases.web.protocol import HttpProtocol

logger = logging.getLogger(__name__)

cli = typer.Typer(
    help="A release store with two doors: GraphQL and Sentry's REST API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # `main` prints one line for every failure
)
org = typer.Typer(help="Organizations.", no_args_is_help=True)
project = typer.Typer(help="Projects.", no_args_is_help=True)
token = typer.Typer(help="Tokens.", no_args_is_help=True)
cli.add_typer(org, name="org")
cli.add_typer(project, name="project")
cli.add_typer(token, name="token")
org.add_typer(forwarding_commands.upstream, name="upstream")
cli.add_typer(forwarding_commands.outbox, name="outbox")
cli.command("import-sentry")(forwarding_commands.import_sentry)

Slug = Annotated[str, typer.Argument(help="The organization's slug.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]


def main() -> None:
    """Run the command line. Every failure ends in one line and exit code 1, a wrong option or setting in exit code 2.

    With GQL_RELEASES_LOG_LEVEL=debug an unexpected failure is logged with its traceback, too.
    """
    try:
        cli()
    except InvalidInput as error:
        for problem in error.problems:
            typer.echo(f"{'.'.join(map(str, problem.path))}: {problem.message}", err=True)
        raise SystemExit(1) from None
    except DomainError as error:
        typer.echo(error.message, err=True)
        raise SystemExit(1) from None
    except ValidationError as error:
        for wrong in error.errors():
            typer.echo(f"GQL_RELEASES_{'_'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}", err=True)
        raise SystemExit(2) from None
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except CommandFailed as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None
    except Exception as error:
        logger.debug("the command failed", exc_info=True)
        typer.echo(f"{type(error).__name__}: {' '.join(str(error).split())}", err=True)
        raise SystemExit(1) from None


def served_app() -> ASGIApp:
    """Make the application in a worker process."""
    settings = Settings()
    set_up_logging(settings.log_level)
    if parent := parent_process():
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()
    return create_app(settings)


def _end_with(parent: int) -> None:
    """Wait until the process that started this worker is gone, then end as if it had said so: no orphan keeps the port."""
    wait([parent])
    os.kill(os.getpid(), signal.SIGTERM)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; GQL_RELEASES_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; GQL_RELEASES_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many processes serve.")] = 1,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill an empty store with the demo and print a token for a day.")
    ] = False,
) -> None:
    """Serve both doors. The tables of a SQLite file are brought up to date first; those of PostgreSQL must be already."""
    settings = Settings()
    set_up_logging(settings.log_level)
    logger.info("database: %s", named(settings.database_url))
    if is_postgres(settings.database_url):  # others may be serving from it: the operator says when its tables change
        require_current(settings.database_url)
    elif not require_no_copy(settings.database_url).is_current:
        _migrate(settings.database_url)
    host, port = host or settings.host, settings.port if port is None else port
    if demo:
        from gql_releases import demonstration

        minted = with_store(demonstration.prepare)
        typer.echo(demonstration.welcome(settings.public_url or f"http://{_reachable(host)}:{port}", minted))
    uvicorn.run(
        "gql_releases.cli:served_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        timeout_worker_healthcheck=10,  # on a busy machine a worker that only starts would be taken for one that hangs
        http=HttpProtocol,
        loop="uvloop" if os.name == "posix" else "asyncio",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the one that matters is read where it does: rest_api/routes.py
        date_header=True,
        ws="none",
    )


def _reachable(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::") else host


@cli.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    url = Settings().database_url
    require_no_copy(url)
    _migrate(url)
    typer.echo(f"up to date at revision {newest()}")


def _migrate(url: str) -> None:
    from gql_releases.storage.migrating import migrate  # brings Alembic

    migrate(url)


@org.command("create")
def create_organization(slug: Slug, name: Name = None) -> None:
    """Make an organization."""
    made = with_store(
        lambda store: OrganizationService(store.organizations).create_organization({"slug": slug, "name": name})
    )
    typer.echo(f"organization {slug} has id {made}")


@project.command("create")
def create_project(
    organization: Slug,
    slug: Annotated[str, typer.Argument(help="The project's slug.")],
    name: Name = None,
    repository: Annotated[
        str | None, typer.Option(help="Its default repository, as acme/shop: what sentry-cli sends as origin is read as it.")
    ] = None,
) -> None:
    """Make a project."""
    new = parse_new_project({"slug": slug, "name": name, "repository": repository})

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).operator_of(organization)
        await InventoryService(store.inventory).create_project(operator, organization, new)

    with_store(work)
    typer.echo(f"project {slug} is made")


@token.command("create")
def create_token(
    organization: Slug,
    scope: Annotated[list[str], typer.Option(help=f"What it may do; repeat it. One of {', '.join(Scope)}.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires: Annotated[int | None, typer.Option(min=1, help="Days that it lives; for ever if not said.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a token and print it: this once, for only a digest is kept."""
    until = now() + timedelta(days=expires) if expires else None
    new = parse_new_token({"name": name, "scopes": list(scope), "expires_at": until})
    minted = with_store(lambda store: _mint(store, organization, new))
    if as_json:
        said = {"token": minted.text, "id": minted.id, "scopes": sorted(new.scopes)}
        typer.echo(json.dumps({**said, "expiresAt": format_date(until) if until else None}))
    else:
        typer.echo(minted.text)


async def _mint(store: Store, organization: str, new: NewToken) -> Minted:
    operator = await OrganizationService(store.organizations).operator_of(organization)
    return await Mint(store.tokens).create_token(operator, organization, new)


@token.command("list")
def list_tokens(organization: Slug) -> None:
    """List an organization's tokens, without their secrets."""

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).operator_of(organization)
        for one in await Mint(store.tokens).list_tokens(operator.organization_id):
            state = "revoked" if one["revoked_at"] else f"expires {one['expires_at']}" if one["expires_at"] else "living"
            used = one["last_used_at"] or "never"
            typer.echo(f"{one['id']}\t...{one['hint']}\t{one['name'] or '-'}\t{one['scopes']}\t{state}\tused {used}")

    with_store(work)


@token.command("revoke")
def revoke_token(
    organization: Slug, token_id: Annotated[int, typer.Argument(help="The token's id, as `token list` has it.")]
) -> None:
    """Make a token open nothing from its next request on."""

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).operator_of(organization)
        await Mint(store.tokens).revoke_token(operator, token_id)

    with_store(work)
    typer.echo(f"token {token_id} is revoked")


@cli.command("import")
def import_releases(
    organization: Slug,
    file: Annotated[Path, typer.Argument(help="REST bodies, one in a line.", exists=True, dir_okay=False)],
    project: Annotated[str | None, typer.Option(help="The project of lines that name none.")] = None,
    create_projects: Annotated[
        bool, typer.Option(help="Make projects that lines name; GQL_RELEASES_CREATE_PROJECTS.")
    ] = False,
) -> None:
    """Create releases from a file of REST bodies. Bad lines are told and left out; a second run changes nothing."""
    from gql_releases import importing

    create = create_projects or Settings().create_projects
    done = with_store(lambda store: importing.import_file(store, organization, file, project, create_projects=create))
    typer.echo(str(done))
    if done.bad:
        raise SystemExit(1)


@cli.command("copy")
def copy_store(
    to: Annotated[str, typer.Option(metavar="URL", help="An empty database, or one that a copy was cut off in.")],
    batch: Annotated[int | None, typer.Option(min=1, help="Rows of a transaction, which are held in memory.")] = None,
) -> None:
    """Copy the store into another database and compare both. Nothing may write meanwhile; a copy cut off goes on."""
    from gql_releases import copying
    from gql_releases.storage.copying import AGAIN, BATCH

    source = Settings().database_url
    require_current(source)
    try:
        same = copying.copy_store(source, to, batch or BATCH)
    except Unavailable as error:
        typer.echo(f"{error.message} What was copied stays: run this again, and it goes on.", err=True)
        raise typer.Exit(1) from None
    if not same:
        typer.echo("The databases differ: the source, or the copy, was written to since the copy began.", err=True)
        typer.echo(AGAIN, err=True)
        raise typer.Exit(1)
    typer.echo(f"{named(to)} has all that {named(source)} has")


@cli.command()
def demo() -> None:
    """Fill the store with the demo: organization acme, projects web and api, some thirty releases."""
    from gql_releases import demonstration

    made = with_store(demonstration.fill)
    typer.echo(f"the demo has {made} new releases")


@cli.command()
def schema() -> None:
    """Print the GraphQL schema."""
    typer.echo(print_sdl(build_schema()), nl=False)
