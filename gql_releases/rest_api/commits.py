"""What a release is made of, over REST: commits, changed files, repositories, and the release before it."""

from __future__ import annotations

import re
from dataclasses import replace

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import Forbidden, ReleaseNotFound
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.selection import Read, View
from gql_releases.rest_api import lists, shapes
from gql_releases.rest_api.pagination import read_page
from gql_releases.rest_api.parameters import read_projects
from gql_releases.rest_api.releases import readable_key, release_id
from gql_releases.rest_api.requests import Answer, Request, not_found

_FULL_SHA = re.compile(r"[0-9a-f]{40}")
NEWEST_FIRST, BY_PATH = Order("position"), Order("path")


async def list_commits(request: Request) -> Answer:
    """List a release's commits, the newest first; heads that are not among them come before.

    Source: docs/sentry-contract.md#6-2-commit-list.
    """
    found = await release_id(request)
    page = read_page(request.parameters, NEWEST_FIRST, (("release", found), *await _of_repository(request)))
    read = Read(View(lists.COMMITS, (page, shapes.ALL)), (("id", found),))
    return await lists.answer_page(request, read, page, ReleaseNotFound())


async def list_commit_files(request: Request) -> Answer:
    """List the files that a release's commits changed, by name (docs/sentry-contract.md#6-3-commit-files)."""
    found = await release_id(request)
    page = read_page(request.parameters, BY_PATH, (("release", found), *await _of_repository(request)))
    read = Read(View(lists.FILE_CHANGES, (page,)), (("id", found),))
    return await lists.answer_page(request, read, page, ReleaseNotFound(), shapes.finish_file_change)


async def list_repositories(request: Request) -> Answer:
    """List the repositories of a release's commits, all of them."""
    found = await release_id(request)
    page = PageRequest(shapes.ALL.size, conditions=(("release", found),))
    read = Read(View(lists.REPOSITORIES_OF_RELEASE, (page,)), (("id", found),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ReleaseNotFound
    return Answer(200, tree["rows"]["nodes"])


async def previous_with_commits(request: Request) -> Answer:
    """Show the newest earlier release that has commits, or {}.

    Source: docs/sentry-contract.md#6-4-previous-release and docs/sentry-contract.md#9-decisions.

    `project` narrows it to projects (ids or slugs), and so does a path below a project. An archived release is passed over.
    A client takes its lastCommit for where the next range begins: what is no whole sha would end the client's build.
    """
    key = readable_key(request)
    projects = await _of_projects(request, key.project)
    read = Read(shapes.previous_view(projects), key.conditions())
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ReleaseNotFound
    found = tree["found"]
    if found is None or not _FULL_SHA.fullmatch(found["lastCommit"]["id"]):
        return Answer(200, {})
    return Answer(200, found)


async def _of_projects(request: Request, named: str | None) -> list[int]:
    """Return the ids of the project that the path names, else of those of `project`. Raises Forbidden, ReleaseNotFound."""
    if named is None:
        return await read_projects(request, slugs=True)
    try:
        return await read_projects(replace(request, parameters={"project": [named]}), slugs=True)
    except Forbidden:
        raise ReleaseNotFound from None


async def _of_repository(request: Request) -> Conditions:
    """Read `repo_id`, or else `repo_name`. Raises Refused (404) for an unknown repository."""
    row_id, name = request.last("repo_id"), request.last("repo_name")
    if not row_id and not name:
        return ()
    if row_id and not (row_id.isascii() and row_id.isdigit() and len(row_id) < 19):
        raise not_found()
    page = PageRequest(1, conditions=(("id", int(row_id)) if row_id else ("name", name),))
    tree = await request.services.reads.read(request.principal, Read(View(lists.REPOSITORY_IDS, (page,)), request.own))
    if tree is None or not tree["rows"]["nodes"]:
        raise not_found()
    return (("repository", tree["rows"]["nodes"][0]["id"]),)
