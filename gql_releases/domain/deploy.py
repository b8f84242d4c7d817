"""Deploys as a client sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import ErrorCode, Path, Problem
from .release import read_project
from .validation import date, list_of, read, record, text, url

_FORBIDDEN = re.compile(r"[/\n\r\f]")


@dataclass(frozen=True, slots=True)
class NewDeploy:
    """A release put into an environment. Projects None: all of the release's; `date_finished` None: now."""

    environment: str
    projects: tuple[str | int, ...] | None = None
    name: str | None = None
    url: str | None = None
    date_started: datetime | None = None
    date_finished: datetime | None = None


_read_name = text(max=64)


def _read_environment(raw: Any, path: Path, problems: list[Problem]) -> str | None:
    before = len(problems)
    name: str | None = _read_name(raw, path, problems)
    if name is not None and len(problems) == before and _FORBIDDEN.search(name):
        problems.append(Problem(ErrorCode.INVALID_ENVIRONMENT, path, "Invalid value for environment"))
    return name


_read_deploy = record(
    {
        "environment": _read_environment,
        "projects": list_of(read_project, null=True, empty=False),
        "name": text(max=64, null=True, blank=True),
        "url": url(),
        "date_started": date(),
        "date_finished": date(),
    },
    required=("environment",),
)


def parse_new_deploy(raw: Any) -> NewDeploy:
    """Read the body of a deploy. Raises InvalidInput with every problem found (contract section 6.1)."""
    return NewDeploy(**read(_read_deploy, raw))
