"""Endpoints of single releases, below an organization and below a project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import ErrorCode, InvalidInput, ProjectNotFound, ReleaseNotFound
from gql_releases.domain.outcomes import CreateResult
from gql_releases.domain.paging import Order, PageRequest, Position
from gql_releases.domain.release import (
    RELEASE_FIELDS,
    NewRelease,
    ReleaseChange,
    Status,
    parse_new_release,
    parse_release_change,
)
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.commits import AUTHOR_SELECTION, COMMIT_FIELDS, commit_selection
from gql_releases.rest_api.deploys import DEPLOY_SELECTION
from gql_releases.rest_api.engine import parameters
from gql_releases.rest_api.engine.field_names import FieldNames, same_names
from gql_releases.rest_api.engine.paged_selections import (
    VERSION_SELECTION,
    WHOLE_LIST,
    Tree,
    date_field,
    list_field,
    render_date,
)
from gql_releases.rest_api.engine.path_parameters import project_condition, project_id, release_key
from gql_releases.rest_api.engine.release_reads import read_release, release_id
from gql_releases.rest_api.engine.requests import STATUS_BY_OUTCOME, Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes, release_routes
from gql_releases.rest_api.projects import add_unknown_projects
from gql_releases.web.large_bodies import clear_gradually, run_in_thread


def render_projects(text: str) -> list[Tree]:
    """Return the projects of a release, each with what was counted of its events and sessions."""
    return [
        {
            "id": project,
            "slug": slug,
            "name": name,
            "newGroups": new_issues,
            "platform": None,
            "platforms": [],
            "hasHealthData": bool(has_sessions),
        }
        for project, slug, name, new_issues, has_sessions in orjson.loads(text)
    ]


def render_meta_projects(text: str) -> list[Tree]:
    """Return the projects of a release in its summary."""
    projects = render_projects(text)
    for project in projects:
        del project["hasHealthData"]
    return projects


_VERSION_NUMBERS_FIELD = s.Embedded(
    "version",
    "components",
    (
        s.Value("raw", "raw"),
        s.Value("major", "major", int),
        s.Value("minor", "minor", int),
        s.Value("patch", "patch", int),
        s.Value("pre", "pre"),
        s.Value("buildCode", "build_code"),
        s.Value("components", "components"),
    ),
    otherwise=(s.Value("raw", "raw"),),
)
_VERSION_INFO_FIELD = s.Embedded(
    "versionInfo",
    "description",
    (
        s.Value("package", "package"),
        _VERSION_NUMBERS_FIELD,
        s.Value("description", "description"),
        s.Value("buildHash", "build_hash"),
    ),
)

_RENDERERS: dict[type, Any] = {datetime: render_date, Status: str.lower}
_FIELDS = [s.Value(field.rest_name, field.column, _RENDERERS.get(field.type)) for field in RELEASE_FIELDS if field.rest_name]


def release_selection(slot: int) -> s.Selection:
    """Return the selection of a release. The pages of its lists and counters, RELEASE_PAGES, begin at `slot`."""
    return s.Selection(
        "Release",
        (
            s.Value("id", "id"),
            s.Value("version", "version"),
            s.Value("shortVersion", "version"),
            _VERSION_INFO_FIELD,
            *_FIELDS,
            date_field("dateCreated", "date_created"),
            s.Constant("data", {}),
            s.Value("newGroups", "new_issue_count", slot=slot + 2),
            s.Constant("owner", None),
            s.Value("commitCount", "commit_count"),
            s.ToOneField("lastCommit", "last_commit", commit_selection(slot)),
            s.Value("deployCount", "deploy_count"),
            s.ToOneField("lastDeploy", "last_deploy", DEPLOY_SELECTION),
            list_field("authors", "authors", slot + 1, AUTHOR_SELECTION),
            s.Value("projects", "counted_projects", render_projects, slot=slot + 2),
            s.Value("firstEvent", "first_event", render_date, slot=slot + 2),
            s.Value("lastEvent", "last_event", render_date, slot=slot + 2),
            s.Constant("currentProjectMeta", {}),
            s.Value("userAgent", "user_agent"),
        ),
    )


def release_pages(
    projects: Sequence[int] = (), environments: Sequence[str] = (), path_projects: Sequence[str] = ()
) -> tuple[PageRequest, ...]:
    """Return the pages of a release: of its last commit's releases, its authors, and its counters.

    Only the events of `projects` (ids) and `environments` (names) are counted, and of the project in `path_projects` (a
    slug or id) if there is one; without these of all.
    """
    places: dict[str, Any] = {"projects": list(projects), "environments": list(environments)}
    for project in path_projects:
        name, value = project_condition(project)
        places |= {"projects": [value]} if name == "id" else {"project": value}
    conditions = tuple([(name, values) for name, values in places.items() if values])
    return WHOLE_LIST, WHOLE_LIST, PageRequest(1, conditions=conditions)


RELEASE_PAGES = release_pages()
RELEASE_VIEW = s.PagedSelection(release_selection(0), RELEASE_PAGES)

STATS_SELECTION = s.Selection("Release", (s.Value("version", "version"), date_field("date", "date_created")))
"""A release in the list of statistics."""

META_SELECTION = s.Selection(
    "Release",
    (
        s.Value("version", "version"),
        _VERSION_INFO_FIELD,
        s.Value("projects", "counted_projects", render_meta_projects),
        s.Value("newGroups", "new_issue_count"),
        s.Value("deployCount", "deploy_count"),
        s.Value("commitCount", "commit_count"),
        s.ToManyField("commitFilesChanged", "changed_paths", "FileChange", 0, (s.TotalCount("total"),), str, bare=True),
        s.ToManyField("releaseFileCount", "files", "ReleaseFile", 1, (s.TotalCount("total"),), str, bare=True),
        s.Constant("isArtifactBundle", False),
        s.Value("released", "date_released", render_date, otherwise="date_created"),
    ),
)
"""The summary of a release. Its pages are of changed paths and files."""

_PREVIOUS_SELECTION = s.Selection("Release", (s.ToOneField("release", "with_commits", release_selection(1), 0),))


def previous_view(projects: list[int]) -> s.PagedSelection:
    """Return the view of the last earlier release with commits, in `projects` ([]: all)."""
    return s.PagedSelection(
        _PREVIOUS_SELECTION, (PageRequest(1, conditions=(("projects", projects),) if projects else ()), *RELEASE_PAGES)
    )


def neighbor_field(name: str, slot: int) -> s.ToManyField:
    """Return a field with the version of the first release of a page, or null."""
    return s.ToManyField(name, "releases", "Release", slot, (s.Nodes("nodes", VERSION_SELECTION),), str, _first_version)


def _first_version(page: Tree) -> str | None:
    return page["nodes"][0]["version"] if page["nodes"] else None


NEIGHBORS_SELECTION = s.Selection(
    "Project",
    (
        s.Constant("sessionsLowerBound", None),
        s.Constant("sessionsUpperBound", None),
        neighbor_field("prevReleaseVersion", 0),
        neighbor_field("nextReleaseVersion", 1),
        neighbor_field("firstReleaseVersion", 2),
        neighbor_field("lastReleaseVersion", 3),
    ),
)
"""The neighbours of a release in a project. Each of the four pages has one release."""

_FULL_SHA = re.compile(r"[0-9a-f]{40}")


async def create_release(request: Request) -> Answer:
    """Create a release (201), or update the existing one (208) (docs/sentry-contract.md#2-creation)."""
    try:
        new = await run_in_thread(parse_creation, request) if request.large else parse_creation(request)
    except InvalidInput as error:
        create = request.services.releases.creates_projects
        raise await add_unknown_projects(request, error, create=create) from None
    result = await request.services.releases.create_release(request.principal, request.path[0], new, RELEASE_VIEW)
    return answer_creation(result)


async def create_project_release(request: Request) -> Answer:
    """Create a release of one project (docs/sentry-contract.md#2-11-project-creation)."""
    organization, project = request.path
    new = await run_in_thread(parse_creation, request, project) if request.large else parse_creation(request, project)
    try:
        result = await request.services.releases.create_release(request.principal, organization, new, RELEASE_VIEW)
    except InvalidInput as error:
        if any(problem.code is ErrorCode.UNKNOWN_PROJECT for problem in error.problems):
            raise ProjectNotFound from error
        raise
    return answer_creation(result)


def parse_creation(request: Request, project: str | None = None) -> NewRelease:
    """Return the new release of a body, below `project` if that is not None. Raises InvalidInput."""
    body = (CREATION_FIELDS if project is None else PROJECT_CREATION_FIELDS).to_domain(request.body)
    if project is not None and isinstance(body, dict):
        body["projects"] = [project]
    new = parse_new_release(body, user_agent=request.user_agent, resolves_origin=True)
    if request.large:
        clear_gradually([body, request.body])
    return new


def answer_creation(result: CreateResult) -> Answer:
    """Return the response of a creation: 208 if the release existed and gained no project, else 201."""
    assert result.shown is not None
    return Answer(STATUS_BY_OUTCOME[result.outcome], result.shown)


async def get_release(request: Request) -> Answer:
    """Return a release; with `project`, also its neighbours there (docs/sentry-contract.md#3-1-get).

    `project` and `environment` narrow what is counted of its events.
    """
    conditions, projects = await read_release(request)
    parameters.check_session_parameters(request)
    pages = release_pages(projects, parameters.list_environments(request), request.path[1:-1])
    view = PagedSelection(RELEASE_VIEW.selection, pages)
    tree = await request.services.reads.read(request.principal, ObjectRead(view, conditions))
    if tree is None:
        raise ReleaseNotFound
    if projects:
        if parameters.read_sort(request)[0] != parameters.SORT_NEWEST:
            raise parameters.invalid_parameter("invalid sort")
        tree["currentProjectMeta"] = await read_neighbors(request, tree, projects[0])
    return Answer(200, tree)


async def read_neighbors(request: Request, release: Tree, project: int) -> Tree | None:
    """Return the previous and next version of a release in a project by (dateCreated, id), and the first and last one."""
    position = Position("date_created", format_date(parse_date(release["dateCreated"])), release["id"])
    older, newer = Order("date_created", descending=True), Order("date_created")
    environments = parameters.limit_conditions(await parameters.read_environments(request, [project]))
    filters = (*parameters.read_status(request), *parameters.read_query(request, [project]), *environments)
    pages = (
        PageRequest(1, older, after=position, conditions=filters),
        PageRequest(1, newer, after=position, conditions=filters),
        PageRequest(1, newer, conditions=environments),
        PageRequest(1, older, conditions=environments),
    )
    read = ObjectRead(PagedSelection(NEIGHBORS_SELECTION, pages), (("id", project),))
    return await request.services.reads.read(request.principal, read)


async def update_release(request: Request) -> Answer:
    """Update a release. Empty values and null change nothing.

    Source: docs/sentry-contract.md#3-2-put and docs/sentry-contract.md#9-decisions.
    """
    change = await run_in_thread(parse_change, request) if request.large else parse_change(request)
    changes = {name: value for name, value in change.values.items() if value}
    change = replace(change, values=changes)
    key = release_key(request)
    tree = await request.services.releases.update_release(request.principal, key, change, RELEASE_VIEW)
    return Answer(200, tree)


def parse_change(request: Request) -> ReleaseChange:
    """Return the changes of a body. Raises InvalidInput."""
    names = CHANGE_FIELDS if len(request.path) == 2 else PROJECT_CHANGE_FIELDS
    return parse_release_change(names.to_domain(request.body), resolves_origin=True)


async def delete_release(request: Request) -> Answer:
    """Delete a release from all its projects (docs/sentry-contract.md#3-3-delete)."""
    await request.services.releases.delete_release(request.principal, release_key(request))
    return Answer(204)


async def get_meta(request: Request) -> Answer:
    """Return the summary of a release (docs/sentry-contract.md#4-10-meta)."""
    release = await release_id(request)
    pages = (PageRequest(1, conditions=(("release", release),)), PageRequest(1))
    tree = await request.services.reads.read(
        request.principal, ObjectRead(PagedSelection(META_SELECTION, pages), (("id", release),))
    )
    if tree is None:
        raise ReleaseNotFound
    return Answer(200, tree)


async def previous_with_commits(request: Request) -> Answer:
    """Return the newest earlier release with commits that is not archived, or {}.

    `project` and a path below a project limit it to their projects. Clients begin the next range at its lastCommit and
    fail if that is not a full sha; the response is then {}.
    Source: docs/sentry-contract.md#6-4-previous-release and docs/sentry-contract.md#9-decisions.
    """
    conditions, projects = await read_release(request)
    if len(request.path) == 3:  # below a project
        projects = await narrow_to_project(request, projects)
    read = ObjectRead(previous_view(projects), conditions)
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ReleaseNotFound
    release = tree["release"]
    if release is None or not _FULL_SHA.fullmatch(release["lastCommit"]["id"]):
        return Answer(200, {})
    return Answer(200, release)


async def narrow_to_project(request: Request, projects: list[int]) -> list[int]:
    """Return the id of the path's project. Raises ReleaseNotFound if it is not one of `projects` ([]: all)."""
    try:
        project = await project_id(request)
    except ProjectNotFound:
        raise ReleaseNotFound from None
    if projects and project not in projects:
        raise ReleaseNotFound
    return [project]


_REF_FIELDS = FieldNames({"commit": ("sha", None), "previousCommit": ("previous_sha", None)} | same_names("repository"))
_HEAD_FIELDS = FieldNames({"currentId": ("sha", None), "previousId": ("previous_sha", None)} | same_names("repository"))

_COMMON_FIELDS: dict[str, tuple[str, FieldNames | None]] = {
    **{field.rest_name: (field.name, None) for field in RELEASE_FIELDS if field.rest_name},
    "commits": ("commits", COMMIT_FIELDS),
}
_REFS_FIELDS = {"refs": ("refs", _REF_FIELDS), "headCommits": ("head_commits", _HEAD_FIELDS)}
CREATION_FIELDS = FieldNames(same_names("version", "projects") | _COMMON_FIELDS | _REFS_FIELDS)
"""The body of a creation below an organization."""
PROJECT_CREATION_FIELDS = FieldNames(same_names("version") | _COMMON_FIELDS)
"""The body of a creation below a project: no projects, no refs (docs/sentry-contract.md#2-11-project-creation)."""
CHANGE_FIELDS = FieldNames(_COMMON_FIELDS | _REFS_FIELDS)
"""The body of an update below an organization."""
PROJECT_CHANGE_FIELDS = FieldNames(_COMMON_FIELDS)
"""The body of an update below a project (docs/sentry-contract.md#3-4-project-paths)."""

FIELDS = CREATION_FIELDS
ROUTES: Routes = {
    (*ORGANIZATION_PATH, "releases"): {"POST": create_release},
    (*PROJECT_PATH, "releases"): {"POST": create_project_release},
    **release_routes(None, {"GET": get_release, "PUT": update_release, "DELETE": delete_release}),
    **release_routes("meta", {"GET": get_meta}),
    **release_routes("previous-with-commits", {"GET": previous_with_commits}),
}
PARAMETERS: QueryParameters = {
    get_release: parameters.FILTER_PARAMETERS,
    get_meta: parameters.PROJECT_PARAMETERS,
    previous_with_commits: parameters.PROJECT_PARAMETERS,
}
