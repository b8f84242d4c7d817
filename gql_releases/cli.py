"""The command line. A command's module is imported when the command runs, so that `serve` loads no other command."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from gql_releases.dependencies import check_dependencies
from gql_releases.domain.errors import CommandFailed, DomainError, InvalidInput

logger = logging.getLogger(__name__)

COMMANDS = {
    "serve": "serve",
    "migrate": "migrate",
    "status": "status",
    "org": "organizations",
    "project": "projects",
    "token": "tokens",
    "outbox": "outbox",
    "import": "import_file",
    "import-sentry": "import_sentry",
    "copy": "copy",
    "files": "files",
    "events": "events",
    "demo": "demo",
    "schema": "schema",
    "sql": "sql",
}
"""Command -> its module in gql_releases.commands, in the order of the help."""


class CommandGroup(TyperGroup):
    """The commands of COMMANDS, loaded on demand."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def, override]
        """Load a command by its name; None for an unknown one."""
        if cmd_name not in COMMANDS:
            return None
        check_dependencies()  # before a module that uses undocumented parts of them is imported
        command = typer.main.get_command(import_module(f"gql_releases.commands.{COMMANDS[cmd_name]}").COMMAND)
        command.name = cmd_name
        return command


cli = typer.Typer(
    cls=CommandGroup,
    help="A self-hosted server for release data: GraphQL for frontends, Sentry's release API for CI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # `main` prints one line for every failure
)


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
    """A self-hosted server for release data: GraphQL for frontends, Sentry's release API for CI."""


def main() -> None:
    """Run the command line. Every failure prints one line and exits with code 1, a wrong option or setting with code 2.

    With GQL_RELEASES_LOG_LEVEL=debug an unexpected failure is also logged with its traceback.
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
