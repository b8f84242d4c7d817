"""Converts objects of Sentry's API to input of the domain, for the importer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gql_releases.domain.dates import parse_date
from gql_releases.domain.release import RELEASE_FIELDS, NewRelease, parse_new_release

Object = dict[str, Any]

_FIELD_NAMES = {field.rest_name: field.name for field in RELEASE_FIELDS if field.is_in_sentry}


@dataclass(frozen=True, slots=True)
class SentryReleaseSummary:
    """A release in Sentry's list of releases; `projects` are ids by slug."""

    version: str
    projects: Mapping[str, int]
    facts: Object
    date_created: str
    user_agent: str | None
    commit_count: int
    deploy_count: int


def read_release_summary(raw: Any) -> SentryReleaseSummary | None:
    """Parse a release of the list; None if it does not have the form of Sentry's releases."""
    try:
        facts = {own: raw[name] for name, own in _FIELD_NAMES.items() if raw.get(name) is not None}
        projects = {str(project["slug"]): int(project["id"]) for project in raw["projects"]}
        counts = (int(raw.get(name) or 0) for name in ("commitCount", "deployCount"))
        return SentryReleaseSummary(
            str(raw["version"]), projects, facts, str(raw["dateCreated"]), raw.get("userAgent"), *counts
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def build_release(summary: SentryReleaseSummary, commits: Sequence[Object], files: Sequence[Object]) -> NewRelease:
    """Return the release to create, with its own date of creation. Raises InvalidInput."""
    body = {
        "version": summary.version,
        "projects": list(summary.projects),
        **summary.facts,
        "commits": _add_files([_read_commit(raw) for raw in commits if isinstance(raw, dict)], files),
    }
    new = parse_new_release(body, user_agent=summary.user_agent)
    return replace(new, date_created=parse_date(summary.date_created))


def _read_commit(raw: Object) -> Object:
    author = raw.get("author") or {}
    return {
        "sha": raw.get("id"),
        "repository": (raw.get("repository") or {}).get("name"),
        "message": raw.get("message"),
        "author_name": author.get("name"),
        "author_email": author.get("email"),
        "timestamp": raw.get("dateCreated"),
    }


def _add_files(commits: list[Object], files: Sequence[Object]) -> list[Object]:
    """Return the commits with their file changes. Sentry names a file's commit by message: used only if it is unique."""
    message_counts = Counter((commit["repository"], commit["message"]) for commit in commits)
    files_by_key: dict[Any, list[Object]] = {}
    for raw in files:
        key = (raw.get("repoName"), raw.get("commitMessage"))
        if message_counts[key] == 1:
            files_by_key.setdefault(key, []).append({"path": raw.get("filename"), "type": raw.get("type")})
    return [
        {**commit, "file_changes": files_by_key.get((commit["repository"], commit["message"]), [])} for commit in commits
    ]


def read_deploys(by_project: Mapping[str | None, Sequence[Any]]) -> list[Object]:
    """Return the bodies of deploys, each once; the key None means all projects of the release."""
    deploys_by_id: dict[str, Object] = {}
    for slug, deploys in by_project.items():
        for raw in deploys:
            if not isinstance(raw, dict) or not str(raw.get("id", "")).isdigit():
                continue
            deploy = deploys_by_id.setdefault(str(raw["id"]), _read_deploy(raw))
            if slug is not None:
                deploy["projects"] = [*(deploy["projects"] or []), slug]
    return list(deploys_by_id.values())


def _read_deploy(raw: Object) -> Object:
    """Return the body of a deploy. Status and external id are sent by gql-releases only, not by Sentry."""
    names = {"environment": "environment", "name": "name", "url": "url", "dateStarted": "date_started"}
    names |= {"dateFinished": "date_finished", "externalId": "external_id"}
    status = {"status": raw["status"]} if raw.get("status") else {}
    return {"id": raw["id"], "projects": None, **{own: raw.get(name) for name, own in names.items()}, **status}
