"""The cost of a read depends on the shape of the query, not on the data."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gql_releases.domain.release import RELEASE_FIELDS, Status
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.factories import commit, release
from tests.storage.recorder import Recorder, record_client

DASHBOARD = """query ($first: Int) { organization(slug: "acme") { releases(first: $first) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id version projects(first: 5) { nodes { slug } } lastCommit { sha author { name } }
    deploys(first: 5) { nodes { environment { name } } }
    commits(first: 10) { totalCount nodes { sha author { name } fileChanges(first: 3) { nodes { path } } } } } } } }"""


COLUMN_VALUES: dict[type, str] = {Status: "ARCHIVED", str: '"x"', bool: "true", int: "1", datetime: '"2026-01-01"'}
"""A value for a filter by a column, by the type of the release's field."""
FILTERS = (
    'version: {in: ["web@1"]}', 'version: {startsWith: "web"}', 'version: {semver: {range: ">=1", package: "web"}}',
    'environment: "production"', "released: true", 'dateCreated: {from: "2026-01-01"}', 'dateReleased: {before: "2026-01-01"}',
    'author: "ada@example.com"', 'commit: "x"', 'commit: "9999999"', 'path: "src/1.ts"', 'or: [{commit: "x"}, {not: {path: "y"}}]',
    *(f"{field.graphql_name}: {COLUMN_VALUES[field.type]}" for field in RELEASE_FIELDS if field.is_filter),
)  # fmt: skip
COMPARED_LIST = "nodes { id } totalCount"
COMPUTED_REFERENCES = f"""{{ organization(slug: "acme") {{
  releaseContaining(commit: "x", repository: "y") {{ id previous(project: "web") {{ id }} notes upstream {{ state }} }}
  projects {{ nodes {{ latestRelease {{ id }} running: latestRelease(environment: "production") {{ id }} }} }}
  environments {{ nodes {{ current {{ nodes {{ id }} }} deploys {{ nodes {{ id }} }} }} }}
  compare(project: "web", base: "web@1", head: "web@2") {{ base {{ id }} head {{ id }} releases {{ {COMPARED_LIST} }}
    commits {{ {COMPARED_LIST} }} authors {{ {COMPARED_LIST} }} fileChanges {{ {COMPARED_LIST} }} deploys {{ {COMPARED_LIST} }} }} }} }}"""


@pytest.fixture
def recording(template: Template, tmp_path: Path) -> Iterator[tuple[Client, Recorder]]:
    harness = Harness(template, tmp_path)
    with record_client(harness) as recording:
        yield recording
    harness.close()


def list_scans(harness: Harness, sql: str) -> list[str]:
    """Return the sequential scans in the plan of a statement, with sequential scans disabled on PostgreSQL."""
    if ON_POSTGRES:
        with contextlib.closing(psycopg.connect(harness.url, autocommit=True)) as connection:
            connection.execute("SET enable_seqscan = off")
            rows = connection.execute(b"EXPLAIN (GENERIC_PLAN) " + sql.encode()).fetchall()
        return [line for (line,) in rows if "Seq Scan on" in line and "Disabled" not in line]
    with contextlib.closing(sqlite3.connect(harness.path)) as connection:
        plan = connection.execute("EXPLAIN QUERY PLAN " + sql, [None] * sql.count("?")).fetchall()
    return [row[3] for row in plan if row[3].startswith("SCAN") and "VIRTUAL" not in row[3]]


def take_reads(recorder: Recorder) -> list[tuple[str, int]]:
    return [
        statement
        for statement in recorder.take()
        if statement[0].startswith("SELECT") and "tokens.digest" not in statement[0]
    ]


def test_statements_do_not_grow_with_parents(recording: tuple[Client, Recorder]) -> None:
    """1 release and 50 need the same number of statements: the root's, and one for each list that is not rendered as text."""
    client, recorder = recording
    for number in range(50):
        body = release(f"web@{number}", commits=[commit(20 * number + index) for index in range(12)])
        assert client.rest("POST", "organizations/acme/releases/", body).status == 201
    counts = []
    for first in (1, 50):
        client.graphql(DASHBOARD, {"first": first})
        recorder.take()
        response = client.graphql(DASHBOARD, {"first": first})
        statements = recorder.take()
        assert len(response["data"]["organization"]["releases"]["nodes"]) == first
        counts.append(len([sql for sql, _ in statements if "UPDATE" not in sql]))
    expected = 3 if ON_POSTGRES else 6
    assert counts == [expected, expected], (
        "root with the total, releases, commits with fileChanges; on SQLite projects, deploys, fileChanges"
    )


def test_statements_of_picks_and_comparisons_do_not_grow(recording: tuple[Client, Recorder]) -> None:
    """Previous releases, current deploys and comparisons need as many statements for 3 releases as for 30."""
    client, recorder = recording
    counts = []
    for numbers in (range(1, 4), range(4, 31)):
        for number in numbers:
            body = release(
                f"web@{number}", commits=[commit(number, repository="y"), commit(100 + number)], projects=["web", "api"]
            )
            assert client.rest("POST", "organizations/acme/releases/", body).status == 201
            deploy = {"environment": f"stage-{number}" if number > 1 else "production"}
            assert client.rest("POST", f"organizations/acme/releases/web@{number}/deploys/", deploy).status == 201
        query = COMPUTED_REFERENCES.replace('commit: "x"', f'commit: "{commit(3)["id"]}"').replace("web@2", f"web@{number}")
        client.graphql(query)
        recorder.take()
        response = client.graphql(query)
        assert "errors" not in response
        organization = response["data"]["organization"]
        assert organization["releaseContaining"]["previous"]
        assert len(organization["environments"]["nodes"]) == min(number, 20)
        assert organization["compare"]["releases"]["totalCount"] == number - 1
        counts.append(len([sql for sql, _ in recorder.take() if sql.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 14


def test_rows_fetched_are_those_answered_plus_one_a_page(recording: tuple[Client, Recorder]) -> None:
    """A release of 10,000 commits is read by page: rows beyond the page are not fetched."""
    client, recorder = recording
    body = release("big", commits=[commit(number, timestamp=None) for number in range(10_000)])
    for fields in body["commits"]:
        del fields["timestamp"]
    assert client.rest("POST", "organizations/acme/releases/", body).json["commitCount"] == 10_000
    document = """query ($after: String, $last: Int, $first: Int) {release(by: {key: {organization: "acme", version: "big"}}) {
      commits(first: $first, after: $after, last: $last) {totalCount pageInfo {endCursor startCursor} edges {node {sha}}}}}"""
    after = None
    for page in range(3):
        recorder.take()
        commits = client.graphql(document, {"first": 20, "after": after})["data"]["release"]["commits"]
        rows = take_reads(recorder)
        assert [number for _, number in rows][-1] == 21
        assert commits["totalCount"] == 10_000
        assert [int(edge["node"]["sha"], 16) for edge in commits["edges"]] == list(range(20 * page, 20 * page + 20))
        after = commits["pageInfo"]["endCursor"]
    recorder.take()
    commits = client.graphql(document, {"last": 5})["data"]["release"]["commits"]
    assert [number for _, number in take_reads(recorder)][-1] == 6
    assert [int(edge["node"]["sha"], 16) for edge in commits["edges"]] == list(range(9_995, 10_000))


def test_rest_reads_by_the_same_statements(recording: tuple[Client, Recorder]) -> None:
    client, recorder = recording
    client.rest("POST", "organizations/acme/releases/", release(commits=[commit()]))
    recorder.take()
    client.rest("GET", "organizations/acme/releases/")
    statements = take_reads(recorder)
    assert len(statements) == (1 if ON_POSTGRES else 4), (
        "the root (on PostgreSQL with all lists), releases with their projects, last commits' releases, authors"
    )


def test_no_plan_scans_a_growing_table(recording: tuple[Client, Recorder], harness: Harness) -> None:
    """Every statement of the operations searches by index (or by its list of keys)."""
    client, recorder = recording
    for number in range(30):
        commits = [commit(number, repository="y")]
        client.rest("POST", "organizations/acme/releases/", release(f"web@{number}", commits=commits))
    client.rest("POST", "organizations/acme/releases/web@1/deploys/", {"environment": "production"})
    recorder.take()
    client.graphql(DASHBOARD, {"first": 50})
    for order in ("DATE_CREATED", "DATE_RELEASED", "SEMVER", "BUILD"):
        for project in ("", 'project: "web",'):
            client.graphql(
                f'{{organization(slug: "acme") {{releases(first: 3, filter: {{{project} status: OPEN}}, '
                f"orderBy: {{field: {order}}}) {{nodes {{version}} pageInfo {{endCursor}}}}}}}}"
            )
    for condition in FILTERS:
        response = client.graphql(f'{{organization(slug: "acme") {{releases(filter: {{{condition}}}) {{nodes {{id}}}}}}}}')
        assert "errors" not in response, response
    assert "errors" not in client.graphql(COMPUTED_REFERENCES)
    statements = {sql for sql, _ in take_reads(recorder)}
    assert len(statements) > (20 if ON_POSTGRES else 30)
    for sql in statements:
        assert list_scans(harness, sql) == [], sql


@pytest.mark.sqlite
def test_a_page_sorted_by_an_index_needs_no_sorting(recording: tuple[Client, Recorder]) -> None:
    """The limited subquery reads its index in order."""
    client, recorder = recording
    client.graphql('{organization(slug: "acme") {releases(first: 3) {nodes {version}}}}')
    sql = take_reads(recorder)[-1][0]
    connection: Any = sqlite3.connect(recorder._database.path)  # type: ignore[attr-defined]
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, [None] * sql.count("?"))]
    connection.close()
    assert any("ix_releases_organization_id_date_created_id" in step for step in plan), plan
