"""Endpoints of issues."""

from __future__ import annotations

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import OrganizationNotFound, ProjectNotFound
from gql_releases.domain.events.issue import GroupingStep, IssueStatus, ResolutionKind
from gql_releases.domain.events.issue_change import IssueKey
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.principal import READ_EVENTS
from gql_releases.domain.search.issue_search import search_issues
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import (
    RELEASE_SUMMARY_SELECTION,
    VERSION_SELECTION,
    Tree,
    answer_page,
    date_field,
    paged_selection,
)
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import (
    PAGE_PARAMETERS,
    PROJECT_PARAMETERS,
    invalid_parameter,
    limit_conditions,
    list_environments,
    read_projects,
)
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.events import (
    EVENT_SELECTION,
    LISTED_EVENT_SELECTION,
    NEWEST_EVENT_FIRST,
    render_event,
    render_listed_event,
)

_PROJECT_SELECTION = s.Selection(
    "Project",
    (s.Value("id", "id", str), s.Value("name", "name"), s.Value("slug", "slug"), s.Constant("platform", None)),
)
_SHA_SELECTION = s.Selection("Commit", (s.Value("id", "sha"),))

_ISSUE_FIELDS = (
    s.Value("id", "id", str),
    s.Constant("shareId", None),
    s.Value("shortId", "short_id"),
    s.Value("title", "title"),
    s.Value("culprit", "culprit"),
    s.Constant("permalink", None),
    s.Constant("logger", None),
    s.Value("level", "level", str.lower),
    s.Value("status", "status", str.lower),
    s.Constant("statusDetails", {}),
    s.Constant("isPublic", False),
    s.Value("platform", "platform"),
    s.ToOneField("project", "project", _PROJECT_SELECTION),
    s.Value("type", "grouping_step"),
    s.Value("metadata", "type"),
    s.Constant("numComments", 0),
    s.Constant("assignedTo", None),
    s.Constant("isBookmarked", False),
    s.Constant("isSubscribed", False),
    s.Constant("subscriptionDetails", None),
    s.Constant("hasSeen", True),
    s.Constant("annotations", []),
    s.Value("isUnhandled", "handled"),
    s.Value("count", "times", str),
    s.Value("userCount", "users"),
    date_field("firstSeen", "first_seen"),
    date_field("lastSeen", "last_seen"),
    s.ToOneField("firstRelease", "first_release", RELEASE_SUMMARY_SELECTION),
    s.ToOneField("lastRelease", "last_release", RELEASE_SUMMARY_SELECTION),
    s.Embedded(
        "resolution",
        "resolved_in",
        (
            s.Value("in", "resolved_in"),
            s.ToOneField("release", "resolved_release", VERSION_SELECTION, bare=True),
            s.ToOneField("commit", "resolved_commit", _SHA_SELECTION, bare=True),
        ),
    ),
)
ISSUE_SELECTION = s.Selection("Issue", _ISSUE_FIELDS)
"""An issue; render_issue adds what depends on several of its columns."""
ISSUE_VIEW = s.PagedSelection(ISSUE_SELECTION)
ORGANIZATION_ISSUES = paged_selection("Organization", "issues", ISSUE_SELECTION)
PROJECT_ISSUES = paged_selection("Project", "issues", ISSUE_SELECTION)
ISSUE_EVENTS = paged_selection("Issue", "events", LISTED_EVENT_SELECTION)
LATEST_EVENT_VIEW = s.PagedSelection(
    s.Selection("Issue", (s.ToOneField("event", "latest_event", EVENT_SELECTION, slot=0),)), (PageRequest(1),)
)
HASHES_VIEW = s.PagedSelection(
    s.Selection(
        "Issue",
        (
            s.Value("hashes", "hashes", orjson.loads),
            s.ToOneField("latestEvent", "latest_event", EVENT_SELECTION, slot=0),
        ),
    ),
    (PageRequest(1),),
)

SORTS = {"date": Order("last_seen", descending=True), "new": Order("first_seen", descending=True)}
DEFAULT_QUERY = "is:unresolved"


def render_issue(request: Request, issue: Tree) -> Tree:
    """Return an issue as Sentry's API does, from a row of ISSUE_SELECTION."""
    resolution, exception_type, title = issue.pop("resolution"), issue["metadata"], issue["title"]
    step = issue["type"]
    issue["type"] = "csp" if step == GroupingStep.CSP else "error" if exception_type else "default"
    issue["issueType"] = issue["issueCategory"] = "error"
    issue["culprit"] = issue["culprit"] or ""
    issue["isUnhandled"] = issue["isUnhandled"] is False
    issue["metadata"] = {"title": title}
    if exception_type:
        value = title.removeprefix(exception_type).removeprefix(": ")
        issue["metadata"] = {"title": title, "type": exception_type, "value": value}
    if issue["status"] == IssueStatus.RESOLVED.lower() and resolution:
        issue["statusDetails"] = _render_resolution(resolution)
    issue["permalink"] = f"{request.origin}/api/0/organizations/{request.principal.organization_slug}/issues/{issue['id']}/"
    return issue


def _render_resolution(resolution: Tree) -> Tree:
    match resolution["in"]:
        case ResolutionKind.RELEASE if resolution["release"] is not None:
            return {"inRelease": resolution["release"]}
        case ResolutionKind.NEXT_RELEASE:
            return {"inNextRelease": True}
        case ResolutionKind.COMMIT if resolution["commit"] is not None:
            return {"inCommit": {"id": resolution["commit"]}}
    return {}


async def list_project_issues(request: Request) -> Answer:
    """Return a page of a project's issues."""
    request.principal.require_organization(request.path[0])
    project = await project_id(request)
    page = _read_issue_page(request)
    read = ObjectRead(PagedSelection(PROJECT_ISSUES, (page,)), (("id", project),))
    return await answer_page(request, read, page, ProjectNotFound(), lambda issue: render_issue(request, issue))


async def list_issues(request: Request) -> Answer:
    """Return a page of an organization's issues."""
    request.principal.require_organization(request.path[0])
    request.principal.require(READ_EVENTS)
    projects = await read_projects(request)
    page = _read_issue_page(request, (("project_ids", projects),) if projects else ())
    read = ObjectRead(PagedSelection(ORGANIZATION_ISSUES, (page,)), request.own_organization)
    return await answer_page(request, read, page, OrganizationNotFound(), lambda issue: render_issue(request, issue))


def _read_issue_page(request: Request, conditions: Conditions = ()) -> PageRequest:
    """Return the page of a list of issues that the parameters select. Raises DomainError."""
    sort = request.last("sort", "date") or "date"
    if sort not in SORTS:
        raise invalid_parameter(f"Invalid sort. Valid choices are {', '.join(SORTS)}.")
    conditions += (*search_issues(request.last("query", DEFAULT_QUERY)), *_read_environments(request))
    return read_page(request.parameters, SORTS[sort], limit_conditions(conditions))


def _read_environments(request: Request) -> Conditions:
    """Return the condition of `environment`: events in one of them."""
    names = list_environments(request)
    return (("or", tuple([("environment", name) for name in names])),) if names else ()


def issue_key(request: Request) -> IssueKey:
    """Return the key of the path's issue: its id or its short id."""
    organization, name = request.path
    number = parse_row_id(name)
    return IssueKey(organization=organization, short_id=name) if number is None else IssueKey(id=number)


async def read_issue(request: Request, view: PagedSelection) -> Tree:
    """Return a view of the path's issue. Raises Refused (404)."""
    request.principal.require_organization(request.path[0])
    read = ObjectRead(view, issue_key(request).conditions())
    issue = await request.services.reads.read(request.principal, read)
    if issue is None:
        raise not_found()
    return issue


async def get_issue(request: Request) -> Answer:
    """Return an issue."""
    return Answer(200, render_issue(request, await read_issue(request, ISSUE_VIEW)))


async def get_latest_event(request: Request) -> Answer:
    """Return the newest stored event of an issue."""
    event = (await read_issue(request, LATEST_EVENT_VIEW))["event"]
    if event is None:
        raise not_found()
    return Answer(200, render_event(event))


async def list_issue_events(request: Request) -> Answer:
    """Return a page of an issue's stored events, the newest first."""
    request.principal.require_organization(request.path[0])
    page = read_page(request.parameters, NEWEST_EVENT_FIRST, limit_conditions(_read_environments(request)))
    read = ObjectRead(PagedSelection(ISSUE_EVENTS, (page,)), issue_key(request).conditions())
    return await answer_page(request, read, page, not_found(), render_listed_event)


async def list_hashes(request: Request) -> Answer:
    """Return the grouping hashes of an issue, each with the issue's newest event: events do not keep their hash."""
    issue = await read_issue(request, HASHES_VIEW)
    event = issue["latestEvent"] and render_event(issue["latestEvent"])
    rows = [{"id": row[0], "latestEvent": event} for row in issue["hashes"]]
    return Answer(200, rows)


_ISSUE_PATH = (*ORGANIZATION_PATH, "issues", "*")

ROUTES: Routes = {
    (*ORGANIZATION_PATH, "issues"): {"GET": list_issues},
    _ISSUE_PATH: {"GET": get_issue},
    (*_ISSUE_PATH, "events"): {"GET": list_issue_events},
    (*_ISSUE_PATH, "events", "latest"): {"GET": get_latest_event},
    (*_ISSUE_PATH, "hashes"): {"GET": list_hashes},
    (*PROJECT_PATH, "issues"): {"GET": list_project_issues},
}
PARAMETERS: QueryParameters = {
    list_issues: (*PROJECT_PARAMETERS, "query", "environment", "sort", *PAGE_PARAMETERS),
    list_project_issues: ("query", "environment", "sort", *PAGE_PARAMETERS),
    list_issue_events: ("environment", *PAGE_PARAMETERS),
}
