"""Reads of issues: the indexes by which SQLite finds them, and how often their totals are counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.event_rows import insert_events
from tests.factories import release
from tests.storage.plans import list_sqlite_plans
from tests.storage.recorder import Recorder, record_client

RELEASE = """{ release(by: {key: {organization: "acme", version: "a@1"}}) { introducedIssues(first: 3) { totalCount nodes { title } }
  newPaths(first: 3) { totalCount nodes { title } } issues(first: 3) { totalCount nodes { times issue { title } } } } }"""
RELEASES = f"""{{ organization(slug: "acme") {{ releases {{ nodes
  {RELEASE.partition(") ")[2].removesuffix(" }")} }} }} }}"""
WRONG_INDEXES = ("ix_issues_organization_id_new_path_of_id", "last_seen>?", "ix_issues_organization_id_last_seen_id")


@pytest.fixture
def recording(template: Template, tmp_path: Path) -> Iterator[tuple[Harness, Client, Recorder]]:
    harness = Harness(template, tmp_path)
    for version in ("a@1", "a@2"):
        assert harness.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    insert_events(harness, "acme")
    with record_client(harness) as (client, recorder):
        yield harness, client, recorder
    harness.close()


@pytest.mark.sqlite
@pytest.mark.parametrize("document", [RELEASE, RELEASES], ids=["of one release", "of each"])
def test_issues_of_a_release_are_found_by_the_release(recording: tuple[Harness, Client, Recorder], document: str) -> None:
    """Without statistics SQLite would compare indexes that find all issues of an organization as if they found few."""
    harness, client, recorder = recording
    response = client.graphql(document)
    assert "errors" not in response
    with closing(sqlite3.connect(harness.path)) as connection:
        steps = [step for plan in list_sqlite_plans(connection, recorder.bound).values() for step in plan]
    assert any("introduced_in_id=?" in step for step in steps)
    assert [step for step in steps if any(index in step for index in WRONG_INDEXES)] == []


def test_total_of_a_list_is_counted_once(recording: tuple[Harness, Client, Recorder]) -> None:
    """A list that is joined to the root's statement would count it for each row."""
    _, client, recorder = recording
    statements = []
    for total in ("", "totalCount"):
        document = f'{{ organization(slug: "acme") {{ issues(first: 5) {{ {total} edges {{ node {{ title }} }} }} }} }}'
        client.graphql(document)
        recorder.take()
        response = client.graphql(document)
        assert len(response["data"]["organization"]["issues"]["edges"]) == 5
        statements.append([sql for sql, _ in recorder.take() if "UPDATE" not in sql])
    without, counted = statements
    assert len(without) == 1
    assert len(counted) == 2
    assert "count(*)" in counted[0]
    assert "LIMIT" not in counted[0] or ON_POSTGRES
