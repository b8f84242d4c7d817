"""What a release broke, who is suspect, whether it is healthy: events and sessions of SDKs as the GraphQL API has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness, Template
from tests.event_rows import current_hour, insert_events, short_id
from tests.factories import commit, release
from tests.ingest.receiver import KEY, envelope, event_item, item
from tests.storage.recorder import Recorder, record_client

BROKEN = """query ($by: ReleaseBy!) { release(by: $by) { firstEvent introducedIssues(first: 20) { nodes {
  title times suspectCommits { score commit { sha message author { name } } } } } } }"""
HEALTH = "sessions crashed errored abnormal unhandled users crashFreeSessions crashFreeUsers adoption"
FRAMES = [
    {"function": "main", "module": "shop.app", "filename": "shop/app.py", "lineno": 3, "in_app": True},
    {
        "function": "charge", "module": "shop.pay", "filename": "shop/pay.py", "abs_path": "/srv/shop/pay.py", "lineno": 17,
        "in_app": True, "context_line": "    raise ValueError(reason)", "pre_context": ["def charge():"],
        "post_context": ["    return 1"],
    },
]  # fmt: skip


def by(version: str) -> dict[str, Any]:
    return {"by": {"key": {"organization": "acme", "version": version}}}


class Shop:
    """The project web of acme, whose SDKs send to a store."""

    def __init__(self, harness: Harness) -> None:
        self.client, self.rows = harness.client, harness.rows
        ((organization, self.project),) = harness.rows(
            "SELECT p.organization_id, p.id FROM projects p JOIN organizations o ON o.id = p.organization_id"
            " WHERE o.slug = 'acme' AND p.slug = 'web'"
        )
        harness.rows(
            "INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created)"
            f" VALUES ({organization}, {self.project}, '{KEY}', 'test', true, '2026-12-01T00:00:00.000000Z')"
        )

    def send(self, *items: Any) -> None:
        path = f"/api/{self.project}/envelope/?sentry_key={KEY}"
        assert self.client.request("POST", path, envelope(*items), token=None).status == 200

    def send_event(self, version: str | None, text: str = "boom", **fields: Any) -> None:
        frames = {"frames": fields.pop("frames", FRAMES)}
        exception = {"type": "ValueError", "value": text, "stacktrace": frames, "mechanism": {"handled": False}}
        values = fields.pop("values", [exception])
        self.send(event_item(platform="python", release=version, exception={"values": values}, **fields))

    def send_sessions(self, version: str, **counts: Any) -> None:
        users = [counts.pop("did")] if "did" in counts else []
        aggregate = {"started": f"2026-12-01T{0:02}:00:00Z", **counts} | ({"did": users[0]} if users else {})
        self.send(item("sessions", {"aggregates": [aggregate], "attrs": {"release": version, "environment": "production"}}))

    def read(self, selection: str, version: str) -> Any:
        response = self.client.graphql(f"query ($by: ReleaseBy!) {{ release(by: $by) {{ {selection} }} }}", by(version))
        assert "errors" not in response, response
        return response["data"]["release"]


@pytest.fixture
def shop(harness: Harness) -> Shop:
    return Shop(harness)


def test_release_shows_what_it_introduced(shop: Shop) -> None:
    for version in ("web@1.0.0", "web@1.1.0"):
        assert shop.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    shop.send_event("web@1.0.0", tags={"region": "eu"}, environment="production", level="fatal")
    shop.send_event("web@1.1.0", environment="staging", level="fatal")
    other_caller = [{**FRAMES[0], "function": "retry"}, FRAMES[1]]
    shop.send_event("web@1.1.0", frames=other_caller)
    shop.send_event("web@1.1.0", values=[{"type": "KeyError", "value": "'x'"}])
    lists = "introducedIssues { totalCount nodes { title times } } newPaths { nodes { shortId newPathOf { shortId } } }"
    seen = "newIssueCount eventCount issues { nodes { times issue { times } } }"
    first, second = (shop.read(f"{lists} {seen} origin", version) for version in ("web@1.0.0", "web@1.1.0"))
    assert first["introducedIssues"] == {"totalCount": 1, "nodes": [{"title": "ValueError: boom", "times": 2}]}
    assert second["introducedIssues"] == {"totalCount": 1, "nodes": [{"title": "KeyError: 'x'", "times": 1}]}
    assert second["newPaths"]["nodes"] == [{"shortId": "WEB-2", "newPathOf": {"shortId": "WEB-1"}}]
    assert [(shown["newIssueCount"], shown["eventCount"]) for shown in (first, second)] == [(1, 1), (2, 3)]
    assert first["issues"]["nodes"] == [{"times": 1, "issue": {"times": 2}}]
    assert sorted(node["issue"]["times"] for node in second["issues"]["nodes"]) == [1, 1, 2]
    assert first["origin"] == "CLIENT"


def test_event_of_an_issue_has_its_stack_trace(shop: Shop) -> None:
    cause = {"type": "KeyError", "value": "'id'", "module": "builtins"}
    raised = {"type": "ValueError", "value": "bad", "stacktrace": {"frames": FRAMES}, "mechanism": {"handled": True}}
    shop.send_event("web@1.0.0", values=[cause, raised], tags=[["region", "eu"]], environment="production")
    response = shop.client.graphql(
        """{ issue(organization: "acme", shortId: "web-1") { culprit level handled platform status latestEvent {
          title message tags { key value } environment { name } release { version origin } sdk { name } __typename
          exceptions { __typename type value handled frames { function file line column inApp contextLine preContext
            postContext symbolicated minified } } } grouping { step key algorithm }
          releases { nodes { times release { version } environment { name } } } } }"""
    )
    issue = response["data"]["issue"]
    assert (issue["culprit"], issue["level"], issue["handled"], issue["status"]) == (
        "shop.pay in charge",
        "ERROR",
        True,
        "UNRESOLVED",
    )
    assert issue["grouping"]["step"] == "STACK"
    assert issue["grouping"]["algorithm"] == "grouping-1"
    assert issue["grouping"]["key"][:4] == ["exception", "KeyError", "value", "'id'"]
    event = issue["latestEvent"]
    assert event["tags"] == [{"key": "region", "value": "eu"}]
    assert event["environment"] == {"name": "production"}
    assert event["release"] == {"version": "web@1.0.0", "origin": "EVENT"}
    assert event["sdk"] is None
    assert [(shown["type"], shown["handled"]) for shown in event["exceptions"]] == [("ValueError", True), ("KeyError", None)]
    assert event["exceptions"][0]["frames"][0] == {
        "function": "charge", "file": "shop/pay.py", "line": 17, "column": None, "inApp": True,
        "contextLine": "    raise ValueError(reason)", "preContext": ["def charge():"], "postContext": ["    return 1"],
        "symbolicated": False, "minified": False,
    }  # fmt: skip
    assert event["exceptions"][1]["frames"] == []
    [counted] = issue["releases"]["nodes"]
    assert counted == {"times": 1, "release": {"version": "web@1.0.0"}, "environment": {"name": "production"}}


def test_frame_of_a_script_without_its_source_map_is_minified(shop: Shop) -> None:
    script = {"filename": "https://shop.example/app.js", "function": "Zh", "lineno": 26, "colno": 41172}
    exception = {"type": "TypeError", "value": "bad", "stacktrace": {"frames": [script]}}
    shop.send(event_item(platform="javascript", exception={"values": [exception]}))
    response = shop.client.graphql(
        '{ organization(slug: "acme") { issues { nodes { grouping { step } latestEvent { release { id } '
        "exceptions { frames { minified } } } } } } }"
    )
    [issue] = response["data"]["organization"]["issues"]["nodes"]
    assert issue["grouping"] == {"step": "MINIFIED"}
    assert issue["latestEvent"] == {"release": None, "exceptions": [{"frames": [{"minified": True}]}]}


def test_health_of_a_release_and_of_the_one_before(shop: Shop) -> None:
    for version in ("web@1.0.0", "web@1.1.0"):
        assert shop.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    assert shop.read(f"health {{ {HEALTH} }}", "web@1.1.0")["health"] is None
    shop.send_sessions("web@1.1.0", exited=2, errored=1, crashed=1)
    health = shop.read(f"health {{ {HEALTH} previous {{ sessions }} }}", "web@1.1.0")["health"]
    assert (health["sessions"], health["crashed"], health["errored"]) == (4, 1, 1)
    assert health["crashFreeSessions"] is health["crashFreeUsers"] is health["previous"] is None, "of 4 sessions no share"
    shop.send_sessions("web@1.1.0", exited=36, did="a")
    shop.send_sessions("web@1.1.0", crashed=4, exited=56, did="b")
    shop.send_sessions("web@1.0.0", exited=60)
    hour = current_hour()
    shop.rows(f"UPDATE session_hours SET hour = {hour} WHERE hour <> {hour}")
    fields = f'health(environment: "production", project: "web") {{ {HEALTH} previous {{ sessions crashFreeSessions }} }}'
    health = shop.read(fields, "web@1.1.0")["health"]
    assert (health["sessions"], health["crashed"], health["users"]) == (100, 5, 2)
    assert health["crashFreeSessions"] == 0.95
    assert health["crashFreeUsers"] == 0.5
    assert health["adoption"] == 100 / 160
    assert health["previous"] == {"sessions": 60, "crashFreeSessions": 1.0}
    assert shop.read("health { previous { sessions } }", "web@1.0.0")["health"] == {"previous": None}


def test_unknown_names_are_refused_at_their_field(shop: Shop) -> None:
    shop.send_event("web@1.0.0")
    response = shop.client.graphql(
        """{ organization(slug: "acme") { slug
          a: issues(filter: {release: "no"}) { totalCount } b: issues(filter: {introducedIn: "no"}) { totalCount }
          c: issues(filter: {release: "web@1.0.0", environment: "no"}) { totalCount }
          d: issues(filter: {project: "web", query: "VALUEERROR"}) { totalCount } }
          release(by: {key: {organization: "acme", version: "web@1.0.0"}}) { version health(project: "no") { sessions } }
          issue(organization: "other", shortId: "WEB-1") { id } }"""
    )
    codes = {".".join(map(str, error["path"])): error["extensions"]["code"] for error in response["errors"]}
    assert codes == {
        "organization.a": "RELEASE_NOT_FOUND",
        "organization.b": "RELEASE_NOT_FOUND",
        "organization.c": "ENVIRONMENT_NOT_FOUND",
        "release.health": "PROJECT_NOT_FOUND",
    }
    assert response["data"]["organization"] == {"slug": "acme", "a": None, "b": None, "c": None, "d": {"totalCount": 1}}
    assert response["data"]["issue"] is None


def test_token_without_a_scope_of_releases_reads_no_issue(harness: Harness, shop: Shop) -> None:
    shop.send_event("web@1.0.0")
    token = harness.token("org:read")
    document = '{ organization(slug: "acme") { slug issues { totalCount } } }'
    response = shop.client.graphql(document, token=token)
    assert [error["extensions"]["code"] for error in response["errors"]] == ["FORBIDDEN"]
    assert response["data"] == {"organization": {"slug": "acme", "issues": None}}


def test_stats_of_a_project_explain_missing_events(shop: Shop) -> None:
    shop.send_event("web@1.0.0")
    shop.send_event("feature/login")
    report = {"discarded_events": [{"reason": "sample_rate", "category": "error", "quantity": 7}]}
    shop.send(item("client_report", report), item("transaction", {}))
    shop.send_event("web@1.0.0")
    document = """{ organization(slug: "acme") { projects(first: 2) { nodes { slug stats { accepted
      discarded { reason category quantity } clientDiscards { reason quantity } refusedReleases { name quantity } } } } } }"""
    stats = {
        node["slug"]: node["stats"] for node in shop.client.graphql(document)["data"]["organization"]["projects"]["nodes"]
    }
    assert stats["api"] == {"accepted": 0, "discarded": [], "clientDiscards": [], "refusedReleases": []}
    assert stats["web"]["accepted"] == 3
    assert stats["web"]["discarded"] == [{"reason": "not_stored", "category": "transaction", "quantity": 1}]
    assert stats["web"]["clientDiscards"] == [{"reason": "sample_rate", "quantity": 7}]
    assert stats["web"]["refusedReleases"] == [{"name": "feature/login", "quantity": 1}]
    response = shop.client.graphql(document.replace("stats {", "stats(hours: 0) {"))
    assert {error["extensions"]["code"] for error in response["errors"]} == {"INVALID_ARGUMENT"}


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ("latestEvent { message tags { key } }", 3),
        ("latestEvent { exceptions { frames { function } } }", 22),
        ("suspectCommits { commit { author { name } } }", 10),
    ],
)
def test_cost_of_what_an_issue_leads_to(shop: Shop, fields: str, cost: int) -> None:
    """The issue is 1, an event 1; its stack trace 20; three suspect commits with an author are 3 times 3."""
    document = f'{{ issue(organization: "acme", shortId: "WEB-1") {{ {fields} }} }}'
    body = {"query": document, "extensions": {"dryRun": True}}
    response = shop.client.request("POST", "/graphql", body).json
    assert response["extensions"]["cost"]["requested"] == cost


@pytest.fixture
def recording(template: Template, tmp_path: Path) -> Iterator[tuple[Client, Recorder]]:
    harness = Harness(template, tmp_path)
    for version in ("web@1.0.0", "web@1.1.0"):
        body = release(version, commits=[commit(number) for number in range(8)])
        assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    deploy = {"environment": "production"}
    assert harness.client.rest("POST", "organizations/acme/releases/web@1.0.0/deploys/", deploy).status == 201
    insert_events(harness, "acme")
    with record_client(harness) as recording:
        yield recording
    harness.close()


def test_what_a_release_broke_takes_four_statements_at_most(recording: tuple[Client, Recorder]) -> None:
    client, recorder = recording
    client.graphql(BROKEN, by("web@1.0.0"))
    recorder.take()
    response = client.graphql(BROKEN, by("web@1.0.0"))
    nodes = response["data"]["release"]["introducedIssues"]["nodes"]
    assert len(nodes) > 2
    assert any(node["suspectCommits"] for node in nodes)
    for node in nodes:
        scores = [suspect["score"] for suspect in node["suspectCommits"]]
        assert scores == sorted(scores, reverse=True)
    statements = [sql for sql, _ in recorder.take() if "UPDATE" not in sql]
    assert len(statements) <= 4, statements


def test_health_and_counters_of_many_releases_are_one_statement(recording: tuple[Client, Recorder]) -> None:
    client, recorder = recording
    document = f"""{{ organization(slug: "acme") {{ releases(first: 20) {{ nodes {{ firstEvent lastEvent eventCount
      newIssueCount health {{ {HEALTH} previous {{ {HEALTH} }} }} }} }} }} }}"""
    client.graphql(document)
    recorder.take()
    response = client.graphql(document)
    assert response["data"]["organization"]["releases"]["nodes"][1]["health"]["sessions"]
    statements = [sql for sql, _ in recorder.take() if "UPDATE" not in sql]
    assert len(statements) <= 2, statements


def test_issue_is_read_by_its_short_id_and_its_global_id(recording: tuple[Client, Recorder]) -> None:
    client, _ = recording
    document = 'query ($id: String!) { issue(organization: "acme", shortId: $id) { id shortId } }'
    issue = client.graphql(document, {"id": short_id(3).lower()})["data"]["issue"]
    assert issue["shortId"] == short_id(3)
    again = client.graphql("query ($id: ID!) { node(id: $id) { ... on Issue { shortId } } }", {"id": issue["id"]})
    assert again["data"]["node"] == {"shortId": short_id(3)}
