"""`gql-releases project`: projects."""

from __future__ import annotations

from typing import Annotated

import typer

from gql_releases.commands.support import DisplayName, Slug, with_store
from gql_releases.domain.organization import parse_new_project
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.projects import ProjectService
from gql_releases.storage.store import Store

COMMAND = typer.Typer(help="Create and list projects.", no_args_is_help=True, add_completion=False)


@COMMAND.command("list")
def list_projects(
    organization: Annotated[str | None, typer.Argument(help="The organization's slug (default: all organizations).")] = None,
) -> None:
    """List projects: organization and slug, name."""

    async def work(store: Store) -> None:
        if organization:
            await store.organizations.find_organization(organization)  # raises OrganizationNotFound
        for owner, slug, name in await store.projects.list_projects():
            if organization in (None, owner):
                typer.echo(f"{owner}/{slug}\t{name}")

    with_store(work)


@COMMAND.command("create")
def create_project(
    organization: Slug,
    slug: Annotated[str, typer.Argument(help="The project's slug.")],
    name: DisplayName = None,
    repository: Annotated[
        str | None,
        typer.Option(help="The default repository, such as acme/shop: the REST API uses it in place of `origin`."),
    ] = None,
) -> None:
    """Create a project."""
    new = parse_new_project({"slug": slug, "name": name, "repository": repository})

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).load_operator(organization)
        await ProjectService(store.projects).create_project(operator, organization, new)

    with_store(work)
    typer.echo(f"created project {slug}")
