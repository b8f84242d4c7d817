"""Paths of Sentry's API that clients request and that are not implemented: 501 with a sentence about the alternative.

A 404 would mislead: sentry-cli prints it as "organization not found" or "Project not found". sentry-cli 2 and 3 print the
`detail` of a 501. The response needs no token: it has no data of the store. Remove a path from the table when its feature is
added. The paths to which SDKs send are in gql_releases/ingest/not_implemented.py.
"""

from __future__ import annotations

from gql_releases.rest_api.engine.requests import Answer, Refused

PREFIX = "/api/0/"
MAX_PATH_IN_MESSAGE = 200
"""Maximum number of characters of an unknown path in the message."""

SYMBOL_SOURCES = "This server has no symbol sources: upload debug files and mappings with sentry-cli (docs/ci.md)."
BUILDS = "This server does not keep builds of apps and their snapshots: leave their upload out of the build (docs/ci.md)."
EVENTS = (
    "This server does not keep logs, traces and replays, and does not search in events: send these to a server that does "
    "(docs/ci.md)."
)
ISSUES = "This server has no issues at this path: request `organizations/{org}/issues/{issue}/` (docs/ci.md)."
MONITORS = (
    "This server does not keep monitors, check-ins and alerts: send check-ins to a server that keeps them (docs/ci.md)."
)
CODE = (
    "This server has no integrations and code mappings: send commits with `releases set-commits`, it needs neither "
    "(docs/ci.md)."
)
PEOPLE = "This server has no users and teams: a token's scopes say what it may do in its organization (docs/ci.md)."
KEYS = "This server has no list of the client keys (DSNs) of all projects: list those of a project (docs/ci.md)."
DASHBOARDS = "This server has no dashboards and saved searches: query releases with GraphQL or `releases list` (docs/ci.md)."

_IN_BOTH: dict[str, str] = {
    **dict.fromkeys(("preprodartifacts", "preprod", "snapshots"), BUILDS),
    **dict.fromkeys(("eventids", "logs", "replays", "profiling", "stats", "tags", "user-feedback"), EVENTS),
    "groups": ISSUES,
    **dict.fromkeys(("monitors", "checkins", "detectors", "workflows", "rules", "alert-rules", "combined-rules"), MONITORS),
    **dict.fromkeys(("teams", "members"), PEOPLE),
}
"""First segment below an organization or a project -> sentence."""
_IN_ORGANIZATION: dict[str, str] = {
    **dict.fromkeys(("events", "events-timeseries", "events-stats", "events-meta", "events-trace", "metrics"), EVENTS),
    **dict.fromkeys(("trace", "trace-meta", "trace-items", "traces", "spans", "replay-count", "replay-selectors"), EVENTS),
    **dict.fromkeys(("stats_v2", "stats-summary"), EVENTS),
    "shortids": ISSUES,
    **dict.fromkeys(("keys", "project-keys"), KEYS),
    "projects/*/detectors": MONITORS,
    **dict.fromkeys(("code-mappings", "integrations", "config", "plugins", "repos/*"), CODE),
    **dict.fromkeys(("user-teams", "users", "external-users", "scim"), PEOPLE),
    **dict.fromkeys(("dashboards", "discover", "group-search-views", "recent-searches"), DASHBOARDS),
}
_IN_PROJECT: dict[str, str] = {
    **dict.fromkeys(("files/proguard-artifacts", "symbol-sources"), SYMBOL_SOURCES),
    **dict.fromkeys(("files/preprodartifacts", "files/installablepreprodartifact"), BUILDS),
    **dict.fromkeys(("repo", "repo-path-parsing", "stacktrace-link", "codeowners", "ownership", "plugins"), CODE),
    "users": PEOPLE,
}


def _build_patterns() -> dict[tuple[str, ...], str]:
    """Return the table: segments below /api/, `*` for a variable one -> sentence. Longer patterns come first."""
    organization, project = ("0", "organizations", "*"), ("0", "projects", "*", "*")
    table: dict[tuple[str, ...], str] = {
        ("0", "issues"): ISSUES,
        ("0", "groups"): ISSUES,
        ("0", "teams"): PEOPLE,
        ("0", "monitors"): MONITORS,
    }
    for root, sentences in ((organization, _IN_ORGANIZATION), (project, _IN_PROJECT)):
        table |= {(*root, *name.split("/")): sentence for name, sentence in (_IN_BOTH | sentences).items()}
    return dict(sorted(table.items(), key=lambda row: (-len(row[0]), row[0])))


NOT_IMPLEMENTED = _build_patterns()
"""Segments below /api/, `*` for a variable one -> sentence. A pattern matches its path and all paths below it."""


def find_sentence(raw_path: str) -> str | None:
    """Return the sentence for a path below /api/, with or without a trailing slash, or None for any other path."""
    segments = raw_path.removeprefix("/api/").strip("/").split("/")
    for pattern, sentence in NOT_IMPLEMENTED.items():
        if len(segments) >= len(pattern) and all(p in ("*", s) for p, s in zip(pattern, segments, strict=False)):
            return sentence
    return None


def refuse_path(raw_path: str) -> Refused:
    """Return the refusal of a path below /api/ without a route: 501 for a path of NOT_IMPLEMENTED, else 404."""
    sentence = find_sentence(raw_path)
    if sentence is not None:
        return Refused(Answer(501, {"detail": sentence}))
    shown_path = raw_path if len(raw_path) <= MAX_PATH_IN_MESSAGE else raw_path[:MAX_PATH_IN_MESSAGE] + "..."
    return Refused(Answer(404, {"detail": f"This server has no path {shown_path}: see docs/sentry-compatibility.md."}))
