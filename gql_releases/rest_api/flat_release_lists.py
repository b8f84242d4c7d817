"""Lists of releases with a row for each release and project, as `flatten=1` asks.

A page begins or ends inside a release that has several projects. A cursor's offset is therefore the release's id times
1000 (as many projects are shown of a release) plus how many of its rows stand before the place.
"""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.paging import Order, PageRequest, Position
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import PAGE_INFO, WHOLE_LIST, Tree
from gql_releases.rest_api.engine.pagination import link_header, read_cursor, read_page, render_cursor
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.releases import RELEASE_PAGES, release_selection

ROWS_PER_RELEASE = WHOLE_LIST.size


@dataclass(frozen=True, slots=True)
class Row:
    """A release's row for one of its projects; `before` counts the rows of the release that stand before it."""

    release: Tree
    project: Tree
    before: int
    cursor: str

    def render_place(self, shown: int) -> str:
        """Spell the place before the row, or with `shown` 1 after it."""
        value, _, release = self.cursor.partition(":")
        return f"{value}:{int(release) * ROWS_PER_RELEASE + self.before + shown}"


async def answer_flat(request: Request, order: Order, conditions: Conditions, projects: list[int]) -> Answer:
    """Answer a page of rows; with `projects`, only their rows."""
    size = read_page(request.parameters, order).size
    cursor = request.last("cursor")
    place, backward = read_cursor(cursor, order.field) if cursor else (None, False)
    # One more than asked for: the release at the place may have no row left.
    page = PageRequest(size + 1, order, backward=backward, conditions=conditions)
    release, before = divmod(place.id, ROWS_PER_RELEASE) if place else (0, 0)
    if place:  # the release itself is of the page, too: sorts descend, and ids with them
        at = Position(order.field, place.key, release - 1 if backward else release + 1)
        page = page._replace(before=at) if backward else page._replace(after=at)
    rows, others = await read_rows(request, page, projects)
    if backward:
        rows = [row for row in rows if row.release["id"] != release or row.before < before]
        shown, fewer, more = rows[-size:], others or len(rows) > size, True
    else:
        rows = [row for row in rows if row.release["id"] != release or row.before >= before]
        shown, fewer, more = rows[:size], place is not None, others or len(rows) > size
    info: Tree = {"fewer": fewer, "more": more, "start": None, "end": None}
    if shown:
        info |= {"start": shown[0].render_place(0), "end": shown[-1].render_place(1)}
    link = link_header(request.origin, request.raw_path, request.query, size, info)
    return Answer(200, [row.release | {"projects": [row.project]} for row in shown], [link])


async def read_rows(request: Request, page: PageRequest, projects: list[int]) -> tuple[list[Row], bool]:
    """Read a page of releases as rows, and whether there are more releases in its direction."""
    read = ObjectRead(PagedSelection(FLAT_RELEASES, (page, *RELEASE_PAGES)), request.own_organization)
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        return [], False
    rows: list[Row] = []
    for edge in tree["rows"]["edges"]:
        release = edge["node"]
        projects_shown = [linked for linked in release["projects"] if not projects or linked["id"] in projects]
        rows += (Row(release, project, number, edge["cursor"]) for number, project in enumerate(projects_shown))
    return rows, tree["rows"]["info"]["fewer" if page.backward else "more"]


FLAT_RELEASES = s.Selection(
    "Organization",
    (
        s.ToManyField(
            "rows", "releases", "Release", 0,
            (
                s.Edges(
                    "edges", (s.EdgeCursor("cursor"), s.EdgeNode("node", release_selection(1, projects_looked_at=True)))
                ),
                s.PageInfo("info", PAGE_INFO),
            ),
            render_cursor,
        ),
    ),
)  # fmt: skip
"""The same, each with its place."""
