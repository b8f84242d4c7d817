"""`gql-releases schema`: prints the GraphQL schema."""

from __future__ import annotations

import typer

from gql_releases.graphql_api.schema.build import build_schema, print_sdl

COMMAND = typer.Typer(add_completion=False)


@COMMAND.command()
def print_schema() -> None:
    """Print the GraphQL schema (SDL), for code generators."""
    typer.echo(print_sdl(build_schema()), nl=False)
