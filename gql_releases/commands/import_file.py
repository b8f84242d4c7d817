"""`gql-releases import`: creates releases from a file with one REST body in each line."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from gql_releases.commands.support import Slug, split_batches, with_store
from gql_releases.domain.errors import DomainError, InvalidInput, Unavailable, UnwrittenNumber
from gql_releases.domain.release import Outcome, parse_new_release
from gql_releases.rest_api.releases import CREATION_FIELDS
from gql_releases.services.organizations import OrganizationService
from gql_releases.services.releases import ReleaseService
from gql_releases.settings import Settings
from gql_releases.storage.store import Store
from gql_releases.web.http import NotJson, parse_exact_json, parse_json

COMMAND = typer.Typer(add_completion=False)

PARALLEL_IMPORTS = 8
"""Lines that are sent together to a store that commits them as a group, in the order of the file; else one at a time."""


@dataclass(slots=True)
class ImportSummary:
    """Numbers of lines by their outcome."""

    created: int = 0
    extended: int = 0
    existing: int = 0
    bad: int = 0

    def __str__(self) -> str:
        return f"{self.created} created, {self.extended} extended, {self.existing} existing, {self.bad} invalid lines"


async def import_file(
    store: Store, organization: str, file: Path, project: str | None, *, create_projects: bool
) -> ImportSummary:
    """Create the releases of a file; invalid lines are reported on standard error and skipped.

    Raises OrganizationNotFound; Unavailable if the store fails, after which a second run continues.
    """
    operator = await OrganizationService(store.organizations).load_operator(organization)
    service = ReleaseService(store.releases, create_projects=create_projects, in_turn=True)
    summary = ImportSummary()

    async def create(line: bytes) -> Outcome:
        try:
            new = parse_new_release(_complete_body(parse_json(line), project))
        except UnwrittenNumber:
            new = parse_new_release(_complete_body(parse_exact_json(line), project))
        return (await service.create_release(operator, organization, new)).outcome

    console = Console(stderr=True)
    with file.open("rb") as lines, Progress(console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("importing", total=os.fstat(lines.fileno()).st_size)
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        for group in split_batches(numbered, PARALLEL_IMPORTS if store.writes_in_groups else 1):
            outcomes = await asyncio.gather(*(create(line) for _, line in group), return_exceptions=True)
            for (number, _), outcome in zip(group, outcomes, strict=True):
                _count_outcome(summary, number, outcome, console)
            progress.advance(task, sum(len(line) for _, line in group))
    return summary


def _complete_body(raw: Any, project: str | None) -> Any:
    body = CREATION_FIELDS.to_domain(raw)
    if project and isinstance(body, dict):
        body.setdefault("projects", [project])
    return body


def _count_outcome(summary: ImportSummary, number: int, outcome: Outcome | BaseException, console: Console) -> None:
    if isinstance(outcome, Outcome):
        name = outcome.value.lower()
        setattr(summary, name, getattr(summary, name) + 1)
        return
    if isinstance(outcome, Unavailable) or not isinstance(outcome, DomainError | NotJson):
        raise outcome
    summary.bad += 1
    if isinstance(outcome, InvalidInput):
        paths = [".".join(map(str, CREATION_FIELDS.to_wire(problem.path))) for problem in outcome.problems]
        reason = "; ".join(f"{path}: {problem.message}" for path, problem in zip(paths, outcome.problems, strict=True))
    else:
        reason = str(outcome)
    console.print(f"line {number}: {reason}", markup=False, highlight=False, soft_wrap=True)


@COMMAND.command()
def import_releases(
    organization: Slug,
    file: Annotated[
        Path, typer.Argument(help="A file with one JSON body of the REST API per line.", exists=True, dir_okay=False)
    ],
    project: Annotated[str | None, typer.Option(help="The project of lines that name no project.")] = None,
    create_projects: Annotated[
        bool, typer.Option(help="Create projects that do not exist, as GQL_RELEASES_CREATE_PROJECTS=true does.")
    ] = False,
) -> None:
    """Create releases from a file with one REST request body per line.

    Invalid lines are reported and skipped; the exit code is then 1. Running it again changes nothing.
    """

    create = create_projects or Settings().create_projects
    summary = with_store(lambda store: import_file(store, organization, file, project, create_projects=create))
    typer.echo(str(summary))
    if summary.bad:
        raise SystemExit(1)
