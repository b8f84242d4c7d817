"""Pages of the REST API's objects: a selection each, whose list is called `rows` and has its page in the first slot."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.errors import DomainError
from gql_releases.domain.paging import PageRequest
from gql_releases.domain.selection import Read
from gql_releases.rest_api import shapes
from gql_releases.rest_api.pagination import link_header, spell_cursor
from gql_releases.rest_api.requests import Answer, Refused, Request
from gql_releases.rest_api.shapes import Tree

_INFO = (("more", "hasNextPage"), ("fewer", "hasPreviousPage"), ("start", "startCursor"), ("end", "endCursor"))


def _paged(entity: str, attribute: str, selection: s.Selection) -> s.Selection:
    parts = (s.Nodes("nodes", selection), s.PageInfo("info", _INFO))
    return s.Selection(entity, (s.Many("rows", attribute, selection.entity, 0, parts, spell_cursor),))


RELEASES_OF_ORGANIZATION = _paged("Organization", "releases", shapes.release(1))
RELEASES_OF_PROJECT = _paged("Project", "releases", shapes.release(1))
"""Releases; shapes.PAGES follow the list's own page."""
FLAT_RELEASES = s.Selection(
    "Organization",
    (
        s.Many(
            "rows", "releases", "Release", 0,
            (
                s.Edges("edges", (s.EdgeCursor("cursor"), s.EdgeNode("node", shapes.release(1, projects_looked_at=True)))),
                s.PageInfo("info", _INFO),
            ),
            spell_cursor,
        ),
    ),
)  # fmt: skip
"""The same, each with its place."""
STATS = _paged("Organization", "releases", shapes.STATS)
COMMITS = _paged("Release", "shown_commits", shapes.commit(1))
"""A release's commits; one page of shapes.ALL follows."""
FILE_CHANGES = _paged("Release", "file_changes", shapes.FILE_CHANGE)
REPOSITORIES_OF_RELEASE = _paged("Release", "repositories", shapes.REPOSITORY)
DEPLOYS = _paged("Release", "deploys", shapes.DEPLOY.selection)
ORGANIZATIONS = _paged("Viewer", "organizations", shapes.ORGANIZATION)
PROJECTS = _paged("Organization", "projects", shapes.PROJECT)
REPOSITORIES = _paged("Organization", "repositories", shapes.REPOSITORY)
ENVIRONMENTS = _paged("Organization", "environments", shapes.ENVIRONMENT)

_ID, _SLUG = s.Value("id", "id"), s.Value("slug", "slug")
PROJECT_IDS = _paged("Organization", "projects", s.Selection("Project", (_ID, _SLUG)))
ENVIRONMENT_IDS = _paged("Organization", "environments", s.Selection("Environment", (_ID,)))
REPOSITORY_IDS = _paged("Organization", "repositories", s.Selection("Repository", (_ID,)))


def named(project: str) -> tuple[str, Any]:
    """Give the condition for a project by slug or id."""
    return ("id", int(project)) if project.isascii() and project.isdigit() and len(project) < 19 else ("slug", project)


async def answer_page(
    request: Request, read: Read, page: PageRequest, missing: DomainError | Refused, finish: Any = None
) -> Answer:
    """Read a page and answer it with its Link header. Raises `missing` where what the list belongs to is not there."""
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise missing
    listed = tree["rows"]
    rows: list[Tree] = [finish(one) for one in listed["nodes"]] if finish else listed["nodes"]
    link = link_header(request.origin, request.raw_path, request.query, page.size, listed["info"])
    return Answer(200, rows, [link])
