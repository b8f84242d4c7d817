"""Two real release histories go in by each way, twice, and come out whole by a walk along cursors."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import CREATE, as_graphql
from tests.processes import run
from tests.scale import IN_SOAK

FILES = {"strawberry-releases.jsonl": 939, "urql-monorepo.jsonl": 950}

WALK = """query ($first: Int, $after: String) { organization(slug: "acme") { releases(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { version dateReleased commitCount
    projects(first: 100) { nodes { slug } }
    headCommits(first: 100) { nodes { repository { name } commit { sha } previousSha } }
    authors(first: 100) { totalCount nodes { email } }
    commits(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { ...C } } } } } }
fragment C on Commit { sha message timestamp author { email } repository { name }
  fileChanges(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { path type } } id }"""
MORE_COMMITS = """query ($version: String!, $after: String) { release(by: {key: {organization: "acme", version: $version}}) {
  commits(first: 100, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { ...C } } } }
fragment C on Commit { sha message timestamp author { email } repository { name }
  fileChanges(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { path type } } id }"""
MORE_FILES = """query ($id: ID!, $after: String) { node(id: $id) { ... on Commit {
  fileChanges(first: 100, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { path type } } } } }"""


def ask(client: Client, document: str, **variables: Any) -> Any:
    answer = client.graphql(document, variables)
    assert "errors" not in answer, answer
    return answer["data"]


def walk(client: Client, listed: set[str]) -> Counter[str]:
    """Count everything that cursors lead to, once; of commits' links those of the releases that were sent a list.

    What refs alone bring is told by tests/storage/test_ranges.py.
    """
    counted: Counter[str] = Counter()
    seen: dict[str, set[Any]] = {"release": set(), "commit": set(), "file": set(), "author": set()}
    after = None
    while True:
        page = ask(client, WALK, first=30, after=after)["organization"]["releases"]
        for release in page["nodes"]:
            assert release["version"] not in seen["release"], "each release once"
            seen["release"].add(release["version"])
            counted["dated"] += release["dateReleased"] is not None
            counted["project links"] += len(release["projects"]["nodes"])
            counted["heads"] += len(release["headCommits"]["nodes"])
            commits = _commits(client, release)
            assert len(commits) == release["commitCount"] == release["commits"]["totalCount"]
            shas = [(commit["repository"]["name"], commit["sha"]) for commit in commits]
            assert len(set(shas)) == len(shas), "each commit once"
            if release["version"] in listed:
                counted["commit links"] += len(shas)
            seen["commit"].update(shas)
            wrote = {commit["author"]["email"] for commit in commits if commit["author"]}
            assert release["authors"]["totalCount"] == len(wrote)
            if len(wrote) <= 100:
                assert {node["email"] for node in release["authors"]["nodes"]} == wrote
            seen["author"] |= wrote
            for item, key in zip(commits, shas, strict=True):
                seen["file"].update((*key, change["path"], change["type"]) for change in _files(client, item))
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(seen["release"])
            return counted + Counter({name: len(result) for name, result in seen.items()})
        after = page["pageInfo"]["endCursor"]


def _commits(client: Client, release: Any) -> list[Any]:
    page, result = release["commits"], list(release["commits"]["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        page = ask(client, MORE_COMMITS, version=release["version"], after=page["pageInfo"]["endCursor"])["release"][
            "commits"
        ]
        result += page["nodes"]
    return result


def _files(client: Client, commit: Any) -> list[Any]:
    page, result = commit["fileChanges"], list(commit["fileChanges"]["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        page = ask(client, MORE_FILES, id=commit["id"], after=page["pageInfo"]["endCursor"])["node"]["fileChanges"]
        result += page["nodes"]
    assert len(result) == page["totalCount"]
    return result


def count_expected(lines: list[Any]) -> Counter[str]:
    """Count what the file has, by its own lines alone."""
    counted: Counter[str] = Counter()
    seen: dict[str, set[Any]] = {"commit": set(), "file": set(), "author": set()}
    types = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}
    kinds: dict[Any, str] = {}
    by_version: dict[str, dict[str, Any]] = {}
    for body in lines:
        # A version that comes again keeps its date, gets more projects and heads, and the new list of commits.
        entry = by_version.setdefault(
            body["version"], {"date": body.get("dateReleased"), "projects": set(), "heads": set(), "n": 0}
        )
        entry["projects"].update(body["projects"])
        entry["heads"].update(ref["repository"] for ref in (*body.get("refs", ()), *body.get("commits", ())))
        entry["n"] = len(body.get("commits", ())) or entry["n"]
    counted["release"] = len(by_version)
    counted["dated"] = sum(bool(item["date"]) for item in by_version.values())
    counted["project links"] = sum(len(item["projects"]) for item in by_version.values())
    counted["heads"] = sum(len(item["heads"]) for item in by_version.values())
    counted["commit links"] = sum(item["n"] for item in by_version.values())
    last = {body["version"]: body for body in lines if body.get("commits")}
    for body in last.values():
        for entry in body.get("commits", ()):
            key = entry["repository"], entry["id"]
            seen["commit"].add(key)
            seen["author"].add(entry["author_email"].lower())
            for change in entry.get("patch_set") or ():
                # A path's first type stays: docs/sentry-contract.md#2-5-commits, point 8.
                kinds.setdefault((*key, change["path"]), types[change["type"]])
    seen["file"] = set(kinds.items())
    return counted + Counter({name: len(paths) for name, paths in seen.items()})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("strawberry-releases.jsonl", "rest"),
        ("strawberry-releases.jsonl", "import"),
        ("urql-monorepo.jsonl", "graphql"),
        pytest.param("strawberry-releases.jsonl", "graphql", marks=IN_SOAK),
        pytest.param("urql-monorepo.jsonl", "rest", marks=IN_SOAK),
        pytest.param("urql-monorepo.jsonl", "import", marks=IN_SOAK),
    ],
)
def test_history_goes_in_and_comes_out_whole(
    template: Template, tmp_path: Path, shared_data: Path, name: str, way: str, record_property: Any
) -> None:
    harness = Harness(template, tmp_path, create_projects=True, max_cost=1_000_000)
    client = harness.client
    file = shared_data / name
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == FILES[name]
    for outcome in ("created", "existing"):
        if way == "rest":
            answers = Counter(client.rest("POST", "organizations/acme/releases/", body).status for body in lines)
            assert answers == {201 if outcome == "created" else 208: len(lines)}
        elif way == "graphql":
            payloads = [client.graphql(CREATE, {"input": as_graphql(body)})["data"]["createRelease"] for body in lines]
            outcomes = {"CREATED", "EXTENDED"} if outcome == "created" else {"EXISTING"}
            assert {item["outcome"] for item in payloads} <= outcomes
        else:
            process = run("import", "acme", str(file), "--create-projects", environment=build_environment(harness))
            assert process.returncode == 0, process.stderr
            created, extended, existing, bad = (int(word) for word in process.stdout.split() if word.isdigit())
            assert (created + extended, existing, bad) == (
                (len(lines), 0, 0) if outcome == "created" else (0, len(lines), 0)
            )
    paths = walk(client, {body["version"] for body in lines if body.get("commits")})
    harness.close()
    assert paths == count_expected(lines)
    record_property("counts", f"{name} by {way}: {dict(paths)}")


def build_environment(harness: Harness) -> dict[str, str]:
    """Return the environment of a command line over a store."""
    return {"PATH": os.environ["PATH"], "GQL_RELEASES_DATABASE_URL": harness.url}


def test_import_tells_bad_lines_by_number_and_keeps_the_rest(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path)
    file = tmp_path / "lines.jsonl"
    file.write_text(
        '{"version": "1", "projects": ["web"]}\n\n{"version": "a/b", "projects": ["nope"], "commits": [{}]}\nnot json\n'
        '{"version": "2"}\n'
    )
    words = ["import", "acme", str(file), "--project", "web"]
    for summary in (
        "2 created, 0 extended, 0 existing, 2 invalid lines",
        "0 created, 0 extended, 2 existing, 2 invalid lines",
    ):
        process = run(*words, environment=build_environment(harness))
        assert (process.returncode, process.stdout.strip()) == (1, summary)
        assert (
            "line 3: version: Release with name a/b is not allowed; commits.0.id: This field is required." in process.stderr
        )
        assert "line 4: " in process.stderr
    harness.close()


def test_import_creates_releases_in_the_order_of_the_file(template: Template, tmp_path: Path) -> None:
    """Those with refs too, which are written by themselves where requests come at once."""
    harness = Harness(template, tmp_path)
    refs = [{"repository": "acme/web", "commit": "a" * 40}]
    first = {"version": "0", "projects": ["web"], "commits": [{"id": "a" * 40, "repository": "acme/web"}]}
    assert harness.client.rest("POST", "organizations/acme/releases/", first).status == 201
    bodies = [{"version": str(n), "projects": ["web"], **({"refs": refs} if n % 3 == 0 else {})} for n in range(1, 40)]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    process = run("import", "acme", str(file), environment=build_environment(harness))
    assert process.returncode == 0, process.stderr
    assert harness.rows("SELECT version FROM releases ORDER BY id") == [(str(n),) for n in range(40)]
    harness.close()
