"""The operations that frontends build on: they validate, and answer as their comments say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema, print_sdl
from tests.client import Client

ROOT = Path(__file__).parents[2]
VERSION = "web@1.4.0+77"
SHA = "6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb"
BY = {"key": {"organization": "acme", "version": VERSION}}
INPUT = {
    "organization": "acme", "version": VERSION, "projects": ["web"], "ref": SHA, "url": "https://ci.example.com/77",
    "dateReleased": "2026-11-20T10:00:00Z",
    "commits": [
        {
            "sha": SHA, "repository": "acme/web", "message": "Fix the total", "authorName": "Ada",
            "authorEmail": "ada@example.com", "timestamp": "2026-11-19T08:00:00+01:00",
            "fileChanges": [{"path": "src/total.ts", "type": "MODIFIED"}],
        }
    ],
    "refs": [{"repository": "acme/web", "commit": SHA}],
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> str:
    return Path(__file__).with_name("operations.graphql").read_text()


def test_committed_schema_is_current() -> None:
    assert (ROOT / "schema.graphql").read_text() == print_sdl(build_schema()), "run `make schema`"


def test_every_type_field_and_argument_is_described() -> None:
    schema = core_schema(build_schema())
    missing = []
    for name, declared in schema.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        if not declared.description:
            missing.append(name)
        for field_name, field in getattr(declared, "fields", {}).items():
            if not field.description:
                missing.append(f"{name}.{field_name}")
            for argument_name, argument in getattr(field, "args", {}).items():
                if not argument.description and argument_name != "input":
                    missing.append(f"{name}.{field_name}({argument_name})")
    assert missing == []


def test_operations_validate_against_the_schema(document: str) -> None:
    assert validate(core_schema(build_schema()), parse(document)) == []


class Operations:
    """Runs the document's operations; none may have an error."""

    def __init__(self, client: Client, document: str) -> None:
        self.client, self.document = client, document

    def __call__(self, operation: str, **variables: Any) -> Any:
        answer = self.client.graphql(self.document, variables, operation)
        assert "errors" not in answer, answer
        return answer["data"]

    def create(self, **changes: Any) -> Any:
        return self("CreateRelease", input=INPUT | changes)["createRelease"]


@pytest.fixture
def run(client: Client, document: str) -> Operations:
    return Operations(client, document)


def test_creation_says_what_it_did(run: Operations) -> None:
    created = run.create()
    assert (created["outcome"], created["ignoredFields"], created["userErrors"]) == ("CREATED", [], [])
    assert created["release"] | {"id": "", "dateCreated": ""} == {
        "id": "", "version": VERSION, "ref": SHA, "url": "https://ci.example.com/77", "dateCreated": "",
        "dateReleased": "2026-11-20T10:00:00.000000Z", "status": "OPEN", "projects": {"nodes": [{"slug": "web"}]},
        "commits": {"totalCount": 1, "nodes": [{"sha": SHA}]},
        "headCommits": {
            "nodes": [{"repository": {"name": "acme/web"}, "commit": {"sha": SHA}, "previousSha": None}]
        },
    }  # fmt: skip
    again = run.create(projects=["web", "api"])
    assert (again["outcome"], again["ignoredFields"]) == ("EXTENDED", ["ref", "url", "dateReleased"])
    assert run.create()["outcome"] == "EXISTING"


def test_release_is_found_by_version_and_by_id(run: Operations) -> None:
    run.create()
    result = run("ReleaseByVersion", by=BY)["release"]
    assert result == run("ReleaseByVersion", by={"id": result["id"]})["release"]
    assert result["versionInfo"] == {
        "package": "web",
        "version": {
            "raw": "1.4.0+77", "major": 1, "minor": 4, "patch": 0, "pre": None, "buildCode": "77", "components": 3,
        },
        "description": "1.4.0 (77)",
        "buildHash": None,
    }  # fmt: skip
    assert result["lastCommit"] == {
        "sha": SHA, "message": "Fix the total", "timestamp": "2026-11-19T07:00:00.000000Z",
        "author": {"name": "Ada", "email": "ada@example.com"},
    }  # fmt: skip
    assert result["authors"]["nodes"] == [{"name": "Ada", "email": "ada@example.com"}]
    node = run("Refetch", id=result["id"])["node"]
    assert (node["__typename"], node["version"]) == ("Release", VERSION)
    assert [edge["node"]["sha"] for edge in node["commits"]["edges"]] == [SHA]


@pytest.mark.parametrize("field", ["DATE_CREATED", "DATE_RELEASED", "SEMVER", "BUILD"])
def test_releases_are_listed_by_filter_and_order(run: Operations, field: str) -> None:
    run.create()
    run.create(version="web@1.5.0+78", commits=[], refs=[], dateReleased="2026-11-21T10:00:00Z")
    run.create(version="api@9.0.0+99", projects=["api"])
    requests = {"organization": "acme", "filter": {"version": {"startsWith": "web@"}, "project": "web", "status": "OPEN"}}
    for direction, expected in (("ASC", [VERSION, "web@1.5.0+78"]), ("DESC", ["web@1.5.0+78", VERSION])):
        listed = run("Releases", first=50, after=None, orderBy={"field": field, "direction": direction}, **requests)
        page = listed["organization"]["releases"]
        assert (page["totalCount"], [node["version"] for node in page["nodes"]]) == (2, expected)
        changes = {node["version"]: node["commits"]["nodes"] for node in page["nodes"]}
        assert changes["web@1.5.0+78"] == []
        assert changes[VERSION][0]["fileChanges"] == {
            "totalCount": 1,
            "nodes": [{"path": "src/total.ts", "type": "MODIFIED"}],
        }
    none = run("Releases", organization="acme", filter={"status": "ARCHIVED"})["organization"]["releases"]
    assert (none["totalCount"], none["nodes"]) == (0, [])


def test_viewer_is_the_token(run: Operations) -> None:
    viewer = run("Viewer")["viewer"]
    assert viewer["token"]["name"] == "all"
    assert [node["slug"] for node in viewer["organizations"]["nodes"]] == ["acme"]


def test_deploy_is_recorded_and_counted(run: Operations) -> None:
    run.create()
    deploy = {
        "release": BY, "environment": "production", "projects": ["web"], "name": "eu",
        "url": "https://deploy.example.com/9", "dateFinished": "2026-11-20T11:00:00Z",
    }  # fmt: skip
    built = run("Deploy", input=deploy)["createDeploy"]["deploy"]
    assert built | {"id": ""} == {
        "id": "", "name": "eu", "url": "https://deploy.example.com/9", "dateStarted": None,
        "dateFinished": "2026-11-20T11:00:00.000000Z", "environment": {"name": "production"},
        "release": {"version": VERSION, "deployCount": 1},
    }  # fmt: skip


def test_release_is_changed_and_deleted(run: Operations) -> None:
    release = run.create()["release"]
    finalized = run("Finalize", release=BY)["finalizeRelease"]["release"]
    assert finalized == {"dateReleased": "2026-11-20T10:00:00.000000Z"}
    commits = [{"sha": "a" * 40}, {"sha": "b" * 40}]
    assert run("SetCommits", release=BY, commits=commits)["setReleaseCommits"]["release"] == {"commitCount": 2}
    refs = [{"repository": "acme/web", "commit": "a..b"}]
    assert run("SetRefs", release=BY, refs=refs)["setReleaseRefs"]["release"] == {"id": release["id"]}
    assert run("UpdateRelease", release=BY, url=None)["updateRelease"]["release"] == {"url": None}
    assert run("DeleteRelease", release=BY)["deleteRelease"] == {"deletedReleaseId": release["id"], "userErrors": []}
    gone = run("DeleteRelease", release=BY)["deleteRelease"]
    assert (gone["deletedReleaseId"], gone["userErrors"][0]["code"]) == (None, "RELEASE_NOT_FOUND")


def test_commits_of_one_repository_are_replaced_alone(client: Client) -> None:
    """Commits of a monorepo (docs/sentry-contract.md#9-decisions)."""
    document = """mutation ($input: SetReleaseCommitsInput!) { setReleaseCommits(input: $input) {
      release { commits { nodes { sha repository { name } } } } userErrors { code } } }"""
    client.rest("POST", "organizations/acme/releases/", {"version": "m", "projects": ["web"]})
    by = {"key": {"organization": "acme", "version": "m"}}

    def put(repository: str | None, *commits: tuple[str, str, str]) -> list[str]:
        listed = [{"sha": sha, "repository": r, "timestamp": f"2026-01-0{day}T00:00:00Z"} for sha, r, day in commits]
        answer = client.graphql(document, {"input": {"release": by, "commits": listed, "repository": repository}})
        return [node["sha"] for node in answer["data"]["setReleaseCommits"]["release"]["commits"]["nodes"]]

    assert put(None, ("a1", "a", "1"), ("b2", "b", "2"), ("a3", "a", "3")) == ["a3", "b2", "a1"]
    assert put("a", ("a4", "a", "4"), ("a0", "a", "1")) == ["a4", "b2", "a0"]
    assert put("b") == ["a4", "a0"]
