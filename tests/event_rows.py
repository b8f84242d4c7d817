"""Rows of issues, events and sessions, as the ingest endpoint writes them, of both tenants."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import create_engine
from sqlmodel import Session, select

from gql_releases.domain.events.stored_body import pack_body
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.event import EventRow, OutcomeRow, ReleaseEventsRow
from gql_releases.storage.schema.tables.issue import IssueReleaseRow, IssueRow, SuspectCommitRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.session import SessionHourRow, SessionUserRow
from tests.conftest import Harness

RECEIVED = datetime(2026, 11, 20, 10, tzinfo=UTC)
LEVELS = ("FATAL", "ERROR", "WARNING", "INFO", "DEBUG")
STATUSES = ("UNRESOLVED", "RESOLVED", "IGNORED")
STEPS = ("STACK", "FINGERPRINT", "MINIFIED", "VALUE", "THREAD", "MESSAGE", "CSP", "EMPTY")
SUSPECT_STATUSES = ("FOUND", "NO_MATCH", "NO_COMMITS", "NO_RELEASE", "MINIFIED")
RESOLUTIONS = ("RELEASE", "NOW", "COMMIT", "NEXT_RELEASE")
MAX_FILLED_RELEASES = 5


@dataclass(frozen=True)
class Places:
    """The ids of an organization's rows that events refer to."""

    owner: int
    projects: list[int]
    releases: list[int]
    environments: list[int]
    commits: list[int]


def short_id(number: int) -> str:
    """Return the short id of an issue, which is the same in both organizations."""
    return f"WEB-{number + 1}"


def event_id(number: int, index: int) -> str:
    """Return the id of an event, which is the same in both organizations."""
    return f"{number:016x}{index:016x}"


def current_hour() -> int:
    """Return the hours since 1970."""
    return int(time.time()) // 3600


def insert_events(harness: Harness, organization: str, count: int = 14, first: int = 0) -> None:
    """Insert `count` issues with events, sessions and outcomes: ids, names and releases are the same in each organization.

    The first two releases have issues of each kind. Their numbers begin with `first`.
    """
    engine = create_engine(harness.databases.engine_url(harness.url))
    with Session(engine) as session:
        places = find_places(session, organization)
        added = [_insert_issue(session, places, number) for number in range(first, first + count)]
        for number, issue in enumerate(added, first):
            _insert_issue_rows(session, places, number, issue)
        if first == 0:
            _insert_counters(session, places)
        session.commit()
    engine.dispose()


def find_places(session: Session, organization: str) -> Places:
    """Return the ids of an organization's rows, the first created first."""
    owner = session.exec(select(OrganizationRow.id).where(OrganizationRow.slug == organization)).one()
    assert owner is not None

    def list_ids(row: Any, limit: int | None = None) -> list[int]:
        return list(session.exec(select(row.id).where(row.organization_id == owner).order_by(row.id).limit(limit)).all())

    return Places(
        owner,
        list_ids(ProjectRow),
        list_ids(ReleaseRow, MAX_FILLED_RELEASES),
        list_ids(EnvironmentRow),
        list_ids(CommitRow, 20),
    )


def _pick(ids: Sequence[int], number: int) -> int | None:
    return ids[number % len(ids)] if ids else None


def _insert_issue(session: Session, places: Places, number: int) -> IssueRow:
    first = session.exec(
        select(IssueRow.id).where(IssueRow.organization_id == places.owner, IssueRow.short_id == short_id(0))
    ).first()
    is_resolved, commit = number % 2 == 0, _pick(places.commits, number)
    resolution = RESOLUTIONS[number // 2 % 4]
    issue = IssueRow(
        organization_id=places.owner,
        project_id=places.projects[number % len(places.projects)],
        short_id=short_id(number),
        title=f"ValueError: bad Ä id {number} of {places.owner}",
        culprit=None if number % 3 == 2 else f"shop.pay{number} in charge",
        type=None if number % 4 == 3 else "ValueError",
        level=LEVELS[number % 5],
        platform=("python", "javascript")[number % 2],
        handled=(None, True, False)[number % 3],
        status=STATUSES[number % 3],
        times=number % 4 + 3_000_000_000 * (number % 5 == 4),
        users=number % 3,
        first_seen=RECEIVED + timedelta(hours=number // 2),
        last_seen=RECEIVED + timedelta(days=1, hours=number % 4, microseconds=number // 8),
        date_created=RECEIVED,
        first_release_id=_pick(places.releases, number),
        introduced_in_id=None if number % 7 == 6 else _pick(places.releases, number // 3),
        last_release_id=_pick(places.releases, number + 1),
        new_path_of_id=first if number % 3 == 1 else None,
        site=None,
        grouping_step=STEPS[number % 8],
        grouping_key=json.dumps(["exception", "ValueError", f"é {number}"]),
        grouping_algorithm="grouping-1",
        suspect_status=SUSPECT_STATUSES[number % 5],
        regressed_in_id=_pick(places.releases, number // 2) if is_resolved else None,
        compared_by=("SEMVER", "DATE")[number // 2 % 2] if is_resolved else None,
        resolved_in=resolution if is_resolved else None,
        resolved_release_id=_pick(places.releases, number // 4) if is_resolved and resolution != "NEXT_RELEASE" else None,
        resolved_commit_id=commit if is_resolved and resolution == "COMMIT" else None,
        date_resolved=RECEIVED + timedelta(days=2) if is_resolved else None,
    )
    session.add(issue)
    session.flush()
    return issue


def _insert_issue_rows(session: Session, places: Places, number: int, issue: IssueRow) -> None:
    owned: dict[str, Any] = {"organization_id": places.owner, "issue_id": issue.id}
    releases = sorted({number % len(places.releases), number // 3 % len(places.releases)}) if places.releases else []
    environments = [0, *places.environments][number % 2 : 3]
    for place, release in enumerate([*(places.releases[index] for index in releases), 0][: 3 - number % 3 // 2]):
        for offset, environment in enumerate(environments):
            seen = RECEIVED + timedelta(hours=number % 3 + place, minutes=offset // 2)
            session.add(
                IssueReleaseRow(
                    release_id=release, environment_id=environment, first_seen=seen, last_seen=seen + timedelta(hours=1),
                    times=number + offset + 1, **owned,
                )
            )  # fmt: skip
    for position, commit in enumerate(places.commits[number % 4 : number % 4 + number % 4]):
        session.add(
            SuspectCommitRow(
                position=position, commit_id=commit, score=66.7 / (position + 1), path=f"src/{number}/ä.py",
                frame_path=f"/srv/{number}/ä.py", matched_segments=position + 1, releases_back=position, **owned,
            )
        )  # fmt: skip
    for index in range(number % 4 + 1):
        received = RECEIVED + timedelta(hours=index // 2)
        session.add(
            EventRow(
                project_id=issue.project_id,
                event_id=event_id(number, index),
                day=int(received.timestamp()) // 86_400,
                release_id=_pick([0, *places.releases], number + index) or None,
                environment_id=_pick([0, *places.environments], index) or None,
                timestamp=received - timedelta(minutes=number % 2),
                received=received,
                dist="7" if index % 2 else None,
                level=LEVELS[(number + index) % 5],
                platform=issue.platform,
                handled=(None, True, False)[index % 3],
                title=issue.title,
                sdk_name="sentry.python" if number % 3 else None,
                sdk_version="2.75.0" if number % 3 and index % 2 else None,
                body=pack_body(make_body(number + index, places.owner)),
                **owned,
            )
        )


def make_body(number: int, owner: int) -> dict[str, Any]:
    """Return the body of an event: with a chain of exceptions, with a message, or empty."""
    frames: list[dict[str, Any]] = [
        {"function": "main", "module": "shop.app", "filename": "shop/app.py", "lineno": 3, "in_app": False},
        {
            "function": "charge", "abs_path": f"https://example.com/{owner}.js", "lineno": 17, "colno": 900 if number % 2 else 9,
            "context_line": "  throw e", "pre_context": ["a", "b"], "post_context": [], "symbolicated": number % 4 == 2,
        },
        {"in_app": True},
    ]  # fmt: skip
    cause = {"type": "KeyError", "value": f"'{number}'", "mechanism": {"type": "chained", "handled": number % 2 == 0}}
    raised = {"type": "ValueError", "module": "builtins", "stacktrace": {"frames": frames}}
    tags = [["region", "eu"], ["number", str(number)]]
    match number % 4:
        case 0:
            return {"exception": {"values": [cause, raised]}, "tags": tags, "culprit": "shop.pay in charge"}
        case 1:
            return {"logentry": {"message": "pay %s", "formatted": f"pay {owner}"}, "tags": []}
        case 2:
            return {"exception": {"values": [raised]}, "message": "seen", "tags": tags[:1]}
    return {"logentry": {"message": "plain"}} if number % 8 == 3 else {}


def _insert_counters(session: Session, places: Places) -> None:
    """Insert counters of all but the last of the releases, and outcomes of projects."""
    hour = current_hour()
    for number, release in enumerate(places.releases[:-1] or places.releases):
        for index, project in enumerate(places.projects):
            for offset, environment in enumerate([0, *places.environments][: 3 - number % 2]):
                place = {
                    "organization_id": places.owner, "release_id": release, "project_id": project,
                    "environment_id": environment,
                }  # fmt: skip
                moment = RECEIVED + timedelta(hours=number, minutes=offset * (index + 1))
                session.add(
                    ReleaseEventsRow(
                        first_event=moment, last_event=moment + timedelta(days=offset), events=number + 2_000_000_000,
                        new_issues=index + offset, **place,
                    )
                )  # fmt: skip
                for age in (0, 1, 40)[: 3 - index]:
                    session.add(
                        SessionHourRow(
                            hour=hour - age, sessions=20 * (number + offset) + places.owner, crashed=number + offset,
                            abnormal=offset, unhandled=index, errored=number, **place,
                        )
                    )  # fmt: skip
                for user in range(number + offset + 1):
                    session.add(
                        SessionUserRow(user_hash=f"{user:032x}", last_hour=hour, crashed=(user + index) % 3 == 2, **place)
                    )
    outcomes = (
        ("accepted", "", "error", ""),
        ("accepted", "", "session", ""),
        ("dropped", "not_stored", "transaction", ""),
        ("refused", "quota", "error", ""),
        ("client_discard", "sample_rate", "error", ""),
        ("client_discard", "network_error", "session", ""),
        ("dropped", "invalid_release", "error", "feature/é"),
        ("dropped", "invalid_release", "error", f"latest {places.owner}"),
    )
    for project in places.projects:
        for age in (0, 3, 30):
            for number, (outcome, reason, category, value) in enumerate(outcomes):
                session.add(
                    OutcomeRow(
                        organization_id=places.owner, project_id=project, hour=hour - age, outcome=outcome, reason=reason,
                        category=category, value=value, quantity=number // 2 + age + project,
                        bytes=100 * number + age,
                    )
                )  # fmt: skip
