"""Releases that events create are taken over by clients; issues and counters follow the releases' dates and deletion."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.domain.release import Origin
from tests.events.writes import EventHarness, as_text, at, build_event, build_session, show

FINALIZE = """mutation ($key: ReleaseByKey!, $at: DateTime) {
    finalizeRelease(input: {release: {key: $key}, dateReleased: $at}) { userErrors { message } }
}"""


def read_origins(events: EventHarness) -> dict[str, str]:
    return dict(events.rows("SELECT version, origin FROM releases"))


def test_a_later_creation_fills_what_an_event_created(events: EventHarness) -> None:
    events.send(build_event("1.0"))
    body = {
        "version": "1.0",
        "projects": ["web"],
        "ref": "abc",
        "url": "https://ci.example/1",
        "dateReleased": at(-60).isoformat(),
        "commits": [{"id": "a" * 40, "repository": "acme/web", "message": "fix"}],
    }
    response = events.client.rest("POST", "organizations/acme/releases/", body)
    assert response.status == 208, response
    assert (response.json["ref"], response.json["url"]) == ("abc", "https://ci.example/1")
    assert response.json["commitCount"] == 1
    assert read_origins(events) == {"1.0": "CLIENT"}
    [(shipped, shown)] = events.rows(
        "SELECT shipping_date, date_shown FROM releases JOIN release_projects ON release_id = releases.id"
    )
    assert (as_text(shipped), as_text(shown)) == (show(at(-60)), show(at(-60)))
    [(first,)] = events.rows("SELECT first_event FROM release_events")
    assert as_text(first) == show(at(0))


def test_a_creation_that_fills_ignores_no_field(events: EventHarness) -> None:
    events.send(build_event("1.0"))
    filled = events.create_release("1.0", at(-60), ref="abc")
    assert (filled["outcome"], filled["ignoredFields"]) == ("EXISTING", [])
    again = events.create_release("1.0", at(-30), ref="def")
    assert again["ignoredFields"] == ["ref", "dateReleased"]
    assert events.rows("SELECT ref FROM releases") == [("abc",)]


def test_the_order_of_releases_is_corrected_when_their_dates_change(events: EventHarness) -> None:
    for version in ("1.0", "1.1", "1.2"):
        events.send(build_event(version), received=at(0))
    assert events.issue("introduced_in_id, last_release_id, first_release_id") == ("1.0", "1.2", "1.0")
    events.create_release("1.2", at(-90))
    assert events.issue("introduced_in_id, last_release_id") == ("1.2", "1.1")
    key = {"organization": "acme", "version": "1.1"}
    response = events.client.graphql(FINALIZE, {"key": key, "at": at(-120).isoformat()})
    assert "errors" not in response, response
    assert events.issue("introduced_in_id, last_release_id, first_release_id") == ("1.1", "1.0", "1.0")
    assert read_origins(events) == {"1.0": "EVENT", "1.1": "CLIENT", "1.2": "CLIENT"}


def test_a_deploy_makes_a_release_one_of_the_client(events: EventHarness) -> None:
    events.send(build_event("1.0"))
    response = events.client.rest("POST", "organizations/acme/releases/1.0/deploys/", {"environment": "production"})
    assert response.status == 201
    assert read_origins(events) == {"1.0": "CLIENT"}


def test_a_release_that_an_event_created_is_not_the_latest(events: EventHarness) -> None:
    query = '{organization(slug: "acme") {projects {nodes {slug latestRelease {version}}}}}'

    def latest() -> Any:
        projects = events.client.graphql(query)["data"]["organization"]["projects"]["nodes"]
        [release] = [project["latestRelease"] for project in projects if project["slug"] == "web"]
        return release and release["version"]

    events.send(build_event("999.9.9"))
    assert latest() is None
    events.create_release("1.0", at(-60))
    assert latest() == "1.0"
    events.create_release("999.9.9")
    assert latest() == "999.9.9"


@pytest.fixture
def after_deletion(events: EventHarness) -> EventHarness:
    """Return a store with three releases of one issue, of which the first was deleted."""
    for index, version in enumerate(("1.0", "1.1", "1.2")):
        events.create_release(version, at(-100 + index))
        events.send(build_event(version, environment="production"), sessions=[build_session(version, f"{index:032x}")])
    response = events.client.rest("DELETE", "organizations/acme/releases/1.0/")
    assert response.status == 204
    return events


def test_issues_of_a_deleted_release_get_the_next(after_deletion: EventHarness) -> None:
    assert after_deletion.issue("times, first_release_id, introduced_in_id, last_release_id") == (3, "1.1", "1.1", "1.2")
    rows = after_deletion.rows(
        "SELECT version, new_issues FROM release_events JOIN releases ON releases.id = release_id ORDER BY version"
    )
    assert rows == [("1.1", 1), ("1.2", 0)]
    for table in ("release_events", "issue_releases", "event_hours", "session_hours"):
        assert after_deletion.rows(f"SELECT count(*) FROM {table}") == [(2,)], table


def test_events_do_not_create_a_deleted_release_again(after_deletion: EventHarness) -> None:
    after_deletion.send(build_event("1.0"), sessions=[build_session("1.0", "f" * 32)])
    assert set(read_origins(after_deletion)) == {"1.1", "1.2"}
    assert after_deletion.issue("times") == 4
    rows = after_deletion.rows("SELECT category, quantity FROM outcomes WHERE reason = 'deleted_release' ORDER BY category")
    assert rows == [("release", 1), ("session", 1)]
    after_deletion.send(build_event("1.0"), received=at(31 * 24 * 60))
    assert read_origins(after_deletion)["1.0"] == Origin.EVENT


def test_the_last_release_of_an_issue_may_be_deleted(after_deletion: EventHarness) -> None:
    for version in ("1.2", "1.1"):
        assert after_deletion.client.rest("DELETE", f"organizations/acme/releases/{version}/").status == 204
    assert after_deletion.issue("times, first_release_id, introduced_in_id, last_release_id") == (3, None, None, None)


def test_a_session_of_a_deleted_release_begins_again_with_the_new_one(after_deletion: EventHarness) -> None:
    after_deletion.create_release("1.0", at(-5))
    after_deletion.send(sessions=[build_session("1.0", f"{0:032x}", status="crashed")])
    rows = after_deletion.rows(
        "SELECT version, sessions, crashed FROM session_hours JOIN releases ON releases.id = release_id ORDER BY version"
    )
    assert rows == [("1.0", 1, 1), ("1.1", 1, 0), ("1.2", 1, 0)]
