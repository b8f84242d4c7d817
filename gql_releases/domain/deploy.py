"""Deploys in requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from gql_releases.domain.errors import ErrorCode, Path, Problem
from gql_releases.domain.release import read_project
from gql_releases.domain.validation import URL_LENGTH, array, choice, date, is_url, read, record, text, url

_FORBIDDEN = re.compile(r"[/\n\r\f]")
MAX_LINKS = 20
COMMENT_LENGTH = 4096


class DeployStatus(StrEnum):
    """The state of a deploy. Only a deploy that SUCCEEDED counts as running in its environment."""

    QUEUED = "QUEUED"
    STARTED = "STARTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"


UNFINISHED = frozenset({DeployStatus.QUEUED, DeployStatus.STARTED})


@dataclass(frozen=True, slots=True)
class NewDeploy:
    """A deploy of a release to an environment.

    `projects` None: all projects of the release. `date_finished` None: now, unless the status is in UNFINISHED.
    `external_id` is the id in the client's system, unique in a project. `links` is the JSON of a list of {name, url}.
    """

    environment: str
    projects: tuple[str | int, ...] | None = None
    name: str | None = None
    url: str | None = None
    date_started: datetime | None = None
    date_finished: datetime | None = None
    status: DeployStatus = DeployStatus.SUCCEEDED
    external_id: str | None = None
    comment: str | None = None
    links: str = "[]"


@dataclass(frozen=True, slots=True)
class DeployChange:
    """A change of a deploy: the values that were sent of name, url, date_started, date_finished, status, comment, links."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeployKey:
    """How an operation names a deploy: by id, or by project (slug) and external id; `organization` must be the caller's."""

    id: int | None = None
    organization: str | None = None
    project: str | None = None
    external_id: str | None = None


_read_name = text(max=64)


def read_environment(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    """Read an environment's name (docs/sentry-contract.md#6-1-deploys)."""
    before = len(problems)
    name: str | None = _read_name(raw, path, problems)
    if name is not None and len(problems) == before and _FORBIDDEN.search(name):
        problems.append(Problem(ErrorCode.INVALID_ENVIRONMENT, path, "Invalid value for environment"))
    return name


def _read_link_url(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    before = len(problems)
    value: str | None = text(max=URL_LENGTH)(raw, path, problems)
    if value is not None and len(problems) == before and not is_url(value):
        problems.append(Problem(ErrorCode.INVALID_URL, path, "Enter a valid URL."))
    return value


_read_link_list = array(record({"name": text(max=64), "url": _read_link_url}, required=("name", "url")))


def _read_links(raw: Any, path: Path, problems: list[Problem]) -> str:
    before = len(problems)
    links = _read_link_list(raw or [], path, problems)
    if len(problems) > before or links is None:
        return "[]"
    if len(links) > MAX_LINKS:
        problems.append(Problem(ErrorCode.TOO_LONG, path, f"Ensure this list has no more than {MAX_LINKS} links."))
    return orjson.dumps(list(links)).decode()


_CHANGEABLE = {
    "name": text(max=64, null=True, blank=True),
    "url": url(),
    "date_started": date(),
    "date_finished": date(),
    "status": choice({member.value.lower(): member for member in DeployStatus}, lambda value: f"Invalid status {value}"),
    "comment": text(max=COMMENT_LENGTH, null=True, blank=True, trim=False),
    "links": _read_links,
}
_read_deploy = record(
    {
        "environment": read_environment,
        "projects": array(read_project, null=True, empty=False),
        "external_id": text(max=64, null=True),
        **_CHANGEABLE,
    },
    required=("environment",),
)
_read_change = record(_CHANGEABLE)
_read_environment_only = record({"name": read_environment}, required=("name",))


def parse_new_deploy(raw: Any) -> NewDeploy:
    """Read the body of a deploy. Raises InvalidInput with all problems (docs/sentry-contract.md#6-1-deploys)."""
    return NewDeploy(**read(_read_deploy, raw))


def parse_deploy_change(raw: Any) -> DeployChange:
    """Read a change of a deploy. Raises InvalidInput."""
    return DeployChange(read(_read_change, raw))


def parse_environment_name(raw: Any) -> str:
    """Read the name of a new environment. Raises InvalidInput."""
    name: str = read(_read_environment_only, raw)["name"]
    return name
