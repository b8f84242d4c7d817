"""Through the whole application: what SDKs send is in the store when it is answered."""

from __future__ import annotations

import json
import logging
import re

import pytest

from tests.conftest import Harness
from tests.ingest.receiver import EVENT_ID, KEY, UNKNOWN_KEY, envelope, event_item, item


@pytest.fixture
def address(harness: Harness) -> str:
    """The path and query of the project web of acme, with a key."""
    ((organization, project),) = harness.rows(
        "SELECT p.organization_id, p.id FROM projects p JOIN organizations o ON o.id = p.organization_id"
        " WHERE o.slug = 'acme' AND p.slug = 'web'"
    )
    harness.rows(
        "INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created)"
        f" VALUES ({organization}, {project}, '{KEY}', 'test', true, '2026-12-01T00:00:00.000000Z')"
    )
    return f"/api/{project}/envelope/?sentry_version=7&sentry_key={KEY}"


def test_event_and_session_are_stored_when_they_are_answered(
    harness: Harness, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = {"sid": EVENT_ID, "init": True, "status": "ok", "attrs": {"release": "web@1.0"}}
    body = envelope(event_item(event_id=EVENT_ID, message="m", release="web@1.0"), item("session", session), item("span"))
    response = harness.client.request("POST", address, body, token=None, headers={"origin": "https://shop.example"})
    assert (response.status, response.json) == (200, {"id": EVENT_ID})
    assert response.headers["access-control-allow-origin"] == "*"
    assert harness.rows("SELECT count(*) FROM events") == [(1,)]
    assert harness.rows("SELECT sum(sessions) FROM session_hours") == [(1,)]
    assert harness.rows("SELECT quantity FROM outcomes WHERE reason = 'not_stored' AND category = 'span'") == [(1,)]
    assert KEY not in caplog.text


def test_ingest_paths_are_no_paths_of_the_rest_api(harness: Harness, address: str) -> None:
    client = harness.client
    assert client.request("POST", address.replace("/envelope/", "/minidump/"), b"x", token=None).status == 501
    response = client.request("POST", re.sub("sentry_key=.*", f"sentry_key={UNKNOWN_KEY}", address), b"{}", token=None)
    assert response.status == 403
    assert json.loads(response.body)["detail"] == "The DSN key is not one of this project."
    response = client.request("POST", address.partition("?")[0], b"{}")
    assert response.status == 401, "a token is no key"
    assert client.request("GET", "/api/0/organizations/").status == 200
    assert "access-control-allow-origin" not in client.request("GET", "/api/0/organizations/").headers
