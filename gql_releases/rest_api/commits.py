"""Endpoints of a release's commits and changed files."""

from __future__ import annotations

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ReleaseNotFound
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.field_names import FieldNames, same_names
from gql_releases.rest_api.engine.paged_selections import (
    ID_FIELD,
    RELEASE_SUMMARY_FIELDS,
    WHOLE_LIST,
    Tree,
    answer_page,
    list_field,
    paged_selection,
    render_date,
)
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS, PROJECT_PARAMETERS
from gql_releases.rest_api.engine.release_reads import release_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import QueryParameters, Routes, release_routes
from gql_releases.rest_api.repositories import REPOSITORY_SELECTION

AUTHOR_SELECTION = s.Selection("CommitAuthor", (s.Value("name", "name"), s.Value("email", "email")))

_RELEASE_OF_COMMIT_SELECTION = s.Selection("Release", RELEASE_SUMMARY_FIELDS)

FILE_CHANGE_SELECTION = s.Selection(
    "FileChange",
    (
        s.Value("id", "id", str),
        s.Value("orgId", "organization_id"),
        s.Value("filename", "path"),
        s.Value("type", "type", lambda type_: type_[0]),
        s.ToOneField(
            "commit",
            "commit",
            s.Selection(
                "Commit",
                (
                    s.Value("message", "message"),
                    s.ToOneField("author", "author", AUTHOR_SELECTION),
                    s.ToOneField("repository", "repository", s.Selection("Repository", (s.Value("name", "name"),))),
                ),
            ),
        ),
    ),
)


def commit_selection(slot: int) -> s.Selection:
    """Return the selection of a commit; the page of its releases is at `slot`."""
    return s.Selection(
        "Commit",
        (
            s.Value("id", "sha"),
            s.Value("message", "message"),
            # As with Sentry the commit's own time; the time of its row only if that is unknown.
            s.Value("dateCreated", "timestamp", render_date, otherwise="date_created"),
            s.Constant("pullRequest", None),
            s.Constant("suspectCommitType", ""),
            s.ToOneField("repository", "repository", REPOSITORY_SELECTION),
            s.ToOneField("author", "author", AUTHOR_SELECTION, otherwise={}),
            list_field("releases", "releases", slot, _RELEASE_OF_COMMIT_SELECTION),
        ),
    )


RELEASE_COMMITS = paged_selection("Release", "shown_commits", commit_selection(1))
"""A page of a release's commits; the page after it, WHOLE_LIST, is of the releases of each commit."""
RELEASE_FILE_CHANGES = paged_selection("Release", "file_changes", FILE_CHANGE_SELECTION)
REPOSITORY_IDS = paged_selection("Organization", "repositories", s.Selection("Repository", (ID_FIELD,)))

BY_POSITION, BY_PATH = Order("position"), Order("path")


async def list_commits(request: Request) -> Answer:
    """Return a page of a release's commits, the newest first, after the heads that are not among them.

    Source: docs/sentry-contract.md#6-2-commit-list.
    """
    release = await release_id(request)
    page = read_page(request.parameters, BY_POSITION, (("release", release), *await read_repository(request)))
    read = ObjectRead(PagedSelection(RELEASE_COMMITS, (page, WHOLE_LIST)), (("id", release),))
    return await answer_page(request, read, page, ReleaseNotFound())


async def list_commit_files(request: Request) -> Answer:
    """Return a page of the files that a release's commits changed, by path.

    Source: docs/sentry-contract.md#6-3-commit-files.
    """
    release = await release_id(request)
    page = read_page(request.parameters, BY_PATH, (("release", release), *await read_repository(request)))
    read = ObjectRead(PagedSelection(RELEASE_FILE_CHANGES, (page,)), (("id", release),))
    return await answer_page(request, read, page, ReleaseNotFound(), flatten_file_change)


def flatten_file_change(tree: Tree) -> Tree:
    """Return a file change with the fields of its commit beside its own."""
    commit = tree.pop("commit")
    return tree | {
        "author": commit["author"] or {},
        "commitMessage": commit["message"],
        "repoName": commit["repository"]["name"],
    }


async def read_repository(request: Request) -> Conditions:
    """Return the condition of `repo_id`, or else of `repo_name`. Raises Refused (404) for an unknown repository."""
    row_id, name = request.last("repo_id"), request.last("repo_name")
    if not row_id and not name:
        return ()
    if row_id and parse_row_id(row_id) is None:
        raise not_found()
    page = PageRequest(1, conditions=(("id", int(row_id)) if row_id else ("name", name),))
    tree = await request.services.reads.read(
        request.principal, ObjectRead(PagedSelection(REPOSITORY_IDS, (page,)), request.own_organization)
    )
    if tree is None or not tree["rows"]["nodes"]:
        raise not_found()
    return (("repository", tree["rows"]["nodes"][0]["id"]),)


COMMIT_FIELDS = FieldNames(
    {"id": ("sha", None)}
    | same_names("repository", "message", "author_name", "author_email", "timestamp")
    | {"patch_set": ("file_changes", FieldNames(same_names("path", "type")))}
)
"""The body of a commit."""
ROUTES: Routes = {
    **release_routes("commits", {"GET": list_commits}),
    **release_routes("commitfiles", {"GET": list_commit_files}),
}
PARAMETERS: QueryParameters = dict.fromkeys(
    (list_commits, list_commit_files), (*PROJECT_PARAMETERS, "repo_id", "repo_name", *PAGE_PARAMETERS)
)
