"""Issues, events and the health of releases in their naive form."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from gql_releases.domain.events.stored_body import unpack_body
from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.event import EventRow, OutcomeRow, ReleaseEventsRow
from gql_releases.storage.schema.tables.issue import IssueReleaseRow, IssueRow, SuspectCommitRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.session import SessionHourRow, SessionUserRow
from tests.oracle.naive_files import NaiveFiles, lower_ascii
from tests.oracle.naive_rows import wire


class NaiveEvents(NaiveFiles):
    """Lists: (order's field, descending, rows). A row without an id has that of its tie."""

    # -- references

    def one_issue(self, source: Any) -> Any:
        return self.get(IssueRow, source.issue_id)

    def one_firstRelease(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.first_release_id)

    def one_introducedIn(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.introduced_in_id)

    def one_lastRelease(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.last_release_id)

    def one_regressedIn(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.regressed_in_id)

    def one_newPathOf(self, source: Any) -> Any:
        return self.get(IssueRow, source.new_path_of_id)

    # -- issues

    def root_issue(self, organization: str, **args: Any) -> Any:
        own = self.root_organization(organization)
        return next((row for row in self.rows(IssueRow) if own and row.short_id == args["shortId"].upper()), None)

    def pick_Issue_grouping(self, source: Any) -> Any:
        return {
            "step": source.grouping_step,
            "key": json.loads(source.grouping_key),
            "algorithm": source.grouping_algorithm,
        }

    def pick_Issue_resolution(self, source: Any) -> Any:
        if source.resolved_in is None:
            return None
        return {
            "in": source.resolved_in,
            "release": self.get(ReleaseRow, source.resolved_release_id),
            "commit": self.get(CommitRow, source.resolved_commit_id),
            "dateCreated": wire(source.date_resolved),
        }

    def pick_Issue_suspectCommits(self, source: Any) -> Any:
        rows = sorted(self.rows(SuspectCommitRow, issue_id=source.id), key=lambda row: row.position)
        return [
            {
                "commit": self.get(CommitRow, row.commit_id),
                "score": row.score,
                "reason": {
                    "path": row.path,
                    "framePath": row.frame_path,
                    "matchedSegments": row.matched_segments,
                    "releasesBack": row.releases_back,
                },
            }
            for row in rows
        ]

    def pick_Issue_latestEvent(self, source: Any) -> Any:
        return max(self.rows(EventRow, issue_id=source.id), key=lambda event: (event.timestamp, event.id), default=None)

    def list_Issue_events(self, source: Any) -> Any:
        return "timestamp", True, self.rows(EventRow, issue_id=source.id)

    def list_Issue_releases(self, source: Any) -> Any:
        rows = self.rows(IssueReleaseRow, issue_id=source.id)
        return "release_id", True, [SimpleNamespace(**row.model_dump(), id=row.environment_id) for row in rows]

    def list_Organization_issues(self, source: Any) -> Any:
        return "last_seen", True, self.rows(IssueRow)

    def list_Release_introducedIssues(self, source: Any) -> Any:
        issues = self.rows(IssueRow, introduced_in_id=source.id)
        return "times", True, [issue for issue in issues if issue.new_path_of_id is None]

    def list_Release_newPaths(self, source: Any) -> Any:
        issues = self.rows(IssueRow, introduced_in_id=source.id)
        return "times", True, [issue for issue in issues if issue.new_path_of_id is not None]

    def list_Release_regressedIssues(self, source: Any) -> Any:
        return "id", True, self.rows(IssueRow, regressed_in_id=source.id)

    def list_Release_fixedIssues(self, source: Any) -> Any:
        return "id", True, self.rows(IssueRow, resolved_release_id=source.id)

    def list_Release_issues(self, source: Any) -> Any:
        by_issue: dict[int, list[Any]] = {}
        for row in self.rows(IssueReleaseRow, release_id=source.id):
            by_issue.setdefault(row.issue_id, []).append(row)
        counters = [
            SimpleNamespace(
                id=issue,
                issue_id=issue,
                release_id=source.id,
                times=sum(row.times for row in rows),
                first_seen=min(row.first_seen for row in rows),
                last_seen=max(row.last_seen for row in rows),
            )
            for issue, rows in by_issue.items()
        ]
        return "last_seen", True, counters

    def select_issues(self, rows: list[Any], conditions: dict[str, Any]) -> list[Any]:
        """Return the issues, or the issues of a release, that meet a filter."""
        for name, value in conditions.items():
            if value is not None:
                rows = [row for row in rows if self.issue_matches(row, name, value, conditions)]
        return rows

    def issue_matches(self, row: Any, name: str, value: Any, conditions: dict[str, Any]) -> bool:
        issue = row if isinstance(row, IssueRow) else self.one_issue(row)
        match name:
            case "project":
                return bool(self.get(ProjectRow, issue.project_id).slug == value)
            case "introducedIn":
                release = self.one_introducedIn(issue)
                return release is not None and release.version == value
            case "release" | "environment":
                version, environment = conditions.get("release"), conditions.get("environment")
                if version is None and not isinstance(row, IssueRow):
                    version = self.get(ReleaseRow, row.release_id).version
                return any(
                    version in (None, release and release.version) and environment in (None, place and place.name)
                    for seen in self.rows(IssueReleaseRow, issue_id=issue.id)
                    for release, place in [
                        (self.get(ReleaseRow, seen.release_id), self.get(EnvironmentRow, seen.environment_id))
                    ]
                )
            case "query":
                texts = [issue.title, issue.culprit, issue.short_id]
                return any(lower_ascii(value) in lower_ascii(text) for text in texts if text is not None)
            case "firstSeen":
                limits = {side: datetime.fromisoformat(text).astimezone(UTC) for side, text in value.items() if text}
                moment = issue.first_seen.astimezone(UTC)
                return not (
                    ("from" in limits and moment < limits["from"]) or ("before" in limits and moment >= limits["before"])
                )
        return bool(getattr(issue, name) == value)

    # -- events

    def select_stored_events(self, rows: list[Any], conditions: dict[str, Any]) -> list[Any]:
        """Return the events that meet a filter."""
        version, environment = conditions.get("release"), conditions.get("environment")
        return [
            row
            for row in rows
            for release, place in [(self.get(ReleaseRow, row.release_id), self.get(EnvironmentRow, row.environment_id))]
            if version in (None, release and release.version) and environment in (None, place and place.name)
        ]

    def pick_Event_exceptions(self, source: Any) -> Any:
        exceptions = unpack_body(source.body).get("exception", {"values": []})["values"]
        return [
            {
                "type": exception.get("type"),
                "value": exception.get("value"),
                "module": exception.get("module"),
                "handled": exception.get("mechanism", {}).get("handled"),
                "frames": [self.show_frame(frame) for frame in exception.get("stacktrace", {"frames": []})["frames"]][::-1],
            }
            for exception in exceptions[::-1]
        ]

    def show_frame(self, frame: dict[str, Any]) -> Any:
        """Return a frame of tests/event_rows.py: one with a URL is minified from column 500 on."""
        return {
            "function": frame.get("function"),
            "file": frame.get("filename", frame.get("abs_path")),
            "module": frame.get("module"),
            "line": frame.get("lineno"),
            "column": frame.get("colno"),
            "inApp": frame.get("in_app"),
            "contextLine": frame.get("context_line"),
            "preContext": frame.get("pre_context", []),
            "postContext": frame.get("post_context", []),
            "symbolicated": frame.get("symbolicated", False),
            "minified": frame.get("colno", 0) >= 500 and not frame["symbolicated"],
        }

    def pick_Event_tags(self, source: Any) -> Any:
        return [{"key": key, "value": value} for key, value in unpack_body(source.body).get("tags", [])]

    def pick_Event_message(self, source: Any) -> Any:
        body = unpack_body(source.body)
        entry = body.get("logentry", {})
        return entry.get("formatted", entry.get("message", body.get("message")))

    def pick_Event_culprit(self, source: Any) -> Any:
        return unpack_body(source.body).get("culprit")

    def pick_Event_sdk(self, source: Any) -> Any:
        return None if source.sdk_name is None else {"name": source.sdk_name, "version": source.sdk_version}

    # -- counters

    def pick_Release_firstEvent(self, source: Any) -> Any:
        return wire(min((row.first_event for row in self.rows(ReleaseEventsRow, release_id=source.id)), default=None))

    def pick_Release_lastEvent(self, source: Any) -> Any:
        return wire(max((row.last_event for row in self.rows(ReleaseEventsRow, release_id=source.id)), default=None))

    def pick_Release_eventCount(self, source: Any) -> Any:
        return sum(row.events for row in self.rows(ReleaseEventsRow, release_id=source.id))

    def pick_Release_newIssueCount(self, source: Any) -> Any:
        return sum(row.new_issues for row in self.rows(ReleaseEventsRow, release_id=source.id))

    def pick_Release_health(self, source: Any, environment: str | None = None, project: str | None = None) -> Any:
        self.require_name("environment", environment)
        self.require_name("project", project)
        return self.find_health(source, environment, project)

    def in_place(self, row: Any, environment: str | None, project: str | None) -> bool:
        place = self.get(EnvironmentRow, row.environment_id)
        return environment in (None, place and place.name) and project in (
            None,
            self.get(ProjectRow, row.project_id).slug,
        )

    def find_health(self, source: Any, environment: str | None, project: str | None) -> Any:
        def select_rows(table: Any, **equal: Any) -> list[Any]:
            return [row for row in self.rows(table, **equal) if self.in_place(row, environment, project)]

        hours = select_rows(SessionHourRow, release_id=source.id)
        if not hours:
            return None
        totals = {
            name: sum(getattr(row, name) for row in hours)
            for name in ("sessions", "crashed", "errored", "abnormal", "unhandled")
        }
        users = select_rows(SessionUserRow, release_id=source.id)
        hashes, crashed = {row.user_hash for row in users}, {row.user_hash for row in users if row.crashed}
        projects = {row.project_id for row in self.rows(ReleaseProjectRow, release_id=source.id)}
        recent = [row for row in select_rows(SessionHourRow) if row.hour > int(time.time()) // 3600 - 24]
        total = sum(row.sessions for row in recent if row.project_id in projects)
        is_shown = totals["sessions"] >= 50
        return {
            **totals,
            "users": len(hashes),
            "crashFreeSessions": (totals["sessions"] - totals["crashed"]) / totals["sessions"] if is_shown else None,
            "crashFreeUsers": (len(hashes) - len(crashed)) / len(hashes) if is_shown and hashes else None,
            "adoption": sum(row.sessions for row in recent if row.release_id == source.id) / total if total else None,
            "previous": lambda: self.find_previous_health(source, environment, project),
        }

    def find_previous_health(self, source: Any, environment: str | None, project: str | None) -> Any:
        links = [
            link
            for link in self.rows(ReleaseProjectRow, release_id=source.id)
            if project in (None, self.get(ProjectRow, link.project_id).slug)
        ]
        if not links:
            return None
        own = min(links, key=lambda link: link.project_id)
        others = self.rows(ReleaseProjectRow, project_id=own.project_id)
        others.sort(key=lambda link: (link.date_shown, link.release_id), reverse=True)
        earlier = [link for link in others if (link.date_shown, link.release_id) < (own.date_shown, own.release_id)]
        healths = (self.find_health(self.get(ReleaseRow, link.release_id), environment, project) for link in earlier)
        return next((health for health in healths if health), None)

    def pick_Project_stats(self, source: Any, hours: int | None = None) -> Any:
        since = int(time.time()) // 3600 - (24 if hours is None else hours)
        rows = [row for row in self.rows(OutcomeRow, project_id=source.id) if row.hour > since]
        refused = [row for row in rows if row.reason == "invalid_release"]

        def count(*outcomes: str) -> list[Any]:
            totals: Counter[tuple[str, str]] = Counter()
            sizes: Counter[tuple[str, str]] = Counter()
            for row in rows:
                if row.outcome in outcomes and row not in refused:
                    totals[row.reason, row.category] += row.quantity
                    sizes[row.reason, row.category] += row.bytes
            ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
            return [
                {"reason": reason, "category": kind, "quantity": number, "bytes": sizes[reason, kind]}
                for (reason, kind), number in ranked
            ]

        names: Counter[str] = Counter()
        for row in refused:
            names[row.value] += row.quantity
        accepted = [row for row in rows if row.outcome == "accepted" and row.category in ("error", "default")]
        return {
            "accepted": sum(row.quantity for row in accepted),
            "discarded": count("dropped", "refused"),
            "clientDiscards": count("client_discard"),
            "refusedReleases": [
                {"name": name, "quantity": number}
                for name, number in sorted(names.items(), key=lambda item: (-item[1], item[0]))
            ],
        }
