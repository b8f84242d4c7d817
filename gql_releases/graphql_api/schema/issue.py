"""Issues: the type, its releases and suspect commits, the lists of issues, and the root field that reads one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions, build_search_condition
from gql_releases.domain.events.suspects import MAX_SUSPECTS
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    argument,
    column,
    embedded_field,
    node_id,
    query_field,
    reference_field,
    to_many,
    to_one,
    whole_list,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.scalars import BigInt
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.event import EVENT_LIST, EventLevel
from gql_releases.graphql_api.schema.release_filters import DateRange, OrderDirection, optional_filter

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.commit import Commit
    from gql_releases.graphql_api.schema.environment import Environment
    from gql_releases.graphql_api.schema.event import Event
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
else:
    Commit = lazy_type("Commit", "commit")
    Environment = lazy_type("Environment", "environment")
    Event = lazy_type("Event", "event")
    Project = lazy_type("Project", "project")
    Release = lazy_type("Release", "release")


@strawberry.enum(description="Whether an issue needs work.")
class IssueStatus(Enum):
    """The status of the domain, by name."""

    UNRESOLVED = strawberry.enum_value("UNRESOLVED", description="It needs work: it is new, or came back.")
    RESOLVED = strawberry.enum_value(
        "RESOLVED", description="It is fixed. An event of the release that fixes it, or of a later one, reopens it."
    )
    IGNORED = strawberry.enum_value("IGNORED", description="It is not to be fixed: no event reopens it.")


@strawberry.enum(description="Which rule put events into one issue; the first that applies. See docs/events.md.")
class GroupingStep(Enum):
    """The step of the domain, by name."""

    FINGERPRINT = strawberry.enum_value("FINGERPRINT", description="The SDK sent a fingerprint.")
    STACK = strawberry.enum_value("STACK", description="The types of the exceptions and their frames in the application.")
    MINIFIED = strawberry.enum_value(
        "MINIFIED",
        description=(
            "The types and texts of the exceptions, since their frames are minified: upload source maps to group by frames."
        ),
    )
    VALUE = strawberry.enum_value(
        "VALUE", description="The types and texts of the exceptions, which have no frames. Numbers and ids do not count."
    )
    THREAD = strawberry.enum_value("THREAD", description="The frames of a thread; there is no exception.")
    MESSAGE = strawberry.enum_value("MESSAGE", description="The message, in which numbers and ids do not count.")
    CSP = strawberry.enum_value("CSP", description="The directive and the host of a blocked resource.")
    EMPTY = strawberry.enum_value("EMPTY", description="The type and the logger: the event has nothing else.")


@strawberry.enum(description="Whether suspect commits were found, and if not, why.")
class SuspectStatus(Enum):
    """The status of the domain, by name."""

    FOUND = strawberry.enum_value("FOUND", description="`suspectCommits` has at least one commit.")
    NO_MATCH = strawberry.enum_value(
        "NO_MATCH", description="No commit of the release, or of the four before it, changed a file of the stack trace."
    )
    NO_COMMITS = strawberry.enum_value(
        "NO_COMMITS",
        description="The releases have no commits with changed files. Send them with the release: see docs/commits.md.",
    )
    NO_RELEASE = strawberry.enum_value(
        "NO_RELEASE", description="The event had no release. Set `release` in the options of the SDK."
    )
    MINIFIED = strawberry.enum_value(
        "MINIFIED", description="The stack trace is minified. Upload source maps with the release."
    )


@strawberry.enum(description="What an issue is resolved in, and so which events reopen it.")
class ResolutionKind(Enum):
    """The kind of the domain, by name."""

    NOW = strawberry.enum_value("NOW", description="At once: any later event reopens it.")
    RELEASE = strawberry.enum_value("RELEASE", description="In a release: an event of it or of a later one reopens it.")
    NEXT_RELEASE = strawberry.enum_value("NEXT_RELEASE", description="In the next release, which does not exist yet.")
    COMMIT = strawberry.enum_value("COMMIT", description="In a commit: an event of a release that contains it reopens it.")


@strawberry.enum(description="How the release of an event was compared with the release that an issue was resolved in.")
class ComparedBy(Enum):
    """The comparison of the domain, by name."""

    SEMVER = strawberry.enum_value("SEMVER", description="By semantic version: both are semantic and of one package.")
    DATE = strawberry.enum_value("DATE", description="By the date on which they shipped.")


@strawberry.enum(description="What issues can be sorted by.")
class IssueOrderField(Enum):
    """Orders of issues; each ends with the id, so that every position is unique."""

    LAST_SEEN = strawberry.enum_value("LAST_SEEN", description="The time of the last event.")
    FIRST_SEEN = strawberry.enum_value("FIRST_SEEN", description="The time of the first event.")


@strawberry.enum(description="What the issues of a release can be sorted by.")
class IntroducedIssueOrderField(Enum):
    """Orders of the issues that a release introduced."""

    TIMES = strawberry.enum_value("TIMES", description="The number of events, in all releases.")
    LAST_SEEN = strawberry.enum_value("LAST_SEEN", description="The time of the last event.")
    FIRST_SEEN = strawberry.enum_value("FIRST_SEEN", description="The time of the first event.")


@strawberry.input(description="How a list of issues is sorted, such as {field: FIRST_SEEN}.")
class IssueOrder:
    """An order and its direction."""

    field: IssueOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="ASC or DESC (default).")


@strawberry.input(description="How the issues that a release introduced are sorted, such as {field: FIRST_SEEN}.")
class IntroducedIssueOrder:
    """An order and its direction."""

    field: IntroducedIssueOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="ASC or DESC (default).")


@strawberry.input(description="Conditions on issues; all given ones must hold, and null is the same as absent.")
class IssueFilter:
    """Conditions on issues."""

    project: str | None = optional_filter(
        "Only issues of the project with this slug, such as `web`; PROJECT_NOT_FOUND if it does not exist."
    )
    status: IssueStatus | None = optional_filter("Only issues of this status, such as UNRESOLVED.")
    introduced_in: str | None = optional_filter(
        "Only issues whose `introducedIn` is the release of this version, such as `web@1.4.0`; RELEASE_NOT_FOUND if it does "
        "not exist."
    )
    release: str | None = optional_filter(
        "Only issues with an event of the release of this version, such as `web@1.4.0`; RELEASE_NOT_FOUND if it does not "
        "exist. Together with `environment`: with an event of this release in that environment. Costs 1,000."
    )
    environment: str | None = optional_filter(
        "Only issues with an event in this environment, such as `production`; ENVIRONMENT_NOT_FOUND if it does not exist. "
        "Costs 1,000."
    )
    query: str | None = optional_filter(
        "Only issues whose title, culprit or short id contains this text, in upper or lower case. Costs 1,000."
    )
    level: EventLevel | None = optional_filter("Only issues of this level, such as FATAL.")
    first_seen: DateRange | None = optional_filter("Only issues whose first event happened in this period.")


def issue_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions of an IssueFilter. The first of them is that which finds the fewest issues."""
    values = {name: value for name, value in (arguments.get("filter") or {}).items() if value is not None}
    conditions: list[tuple[str, Any]] = []
    if "introduced_in" in values:
        conditions.append(("introduced_in", values["introduced_in"]))
    if "release" in values and "environment" in values:
        conditions.append(("seen_in_environment", (values["release"], values["environment"])))
    elif "release" in values:
        conditions.append(("seen_in", values["release"]))
    elif "environment" in values:
        conditions.append(("environment", values["environment"]))
    conditions += [(name, values[name]) for name in ("project", "status", "level") if name in values]
    if "query" in values:
        conditions.append(build_search_condition(values["query"]))
    limits = values.get("first_seen", {})
    for side, condition in (("from_", "first_seen_from"), ("before", "first_seen_before")):
        if limits.get(side) is not None:
            conditions.append((condition, limits[side]))
    return tuple(conditions)


def _add_condition(name: str) -> Callable[[Arguments], Conditions]:
    """Return the function that returns the conditions of a list that has one of its own."""
    return lambda arguments: (*issue_conditions(arguments), (name, True))


def _filter_argument(default: str) -> Any:
    return argument("filter", IssueFilter | None, f"Conditions that the issues must meet (default: {default}).")


ISSUE_LIST: dict[str, Any] = {
    "order": Order("last_seen", descending=True),
    "orders": {"LAST_SEEN": "last_seen", "FIRST_SEEN": "first_seen"},
    "conditions": issue_conditions,
    "arguments": [
        _filter_argument("all issues"),
        argument(
            "order_by",
            IssueOrder | None,
            "How the issues are sorted (default: {field: LAST_SEEN, direction: DESC}). A cursor is valid for "
            "one order only.",
        ),
    ],
}
"""What the list of an organization's issues offers."""

INTRODUCED_ISSUES: dict[str, Any] = {
    "order": Order("times", descending=True),
    "orders": {"TIMES": "times", "LAST_SEEN": "last_seen", "FIRST_SEEN": "first_seen"},
    "conditions": _add_condition("introduction"),
    "arguments": [
        _filter_argument("all that the release introduced"),
        argument(
            "order_by",
            IntroducedIssueOrder | None,
            "How the issues are sorted (default: {field: TIMES, direction: DESC}). A cursor is valid for one order only.",
        ),
    ],
}
"""What the list of the issues that a release introduced offers."""

NEW_PATHS: dict[str, Any] = {
    "order": Order("times", descending=True),
    "conditions": lambda arguments: (("new_path", True),),
}
RELEASE_ISSUES: dict[str, Any] = {
    "order": Order("last_seen", descending=True),
    "conditions": _add_condition("last_environment"),
    "arguments": [
        argument(
            "filter",
            IssueFilter | None,
            "Conditions that the issues must meet (default: all issues of the release). `environment` is about events of "
            "the release.",
        )
    ],
}


@strawberry.type(
    description="Why events are one issue: the rule, and the parts of the events that it compares. See docs/events.md."
)
class Grouping:
    """The grouping of an issue's first event."""

    step: GroupingStep = column("grouping_step", "The rule.")
    key: list[str] = column(
        "grouping_key",
        "What is equal in all events of the issue, such as ["
        '"exception", "ValueError", "shop.pay", "charge", "raise ValueError(reason)"].',
        orjson.loads,
    )
    algorithm: str = column("grouping_algorithm", "The version of the rules, such as `grouping-1`.")


@strawberry.type(description="Why a commit is suspect: it changed a file of the stack trace.")
class SuspectReason:
    """The match of a file of a commit with a frame."""

    path: str = column("path", "The path of the changed file in its repository, such as `src/shop/pay.py`.")
    frame_path: str = column("frame_path", "The path of the frame's file that matches it, such as `/srv/app/shop/pay.py`.")
    matched_segments: int = column(
        "matched_segments", "How many parts at the end of the two paths are equal, such as 2 for `shop/pay.py`."
    )
    releases_back: int = column(
        "releases_back",
        "How many releases before the issue's the commit shipped: 0 if it is new in the release itself.",
    )


@strawberry.type(description="A commit that may have caused an issue. It is a hint: nobody is assigned.")
class SuspectCommit:
    """A suspect commit of an issue."""

    commit: Commit = to_one("commit", "The commit, with its author and message.")
    score: float = column(
        "score",
        "How likely the commit is the cause, up to 100. It is lower for older releases, for frames further from the error "
        "and for paths of which only a part matches.",
    )
    reason: SuspectReason = embedded_field("", "The changed file and the frame that it matches.")


@strawberry.type(description="What an issue is resolved in.")
class IssueResolution:
    """The resolution of an issue."""

    in_: ResolutionKind = column("resolved_in", "What the issue is resolved in.", name="in")
    release: Release | None = to_one(
        "resolved_release", "The release that fixes the issue; null if it does not exist yet, or was deleted."
    )
    commit: Commit | None = to_one("resolved_commit", "The commit that fixes the issue; null unless `in` is COMMIT.")
    date_created: datetime = column("date_resolved", "When the issue was resolved.")


@strawberry.type(description="The events of an issue in one release and environment.")
class IssueRelease:
    """The counters of an issue in a release and environment."""

    release: Release | None = to_one("release", "The release; null for events without a release.")
    environment: Environment | None = to_one("environment", "The environment; null for events without one.")
    times: BigInt = column("times", "The number of events.")
    first_seen: datetime = column("first_seen", "The time of the first event.")
    last_seen: datetime = column("last_seen", "The time of the last event.")


@strawberry.type(description="An issue in a release, with what was counted in that release, in all environments.")
class ReleaseIssue:
    """An issue and its counters in a release."""

    issue: Issue = to_one("issue", "The issue, with its counters in all releases.")
    times: BigInt = column("times_of_release", "The number of its events in this release.")
    first_seen: datetime = column("first_seen_of_release", "The time of its first event in this release.")
    last_seen: datetime = column("last_seen", "The time of its last event in this release.")


@strawberry.type(description="Events with one cause, such as all errors of one line of code.")
class Issue(Node):
    """An issue."""

    id: strawberry.ID = node_id()
    short_id: str = column(
        "short_id",
        "The name for people, unique in the organization, such as `WEB-12`. `Fixes WEB-12` in a commit resolves it.",
    )
    project: Project = to_one("project", "The project that sent the events.")
    title: str = column("title", "The type and text of the error, or the message, such as `ValueError: bad id 17`.")
    culprit: str | None = column(
        "culprit", "Where it happened, such as `shop.pay in charge`; null if the event has no frames and no transaction."
    )
    type: str | None = column("type", "The type of the error, such as `ValueError`; null for messages.")
    level: EventLevel = column("level", "How severe it is: the level of the last event.")
    platform: str = column("platform", "The platform of the SDK, such as `python` or `javascript`.")
    handled: bool | None = column(
        "handled", "false if the error was not caught, true if the code caught and sent it, null if that is unknown."
    )
    status: IssueStatus = column("status", "Whether it needs work.")
    times: BigInt = column("times", "The number of events, also of those that are not stored any more.")
    users: int = column("users", "The number of different users who had it; events without a user do not count.")
    first_seen: datetime = column("first_seen", "The time of the first event.")
    last_seen: datetime = column("last_seen", "The time of the last event.")
    first_release: Release | None = to_one(
        "first_release",
        "The release of the event that was received first; null if that had none. It never changes: see `introducedIn`.",
    )
    introduced_in: Release | None = to_one(
        "introduced_in",
        "The release that introduced it: of all releases that had it, the one that shipped first. Differs from "
        "`firstRelease` if an older client reported later. Null if no event had a release.",
    )
    last_release: Release | None = to_one(
        "last_release", "Of all releases that had it, the one that shipped last; null if no event had a release."
    )
    new_path_of: Issue | None = to_one(
        "new_path_of",
        "The older issue with the same error in the same line, if this one only has another caller. Null if it is new.",
    )
    regressed_in: Release | None = to_one(
        "regressed_in", "The release that it came back with after it was resolved; null if it never did."
    )
    compared_by: ComparedBy | None = column(
        "compared_by", "How `regressedIn` was found to come after the fix; null if the issue never came back."
    )
    resolution: IssueResolution | None = embedded_field(
        "resolved_in", "What it is resolved in, or was before it came back; null if it was never resolved."
    )
    grouping: Grouping = embedded_field("", "Why its events are one issue.")
    suspect_status: SuspectStatus = column("suspect_status", "Whether suspect commits were found, and if not, why.")
    suspect_commits: list[SuspectCommit] = whole_list(
        "suspect_commits",
        MAX_SUSPECTS,
        "The commits that may have caused it, the most likely first; at most three. Empty if there are none: "
        "`suspectStatus` has the reason.",
    )
    releases: Connection[IssueRelease] | None = to_many(
        "releases",
        "Its events by release and environment, the last created release first.",
        Order("release_id", descending=True),
    )
    latest_event: Event | None = reference_field(
        "latest_event",
        "The newest stored event, with its stack trace; null if none is stored any more.",
        lambda arguments: (),
    )
    events: Connection[Event] | None = to_many(
        "events",
        "The stored events, the newest first. An hour after it arrived, an event may be removed: of each release the first, "
        "the newest and 50 others are kept.",
        **EVENT_LIST,
    )


def _find_issue(arguments: Arguments, principal: Principal) -> Conditions | None:
    if arguments["organization"] != principal.organization_slug:
        return None
    return (("short_id", arguments["short_id"].upper()),)


@strawberry.type
class IssueQuery:
    """Root fields that read issues."""

    issue: Issue | None = query_field(
        "one",
        "The issue with this short id; null if it does not exist or the token has no access to it. `node(id)` reads one by "
        "its global id. Needs event:read, project:read or a scope that writes releases (else FORBIDDEN).",
        _find_issue,
        [
            argument("organization", str, "The organization's slug, such as `acme`."),
            argument("short_id", str, "The issue's short id, such as `WEB-12`, in upper or lower case."),
        ],
    )


QUERY = IssueQuery

NODES = (Issue,)
