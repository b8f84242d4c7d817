"""Issues and events over REST, in the shapes that Sentry's clients read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.events.conftest import events
from tests.events.writes import EventHarness, at, build_event, build_session

__all__ = ["events"]

OF_ORGANIZATION, OF_PROJECT = "organizations/acme/issues/", "projects/acme/web/issues/"
EVENT_ID = "22d00b3fd1b14b5d8d2049d138cd8a9c"


@pytest.fixture
def filled_client(events: EventHarness) -> Client:
    """A project with two issues: one of three events in two releases, handled and not, and a message."""
    frames = [{"filename": "shop/pay.py", "function": "charge", "module": "shop.pay", "lineno": 17, "in_app": True,
               "context_line": "raise e", "pre_context": ["try:"], "post_context": ["", "end"]}]  # fmt: skip
    failure = {
        "type": "ValueError",
        "value": "bad: id 17\nmore",
        "mechanism": {"handled": False},
        "stacktrace": {"frames": frames},
    }
    for minutes, version, environment in (
        (0, "web@1.0", "production"),
        (5, "web@1.1", "staging"),
        (9, "web@1.1", "production"),
    ):
        event = build_event(
            version, exception={"values": [failure]}, environment=environment, user={"id": f"u{minutes}"},
            tags={"region": "eu"}, timestamp=at(minutes).isoformat(), event_id=EVENT_ID if minutes == 9 else None,
        )  # fmt: skip
        events.send(event, received=at(minutes))
    message = {"message": "Ünder way", "level": "info", "timestamp": at(3).isoformat()}
    events.send({**build_event(), "exception": None, **message}, received=at(3))
    return events.client


def list_ids(client: Client, path: str) -> list[str]:
    return [row["shortId"] for row in client.rest("GET", path).json]


def test_issue_has_what_sentrys_clients_read(filled_client: Client) -> None:
    [message, error] = filled_client.rest("GET", OF_PROJECT + "?query=&sort=new").json
    expected: dict[str, Any] = {
        "id": "1", "shortId": "WEB-1", "title": "ValueError: bad: id 17", "culprit": "shop.pay in charge", "level": "error",
        "status": "unresolved", "statusDetails": {}, "platform": "python", "isUnhandled": True, "count": "3", "userCount": 3,
        "firstSeen": "2026-11-30T12:30:00Z", "lastSeen": "2026-11-30T12:39:00Z", "type": "error",
        "metadata": {"title": "ValueError: bad: id 17", "type": "ValueError", "value": "bad: id 17"},
        "permalink": "http://testserver/api/0/organizations/acme/issues/1/",
        "project": {"id": "1", "name": "web", "slug": "web", "platform": None},
    }  # fmt: skip
    assert error.items() >= expected.items()
    assert (error["firstRelease"]["version"], error["lastRelease"]["version"]) == ("web@1.0", "web@1.1")
    assert (message["type"], message["metadata"], message["firstRelease"]) == ("default", {"title": "Ünder way"}, None)
    assert message["isUnhandled"] is False
    for name in ("1", "WEB-1", "web-1"):
        assert filled_client.rest("GET", f"{OF_ORGANIZATION}{name}/").json == error
    for name in ("99", "WEB-99", "x", "9" * 30):
        assert filled_client.rest("GET", f"{OF_ORGANIZATION}{name}/").status == 404


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("query=", [1, 2]),
        ("", [1, 2]),
        ("query=is:unresolved", [1, 2]),
        ("query=is:resolved", []),
        ("query=is:muted", []),
        ("query=!is:resolved level:info", [2]),
        ("query=level:[info, fatal]", [2]),
        ("query=release:web@1.1", [1]),
        ("query=firstRelease:web@1.0", [1]),
        ("query=!firstRelease:web@1.0", [2]),
        ("query=firstRelease:web@1.1", []),
        ("query=environment:staging", [1]),
        ("query=project:web", [1, 2]),
        ("query=project:api", []),
        ("query=issue:web-2", [2]),
        ("query=error.unhandled:true", [1]),
        ("query=error.handled:true", []),
        ("query=firstSeen:>2026-11-30T12:31:00Z", [2]),
        ("query=firstSeen:2026-11-30", [1, 2]),
        ("query=firstSeen:-30d", [1, 2]),
        ("query=valueerror+bad", []),
        ("query=PAY+in", [1]),
        ("environment=staging", [1]),
        ("environment=staging&environment=nowhere", [1]),
        ("sort=new", [2, 1]),
        ("per_page=1", [1]),
    ],
)
def test_query_selects_issues(filled_client: Client, query: str, numbers: list[int]) -> None:
    for path in (OF_PROJECT, OF_ORGANIZATION):
        assert list_ids(filled_client, f"{path}?{query}") == [f"WEB-{number}" for number in numbers]


@pytest.mark.parametrize(
    "query", ["query=is:assigned", "query=level:loud", "query=browser:x", "query=level:>info", "query=firstSeen:x",
              "query=error.handled:maybe", "sort=freq", "query=a" + "%20is:resolved%20x" * 101]
)  # fmt: skip
def test_wrong_query_is_refused(filled_client: Client, query: str) -> None:
    for path in (OF_PROJECT, OF_ORGANIZATION):
        assert filled_client.rest("GET", f"{path}?{query}").status == 400


def test_issues_of_projects(filled_client: Client) -> None:
    assert list_ids(filled_client, OF_ORGANIZATION + "?project=1") == ["WEB-1", "WEB-2"]
    assert (
        list_ids(filled_client, OF_ORGANIZATION + "?project=2") == list_ids(filled_client, "projects/acme/api/issues/") == []
    )
    assert filled_client.rest("GET", OF_ORGANIZATION + "?project=3").status == 403


def test_events_of_an_issue_and_of_a_project(filled_client: Client) -> None:
    events = filled_client.rest("GET", OF_ORGANIZATION + "WEB-1/events/").json
    assert len(events) == 3
    expected = {
        "id": EVENT_ID, "eventID": EVENT_ID, "title": "ValueError: bad: id 17", "dateCreated": "2026-11-30T12:39:00Z",
        "groupID": "1", "projectID": "1", "event.type": "error", "platform": "python", "message": "ValueError: bad: id 17",
    }  # fmt: skip
    assert events[0].items() >= expected.items()
    tags = {"environment": "production", "level": "error", "region": "eu", "release": "web@1.1"}
    assert {tag["key"]: tag["value"] for tag in events[0]["tags"]} == tags
    assert len(events[0]["user"]["id"]) == 32
    assert len(filled_client.rest("GET", OF_ORGANIZATION + "1/events/?environment=production").json) == 2
    listed = filled_client.rest("GET", "projects/acme/web/events/").json
    assert [event["title"] for event in listed] == [*["ValueError: bad: id 17"] * 2, "Ünder way", "ValueError: bad: id 17"]
    assert listed[0] == events[0]
    assert listed[2]["user"] is None
    assert listed[2]["message"] == "Ünder way"
    assert filled_client.rest("GET", "projects/acme/api/events/").json == []


def test_event_by_its_id(filled_client: Client) -> None:
    event = filled_client.rest("GET", f"projects/acme/web/events/{EVENT_ID}/").json
    assert filled_client.rest("GET", OF_ORGANIZATION + "1/events/latest/").json == event
    assert event["release"]["version"] == "web@1.1"
    [exception] = next(entry["data"]["values"] for entry in event["entries"] if entry["type"] == "exception")
    [frame] = exception["stacktrace"]["frames"]
    assert (frame["filename"], frame["lineNo"], frame["inApp"]) == ("shop/pay.py", 17, True)
    assert frame["context"] == [[16, "try:"], [17, "raise e"], [18, ""], [19, "end"]]
    assert exception["rawStacktrace"] is None
    payload = filled_client.rest("GET", "projects/acme/web/events/22D00B3F-d1b1-4b5d-8d20-49d138cd8a9c/json/").json
    assert (payload["event_id"], payload["release"], payload["environment"]) == (EVENT_ID, "web@1.1", "production")
    assert payload["exception"]["values"][0]["stacktrace"]["frames"][0]["lineno"] == 17
    for path in (f"projects/acme/api/events/{EVENT_ID}/", "projects/acme/web/events/x/json/", "projects/acme/web/events/x/"):
        assert filled_client.rest("GET", path).status == 404


def test_hashes_of_an_issue(filled_client: Client, harness: Harness) -> None:
    [row] = filled_client.rest("GET", OF_ORGANIZATION + "1/hashes/").json
    assert (row["id"],) in harness.rows("SELECT hash FROM issue_hashes")
    assert row["latestEvent"]["eventID"] == EVENT_ID


def test_paths_of_another_organization(filled_client: Client, harness: Harness) -> None:
    other = harness.tokens["other"]
    for path in (OF_ORGANIZATION, OF_PROJECT, OF_ORGANIZATION + "1/", OF_ORGANIZATION + "WEB-1/events/"):
        assert filled_client.rest("GET", path, token=other).status == 403
        assert filled_client.rest("GET", path.replace("acme", "other").replace("web", "theirs"), token=other).json in (
            [], {"detail": "The requested resource does not exist"},
        )  # fmt: skip
    reader = harness.token("org:read")
    assert filled_client.rest("GET", OF_PROJECT, token=reader).status == 403


RELEASES = "organizations/acme/releases/"


def read_counters(client: Client, path: str) -> Any:
    """Return what is counted of the release web@1.1, at a path of the release or of a list."""
    body = client.rest("GET", path).json
    release = next(row for row in body if row["version"] == "web@1.1") if isinstance(body, list) else body
    projects = [(project["slug"], project["newGroups"], project["hasHealthData"]) for project in release["projects"]]
    return release["firstEvent"], release["lastEvent"], release["newGroups"], projects


def test_release_has_what_is_counted_of_its_events(filled_client: Client, events: EventHarness) -> None:
    first, middle, last = (f"2026-11-30T12:{minutes}:00Z" for minutes in ("31", "35", "39"))
    api = events.find_project("api")
    events.send(
        build_event("web@1.1", text="other", timestamp=at(1).isoformat()), project=api, received=at(1),
        sessions=[build_session("web@1.1", "a" * 32)],
    )  # fmt: skip
    both = [("web", 0, False), ("api", 1, True)]
    for root in ("organizations/acme/releases/", "projects/acme/web/releases/"):
        narrow = root.startswith("projects")
        expected = (middle, last, 0, both) if narrow else (first, last, 1, both)
        if narrow:
            expected = (middle, last, 0, [("web", 0, False), ("api", 0, True)])
        for path in (root, root + "web@1.1/"):
            assert read_counters(filled_client, path) == expected, path
    none = [("web", 0, False), ("api", 0, True)]
    for path in (RELEASES + "web@1.1/?", RELEASES + "?", RELEASES + "?flatten=1&"):
        assert read_counters(filled_client, path + "project=1")[:3] == (middle, last, 0)
        assert read_counters(filled_client, path + "project=2")[:3] == (first, first, 1)
    assert read_counters(filled_client, RELEASES + "web@1.1/?environment=staging") == (middle, middle, 0, none)
    assert read_counters(filled_client, RELEASES + "web@1.1/?environment=nowhere") == (None, None, 0, none)
    assert read_counters(filled_client, "projects/acme/1/releases/web@1.1/")[:2] == (middle, last)
    meta = filled_client.rest("GET", RELEASES + "web@1.1/meta/").json
    assert meta["newGroups"] == 1
    assert [project["newGroups"] for project in meta["projects"]] == [0, 1]
    answer = filled_client.rest("POST", RELEASES, {"version": "web@1.1", "projects": ["web"]})
    assert (answer.status, answer.json["firstEvent"], answer.json["newGroups"]) == (208, first, 1)


def read_status(client: Client, issue: str = "1") -> Any:
    body = client.rest("GET", f"{OF_ORGANIZATION}{issue}/").json
    return body["status"], body["statusDetails"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "resolved"}, ("resolved", {})),
        ({"status": "resolved", "statusDetails": {"inNextRelease": True}}, ("resolved", {"inNextRelease": True})),
        ({"status": "resolvedInNextRelease", "snoozeDuration": None}, ("resolved", {"inNextRelease": True})),
        ({"status": "resolved", "statusDetails": {"inRelease": "web@1.1"}}, ("resolved", {"inRelease": "web@1.1"})),
        ({"status": "ignored", "statusDetails": {"ignoreCount": 3}}, ("ignored", {})),
        ({"status": "muted", "snoozeDuration": None}, ("ignored", {})),
        ({"status": "unresolved"}, ("unresolved", {})),
        ({"isBookmarked": True}, ("unresolved", {})),
    ],
)
def test_status_of_an_issue_is_changed(filled_client: Client, body: Any, expected: Any) -> None:
    answer = filled_client.rest("PUT", OF_ORGANIZATION + "web-1/", body)
    assert (answer.status, answer.json["status"], answer.json["statusDetails"]) == (200, *expected)
    assert read_status(filled_client) == expected
    assert read_status(filled_client, "2") == ("unresolved", {})
    answer = filled_client.rest("PUT", OF_PROJECT + "?id=2", body)
    assert answer.status == 200
    assert answer.json in ({}, {"status": expected[0], "statusDetails": expected[1]})
    assert read_status(filled_client, "2") == expected


def test_issues_of_a_project_are_changed(filled_client: Client) -> None:
    def change(query: str, status: str) -> None:
        assert filled_client.rest("PUT", OF_PROJECT + query, {"status": status, "snoozeDuration": None}).status == 200

    def list_statuses() -> list[str]:
        return [read_status(filled_client, issue)[0] for issue in ("1", "2")]

    change("?id=1&id=99", "resolved")
    assert list_statuses() == ["resolved", "unresolved"]
    change("?status=unresolved", "muted")
    assert list_statuses() == ["resolved", "ignored"]
    change("?id=1&status=ignored", "unresolved")
    assert list_statuses() == ["resolved", "ignored"]
    change("?", "unresolved")
    assert list_statuses() == ["unresolved", "unresolved"]
    other = filled_client.rest("PUT", "projects/acme/api/issues/?id=1", {"status": "resolved"})
    assert (other.status, list_statuses()) == (200, ["unresolved"] * 2), "an issue of another project"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("1/", {"status": "gone"}, 400),
        ("1/", {"status": 7}, 400),
        ("1/", {"status": "resolved", "statusDetails": {"inRelease": 7}}, 400),
        ("1/", {"status": "resolved", "statusDetails": {"inRelease": "latest"}}, 400),
        ("1/", {"status": "resolved", "statusDetails": {"inRelease": "web@none"}}, 404),
        ("1/", {"status": "resolved", "statusDetails": {"inCommit": {}}}, 400),
        ("1/", {"status": "resolved", "statusDetails": {"inCommit": {"commit": "f" * 40, "repository": "x"}}}, 404),
        ("99/", {"status": "resolved"}, 404),
        ("?id=x", {"status": "resolved"}, 400),
        ("?status=x", {"status": "resolved"}, 400),
        ("?id=1", {"status": "gone"}, 400),
    ],
)
def test_wrong_change_is_refused(filled_client: Client, path: str, body: Any, status: int) -> None:
    root = OF_PROJECT if path.startswith("?") else OF_ORGANIZATION
    assert filled_client.rest("PUT", root + path, body).status == status
    assert read_status(filled_client) == ("unresolved", {})


def test_change_needs_a_scope(filled_client: Client, harness: Harness) -> None:
    """An issue shows releases, so that a scope that reads them is needed as well."""
    scopes = ["event:write", "project:read"], ["project:write"], ["event:read", "project:read"], ["project:read"]
    for scope, status in zip(scopes, (200, 200, 403, 403), strict=True):
        token = harness.token(*scope)
        for path in (OF_ORGANIZATION + "1/", OF_PROJECT + "?id=1"):
            assert filled_client.rest("PUT", path, {"status": "resolved"}, token=token).status == status, scope
            assert filled_client.rest("GET", path, token=token).status == 200, scope
