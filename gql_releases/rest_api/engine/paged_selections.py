"""Pages of the REST API's objects: a selection each, whose list is called `rows` and has its page in the first slot."""

from __future__ import annotations

from typing import Any

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import DomainError, OrganizationNotFound
from gql_releases.domain.paging import WHOLE_LIST_SIZE, Order, PageRequest
from gql_releases.domain.selection import ObjectRead, PagedSelection, Selection
from gql_releases.rest_api.engine import paged_selections
from gql_releases.rest_api.engine.pagination import link_header, read_page, render_cursor
from gql_releases.rest_api.engine.path_parameters import require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Refused, Request

Tree = dict[str, Any]

WHOLE_LIST = PageRequest(WHOLE_LIST_SIZE)
"""As many as Sentry shows of what an object embeds (docs/sentry-contract.md#4-4-commit)."""


render_date = s.ShortDate()
"""Spells a date as Django REST framework 3 does: no fraction where it is zero (docs/sentry-contract.md#4-shapes)."""


def date_field(name: str, attribute: str) -> s.Value:
    """Return a field that renders a date."""
    return s.Value(name, attribute, render_date)


def list_field(name: str, attribute: str, slot: int, selection: s.Selection, *, looked_at: bool = False) -> s.ToManyField:
    """Select a whole list; one that is `looked_at` before it is sent comes as objects."""
    nodes, json = s.Nodes("nodes", selection), None if looked_at else orjson.Fragment
    return s.ToManyField(name, attribute, selection.entity, slot, (nodes,), str, json=json, bare=True)


VERSION_SELECTION = s.Selection("Release", (s.Value("version", "version"),))


PAGE_INFO = (("more", "hasNextPage"), ("fewer", "hasPreviousPage"), ("start", "startCursor"), ("end", "endCursor"))


def paged_selection(entity: str, attribute: str, selection: s.Selection) -> s.Selection:
    """Return the selection of one page of a list, named `rows`, with its cursors."""
    parts = (s.Nodes("nodes", selection), s.PageInfo("info", PAGE_INFO))
    return s.Selection(entity, (s.ToManyField("rows", attribute, selection.entity, 0, parts, render_cursor),))


async def answer_page(
    request: Request, read: ObjectRead, page: PageRequest, missing: DomainError | Refused, finish: Any = None
) -> Answer:
    """Read a page and answer it with its Link header. Raises `missing` where what the list belongs to is not there."""
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise missing
    listed = tree["rows"]
    rows: list[Tree] = [finish(node) for node in listed["nodes"]] if finish else listed["nodes"]
    link = link_header(request.origin, request.raw_path, request.query, page.size, listed["info"])
    return Answer(200, rows, [link])


SLUG_ORDER, NAME_ORDER = Order("slug"), Order("name")


async def answer_organization_list(
    request: Request, selection: Selection, order: Order, conditions: Conditions = ()
) -> Answer:
    """Answer a page of one of an organization's lists. Raises Forbidden, OrganizationNotFound."""
    require_organization_read(request)
    page = read_page(request.parameters, order, conditions)
    return await paged_selections.answer_page(
        request, ObjectRead(PagedSelection(selection, (page,)), request.own_organization), page, OrganizationNotFound()
    )
