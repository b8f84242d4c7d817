"""Endpoints that change issues: resolve, ignore, and both undone."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Condition
from gql_releases.domain.errors import ErrorCode, ProjectNotFound, invalid
from gql_releases.domain.events.issue import IssueStatus, ResolutionKind
from gql_releases.domain.events.issue_change import IssueKey, NewResolution, build_resolution
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.paging import WHOLE_LIST_SIZE, PageRequest
from gql_releases.domain.principal import WRITE_EVENTS
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.search.issue_search import STATUSES
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import ID_FIELD, Tree, paged_selection
from gql_releases.rest_api.engine.parameters import invalid_parameter
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.issues import ISSUE_VIEW, issue_key, read_issue, render_issue

ISSUE_IDS = paged_selection("Project", "issues", s.Selection("Issue", (ID_FIELD,)))
MAX_ISSUES = WHOLE_LIST_SIZE
"""Issues that one request changes, as with Sentry."""
RESOLVED_IN_NEXT_RELEASE = "resolvedInNextRelease"

Change = IssueStatus | NewResolution | None
"""A status other than RESOLVED, a resolution, or None: nothing is changed."""


def parse_change(request: Request) -> Change:
    """Return the change in a body. Raises InvalidInput."""
    body = request.body if isinstance(request.body, dict) else {}
    name = body.get("status")
    if name is None:
        return None
    if name == RESOLVED_IN_NEXT_RELEASE:
        return build_resolution(ResolutionKind.NEXT_RELEASE, None, None)
    status = STATUSES.get(name) if isinstance(name, str) else None
    if status is None:
        choices = ", ".join((*STATUSES, RESOLVED_IN_NEXT_RELEASE))
        raise invalid(ErrorCode.INVALID_CHOICE, ("status",), f"Valid choices are {choices}.")
    return _parse_resolution(request, body.get("statusDetails")) if status is IssueStatus.RESOLVED else status


def _parse_resolution(request: Request, details: Any) -> NewResolution:
    details = details if isinstance(details, dict) else {}
    if details.get("inNextRelease"):
        return build_resolution(ResolutionKind.NEXT_RELEASE, None, None)
    if (version := details.get("inRelease")) is not None:
        if not isinstance(version, str) or version == "latest":
            raise invalid(ErrorCode.WRONG_TYPE, ("statusDetails", "inRelease"), "Enter the version of a release.")
        release = ReleaseKey(organization=request.path[0], version=version)
        return build_resolution(ResolutionKind.RELEASE, release, None)
    if (commit := details.get("inCommit")) is not None:
        sha = commit.get("commit") if isinstance(commit, dict) else None
        if not isinstance(sha, str):
            raise invalid(ErrorCode.REQUIRED, ("statusDetails", "inCommit", "commit"), "This field is required.")
        return build_resolution(ResolutionKind.COMMIT, None, sha)
    return build_resolution(ResolutionKind.NOW, None, None)


async def change_issue(request: Request, key: IssueKey, change: Change, view: PagedSelection | None = None) -> Tree | None:
    """Change an issue, and return its view."""
    service = request.services.issues
    if isinstance(change, NewResolution):
        return await service.resolve_issue(request.principal, key, change, view)
    assert change is not None
    return await service.set_status(request.principal, key, change, view)


async def update_issue(request: Request) -> Answer:
    """Change the status of an issue, and return the issue."""
    request.principal.require(WRITE_EVENTS)
    request.principal.require_organization(request.path[0])
    change = parse_change(request)
    if change is None:
        issue = await read_issue(request, ISSUE_VIEW)
    else:
        tree = await change_issue(request, issue_key(request), change, ISSUE_VIEW)
        assert tree is not None
        issue = tree
    return Answer(200, render_issue(request, issue))


async def update_project_issues(request: Request) -> Answer:
    """Change the status of a project's issues: those of `id` (all if there is none) that have the status of `status`.

    Each issue is changed in a transaction of its own.
    """
    request.principal.require(WRITE_EVENTS)
    request.principal.require_organization(request.path[0])
    project, change = await project_id(request), parse_change(request)
    conditions: list[Condition] = []
    if "id" in request.parameters:
        ids = [parse_row_id(text) for text in request.parameters["id"]]
        if None in ids or len(ids) > MAX_ISSUES:
            raise invalid_parameter(f"Invalid id: at most {MAX_ISSUES} numbers.")
        conditions.append(("ids", ids))
    if name := request.last("status"):
        if name not in STATUSES:
            raise invalid_parameter(f"Invalid status. Valid choices are {', '.join(STATUSES)}.")
        conditions.append(("status", STATUSES[name].value))
    page = PageRequest(MAX_ISSUES, conditions=tuple(conditions))
    tree = await request.services.reads.read(
        request.principal, ObjectRead(PagedSelection(ISSUE_IDS, (page,)), (("id", project),))
    )
    if tree is None:
        raise ProjectNotFound
    if change is not None:
        for row in tree["rows"]["nodes"]:
            await change_issue(request, IssueKey(id=row["id"]), change)
    return Answer(200, _render_change(change))


def _render_change(change: Change) -> Tree:
    """Return what was changed, as Sentry does: the status and its details."""
    if change is None:
        return {}
    if not isinstance(change, NewResolution):
        return {"status": change.lower(), "statusDetails": {}}
    details: Tree = {}
    if change.kind is ResolutionKind.NEXT_RELEASE:
        details = {"inNextRelease": True}
    elif change.release is not None:
        details = {"inRelease": change.release.version}
    elif change.commit is not None:
        details = {"inCommit": {"id": change.commit}}
    return {"status": IssueStatus.RESOLVED.lower(), "statusDetails": details}


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "issues", "*"): {"PUT": update_issue},
    (*PROJECT_PATH, "issues"): {"PUT": update_project_issues},
}
PARAMETERS: QueryParameters = {update_project_issues: ("id", "status")}
