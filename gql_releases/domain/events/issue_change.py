"""Changes of issues that a client requests."""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ErrorCode, InvalidInput, Problem
from gql_releases.domain.events.issue import ResolutionKind
from gql_releases.domain.release import ReleaseKey

MAX_CHANGED_ISSUES = 100
"""Issues of one mutation that deletes or merges."""


@dataclass(frozen=True, slots=True)
class IssueKey:
    """An issue, by id or by its short id, which is compared without regard to case."""

    id: int | None = None
    organization: str | None = None
    short_id: str | None = None

    def conditions(self) -> Conditions:
        """Return the conditions that find the issue."""
        return (("id", self.id),) if self.id is not None else (("short_id", (self.short_id or "").upper()),)


@dataclass(frozen=True, slots=True)
class NewResolution:
    """What an issue is to be resolved in: a release, or a commit by its sha, where the kind has one."""

    kind: ResolutionKind
    release: ReleaseKey | None = None
    commit: str | None = None


def build_resolution(kind: ResolutionKind, release: ReleaseKey | None, commit: str | None) -> NewResolution:
    """Return the resolution of a request. Raises InvalidInput if what the kind needs is absent, or more is sent."""
    problems = []
    for name, value, owner in (
        ("release", release, ResolutionKind.RELEASE),
        ("commit", commit, ResolutionKind.COMMIT),
    ):
        if kind is owner and value is None:
            problems.append(Problem(ErrorCode.REQUIRED, (name,), "This field is required."))
        elif kind is not owner and value is not None:
            problems.append(Problem(ErrorCode.INVALID_CHOICE, (name,), f"Only an issue that is resolved in: {owner} has it"))
    if commit is not None and not commit.strip():
        problems.append(Problem(ErrorCode.BLANK, ("commit",), "This field may not be blank."))
    if problems:
        raise InvalidInput(problems)
    return NewResolution(kind, release, commit)


def check_issue_count(name: str, count: int) -> None:
    """Check the number of issues in a list of the input. Raises InvalidInput."""
    if not count:
        raise InvalidInput([Problem(ErrorCode.EMPTY_LIST, (name,), "This list may not be empty.")])
    if count > MAX_CHANGED_ISSUES:
        message = f"Ensure this field has no more than {MAX_CHANGED_ISSUES} elements."
        raise InvalidInput([Problem(ErrorCode.TOO_LONG, (name,), message)])
