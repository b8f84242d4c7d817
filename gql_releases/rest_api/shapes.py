"""The JSON objects of the REST API: a fixed selection each, whose names are the wire's, and the finishing touches."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.paging import PageRequest
from gql_releases.rest_api.pagination import spell_cursor

Tree = dict[str, Any]

ALL = PageRequest(size=1000)
"""As many as Sentry shows of what an object embeds (contract section 4.4)."""


def date(text: str) -> str:
    """Spell a date as Django REST framework 3 does: no fraction where it is zero (contract section 4)."""
    return text[:19] + "Z" if text[19:26] == ".000000" else text


def _date(name: str, attribute: str) -> s.Value:
    return s.Value(name, attribute, date)


_AUTHOR = s.Selection("CommitAuthor", (s.Value("name", "name"), s.Value("email", "email")))

_REPOSITORY = s.Selection(
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


def _list(name: str, attribute: str, slot: int, selection: s.Selection) -> s.Many:
    return s.Many(name, attribute, selection.entity, slot, (s.Nodes("nodes", selection),), str)


def _commit(slot: int) -> s.Selection:
    return s.Selection(
        "Commit",
        (
            s.Value("id", "sha"),
            s.Value("message", "message"),
            _date("timestamp", "timestamp"),
            _date("dateCreated", "date_created"),
            s.Constant("pullRequest", None),
            s.Constant("suspectCommitType", ""),
            s.One("repository", "repository", _REPOSITORY),
            s.One("author", "author", _AUTHOR),
            _list("releases", "releases", slot, _RELEASE_OF_COMMIT),
        ),
    )


_DEPLOY = s.Selection(
    "Deploy",
    (
        s.Value("id", "id", str),
        s.One("environment", "environment", s.Selection("Environment", (s.Value("name", "name"),))),
        _date("dateStarted", "date_started"),
        _date("dateFinished", "date_finished"),
        s.Value("name", "name"),
        s.Value("url", "url"),
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
    "",
    (
        s.Value("raw", "raw"),
        s.Value("major", "major", int),
        s.Value("minor", "minor", int),
        s.Value("patch", "patch", int),
        s.Value("pre", "pre"),
        s.Value("buildCode", "build_code"),
        s.Value("components", "components"),
    ),
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


def _release(slot: int) -> s.Selection:
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
            s.One("lastCommit", "last_commit", _commit(slot)),
            s.Value("deployCount", "deploy_count"),
            s.One("lastDeploy", "last_deploy", _DEPLOY),
            _list("authors", "authors", slot + 1, _AUTHOR),
            _list("projects", "projects", slot + 2, _PROJECT),
            s.Constant("firstEvent", None),
            s.Constant("lastEvent", None),
            s.Constant("currentProjectMeta", {}),
            s.Value("userAgent", "user_agent"),
        ),
    )


PAGES = (ALL, ALL, ALL)
RELEASE = s.View(_release(0), PAGES)
"""A release."""


def _releases(entity: str) -> s.Selection:
    info = (("more", "hasNextPage"), ("fewer", "hasPreviousPage"), ("start", "startCursor"), ("end", "endCursor"))
    parts = (s.Nodes("nodes", _release(1)), s.PageInfo("info", info))
    return s.Selection(entity, (s.Many("releases", "releases", "Release", 0, parts, spell_cursor),))


RELEASES_OF_ORGANIZATION = _releases("Organization")
RELEASES_OF_PROJECT = _releases("Project")
"""A page of releases: the first page is the list's, PAGES follow."""

PROJECTS_BY_ID = s.Selection(
    "Viewer", (_list("projects", "all_Project", 0, s.Selection("Project", (s.Value("id", "id"),))),)
)
"""Those of some projects that the reader can see."""


def finish_release(tree: Tree) -> Tree:
    """Put the last touches to a release: what Sentry flattens, and what it leaves out."""
    tree["authors"] = tree["authors"]["nodes"]
    tree["projects"] = tree["projects"]["nodes"]
    if tree["lastCommit"]:
        _finish_commit(tree["lastCommit"])
    if tree["lastDeploy"]:
        finish_deploy(tree["lastDeploy"])
    info = tree["versionInfo"]
    if info and info["version"]["components"] is None:
        info["version"] = {"raw": info["version"]["raw"]}
    return tree


def finish_deploy(tree: Tree) -> Tree:
    """Show a deploy's environment by its name alone."""
    tree["environment"] = tree["environment"]["name"]
    return tree


def _finish_commit(tree: Tree) -> None:
    # Sentry's dateCreated of a commit is the commit's own time; the store's is shown only where that is not known.
    tree["dateCreated"] = tree.pop("timestamp") or tree["dateCreated"]
    tree["author"] = tree["author"] or {}
    tree["releases"] = tree["releases"]["nodes"]
