"""Pages of lists: a selection whose list is named `rows` and has its page in the first slot."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, OrganizationNotFound
from gql_releases.domain.paging import WHOLE_LIST_SIZE, Order, PageRequest
from gql_releases.domain.selection import ObjectRead, PagedSelection, Selection
from gql_releases.rest_api.engine.pagination import link_header, read_page, render_cursor
from gql_releases.rest_api.engine.path_parameters import require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Refused, Request

Tree = dict[str, Any]

WHOLE_LIST = PageRequest(WHOLE_LIST_SIZE)
"""The page of an embedded list, of Sentry's size (docs/sentry-contract.md#4-4-commit)."""
SLUG_ORDER, NAME_ORDER = Order("slug"), Order("name")
PAGE_INFO = (("more", "hasNextPage"), ("fewer", "hasPreviousPage"), ("start", "startCursor"), ("end", "endCursor"))
ID_FIELD = s.Value("id", "id")
VERSION_SELECTION = s.Selection("Release", (s.Value("version", "version"),))

render_date = s.ShortDate()
"""Renders a date like Django REST framework 3: without a fraction that is zero (docs/sentry-contract.md#4-shapes)."""


def date_field(name: str, attribute: str) -> s.Value:
    """Return a field that renders a date."""
    return s.Value(name, attribute, render_date)


RELEASE_SUMMARY_FIELDS = (
    s.Value("version", "version"),
    s.Value("shortVersion", "version"),
    s.Value("ref", "ref"),
    s.Value("url", "url"),
    date_field("dateReleased", "date_released"),
    date_field("dateCreated", "date_created"),
)
"""A release inside of a commit, an issue or an event, without its id."""
RELEASE_SUMMARY_SELECTION = s.Selection("Release", (ID_FIELD, *RELEASE_SUMMARY_FIELDS))


def list_field(name: str, attribute: str, slot: int, selection: s.Selection, *, as_objects: bool = False) -> s.ToManyField:
    """Return a field with a whole list: as JSON text, or `as_objects` that a handler reads or changes."""
    nodes = s.Nodes("nodes", selection)
    return s.ToManyField(name, attribute, selection.entity, slot, (nodes,), str, as_text=not as_objects, bare=True)


def paged_selection(entity: str, attribute: str, selection: s.Selection) -> s.Selection:
    """Return the selection of one page of a list, named `rows`, with its cursors."""
    parts = (s.Nodes("nodes", selection), s.PageInfo("info", PAGE_INFO))
    return s.Selection(entity, (s.ToManyField("rows", attribute, selection.entity, 0, parts, render_cursor),))


async def answer_page(
    request: Request, read: ObjectRead, page: PageRequest, missing: DomainError | Refused, finish: Any = None
) -> Answer:
    """Return a page with its Link header. `finish` changes each row. Raises `missing` if there is no owner of the list."""
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise missing
    nodes, info = tree["rows"]["nodes"], tree["rows"]["info"]
    rows: list[Tree] = [finish(node) for node in nodes] if finish else nodes
    link = link_header(request.origin, request.raw_path, request.query, page.size, info)
    return Answer(200, rows, [link])


async def answer_organization_list(
    request: Request, selection: Selection, order: Order, conditions: Conditions = ()
) -> Answer:
    """Return a page of a list of an organization. Raises Forbidden, OrganizationNotFound."""
    require_organization_read(request)
    page = read_page(request.parameters, order, conditions)
    read = ObjectRead(PagedSelection(selection, (page,)), request.own_organization)
    return await answer_page(request, read, page, OrganizationNotFound())
