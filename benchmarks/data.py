"""The releases that every store holds, made from their numbers alone: as REST bodies, and as rows of the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from gql_releases.domain.versions.version import parse_version

ORGANIZATION, PROJECTS = "acme", ("api", "web")
COMMITS, AUTHORS, TEAM = 10, 300, 4
"""Commits of a release; authors of all; authors of a release."""
REPOSITORIES = ("acme/api", "acme/ui", "acme/web")
ENVIRONMENTS = ("production", "staging")
SERIAL = "@" * 8
"""Stands in a creation where the load generator writes the next number, of eight digits, the first of which is no zero."""

_BEGIN = datetime(2019, 1, 1, tzinfo=UTC)
_SUBJECTS = (
    "Keep the cart between two visits", "Show the sum with its currency", "Let the queue drain before it stops",
    "Ask once, not for each row", "Write dates in one form", "Retry what a lock has refused",
    "Name the field that is wrong", "Cut the file at its last whole line", "Move the totals out of the page's way",
)  # fmt: skip

Rows = dict[str, list[tuple[Any, ...]]]

TABLES: dict[str, str] = {
    "repositories": "id organization_id name date_created",
    "commit_authors": "id organization_id email name",
    "environments": "id organization_id name date_created",
    "commits": "id organization_id repository_id sha author_id message timestamp date_created",
    "releases": "id organization_id version ref url status date_created date_released release_order commit_count deploy_count"
    " last_commit_id last_deploy_id package raw major minor patch pre build_code components description build_hash"
    " semver_key build_number",
    "release_projects": "organization_id release_id project_id date_created release_order date_shown semver_key build_number",
    "release_commits": "organization_id release_id position commit_id",
    "release_authors": "organization_id release_id position author_id",
    "head_commits": "id organization_id release_id repository_id commit_id",
    "deploys": "id organization_id release_id environment_id name url date_started date_finished finish_order date_created"
    " status links previous_release_id",
    "deploy_projects": "organization_id deploy_id project_id",
    "current_deploys": "id organization_id environment_id project_id deploy_id release_id",
}
"""The columns that are filled, by table, in an order that foreign keys allow but for a release's last deploy."""


def moment(number: int, minutes: float = 0) -> str:
    """Give a time near the birth of a release: one every quarter of an hour."""
    return (_BEGIN + timedelta(minutes=15 * number + minutes)).isoformat(timespec="microseconds")[:26] + "Z"


def version_of(number: int) -> str:
    """Name a release; a hundred in a row share their minor number."""
    return f"web@1.{number // 100}.{number % 100}+{number}"


def author_of(number: int, index: int) -> int:
    """Say which of the authors, from 0 on, wrote a release's commit."""
    return (number * TEAM + index % TEAM) % AUTHORS


def projects_of(number: int) -> tuple[str, ...]:
    """Name a release's projects: each fourth is of both."""
    return PROJECTS if number % 4 == 0 else ("web",)


def commit(number: int, index: int) -> dict[str, str]:
    """Make a commit as REST has it."""
    author = author_of(number, index)
    subject = _SUBJECTS[(3 * number + index) % len(_SUBJECTS)]
    return {
        "id": hashlib.sha1(b"%d %d" % (number, index)).hexdigest(),
        "repository": REPOSITORIES[number % len(REPOSITORIES)],
        "message": f"{subject} (#{COMMITS * number + index})",
        "author_name": f"Author {author}",
        "author_email": f"author{author}@example.com",
        "timestamp": moment(number, -index - 1),
    }


def body(number: int, commits: int = COMMITS) -> dict[str, Any]:
    """Make the body of a release's creation, its commits the newest first."""
    listed = [commit(number, index) for index in range(commits)]
    return {
        "version": version_of(number), "projects": list(projects_of(number)), "ref": listed[0]["id"],
        "url": f"https://ci.example.com/builds/{number}", "dateReleased": moment(number, 1), "commits": listed,
    }  # fmt: skip


def creation(number: int, commits: int) -> dict[str, Any]:
    """Make a creation that can be sent again and again: its version and its commits stand open as SERIAL."""
    result = body(number, commits)
    for item in result["commits"]:
        item["id"] = SERIAL + item["id"][8:]
    return {**result, "version": f"web@2.{SERIAL}.0+{SERIAL}", "ref": result["commits"][0]["id"]}


def chunks(count: int, organization: int, projects: dict[str, int], size: int = 1000) -> Iterator[Rows]:
    """Give the rows of releases 1 to `count` by table, some at a time; ids count from 1 on."""
    born = moment(0)
    yield {
        "repositories": [(i, organization, name, born) for i, name in enumerate(REPOSITORIES, 1)],
        "commit_authors": [(a + 1, organization, f"author{a}@example.com", f"Author {a}") for a in range(AUTHORS)],
        "environments": [(i, organization, name, born) for i, name in enumerate(ENVIRONMENTS, 1)],
    }
    for first in range(1, count + 1, size):
        rows: Rows = {table: [] for table in TABLES}
        for number in range(first, min(first + size, count + 1)):
            _add_release(rows, number, organization, [projects[slug] for slug in projects_of(number)])
            _add_deploys(rows, number, organization, [projects[slug] for slug in projects_of(number)])
        yield rows
    yield {"current_deploys": list(_current(count, organization, projects))}


def _add_release(rows: Rows, number: int, organization: int, projects: list[int]) -> None:
    release_body, info = body(number), parse_version(version_of(number))
    assert info
    repository = number % len(REPOSITORIES) + 1
    first = (number - 1) * COMMITS + 1
    for index, item in enumerate(release_body["commits"]):
        author = author_of(number, index) + 1
        rows["commits"].append(
            (first + index, organization, repository, item["id"], author, item["message"], item["timestamp"], moment(number))
        )
        rows["release_commits"].append((organization, number, index, first + index))
    wrote = dict.fromkeys(author_of(number, index) + 1 for index in range(COMMITS))
    rows["release_authors"] += [(organization, number, index, author) for index, author in enumerate(wrote)]
    rows["head_commits"].append((number, organization, number, repository, first))
    created, released = moment(number), release_body["dateReleased"]
    rows["releases"].append((
        number, organization, release_body["version"], release_body["ref"], release_body["url"], "OPEN", created, released, released, COMMITS,
        len(ENVIRONMENTS), first, _deploy_id(number, 0), info.package, info.raw, str(info.major), str(info.minor), str(info.patch),
        info.pre, info.build_code, info.components, info.description, info.build_hash, info.semver_key, info.build_number,
    ))  # fmt: skip
    for project in projects:
        keys = (created, released, released, info.semver_key, info.build_number)
        rows["release_projects"].append((organization, number, project, *keys))


def _deploy_id(number: int, environment: int) -> int:
    return (number - 1) * len(ENVIRONMENTS) + environment + 1


def _add_deploys(rows: Rows, number: int, organization: int, projects: list[int]) -> None:
    for index, name in enumerate(ENVIRONMENTS):
        begun, finished = moment(number, 4 - 2 * index), moment(number, 5 - 2 * index)
        rows["deploys"].append((
            _deploy_id(number, index), organization, number, index + 1, f"{name}-{number}",
            f"https://deploy.example.com/{name}/{number}", begun, finished, finished, finished, "SUCCEEDED", "[]",
            number - 1 or None,
        ))  # fmt: skip
        rows["deploy_projects"] += [(organization, _deploy_id(number, index), project) for project in projects]


def _current(count: int, organization: int, projects: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    numbered = 0
    for slug, project in projects.items():
        newest = next((n for n in range(count, 0, -1) if slug in projects_of(n)), None)
        if newest is None:
            continue
        for index in range(len(ENVIRONMENTS)):
            numbered += 1
            yield numbered, organization, index + 1, project, _deploy_id(newest, index), newest
