"""The command line: serve the store, and run it.

What only some commands need is imported in them: each process that serves would load it, and keep it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from gql_releases import forwarding_commands
from gql_releases.app import build_connections, create_app
from gql_releases.auth.minting import Mint, Minted
from gql_releases.domain.dates import format_date, now, parse_date
from gql_releases.domain.errors import CommandFailed, DomainError, InvalidInput, Unavailable
from gql_releases.domain.organization import NewToken, parse_new_project, parse_new_token
from gql_releases.domain.principal import Scope
from gql_releases.graphql_api.schema import build_schema, print_sdl
from gql_releases.logs import set_up_logging
from gql_releases.running import require_current, require_no_copy, with_store
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.projects import ProjectService
from gql_releases.settings import PLATFORM_VARIABLES, Settings, read_platform_settings
from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.schema.revision import newest
from gql_releases.storage.store import Store
from gql_releases.web.protocol import HttpProtocol

logger = logging.getLogger(__name__)

METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable in which prometheus-client expects the folder of several processes."""

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


MAX_TOKEN_DAYS = 365 * 1000
EXPIRES_SOON = timedelta(days=14)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(version("gql-releases"))
        raise typer.Exit


@cli.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A release store: GraphQL for frontends, Sentry's REST API for CI."""


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
    set_up_logging(settings.log_level, settings.log_format)
    HttpProtocol.table = build_connections(settings)
    if parent := parent_process():
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()
    return create_app(settings, on_shutdown=lambda: _end_after(_closing_seconds(settings)))


def _closing_seconds(settings: Settings) -> int:
    """Return the part of the time for a graceful stop in which the store is closed, when no request is answered any more."""
    return max(1, settings.shutdown_timeout // 4)


def _end_after(seconds: float) -> None:
    """End the process some seconds from now, if it has not ended by then: a thread may still wait for the database."""

    def end() -> None:
        logger.error("the store was not closed within %s s: the process ends", seconds)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


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
    settings, variables = (Settings(), []) if demo else _platform_settings()
    set_up_logging(settings.log_level, settings.log_format)
    for variable in variables:
        logger.info("%s is used", variable)
    host, port = host or settings.host, settings.port if port is None else port
    with contextlib.closing(_bind(host, port)) as listener:
        _prepare_database(settings, host, listener.getsockname()[1], demo=demo)
        with _metrics_folder(settings, workers):
            _run_server(settings, listener, workers)


@contextlib.contextmanager
def _metrics_folder(settings: Settings, workers: int) -> Iterator[None]:
    """Make the folder in which several workers keep their metrics, for as long as they serve; each finds it by its name."""
    os.environ.pop(METRICS_FOLDER_VARIABLE, None)
    if not settings.metrics or workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gql-releases-metrics-") as folder:
        os.environ[METRICS_FOLDER_VARIABLE] = folder
        yield


def _platform_settings() -> tuple[Settings, list[str]]:
    """Read the settings with PORT and DATABASE_URL, and hand them to worker processes by the settings' own names.

    Returns also the names of the variables that were used.
    """
    settings, variables = read_platform_settings()
    for name, variable in PLATFORM_VARIABLES.items():
        if variable in variables:
            os.environ[f"GQL_RELEASES_{name.upper()}"] = os.environ[variable]
    return settings, variables


def _bind(host: str, port: int) -> socket.socket:
    """Take a port before anything is printed or created. Raises CommandFailed where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.set_inheritable(True)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandFailed(
                f"Port {port} is taken: choose another one, with `make run PORT={port + 1}` or `serve --port {port + 1}`."
            ) from None
        raise CommandFailed(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
    return listener


def _prepare_database(settings: Settings, host: str, port: int, *, demo: bool) -> None:
    logger.info("gql-releases %s, database: %s", version("gql-releases"), redact_url(settings.database_url))
    if is_postgres(settings.database_url):  # others may be serving from it: the operator says when its tables change
        require_current(settings.database_url)
    elif not require_no_copy(settings.database_url).is_current:
        _migrate(settings.database_url)
    if demo:
        from gql_releases import demonstration

        file = demonstration.token_file(settings.database_url)
        token = with_store(lambda store: demonstration.prepare(store, file))
        typer.echo(demonstration.welcome(settings.public_url or f"http://{_reachable(host)}:{port}", token))


def _run_server(settings: Settings, listener: socket.socket, workers: int) -> None:
    """Serve until a signal ends it, as uvicorn.run does, on a socket that is bound already."""
    config = uvicorn.Config(
        "gql_releases.cli:served_app",
        factory=True,
        host=listener.getsockname()[0],
        port=listener.getsockname()[1],
        workers=workers,
        timeout_worker_healthcheck=settings.worker_timeout,  # a worker may be busy with its start for seconds
        timeout_keep_alive=settings.keep_alive_timeout,
        timeout_graceful_shutdown=settings.shutdown_timeout - _closing_seconds(settings),
        http=HttpProtocol,
        loop="uvloop" if os.name == "posix" else "asyncio",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the one that matters is read where it does: rest_api/engine/router.py
        date_header=True,
        ws="none",
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    config.load_app()
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _reachable(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::") else host


@cli.command()
def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 where the tables are not up to date.")
    ] = False,
) -> None:
    """Bring the database's tables up to date."""
    settings, _ = _platform_settings()
    url = settings.database_url
    state = require_no_copy(url)
    if check and not state.is_current:
        raise CommandFailed(f"at revision {state.revision or 'none'}, not up to date: {', '.join(state.missing())} to apply")
    if not check:
        _migrate(url)
    typer.echo(f"up to date at revision {newest()}")


@cli.command()
def status() -> None:
    """Print version, database, revision, counts, size, and the settings in force without secrets."""
    from gql_releases.status import describe_status

    settings, variables = _platform_settings()
    for line in describe_status(settings, variables):
        typer.echo(line)


def _migrate(url: str) -> None:
    from gql_releases.storage.schema.migrate import migrate  # brings Alembic

    migrate(url)


@org.command("create")
def create_organization(slug: Slug, name: Name = None) -> None:
    """Make an organization."""
    made = with_store(
        lambda store: OrganizationService(store.organizations).create_organization({"slug": slug, "name": name})
    )
    typer.echo(f"organization {slug} has id {made}")


@org.command("list")
def list_organizations() -> None:
    """List organizations with the numbers of their projects and releases."""
    for slug, name, projects, releases in with_store(lambda store: store.organizations.list_organizations()):
        typer.echo(f"{slug}\t{name}\t{projects} projects\t{releases} releases")


@project.command("list")
def list_projects(
    organization: Annotated[str | None, typer.Argument(help="The organization's slug; all of them without it.")] = None,
) -> None:
    """List projects."""

    async def work(store: Store) -> None:
        if organization:
            await store.organizations.find_organization(organization)  # raises where there is none
        for owner, slug, name in await store.projects.list_projects():
            if organization in (None, owner):
                typer.echo(f"{owner}/{slug}\t{name}")

    with_store(work)


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
        await ProjectService(store.projects).create_project(operator, organization, new)

    with_store(work)
    typer.echo(f"project {slug} is made")


@token.command("create")
def create_token(
    organization: Slug,
    scope: Annotated[list[str], typer.Option(help=f"What it may do; repeat it. One of {', '.join(Scope)}.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires: Annotated[
        int | None, typer.Option(min=1, max=MAX_TOKEN_DAYS, help="Days until it expires (default: never).")
    ] = None,
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
def list_tokens(
    organization: Annotated[str | None, typer.Argument(help="The organization's slug; all of them without it.")] = None,
) -> None:
    """List tokens without their secrets: id, hint, name, scopes, state, last use, and the token that made it."""

    async def work(store: Store) -> None:
        slugs = [organization] if organization else [row[0] for row in await store.organizations.list_organizations()]
        for slug in slugs:
            operator = await OrganizationService(store.organizations).operator_of(slug)
            prefix = "" if organization else f"{slug}\t"
            for row in await Mint(store.tokens).list_tokens(operator.organization_id):
                typer.echo(prefix + _describe_token(row, now()))

    with_store(work)


def _describe_token(row: dict[str, Any], moment: datetime) -> str:
    used, maker = row["last_used_at"] or "never", f"\tmade by {row['maker_id']}" if row["maker_id"] else ""
    state = _token_state(row, moment)
    return f"{row['id']}\t...{row['hint']}\t{row['name'] or '-'}\t{row['scopes']}\t{state}\tused {used}{maker}"


def _token_state(row: dict[str, Any], moment: datetime) -> str:
    expires = row["expires_at"]
    if row["revoked_at"]:
        return "revoked"
    if not expires:
        return "living"
    expiry = parse_date(expires) if isinstance(expires, str) else expires
    if expiry <= moment:
        return f"expired {expires}"
    return f"expires {expires}" + (" (soon)" if expiry - moment <= EXPIRES_SOON else "")


@token.command("revoke")
def revoke_token(
    organization: Slug,
    token_id: Annotated[int, typer.Argument(help="The token's id, as `token list` has it.")],
    with_made: Annotated[
        bool, typer.Option("--with-made", help="Revoke also the tokens that it made, and those that they made.")
    ] = False,
) -> None:
    """Revoke a token: it is refused from its next request on."""

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).operator_of(organization)
        await Mint(store.tokens).revoke_token(operator, token_id, with_made=with_made)

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
    from gql_releases.storage.transfer.copy import AGAIN, BATCH

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
    typer.echo(f"{redact_url(to)} has all that {redact_url(source)} has")


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
