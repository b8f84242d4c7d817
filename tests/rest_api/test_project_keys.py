"""Client keys of projects, in Sentry's shape."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import release

KEYS = "projects/acme/web/keys/"


def describe_dsn(key: str, project: int, origin: str = "http://testserver") -> dict[str, str]:
    scheme, _, host = origin.partition("://")
    return {
        "public": f"{scheme}://{key}@{host}/{project}",
        "secret": f"{scheme}://{key}:{key}@{host}/{project}",
        "csp": f"{origin}/api/{project}/csp-report/?sentry_key={key}",
        "security": f"{origin}/api/{project}/security/?sentry_key={key}",
        "minidump": f"{origin}/api/{project}/minidump/?sentry_key={key}",
        "cdn": "",
    }


def test_new_project_has_one_active_key(client: Client) -> None:
    document = 'mutation { createProject(input: {organization: "acme", slug: "app"}) { userErrors { code } } }'
    assert client.graphql(document) == {"data": {"createProject": {"userErrors": []}}}
    for path in ("projects/acme/web/keys/", "projects/acme/app/keys/"):
        [key] = client.rest("GET", path).json
        assert re.fullmatch("[0-9a-f]{32}", key["public"])
        assert (key["name"], key["label"], key["isActive"]) == ("Default", "Default", True)


def test_projects_made_by_releases_have_a_key_each(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, create_projects=True)
    body = release(projects=["web", "new-a", "new-b"])
    assert harness.client.rest("POST", "organizations/acme/releases/", body).status == 201
    documents = {"organization": "acme", "releases": [{"version": str(n), "projects": ["new-c", "new-a"]} for n in range(3)]}
    mutation = "mutation ($input: CreateReleasesInput!) { createReleases(input: $input) { userErrors { code } } }"
    assert harness.client.graphql(mutation, {"input": documents}) == {"data": {"createReleases": {"userErrors": []}}}
    rows = harness.rows(
        "SELECT p.slug, count(*), count(DISTINCT k.public_key) FROM projects p JOIN project_keys k ON k.project_id = p.id"
        " AND k.organization_id = p.organization_id WHERE p.organization_id = 1 GROUP BY p.slug ORDER BY p.slug"
    )
    assert [tuple(row) for row in rows] == [(slug, 1, 1) for slug in ("api", "new-a", "new-b", "new-c", "web")]
    harness.close()


def test_project_that_several_releases_make_at_once_has_one_key(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, create_projects=True)

    async def create_all() -> list[int]:
        creations = [
            harness.client.send(
                "POST", "/api/0/organizations/acme/releases/", release(str(number), projects=["app", "shop"])
            )
            for number in range(12)
        ]
        return [answer.status for answer in await asyncio.gather(*creations)]

    assert harness.client.runner.run(create_all()) == [201] * 12
    for project in ("app", "shop"):
        assert len(harness.client.rest("GET", f"projects/acme/{project}/keys/").json) == 1
    harness.close()


def test_key_is_created_changed_and_deleted(client: Client) -> None:
    created = client.rest("POST", KEYS, {"name": "checkout"})
    assert created.status == 201
    key: Any = created.json
    public = key["public"]
    assert key == {
        "id": public, "name": "checkout", "label": "checkout", "public": public, "secret": public, "projectId": 1,
        "isActive": True, "dateCreated": key["dateCreated"], "dsn": describe_dsn(public, 1),
    }  # fmt: skip
    assert [item["name"] for item in client.rest("GET", KEYS).json] == ["checkout", "Default"]
    assert client.rest("GET", f"{KEYS}{public}/").json == client.rest("GET", KEYS).json[0] == key
    changed = client.rest("PUT", f"{KEYS}{public}/", {"isActive": False})
    assert (changed.status, changed.json) == (200, key | {"isActive": False})
    changed = client.rest("PUT", f"projects/acme/1/keys/{public}/", {"name": "shop"})
    assert changed.json == key | {"isActive": False, "name": "shop", "label": "shop"}
    assert client.rest("GET", f"{KEYS}{public}/").json == changed.json
    deleted = client.rest("DELETE", f"{KEYS}{public}/")
    assert (deleted.status, deleted.body) == (204, b"")
    assert [item["name"] for item in client.rest("GET", KEYS).json] == ["Default"]
    for method in ("GET", "PUT", "DELETE"):
        assert client.rest(method, f"{KEYS}{public}/", {} if method == "PUT" else None).status == 404


def test_name_is_optional(client: Client) -> None:
    for body in ({}, {"name": None}, {"name": ""}, {"rateLimit": {"count": 1, "window": 60}}):
        assert client.rest("POST", KEYS, body).json["name"] == "Default"


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("POST", {"name": "n" * 65}, {"name": ["Ensure this field has no more than 64 characters."]}),
        ("PUT", {"name": " "}, {"name": ["This field may not be blank."]}),
        ("PUT", {"isActive": "no", "name": None},
         {"isActive": ["Must be a valid boolean."], "name": ["This field may not be null."]}),
        ("PUT", {"isActive": None}, {"isActive": ["This field may not be null."]}),
    ],
)  # fmt: skip
def test_invalid_body_is_refused(client: Client, method: str, body: Any, expected: Any) -> None:
    [key] = client.rest("GET", KEYS).json
    refused = client.rest(method, KEYS if method == "POST" else f"{KEYS}{key['id']}/", body)
    assert (refused.status, refused.json) == (400, expected)
    assert client.rest("GET", KEYS).json == [key]


def test_key_of_another_project_is_not_found(client: Client) -> None:
    [key] = client.rest("GET", "projects/acme/api/keys/").json
    for path in (f"{KEYS}{key['id']}/", f"{KEYS}%00/", f"{KEYS}{'x' * 5000}/", f"projects/acme/nope/keys/{key['id']}/"):
        for method in ("GET", "PUT", "DELETE"):
            assert client.rest(method, path, {"isActive": False} if method == "PUT" else None).status in (400, 404), path
    assert client.rest("GET", "projects/acme/api/keys/").json == [key]


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [
        ("project:read", True, False), ("project:write", True, True), ("project:admin", True, True),
        ("project:releases", False, False), ("org:ci", False, False), ("org:admin", False, False), ("event:admin", False, False),
    ],
)  # fmt: skip
def test_scopes(harness: Harness, scope: str, reads: bool, writes: bool) -> None:
    client, token = harness.client, harness.token(scope)
    [key] = client.rest("GET", KEYS).json
    path = f"{KEYS}{key['id']}/"
    for method, at, body, status in (("GET", KEYS, None, 200), ("GET", path, None, 200)):
        assert client.rest(method, at, body, token=token).status == (status if reads else 403)
    for method, at, body, status in (
        ("POST", KEYS, {}, 201),
        ("PUT", path, {"isActive": False}, 200),
        ("DELETE", path, None, 204),
    ):
        assert client.rest(method, at, body, token=token).status == (status if writes else 403)


def test_dsn_has_the_public_url(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, public_url="https://releases.example.com/base/")
    [key] = harness.client.rest("GET", KEYS).json
    assert key["dsn"] == describe_dsn(key["id"], 1, "https://releases.example.com/base")
    harness.close()


def test_dsn_has_the_host_of_the_request(client: Client) -> None:
    [key] = client.rest("GET", KEYS, headers={"host": "10.0.0.7:9000"}).json
    assert key["dsn"] == describe_dsn(key["id"], 1, "http://10.0.0.7:9000")
