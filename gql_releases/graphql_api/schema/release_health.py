"""The health of a release."""

from __future__ import annotations

from collections.abc import Callable

import strawberry

from gql_releases.domain.events.health import crash_free_share, read_numbers
from gql_releases.graphql_api.execution.bindings import argument, column, embedded_reference
from gql_releases.graphql_api.execution.scalars import BigInt

HEALTH_ARGUMENTS = [
    argument(
        "environment",
        str | None,
        "Only sessions in this environment, such as `production` (default: all); ENVIRONMENT_NOT_FOUND if it does not "
        "exist.",
    ),
    argument(
        "project",
        str | None,
        "Only sessions of the project with this slug, such as `web` (default: all of the release); PROJECT_NOT_FOUND if it "
        "does not exist.",
    ),
]


def _read_number(position: int) -> Callable[[str], int]:
    """Return the function that reads one of the numbers of a text."""
    return lambda text: read_numbers(text)[position]


def _crash_free_sessions(text: str) -> float | None:
    sessions, crashed, *_ = read_numbers(text)
    return crash_free_share(sessions, crashed, sessions)


def _crash_free_users(text: str) -> float | None:
    users, crashed, sessions = read_numbers(text)
    return crash_free_share(users, crashed, sessions)


@strawberry.type(
    description=(
        "Whether a release is healthy: how many of its sessions and users had a crash. A session is a visit, or a request "
        "of a server; each counts once, under the worst that happened in it."
    )
)
class ReleaseHealth:
    """The sessions of a release."""

    sessions: BigInt = column("session_totals", "The number of sessions.", _read_number(0), inherits=True)
    crashed: BigInt = column(
        "session_totals",
        "Sessions that ended with a crash, or an error that ended the process.",
        _read_number(1),
        inherits=True,
    )
    errored: BigInt = column(
        "session_totals", "Sessions with an error that was handled, and nothing worse.", _read_number(2), inherits=True
    )
    abnormal: BigInt = column(
        "session_totals", "Sessions that ended without a report, such as by a kill.", _read_number(3), inherits=True
    )
    unhandled: BigInt = column(
        "session_totals",
        "Sessions with an unhandled error that did not end the process, as in browsers.",
        _read_number(4),
        inherits=True,
    )
    crash_free_sessions: float | None = column(
        "session_totals",
        "The share of sessions without a crash, 0 to 1, such as 0.998; null below 50 sessions.",
        _crash_free_sessions,
        inherits=True,
    )
    users: BigInt = column(
        "session_users",
        "The number of different users; sessions without a user do not count.",
        _read_number(0),
        inherits=True,
    )
    crash_free_users: float | None = column(
        "session_users",
        "The share of users without a crash, 0 to 1; null below 50 sessions, or without users.",
        _crash_free_users,
        inherits=True,
    )
    adoption: float | None = column(
        "adoption",
        "The release's share of the sessions of its projects in the last 24 hours, 0 to 1, such as 0.4; null if there were "
        "none.",
        inherits=True,
    )
    previous: ReleaseHealth | None = embedded_reference(
        "previous_with_sessions",
        "Release",
        "The same of the release that shipped before this one, to compare with: the last release of the project with "
        "sessions. Without the argument `project`, it is that of the release's first project. Null if there is none.",
    )
