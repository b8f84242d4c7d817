"""`gql-releases serve`: runs the server."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from importlib.metadata import version
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Annotated

import typer
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from gql_releases.app import build_connections, create_app
from gql_releases.commands.migrate import migrate_database
from gql_releases.commands.support import apply_platform_settings, find_origin, require_current, require_no_copy, with_store
from gql_releases.domain.errors import CommandFailed
from gql_releases.logs import set_up_logging
from gql_releases.settings import Settings
from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.engine.urls import redact_url
from gql_releases.storage.store import Store
from gql_releases.web.protocol import HttpProtocol

COMMAND = typer.Typer(add_completion=False)

logger = logging.getLogger(__name__)

METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable in which prometheus-client expects the folder of several processes."""


def create_worker_app() -> ASGIApp:
    """Create the application in a worker process."""
    settings = Settings()
    set_up_logging(settings.log_level, settings.log_format)
    HttpProtocol.table = build_connections(settings)
    if parent := parent_process():
        threading.Thread(target=_exit_with_parent, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()
    return create_app(settings, on_shutdown=lambda: _exit_after(_closing_seconds(settings)))


def _closing_seconds(settings: Settings) -> int:
    """Return the seconds of the graceful shutdown that are reserved for closing the store, after the last response."""
    return max(1, settings.shutdown_timeout // 4)


def _exit_after(seconds: float) -> None:
    """Exit the process after some seconds unless it has ended: a thread may still wait for the database."""

    def end() -> None:
        logger.error("the store was not closed within %s s: the process exits", seconds)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _exit_with_parent(parent: int) -> None:
    """Wait until the parent process has ended, then send SIGTERM to this worker: an orphan would keep the port."""
    wait([parent])
    os.kill(os.getpid(), signal.SIGTERM)


@COMMAND.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: GQL_RELEASES_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on (default: GQL_RELEASES_PORT).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="The number of worker processes.")] = 1,
    demo: Annotated[
        bool, typer.Option("--demo", help="Create example data if missing, and print a token that expires after one day.")
    ] = False,
) -> None:
    """Serve the GraphQL and REST APIs.

    A SQLite database is created and migrated first. A PostgreSQL database must be up to date: run `gql-releases migrate`.
    """
    settings, variables = (Settings(), []) if demo else apply_platform_settings()
    set_up_logging(settings.log_level, settings.log_format)
    for variable in variables:
        logger.info("using the environment variable %s", variable)
    host, port = host or settings.host, settings.port if port is None else port
    with contextlib.closing(_bind(host, port)) as listener:
        _prepare_database(settings, host, listener.getsockname()[1], demo=demo)
        with _metrics_folder(settings, workers):
            _run_server(settings, listener, workers)


@contextlib.contextmanager
def _metrics_folder(settings: Settings, workers: int) -> Iterator[None]:
    """Create a temporary folder for the metrics of several workers; its path is in the environment."""
    os.environ.pop(METRICS_FOLDER_VARIABLE, None)
    if not settings.metrics or workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gql-releases-metrics-") as folder:
        os.environ[METRICS_FOLDER_VARIABLE] = folder
        yield


def _bind(host: str, port: int) -> socket.socket:
    """Bind the port, before anything is printed or created. Raises CommandFailed if that fails."""
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
                f"Port {port} is in use: choose another one, with `make run PORT={port + 1}` or `serve --port {port + 1}`."
            ) from None
        raise CommandFailed(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
    return listener


def _prepare_database(settings: Settings, host: str, port: int, *, demo: bool) -> None:
    logger.info("gql-releases %s, database: %s", version("gql-releases"), redact_url(settings.database_url))
    if is_postgres(settings.database_url):  # other servers may use it: the operator decides when its tables change
        require_current(settings.database_url)
    elif not require_no_copy(settings.database_url).is_current:
        migrate_database(settings.database_url)
    if demo:
        from gql_releases.commands.demo import find_dsn, prepare, token_file, welcome
        from gql_releases.file_storage import open_files
        from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
        from gql_releases.graphql_api.schema.build import build_schema
        from gql_releases.startup_checks import check_program

        check_program(core_schema(build_schema()))  # before data is written, which a wrong declaration would prevent
        file = token_file(settings.database_url)
        origin = find_origin(settings, host, port)

        async def work(store: Store) -> tuple[str, str]:
            token = await prepare(store, open_files(settings), file)
            return token, await find_dsn(store, origin)

        typer.echo(welcome(origin, *with_store(work)))


def _run_server(settings: Settings, listener: socket.socket, workers: int) -> None:
    """Serve on a bound socket until a signal is received, as uvicorn.run does."""
    config = uvicorn.Config(
        "gql_releases.commands.serve:create_worker_app",
        factory=True,
        host=listener.getsockname()[0],
        port=listener.getsockname()[1],
        workers=workers,
        timeout_worker_healthcheck=settings.worker_timeout,  # the start of a worker may take seconds
        timeout_keep_alive=settings.keep_alive_timeout,
        timeout_graceful_shutdown=settings.shutdown_timeout - _closing_seconds(settings),
        http=HttpProtocol,
        loop="uvloop" if os.name == "posix" else "asyncio",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # read by web/proxies.py
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
