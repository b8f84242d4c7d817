"""`gql-releases project`: projects."""

from __future__ import annotations

from typing import Annotated

import typer

from gql_releases.commands.support import DisplayName, Slug, find_origin, with_store
from gql_releases.domain.organization import ProjectReference, parse_new_project
from gql_releases.domain.project_key import (
    ProjectKeyChange,
    ProjectKeyReference,
    build_dsn,
    parse_new_project_key,
)
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.projects import ProjectService
from gql_releases.settings import Settings
from gql_releases.storage.store import Store

COMMAND = typer.Typer(help="Create and list projects, and manage their keys.", no_args_is_help=True, add_completion=False)


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


@COMMAND.command("keys")
def manage_keys(
    organization: Slug,
    slug: Annotated[str, typer.Argument(help="The project's slug.")],
    create: Annotated[str | None, typer.Option(metavar="NAME", help="Create a key with this name first.")] = None,
    disable: Annotated[str | None, typer.Option(metavar="KEY", help="Refuse events with this key from now on.")] = None,
    enable: Annotated[str | None, typer.Option(metavar="KEY", help="Accept events with this key again.")] = None,
    delete: Annotated[str | None, typer.Option(metavar="KEY", help="Delete this key.")] = None,
) -> None:
    """List a project's keys as DSNs for Sentry's SDKs: DSN, name, state. A KEY is the part of a DSN before the @.

    The host is that of GQL_RELEASES_PUBLIC_URL, or else the address on which the server listens.
    """
    settings = Settings()
    name = None if create is None else parse_new_project_key({"name": create})
    project = ProjectReference(slug=slug)

    async def work(store: Store) -> None:
        operator = await OrganizationService(store.organizations).load_operator(organization)
        service = ProjectKeyService(store.project_keys)
        if name is not None:
            await service.create_key(operator, project, name)
        for public_key, is_active in ((disable, False), (enable, True)):
            if public_key is not None:
                key = ProjectKeyReference(project=project, public_key=public_key)
                await service.update_key(operator, key, ProjectKeyChange(is_active=is_active))
        if delete is not None:
            await service.delete_key(operator, ProjectKeyReference(project=project, public_key=delete))
        project_id, keys = await store.project_keys.list_keys(operator, project)
        base_url = find_origin(settings, settings.host, settings.port)
        for row in keys:
            state = "active" if row.is_active else "inactive"
            typer.echo(f"{build_dsn(base_url, row.public_key, project_id)}\t{row.name}\t{state}")

    with_store(work)
