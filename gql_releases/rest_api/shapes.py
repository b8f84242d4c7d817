"""The JSON objects of the REST API: a fixed selection each, whose names are the wire's."""

from __future__ import annotations

from typing import Any

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.paging import WHOLE, PageRequest

Tree = dict[str, Any]

ALL = PageRequest(WHOLE)
"""As many as Sentry shows of what an object embeds (docs/sentry-contract.md#4-4-commit)."""


date = s.ShortDate()
"""Spells a date as Django REST framework 3 does: no fraction where it is zero (docs/sentry-contract.md#4-shapes)."""


def _date(name: str, attribute: str) -> s.Value:
    return s.Value(name, attribute, date)


_AUTHOR = s.Selection("CommitAuthor", (s.Value("name", "name"), s.Value("email", "email")))

REPOSITORY = s.Selection(
    "Repository",
    (
        s.Value("id", "id", str),
        s.Value("name", "name"),
        s.Constant("url", None),
        s.Constant("provider", {"id": "unknown", "name": "Unknown Provider"}),
        s.Constant("status", "active"),
        _date("dateCreated", "date_created"),
        s.Constant("integrationId", None),
        s.Constant("externalSlug", None),
        s.Constant("externalId", None),
    ),
)

_RELEASE_OF_COMMIT = s.Selection(
    "Release",
    (
        s.Value("version", "version"),
        s.Value("shortVersion", "version"),
        s.Value("ref", "ref"),
        s.Value("url", "url"),
        _date("dateReleased", "date_released"),
        _date("dateCreated", "date_created"),
    ),
)


def _list(name: str, attribute: str, slot: int, selection: s.Selection, *, looked_at: bool = False) -> s.Many:
    """Select a whole list; one that is `looked_at` before it is sent comes as objects."""
    nodes, json = s.Nodes("nodes", selection), None if looked_at else orjson.Fragment
    return s.Many(name, attribute, selection.entity, slot, (nodes,), str, json=json, bare=True)


def commit(slot: int) -> s.Selection:
    """Make the selection of a commit, whose releases have their page at `slot`."""
    return s.Selection(
        "Commit",
        (
            s.Value("id", "sha"),
            s.Value("message", "message"),
            # Sentry's is the commit's own time; the store's is shown only where that is not known.
            s.Value("dateCreated", "timestamp", date, otherwise="date_created"),
            s.Constant("pullRequest", None),
            s.Constant("suspectCommitType", ""),
            s.One("repository", "repository", REPOSITORY),
            s.One("author", "author", _AUTHOR, otherwise={}),
            _list("releases", "releases", slot, _RELEASE_OF_COMMIT),
        ),
    )


_VERSION = s.Selection("Release", (s.Value("version", "version"),))
_DEPLOY = s.Selection(
    "Deploy",
    (
        s.Value("id", "id", str),
        s.One("environment", "environment", s.Selection("Environment", (s.Value("name", "name"),)), bare=True),
        _date("dateStarted", "date_started"),
        _date("dateFinished", "date_finished"),
        s.Value("name", "name"),
        s.Value("url", "url"),
        s.Value("status", "status", str.lower),
        s.Value("externalId", "external_id"),
        s.One("previousRelease", "previous_release", _VERSION, bare=True),
    ),
)

DEPLOY = s.View(_DEPLOY)
"""A deploy."""

_PROJECT = s.Selection(
    "Project",
    (
        s.Value("id", "id"),
        s.Value("slug", "slug"),
        s.Value("name", "name"),
        s.Constant("newGroups", 0),
        s.Constant("platform", None),
        s.Constant("platforms", []),
        s.Constant("hasHealthData", False),
    ),
)

_NUMBERS = s.Embedded(
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
_VERSION_INFO = s.Embedded(
    "versionInfo",
    "description",
    (
        s.Value("package", "package"),
        _NUMBERS,
        s.Value("description", "description"),
        s.Value("buildHash", "build_hash"),
    ),
)


def release(slot: int, *, projects_looked_at: bool = False) -> s.Selection:
    """Make the selection of a release whose lists have their pages from `slot` on; PAGES has as many."""
    return s.Selection(
        "Release",
        (
            s.Value("id", "id"),
            s.Value("version", "version"),
            s.Value("status", "status", str.lower),
            s.Value("shortVersion", "version"),
            _VERSION_INFO,
            s.Value("ref", "ref"),
            s.Value("url", "url"),
            _date("dateReleased", "date_released"),
            _date("dateCreated", "date_created"),
            s.Constant("data", {}),
            s.Constant("newGroups", 0),
            s.Constant("owner", None),
            s.Value("commitCount", "commit_count"),
            s.One("lastCommit", "last_commit", commit(slot)),
            s.Value("deployCount", "deploy_count"),
            s.One("lastDeploy", "last_deploy", _DEPLOY),
            _list("authors", "authors", slot + 1, _AUTHOR),
            _list("projects", "projects", slot + 2, _PROJECT, looked_at=projects_looked_at),
            s.Constant("firstEvent", None),
            s.Constant("lastEvent", None),
            s.Constant("currentProjectMeta", {}),
            s.Value("userAgent", "user_agent"),
        ),
    )


PAGES = (ALL, ALL, ALL)
RELEASE = s.View(release(0), PAGES)
"""A release."""


STATS = s.Selection("Release", (s.Value("version", "version"), _date("date", "date_created")))
"""A release as the list of statistics has it."""

META = s.Selection(
    "Release",
    (
        s.Value("version", "version"),
        _VERSION_INFO,
        _list("projects", "projects", 0, s.Selection("Project", _PROJECT.fields[:-1])),
        s.Constant("newGroups", 0),
        s.Value("deployCount", "deploy_count"),
        s.Value("commitCount", "commit_count"),
        s.Many("commitFilesChanged", "changed_paths", "FileChange", 1, (s.TotalCount("total"),), str, bare=True),
        s.Constant("releaseFileCount", 0),
        s.Constant("isArtifactBundle", False),
        s.Value("released", "date_released", date, otherwise="date_created"),
    ),
)
"""The summary of a release; its pages are those of projects and paths."""

_PREVIOUS = s.Selection("Release", (s.One("found", "with_commits", release(1), 0),))


def previous_view(projects: list[int]) -> s.View:
    """Return the view of the release before one that has commits, in some of its projects ([] for all)."""
    return s.View(_PREVIOUS, (PageRequest(1, conditions=(("projects", projects),) if projects else ()), *PAGES))


def _neighbour(name: str, slot: int) -> s.Many:
    return s.Many(name, "releases", "Release", slot, (s.Nodes("nodes", _VERSION),), str, _first_version)


def _first_version(page: Tree) -> str | None:
    return page["nodes"][0]["version"] if page["nodes"] else None


NEIGHBOURS = s.Selection(
    "Project",
    (
        s.Constant("sessionsLowerBound", None),
        s.Constant("sessionsUpperBound", None),
        _neighbour("prevReleaseVersion", 0),
        _neighbour("nextReleaseVersion", 1),
        _neighbour("firstReleaseVersion", 2),
        _neighbour("lastReleaseVersion", 3),
    ),
)
"""What stands around a release in a project: the pages are of one release each."""

FILE_CHANGE = s.Selection(
    "FileChange",
    (
        s.Value("id", "id", str),
        s.Value("orgId", "organization_id"),
        s.Value("filename", "path"),
        s.Value("type", "type", lambda type_: type_[0]),
        s.One(
            "commit",
            "commit",
            s.Selection(
                "Commit",
                (
                    s.Value("message", "message"),
                    s.One("author", "author", _AUTHOR),
                    s.One("repository", "repository", s.Selection("Repository", (s.Value("name", "name"),))),
                ),
            ),
        ),
    ),
)

ORGANIZATION = s.Selection(
    "Organization",
    (
        s.Value("id", "id", str),
        s.Value("slug", "slug"),
        s.Value("name", "name"),
        _date("dateCreated", "date_created"),
        s.Constant("status", {"id": "active", "name": "active"}),
        s.Constant("isEarlyAdopter", False),
        s.Constant("require2FA", False),
        s.Constant("requireEmailVerification", False),
        s.Constant("avatar", {"avatarType": "letter_avatar", "avatarUuid": None, "avatarUrl": None}),
        s.Constant("features", []),
    ),
)
ONE_ORGANIZATION = s.View(ORGANIZATION)
"""An organization."""

PROJECT = s.Selection(
    "Project",
    (
        s.Value("id", "id", str),
        s.Value("slug", "slug"),
        s.Value("name", "name"),
        s.Constant("platform", None),
        s.Constant("platforms", []),
        _date("dateCreated", "date_created"),
        s.Constant("status", "active"),
        s.Constant("isBookmarked", False),
        s.Constant("isMember", True),
        s.Constant("hasAccess", True),
        s.Constant("features", []),
        s.Constant("firstEvent", None),
        s.Constant("team", None),
        s.Constant("teams", []),
    ),
)
ONE_PROJECT = s.View(s.Selection("Project", (*PROJECT.fields, s.One("organization", "organization", ORGANIZATION))))
"""A project with its organization."""

RELEASE_ID = s.View(s.Selection("Release", (s.Value("id", "id"),)))
"""A release's id alone."""

PROJECT_ID = s.View(s.Selection("Project", (s.Value("id", "id"),)))
"""A project's id alone."""

ENVIRONMENT = s.Selection("Environment", (s.Value("id", "id", str), s.Value("name", "name"), s.Constant("isHidden", False)))

TOKEN = s.View(s.Selection("Viewer", (s.Value("id", "id", str), s.Value("name", "name"))))
"""The token that a request came with."""


def finish_file_change(tree: Tree) -> Tree:
    """Put what a file change tells of its commit beside it."""
    told = tree.pop("commit")
    return tree | {
        "author": told["author"] or {},
        "commitMessage": told["message"],
        "repoName": told["repository"]["name"],
    }
