"""Lists of releases with a row for each release and project, for `flatten=1`.

A page may begin or end between the rows of a release with several projects. The offset of a cursor is therefore the
release's id times 1000 (the maximum number of projects shown of a release) plus the number of its rows before the cursor.
"""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order, PageRequest, Position
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine import parameters
from gql_releases.rest_api.engine.paged_selections import PAGE_INFO, WHOLE_LIST, Tree
from gql_releases.rest_api.engine.pagination import link_header, read_cursor, read_page, render_cursor
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.releases import release_pages, release_selection

FLAT_RELEASES = s.Selection(
    "Organization",
    (
        s.ToManyField(
            "rows", "releases", "Release", 0,
            (
                s.Edges(
                    "edges", (s.EdgeCursor("cursor"), s.EdgeNode("node", release_selection(1)))
                ),
                s.PageInfo("info", PAGE_INFO),
            ),
            render_cursor,
        ),
    ),
)  # fmt: skip
"""A page of releases, each with its cursor."""

ROWS_PER_RELEASE = WHOLE_LIST.size


@dataclass(frozen=True, slots=True)
class Row:
    """A release's row for one of its projects. `before` is the number of the release's rows before it."""

    release: Tree
    project: Tree
    before: int
    cursor: str

    def render_cursor(self, offset: int) -> str:
        """Return the cursor before the row (`offset` 0) or after it (`offset` 1), without its direction."""
        value, _, release = self.cursor.partition(":")
        return f"{value}:{int(release) * ROWS_PER_RELEASE + self.before + offset}"


async def answer_flat(request: Request, order: Order, conditions: Conditions, projects: list[int]) -> Answer:
    """Return a page of rows with its Link header: of `projects`, or of all if that is []."""
    size = read_page(request.parameters, order).size
    cursor = request.last("cursor")
    position, backward = read_cursor(cursor, order.field) if cursor else (None, False)
    # One more release than rows of the page: the release of the cursor may have no row left.
    page = PageRequest(size + 1, order, backward=backward, conditions=conditions)
    release, before = divmod(position.id, ROWS_PER_RELEASE) if position else (0, 0)
    if position:  # include the release of the cursor: keys and ids descend
        bound = Position(order.field, position.key, release - 1 if backward else release + 1)
        page = page._replace(before=bound) if backward else page._replace(after=bound)
    rows, has_more_releases = await read_rows(request, page, projects)
    if backward:
        rows = [row for row in rows if row.release["id"] != release or row.before < before]
        rows_shown, fewer, more = rows[-size:], has_more_releases or len(rows) > size, True
    else:
        rows = [row for row in rows if row.release["id"] != release or row.before >= before]
        rows_shown, fewer, more = rows[:size], position is not None, has_more_releases or len(rows) > size
    info: Tree = {"fewer": fewer, "more": more, "start": None, "end": None}
    if rows_shown:
        info |= {"start": rows_shown[0].render_cursor(0), "end": rows_shown[-1].render_cursor(1)}
    link = link_header(request.origin, request.raw_path, request.query, size, info)
    return Answer(200, [row.release | {"projects": [row.project]} for row in rows_shown], [link])


async def read_rows(request: Request, page: PageRequest, projects: list[int]) -> tuple[list[Row], bool]:
    """Return the rows of a page of releases, and whether there are more releases in its direction."""
    pages = (page, *release_pages(projects, parameters.list_environments(request)))
    read = ObjectRead(PagedSelection(FLAT_RELEASES, pages), request.own_organization)
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        return [], False
    rows: list[Row] = []
    for edge in tree["rows"]["edges"]:
        release = edge["node"]
        projects_shown = [project for project in release["projects"] if not projects or project["id"] in projects]
        rows += (Row(release, project, number, edge["cursor"]) for number, project in enumerate(projects_shown))
    return rows, tree["rows"]["info"]["fewer" if page.backward else "more"]
