"""Endpoints of a project's keys, which Sentry calls client keys."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ProjectKeyNotFound, ProjectNotFound
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.organization import ProjectReference
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.project_key import (
    ProjectKeyReference,
    build_dsn,
    parse_new_project_key,
    parse_project_key_change,
)
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.field_names import FieldNames, same_names
from gql_releases.rest_api.engine.paged_selections import answer_page, date_field, paged_selection
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import project_condition, require_organization_read
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import PROJECT_PATH, QueryParameters, Routes

KEY_SELECTION = s.Selection(
    "ProjectKey",
    (
        s.Value("id", "public_key"),
        s.Value("name", "name"),
        s.Value("label", "name"),
        s.Value("public", "public_key"),
        s.Value("secret", "public_key"),
        s.Value("projectId", "project_id"),
        s.Value("isActive", "is_active", bool),
        date_field("dateCreated", "date_created"),
    ),
)
"""A key without its DSNs. The secret, which only SDKs before 2018 send, is not checked."""
KEY_VIEW = PagedSelection(KEY_SELECTION)
KEYS = paged_selection("Project", "keys", KEY_SELECTION)
NEWEST_FIRST = Order("id", descending=True)
ACTIVE_BY_STATUS = {"active": True, "inactive": False}


async def list_keys(request: Request) -> Answer:
    """Return a page of a project's keys, the last created first, only those of `status`. Raises ProjectNotFound."""
    require_organization_read(request)
    is_active = ACTIVE_BY_STATUS.get(request.last("status"))
    conditions: Conditions = () if is_active is None else (("is_active", is_active),)
    page = read_page(request.parameters, NEWEST_FIRST, conditions)
    read = ObjectRead(PagedSelection(KEYS, (page,)), (project_condition(request.path[1]),))
    return await answer_page(request, read, page, ProjectNotFound(), lambda key: add_dsn(request, key))


async def get_key(request: Request) -> Answer:
    """Return a key of a project. Raises ProjectNotFound, ProjectKeyNotFound."""
    require_organization_read(request)
    page = PageRequest(1, NEWEST_FIRST, conditions=(("public_key", request.path[2]),))
    read = ObjectRead(PagedSelection(KEYS, (page,)), (project_condition(request.path[1]),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ProjectNotFound
    keys = tree["rows"]["nodes"]
    if not keys:
        raise ProjectKeyNotFound
    return Answer(200, add_dsn(request, keys[0]))


async def create_key(request: Request) -> Answer:
    """Create a key of a project. Raises ProjectNotFound, InvalidInput."""
    name = parse_new_project_key(KEY_FIELDS.to_domain(request.body))
    key = await request.services.project_keys.create_key(request.principal, _name_project(request), name, KEY_VIEW)
    assert key is not None
    return Answer(201, add_dsn(request, key))


async def update_key(request: Request) -> Answer:
    """Change a key's name, or whether it is active. Raises ProjectNotFound, ProjectKeyNotFound, InvalidInput."""
    change = parse_project_key_change(KEY_FIELDS.to_domain(request.body))
    key = await request.services.project_keys.update_key(request.principal, _name_key(request), change, KEY_VIEW)
    assert key is not None
    return Answer(200, add_dsn(request, key))


async def delete_key(request: Request) -> Answer:
    """Delete a key. Raises ProjectNotFound, ProjectKeyNotFound."""
    await request.services.project_keys.delete_key(request.principal, _name_key(request))
    return Answer(204)


def add_dsn(request: Request, key: dict[str, Any]) -> dict[str, Any]:
    """Return a key with its DSN and the other URLs that have the key."""
    public_key, project = key["public"], key["projectId"]
    endpoint = f"{request.base_url}/api/{project}"
    dsn = {
        "public": build_dsn(request.base_url, public_key, project),
        "secret": build_dsn(request.base_url, public_key, project, secret=key["secret"]),
        "csp": f"{endpoint}/csp-report/?sentry_key={public_key}",
        "security": f"{endpoint}/security/?sentry_key={public_key}",
        "minidump": f"{endpoint}/minidump/?sentry_key={public_key}",
        "cdn": "",
    }
    return {**key, "dsn": dsn}


def _name_project(request: Request) -> ProjectReference:
    organization, project = request.path[:2]
    row_id = parse_row_id(project)
    return ProjectReference(row_id, organization, None if row_id is not None else project)


def _name_key(request: Request) -> ProjectKeyReference:
    return ProjectKeyReference(project=_name_project(request), public_key=request.path[2])


KEY_FIELDS = FieldNames({**same_names("name"), "isActive": ("is_active", None)})
"""The body of a key."""

FIELDS = KEY_FIELDS
_KEYS = (*PROJECT_PATH, "keys")
ROUTES: Routes = {
    _KEYS: {"GET": list_keys, "POST": create_key},
    (*_KEYS, "*"): {"GET": get_key, "PUT": update_key, "DELETE": delete_key},
}
PARAMETERS: QueryParameters = {list_keys: ("status", *PAGE_PARAMETERS)}
