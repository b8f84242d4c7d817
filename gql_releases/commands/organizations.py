"""`gql-releases org`: organizations."""

from __future__ import annotations

import typer

from gql_releases.commands import upstream
from gql_releases.commands.support import DisplayName, Slug, with_store
from gql_releases.services.organizations import OrganizationService

COMMAND = typer.Typer(help="Create and list organizations.", no_args_is_help=True, add_completion=False)
COMMAND.add_typer(upstream.COMMAND, name="upstream")


@COMMAND.command("create")
def create_organization(slug: Slug, name: DisplayName = None) -> None:
    """Create an organization."""
    organization_id = with_store(
        lambda store: OrganizationService(store.organizations).create_organization({"slug": slug, "name": name})
    )
    typer.echo(f"organization {slug} has id {organization_id}")


@COMMAND.command("list")
def list_organizations() -> None:
    """List organizations: slug, name, number of projects, number of releases."""
    for slug, name, projects, releases in with_store(lambda store: store.organizations.list_organizations()):
        typer.echo(f"{slug}\t{name}\t{projects} projects\t{releases} releases")
