"""Mutations of issues: what each changes, what reopens a resolved issue, scopes and tenancy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gql_releases.graphql_api.execution.scalars import to_global_id
from tests.conftest import Harness
from tests.events.writes import EventHarness, at, build_event, build_session

RESULTS = {
    "resolveIssue": "issue { shortId status resolution { in release { version } commit { sha } } }",
    "unresolveIssue": "issue { shortId status resolution { in } }",
    "ignoreIssue": "issue { shortId status resolution { in } }",
    "mergeIssues": "issue { shortId times users } mergedIssueIds",
    "deleteIssues": "deletedIssueIds",
    "forgetUser": "issueCount",
}
ISSUE = {"key": {"organization": "acme", "shortId": "web-1"}}
OTHER = {"key": {"organization": "acme", "shortId": "WEB-2"}}
INPUTS: dict[str, dict[str, Any]] = {
    "resolveIssue": {"issue": ISSUE},
    "unresolveIssue": {"issue": ISSUE},
    "ignoreIssue": {"issue": ISSUE},
    "mergeIssues": {"into": ISSUE, "issues": [OTHER]},
    "deleteIssues": {"issues": [ISSUE]},
    "forgetUser": {"organization": "acme", "user": "42"},
}


@pytest.fixture
def events(harness: Harness) -> Iterator[EventHarness]:
    """Yield an ingest service over a store of its own."""
    built = EventHarness(harness)
    yield built
    built.close()


def send(events: EventHarness, mutation: str, values: dict[str, Any], **more: Any) -> Any:
    """Run a mutation and return its whole answer."""
    kind = mutation[0].upper() + mutation[1:] + "Input!"
    document = (
        f"mutation ($i: {kind}) {{ {mutation}(input: $i) {{ {RESULTS[mutation]} userErrors {{ code field message }} }} }}"
    )
    return events.client.graphql(document, {"i": values}, **more)


def change(events: EventHarness, mutation: str, **values: Any) -> Any:
    """Run a mutation and return its result without user errors, of which there are none."""
    response = send(events, mutation, {**INPUTS[mutation], **values})
    assert "errors" not in response, response
    result = response["data"][mutation]
    assert result.pop("userErrors") == [], response
    return result


def find_errors(events: EventHarness, mutation: str, **values: Any) -> list[tuple[str, list[str]]]:
    response = send(events, mutation, {**INPUTS[mutation], **values})
    assert "errors" not in response, response
    return [(error["code"], error["field"]) for error in response["data"][mutation]["userErrors"]]


def by(version: str) -> dict[str, Any]:
    return {"key": {"organization": "acme", "version": version}}


def commit(sha: str, message: str = "m") -> dict[str, Any]:
    return {"id": sha * 40, "repository": "acme/web", "message": message}


def test_an_issue_that_is_resolved_now_is_reopened_by_any_event(events: EventHarness) -> None:
    events.send(build_event("web@1.0"))
    assert change(events, "resolveIssue") == {
        "issue": {"shortId": "WEB-1", "status": "RESOLVED", "resolution": {"in": "NOW", "release": None, "commit": None}}
    }
    events.send(build_event())
    assert events.issue("status, regressed_in_id, compared_by") == ("UNRESOLVED", None, None)


def test_an_issue_that_is_resolved_in_a_release_is_reopened_by_later_ones(events: EventHarness) -> None:
    events.send(build_event("web@1.0"))
    events.create_release("web@1.1", at(-10))
    issue = change(events, "resolveIssue", **{"in": "RELEASE", "release": by("web@1.1")})["issue"]
    assert issue["resolution"] == {"in": "RELEASE", "release": {"version": "web@1.1"}, "commit": None}
    events.send(build_event("web@1.0"), build_event(), build_event("web@1.0.9"))
    assert events.issue("status") == "RESOLVED"
    events.send(build_event("web@1.1+7"))
    assert events.issue("status, regressed_in_id, compared_by") == ("UNRESOLVED", "web@1.1+7", "SEMVER")


def test_the_next_release_is_the_first_that_a_client_creates(events: EventHarness) -> None:
    events.create_release("nightly-1", at(-60))
    events.send(build_event("nightly-1"))
    resolution = change(events, "resolveIssue", **{"in": "NEXT_RELEASE"})["issue"]["resolution"]
    assert resolution == {"in": "NEXT_RELEASE", "release": None, "commit": None}
    events.send(build_event("nightly-2"))  # an event creates it
    events.create_release("nightly-0", at(-90))
    events.client.rest("PUT", "organizations/acme/releases/nightly-1/", {"commits": [commit("a")]})
    assert events.issue("status, resolved_in, resolved_release_id") == ("RESOLVED", "NEXT_RELEASE", None)
    other = {"version": "api-3", "projects": ["api"]}
    assert events.client.rest("POST", "organizations/acme/releases/", other).status == 201
    assert events.issue("resolved_in") == "NEXT_RELEASE"
    events.create_release("nightly-3", at(-30))
    assert events.issue("status, resolved_in, resolved_release_id") == ("RESOLVED", "RELEASE", "nightly-3")
    events.send(build_event("nightly-1"))
    assert events.issue("status") == "RESOLVED"
    events.send(build_event("nightly-3"))
    assert events.issue("status, regressed_in_id, compared_by") == ("UNRESOLVED", "nightly-3", "DATE")


def test_a_release_of_an_event_that_a_client_takes_over_is_a_next_release(events: EventHarness) -> None:
    events.send(build_event("nightly-1"))
    change(events, "resolveIssue", **{"in": "NEXT_RELEASE"})
    events.create_release("nightly-1")
    assert events.issue("resolved_in, resolved_release_id") == ("RELEASE", "nightly-1")


def test_an_issue_that_is_resolved_in_a_commit_waits_for_its_release(events: EventHarness) -> None:
    events.create_release("nightly-1", at(-60), commits=[commit("a")])
    events.send(build_event("nightly-1"), build_event("nightly-1", text="other"))
    resolution = change(events, "resolveIssue", **{"in": "COMMIT", "commit": "a" * 40})["issue"]["resolution"]
    assert resolution == {"in": "COMMIT", "release": {"version": "nightly-1"}, "commit": {"sha": "a" * 40}}
    heads = [{"repository": "acme/web", "commit": "b" * 40}]
    events.create_release("nightly-2", at(-50), commits=[commit("c")])
    events.client.rest("POST", "organizations/acme/releases/", {"version": "x", "projects": ["api"], "refs": heads})
    assert find_errors(events, "resolveIssue", issue=OTHER, **{"in": "COMMIT", "commit": "d" * 40}) == [
        ("COMMIT_NOT_FOUND", ["commit"])
    ]
    change(events, "resolveIssue", issue=OTHER, **{"in": "COMMIT", "commit": "c" * 40})
    assert events.issue("resolved_in, resolved_release_id", "WEB-2") == ("COMMIT", "nightly-2")


def test_what_resolves_is_checked(events: EventHarness) -> None:
    events.send(build_event("web@1.0"))
    assert find_errors(events, "resolveIssue", **{"in": "RELEASE"}) == [("REQUIRED", ["release"])]
    assert find_errors(events, "resolveIssue", **{"in": "COMMIT"}) == [("REQUIRED", ["commit"])]
    assert find_errors(events, "resolveIssue", commit="a") == [("INVALID_CHOICE", ["commit"])]
    assert find_errors(events, "resolveIssue", **{"in": "NEXT_RELEASE", "release": by("web@1.0")}) == [
        ("INVALID_CHOICE", ["release"])
    ]
    assert find_errors(events, "resolveIssue", **{"in": "RELEASE", "release": by("nope")}) == [
        ("RELEASE_NOT_FOUND", ["release"])
    ]
    assert events.issue("status") == "UNRESOLVED"


def test_an_ignored_issue_is_not_reopened_and_can_be_unresolved(events: EventHarness) -> None:
    events.send(build_event("web@1.0"))
    change(events, "resolveIssue")
    assert change(events, "ignoreIssue")["issue"] == {"shortId": "WEB-1", "status": "IGNORED", "resolution": None}
    events.send(build_event("web@2.0"))
    assert events.issue("status, times") == ("IGNORED", 2)
    issue = {"id": to_global_id("Issue", events.rows("SELECT id FROM issues")[0][0])}
    assert change(events, "unresolveIssue", issue=issue)["issue"]["status"] == "UNRESOLVED"


def test_merged_issues_are_counted_as_one(events: EventHarness) -> None:
    events.create_release("web@1.0", at(-60))
    events.create_release("web@1.1", at(-50))
    events.send(build_event("web@1.1", text="a", environment="production", user={"id": "1"}))
    events.send(build_event("web@1.0", text="b", environment="production", user={"id": "1"}))
    events.send(build_event("web@1.0", text="b", user={"id": "2"}), build_event(None, text="c"))
    ids = {short: number for number, short in events.rows("SELECT id, short_id FROM issues")}
    third = {"id": to_global_id("Issue", ids["WEB-3"])}
    assert change(events, "mergeIssues", into=OTHER, issues=[ISSUE, third, ISSUE]) == {
        "issue": {"shortId": "WEB-2", "times": 4, "users": 2},
        "mergedIssueIds": [to_global_id("Issue", ids[name]) for name in ("WEB-1", "WEB-3")],
    }
    columns = "first_release_id, introduced_in_id, last_release_id"
    assert events.issue(columns, "WEB-2") == ("web@1.1", "web@1.0", "web@1.1")
    assert events.rows("SELECT DISTINCT issue_id FROM events") == [(ids["WEB-2"],)]
    counts = "SELECT version, sum(new_issues) FROM release_events JOIN releases ON releases.id = release_id GROUP BY version"
    assert sorted((version, int(number)) for version, number in events.rows(counts)) == [("web@1.0", 0), ("web@1.1", 1)]
    events.send(build_event("web@1.1", text="a", environment="production"), build_event(None, text="c"))
    assert events.rows("SELECT short_id, times FROM issues") == [("WEB-2", 6)]
    [(times,)] = events.rows(
        "SELECT sum(times) FROM issue_releases JOIN releases ON releases.id = release_id WHERE version = 'web@1.1'"
    )
    assert int(times) == 2


def test_which_issues_can_be_merged(events: EventHarness) -> None:
    events.send(build_event(None, text="a"), build_event(None, text="b"))
    events.send(build_event(None), project=events.find_project("api"))
    foreign = {"key": {"organization": "acme", "shortId": "API-1"}}
    missing = {"key": {"organization": "acme", "shortId": "WEB-9"}}
    assert find_errors(events, "mergeIssues", issues=[OTHER, ISSUE, missing, foreign]) == [
        ("ISSUE_NOT_FOUND", ["issues", "2"]), ("INVALID_CHOICE", ["issues", "1"]), ("INVALID_CHOICE", ["issues", "3"]),
    ]  # fmt: skip
    assert find_errors(events, "mergeIssues", into=missing) == [("ISSUE_NOT_FOUND", ["into"])]
    assert find_errors(events, "mergeIssues", issues=[]) == [("EMPTY_LIST", ["issues"])]
    assert find_errors(events, "deleteIssues", issues=[ISSUE] * 101) == [("TOO_LONG", ["issues"])]
    assert find_errors(events, "deleteIssues", issues=[ISSUE, missing]) == [("ISSUE_NOT_FOUND", ["issues", "1"])]
    assert len(events.rows("SELECT id FROM issues")) == 3


def test_new_paths_of_a_deleted_or_merged_issue_lead_to_the_next(events: EventHarness) -> None:
    for number in range(4):
        frames = [{"module": f"caller{number}", "function": "f"}, {"module": "shop.pay", "function": "charge"}]
        exception = {"type": "E", "value": "x", "stacktrace": {"frames": frames}}
        events.send(build_event("web@1.0", exception={"values": [exception]}))

    def list_paths() -> dict[str, str | None]:
        names = dict(events.rows("SELECT id, short_id FROM issues"))
        paths = events.rows("SELECT short_id, new_path_of_id FROM issues ORDER BY id")
        return {name: names.get(path) for name, path in paths}

    assert list_paths() == {"WEB-1": None, "WEB-2": "WEB-1", "WEB-3": "WEB-1", "WEB-4": "WEB-1"}
    change(events, "deleteIssues")
    assert list_paths() == {"WEB-2": None, "WEB-3": "WEB-2", "WEB-4": "WEB-2"}
    change(events, "mergeIssues", into={"key": {"organization": "acme", "shortId": "WEB-3"}}, issues=[OTHER])
    assert list_paths() == {"WEB-3": None, "WEB-4": "WEB-3"}


def test_a_deleted_issue_is_created_again_by_an_event(events: EventHarness) -> None:
    events.send(build_event("web@1.0", user={"id": "1"}), build_event("web@1.0"))
    ids = [to_global_id("Issue", number) for (number,) in events.rows("SELECT id FROM issues")]
    assert change(events, "deleteIssues") == {"deletedIssueIds": ids}
    for table in ("issues", "issue_hashes", "issue_releases", "issue_users", "events"):
        assert events.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert events.rows("SELECT events, new_issues FROM release_events") == [(2, 0)]
    events.send(build_event("web@1.0"))
    assert events.rows("SELECT short_id, times FROM issues") == [("WEB-2", 1)]


def test_a_forgotten_user_is_in_no_table(events: EventHarness) -> None:
    events.send(build_event("web@1.0", user={"id": "42"}), build_event("web@1.0", text="b", user={"id": "42"}))
    events.send(build_event("web@1.0", user={"id": "43"}), sessions=[build_session("web@1.0", "a" * 32, did="42")])
    assert change(events, "forgetUser", user=" 42 ") == {"issueCount": 2}
    assert events.rows("SELECT count(*) FROM events WHERE user_hash IS NOT NULL") == [(1,)]
    assert events.rows("SELECT count(*) FROM issue_users") == [(1,)]
    assert events.rows("SELECT count(*) FROM session_users") == [(0,)]
    assert change(events, "forgetUser") == {"issueCount": 0}
    assert find_errors(events, "forgetUser", user=" ") == [("BLANK", ["user"])]


@pytest.mark.parametrize("mutation", list(INPUTS))
def test_scopes(events: EventHarness, mutation: str) -> None:
    events.send(build_event("web@1.0", text="a"), build_event("web@1.0", text="b"))
    is_write = mutation in ("resolveIssue", "unresolveIssue", "ignoreIssue")
    for scope in ("event:read", "project:read", "project:releases", "org:ci", "org:admin", "event:write", "project:write"):
        if is_write and scope.endswith(":write"):
            continue
        response = send(events, mutation, INPUTS[mutation], token=events.harness.token(scope))
        assert [error["extensions"]["code"] for error in response["errors"]] == ["FORBIDDEN"], scope
    accepted = ["event:write", "project:write"] if is_write else []
    for scope in (*accepted, "event:admin", "project:admin"):
        response = send(events, mutation, INPUTS[mutation], token=events.harness.token(scope, "project:read"))
        assert "errors" not in response, (scope, response)


@pytest.mark.parametrize("mutation", list(INPUTS))
def test_another_organization_changes_nothing(events: EventHarness, mutation: str) -> None:
    events.send(build_event("web@1.0", text="a", user={"id": "42"}), build_event("web@1.0", text="b"))
    rows = events.rows("SELECT * FROM issues"), events.rows("SELECT * FROM issue_users")
    token = events.harness.tokens["other"]
    response = send(events, mutation, INPUTS[mutation], token=token)
    assert response["data"][mutation]["userErrors"][0]["code"] == "ORGANIZATION_NOT_FOUND", response
    if mutation != "forgetUser":
        ids = [to_global_id("Issue", number) for (number,) in events.rows("SELECT id FROM issues ORDER BY id")]
        by_id = {"issue": {"id": ids[0]}, "into": {"id": ids[0]}, "issues": [{"id": ids[1]}]}
        values = {name: by_id[name] for name in INPUTS[mutation]}
        response = send(events, mutation, values, token=token)
        assert response["data"][mutation]["userErrors"][0]["code"] == "ISSUE_NOT_FOUND", response
    assert (events.rows("SELECT * FROM issues"), events.rows("SELECT * FROM issue_users")) == rows
