"""`gql-releases sql`: the SQL of a named statement, as logs and traces name it."""

from __future__ import annotations

from typing import Annotated

import typer

from gql_releases.domain.errors import CommandFailed
from gql_releases.settings import Settings
from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.statement_list import DIALECTS, list_statements, render_sql

COMMAND = typer.Typer(add_completion=False)


@COMMAND.command()
def print_sql(
    name: Annotated[
        str | None, typer.Argument(help="The statement's name, as deploys.insert (default: list all names).")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(DIALECTS)} (default: that of the store in the settings).")
    ] = None,
) -> None:
    """Print the SQL of a statement, or the names of all statements."""
    dialect = dialect or ("postgresql" if is_postgres(Settings().database_url) else "sqlite")
    if dialect not in DIALECTS:
        raise CommandFailed(f"There is no dialect {dialect}: use one of {', '.join(DIALECTS)}.")
    statements = list_statements()
    if name is None:
        for known_name in statements:
            typer.echo(known_name)
    elif name in statements:
        sql = render_sql(statements[name], dialect)
        if sql is None:
            raise CommandFailed(f"The statement {name} does not run on {dialect}.")
        typer.echo(sql)
    else:
        raise CommandFailed(f"There is no statement {name}: `gql-releases sql` lists the names.")
