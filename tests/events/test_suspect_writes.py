"""Suspect commits of stored issues, and what resolves and reopens issues as events and releases arrive."""

from __future__ import annotations

from typing import Any

from tests.events.writes import EventHarness, at, build_event

FRAMES = [{"filename": "shop/views.py"}, {"filename": "shop/pay.py"}]


def build_error(release: str | None, *, frames: Any = FRAMES, text: str = "boom", **more: Any) -> Any:
    """Return an event with frames."""
    exception = {"type": "ValueError", "value": text, "stacktrace": {"frames": frames}}
    return build_event(release, **more, exception={"values": [exception]})


def commit(sha: str, *paths: str, message: str = "change", kind: str = "M") -> dict[str, Any]:
    """Return a commit of the REST API."""
    changes = [{"path": path, "type": kind} for path in paths]
    return {"id": sha * 40, "repository": "acme/web", "message": message, "patch_set": changes}


def list_suspects(events: EventHarness, short_id: str = "WEB-1") -> list[tuple[str, float, str, str, int, int]]:
    rows = events.rows(
        "SELECT sha, score, path, frame_path, matched_segments, releases_back FROM suspect_commits"
        " JOIN issues ON issues.id = issue_id JOIN commits ON commits.id = commit_id"
        f" WHERE short_id = '{short_id}' ORDER BY position"
    )
    return [(row[0][:1], round(row[1], 3), *row[2:]) for row in rows]


def set_commits(events: EventHarness, version: str, *commits: dict[str, Any]) -> None:
    """Set the commits of a release as sentry-cli does."""
    response = events.client.rest("PUT", f"organizations/acme/releases/{version}/", {"commits": list(commits)})
    assert response.status == 200, response


def test_suspects_of_a_new_issue_are_commits_of_its_release_and_of_those_before_it(events: EventHarness) -> None:
    for number in range(6):
        events.create_release(
            f"web@1.{number}", at(number - 60), commits=[commit("abcdef"[number], "src/shop/pay.py", "docs/pay.py")]
        )
    events.create_release("web@2.0", at(0), commits=[commit("9", "shop/pay.py")])  # later
    events.send(build_error("web@1.5"))
    assert list_suspects(events) == [
        ("f", 66.667, "src/shop/pay.py", "shop/pay.py", 2, 0),
        ("e", 40.0, "src/shop/pay.py", "shop/pay.py", 2, 1),
        ("d", 24.0, "src/shop/pay.py", "shop/pay.py", 2, 2),
    ]
    assert events.issue("suspect_status") == "FOUND"


def test_releases_of_events_are_not_counted_as_releases_before(events: EventHarness) -> None:
    events.create_release("web@1.0", at(-60), commits=[commit("a", "shop/pay.py")])
    for number in range(6):
        events.send(build_event(f"web@1.0.{number}", text="other"))
    events.create_release("web@1.1", at(60))
    events.send(build_error("web@1.1"))
    assert list_suspects(events, "WEB-2") == [("a", 60.0, "shop/pay.py", "shop/pay.py", 2, 1)]


def test_the_status_says_why_there_are_none(events: EventHarness) -> None:
    events.create_release("web@1.0", at(-60))
    events.create_release("web@1.1", at(-50), commits=[commit("a", "shop/other.py"), commit("b", "shop/pay.py", kind="D")])
    minified = {"filename": "https://s.example/app.js", "function": "t", "colno": 40_000}
    events.send(build_error(None, text="a", frames=[{"filename": "a/a.py"}]))
    events.send(build_error("web@1.0", frames=[{"filename": "b/b.py"}]))
    events.send(build_error("web@1.1"))
    events.send(build_error("web@1.1", frames=[minified], platform="javascript"))
    assert [events.issue("suspect_status", f"WEB-{number}") for number in range(1, 5)] == [
        "NO_RELEASE", "NO_COMMITS", "NO_MATCH", "MINIFIED",
    ]  # fmt: skip


def test_suspects_by_the_name_of_a_module(events: EventHarness) -> None:
    events.create_release("web@1.0", at(-60), commits=[commit("a", "Shop/Pay.py"), commit("b", "shop/pays.py", "makefile")])
    events.send(build_error("web@1.0", frames=[{"module": "shop.pay", "function": "charge"}]))
    assert list_suspects(events) == [("a", 100.0, "Shop/Pay.py", "shop.pay", 2, 0)]


def test_commits_that_come_after_the_first_event(events: EventHarness) -> None:
    events.send(build_error("web@1.0"), build_error("web@1.0", text="x", frames=[{"filename": "a/b.py"}]))
    assert events.issue("suspect_status") == "NO_COMMITS"
    set_commits(events, "web@1.0", commit("a", "shop/views.py"), commit("b", "a/b.py"))
    assert list_suspects(events) == [("a", 70.0, "shop/views.py", "shop/views.py", 2, 0)]
    assert [row[0] for row in list_suspects(events, "WEB-2")] == ["b"]
    assert events.issue("suspect_status") == "FOUND"
    set_commits(events, "web@1.0", commit("c", "shop/pay.py"), commit("b", "a/b.py"))
    assert [row[:2] for row in list_suspects(events)] == [("c", 100.0)]
    response = events.client.rest(
        "POST", "organizations/acme/releases/", {"version": "web@1.0", "projects": ["web"], "commits": [commit("d", "x.py")]}
    )
    assert response.status == 208
    assert (list_suspects(events), events.issue("suspect_status")) == ([], "NO_MATCH")


def test_messages_of_commits_resolve_issues_in_their_release(events: EventHarness) -> None:
    events.send(build_event("web@1.0", text="a"), build_event("web@1.0", text="b"), build_event("web@1.0", text="c"))
    events.create_release(
        "web@1.1", commits=[commit("a", message="Fixes web-1 and WEB-2"), commit("b", message="see WEB-3")]
    )
    columns = "status, resolved_in, resolved_release_id"
    assert [events.issue(columns, f"WEB-{number}") for number in (1, 2, 3)] == [
        ("RESOLVED", "RELEASE", "web@1.1"), ("RESOLVED", "RELEASE", "web@1.1"), ("UNRESOLVED", None, None),
    ]  # fmt: skip
    events.send(build_event("web@1.0", text="a"))
    assert events.issue("status") == "RESOLVED"
    events.send(build_event("web@1.2", text="a"))
    assert events.issue("status, regressed_in_id, compared_by") == ("UNRESOLVED", "web@1.2", "SEMVER")
    # The same commits again do not resolve what came back.
    set_commits(events, "web@1.1", commit("a", message="Fixes web-1 and WEB-2"), commit("c", message="closes WEB-3"))
    assert [events.issue("status", f"WEB-{number}") for number in (1, 2, 3)] == ["UNRESOLVED", "RESOLVED", "RESOLVED"]


def test_a_regression_gets_suspects_of_its_release(events: EventHarness) -> None:
    events.create_release("web@1.0", at(-60), commits=[commit("a", "shop/pay.py")])
    events.send(build_error("web@1.0"))
    events.create_release("web@1.1", at(-50), commits=[commit("b", "shop/other.py", message="fix WEB-1")])
    events.create_release("web@1.2", at(-40), commits=[commit("c", "shop/pay.py")])
    events.send(build_error("web@1.2"), build_error("web@1.2"))
    assert events.issue("status, regressed_in_id, times") == ("UNRESOLVED", "web@1.2", 3)
    assert [row[:2] for row in list_suspects(events)] == [("c", 100.0), ("a", 36.0)]
    set_commits(events, "web@1.2", commit("d", "shop/pay.py"))
    assert [row[:2] for row in list_suspects(events)] == [("d", 100.0), ("a", 36.0)]


def test_a_deleted_release_still_decides_what_comes_after_the_fix(events: EventHarness) -> None:
    events.send(build_event("nightly-1"))
    events.create_release("nightly-2", at(-10), commits=[commit("a", message="fixes WEB-1")])
    assert events.client.rest("DELETE", "organizations/acme/releases/nightly-2/").status == 204
    assert events.issue("resolved_in, resolved_release_id") == ("RELEASE", None)
    events.create_release("nightly-3", at(-20))
    events.send(build_event("nightly-3"))
    assert events.issue("status") == "RESOLVED"
    events.create_release("nightly-4", at(10))
    events.send(build_event("nightly-4"))
    assert events.issue("status, compared_by") == ("UNRESOLVED", "DATE")


def test_a_release_that_has_not_shipped_does_not_reopen_by_older_builds(events: EventHarness) -> None:
    events.send(build_event("nightly-1"))
    events.create_release("nightly-2", commits=[commit("a", message="fixes WEB-1")])
    events.create_release("hourly-7", at(1_000_000))
    events.send(build_event("hourly-7"))
    assert events.issue("status") == "RESOLVED"
    events.client.rest("PUT", "organizations/acme/releases/nightly-2/", {"dateReleased": at(-60).isoformat()})
    events.send(build_event("hourly-7"))
    assert events.issue("status, regressed_in_id, compared_by") == ("UNRESOLVED", "hourly-7", "DATE")
