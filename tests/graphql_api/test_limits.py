"""Bounds of a request: each at its edge, and what is made to go far beyond."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from gql_releases.graphql_api.execution.collect_fields import Document, index_fragments, list_operations
from gql_releases.graphql_api.execution.cost import price_operation
from gql_releases.graphql_api.execution.limits import MAXIMA
from gql_releases.graphql_api.execution.operations import OperationCache
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Client
from tests.conftest import Harness, Template
from tests.databases import ON_POSTGRES
from tests.hostile import HOSTILE
from tests.scale import SOAK

ASK = {"extensions": {"cost": True}}
KIND = {"accept": "application/graphql-response+json"}


def ask(client: Client, query: str, variables: Any = None, **more: Any) -> Any:
    return client.request("POST", "/graphql", {"query": query, "variables": variables, **more}).json


def cost(client: Client, query: str, variables: Any = None) -> int:
    requested: int = ask(client, query, variables, **ASK)["extensions"]["cost"]["requested"]
    return requested


def nest_query(depth: int) -> str:
    """A document of an odd depth of fields, with aliases enough to be no repetition."""
    return (
        "{ viewer { organizations { nodes { "
        + "projects(first: 1) { nodes { organization { " * depth
        + "id"
        + " } } }" * depth
        + "}}}}"
    )


AT_EDGE: dict[str, Callable[[int], str]] = {
    "aliases": lambda n: "{ viewer { token { " + " ".join(f"a{i}: id" for i in range(n)) + " } } }",
    "rootFields": lambda n: "{ " + " ".join(f"a{i}: __typename" for i in range(n)) + " }",
    "directives": lambda n: "{ __typename viewer { " + " ".join(f"a{i}: __typename @skip(if: false)" for i in range(n)) + " } }",
    "operations": lambda n: " ".join(f"query Q{i} {{ __typename }}" for i in range(n)),
    "fragments": lambda n: (
        "{ viewer { token { " + " ".join(f"...F{i}" for i in range(n)) + " } } } "
        + " ".join(f"fragment F{i} on Token {{ a{i}: id }}" for i in range(n))
    ),
    "variables": lambda n: (
        "query (" + " ".join(f"$v{i}: Boolean!" for i in range(n)) + ") { viewer { "
        + " ".join(f"a{i}: __typename @include(if: $v{i})" for i in range(n)) + " } }"
    ),
    "documentBytes": lambda n: "{ __typename }".ljust(n),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_EDGE)
def test_limit_is_exact_and_told(client: Client, name: str) -> None:
    most, make = MAXIMA[name], AT_EDGE[name]
    variables = {f"v{i}": True for i in range(most)}
    operation = {"operationName": "Q0"} if name == "operations" else {}
    fine = ask(client, make(most), variables, **operation)
    assert "errors" not in fine, fine["errors"][:1]
    refused = ask(client, make(most + 1), variables, **operation)
    assert refused == {
        "errors": [
            {
                "message": f"The limit {name} is {most}; this request has {most + 1}.",
                "extensions": {"code": "LIMIT_EXCEEDED", "limit": name, "maximum": most, "value": most + 1},
            }
        ]
    }


def test_tokens_depth_and_lists_are_bounded(client: Client) -> None:
    assert "errors" not in ask(client, "{ __typename } #" + "x " * 5_000), "a comment is no token"
    assert "errors" not in ask(client, '{ __type(name: "' + "x," * 5_000 + '") { name } }'), "a text is one token"
    many = ask(client, "{ __typename " + "$ " * 5_000 + "}")["errors"][0]["extensions"]
    assert (many["limit"], many["value"]) == ("tokens", 5_003)
    assert "errors" not in ask(client, nest_query(7))
    assert ask(client, nest_query(9))["errors"][0]["extensions"]["limit"] == "depth"
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert ask(client, query, {"ids": ["x"] * 25_001})["errors"][0]["extensions"]["limit"] == "listLength"


def test_pairs_of_equal_fields_are_bounded(client: Client) -> None:
    fine = "{ viewer { token { " + "id " * 140 + "} } }"
    assert "errors" not in ask(client, fine)
    assert ask(client, fine.replace("id ", "id " * 2))["errors"][0]["extensions"]["limit"] == "equalFields"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request_is_refused_soon(client: Client, name: str) -> None:
    """The bound here is generous, for machines differ: benchmarks/hostile.py measures."""
    body, limit = HOSTILE[name]
    client.graphql("{viewer {token {id}}}")
    begun = time.process_time()
    answer = client.request("POST", "/graphql", body).json
    spent = time.process_time() - begun
    assert "data" not in answer
    if limit:
        assert [error["extensions"]["limit"] for error in answer["errors"]] == [limit]
    assert len(answer["errors"]) <= 21
    assert spent < 1.5, name


def test_introspection_does_not_read_large_variables(client: Client) -> None:
    """Each of its root fields is executed by itself: 47 of them read 50,000 ids in 4 s when they did."""
    names = "ab"
    query = (
        f"query ({' '.join(f'${name}: [ID!]!' for name in names)} $type: String!, $more: Boolean = false) {{ "
        + " ".join(f"s{n}: __schema {{ types {{ name }} }}" for n in range(46))
        + " __type(name: $type) { name kind @include(if: $more) } "
        + " ".join(f"{name}: nodes(ids: ${name}) {{ id }}" for name in names)
        + " }"
    )
    begun = time.process_time()
    answer = ask(client, query, {**dict.fromkeys(names, ["x"] * 25_000), "type": "Query"}, operationName=None)
    assert time.process_time() - begun < 2
    assert answer["data"]["__type"] == {"name": "Query"}
    assert len(answer["data"]["s45"]["types"]) > 50
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_ARGUMENT"] * 2


def test_wrong_variables_are_worded_within_bounds(client: Client) -> None:
    query = "mutation ($input: CreateReleasesInput!) { createReleases(input: $input) { userErrors { code } } }"

    def errors(count: int) -> list[str]:
        releases = [{"version": "1", "projects": []}] * count + [{"version": 1, "projects": []}] * 40
        answer = ask(client, query, {"input": {"organization": "acme", "releases": releases}})
        return [error["message"] for error in answer["errors"]]

    few = errors(0)
    assert len(few) == 21, "twenty, and that there are more"
    assert ".releases[0].version: String cannot represent a non string value: 1" in few[0]
    assert errors(1000) == [few[0].replace("[0]", "[1000]")], "the first of a large input"


@pytest.mark.parametrize("text", [">=1 " * 100_000, ">=1 " * 200])
def test_filter_is_refused_before_its_ranges_are_read(client: Client, text: str) -> None:
    query = """query ($f: ReleaseFilter) { organization(slug: "acme") { releases(filter: $f) { totalCount } } }"""
    ranges = [{"version": {"semver": {"range": text}}}] * (10 if len(text) < 1000 else 1)
    begun = time.process_time()
    (error,) = ask(client, query, {"f": {"or": ranges}})["errors"]
    assert time.process_time() - begun < 1
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["extensions"]["limit"] == "conditions"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ("{ viewer { token { id } } }", 2),
        ("{ organizations { nodes { id } } }", 20),
        ("{ organizations(first: 3) { nodes { id } edges { cursor node { id slug } } } }", 3),
        ("{ organizations(last: 3) { totalCount } }", 13),
        ("{ organizations(first: 3) { nodes { projects(first: 4) { nodes { organization { id } } } } } }", 3 * (1 + 4 * 2)),
        ("{ organizations(first: 3) { nodes { releases(first: 2, filter: {version: {contains: \"x\"}}) { nodes { id } } } } }",
         3 * (1 + 2 + 1000)),
        ("{ organizations(first: 3) { nodes { ...P ...P } } } fragment P on Organization { projects(first: 2) { nodes { id } } }",
         3 * (1 + 2 + 2)),
        ("{ organizations(first: 3) @skip(if: true) { nodes { id } } viewer { token { id @include(if: false) } } }", 2),
        ('{ nodes(ids: ["a", "b"]) { ... on Release { commits(first: 5) { nodes { id } } } ... on Token { id } } }', 2 * 6),
        ("{ __schema { queryType { name } } }", 1000),
        ('mutation { archiveRelease(input: {release: {id: "x"}}) { release { notes commits(first: 5) { nodes { id } } } } }',
         10 + 1 + 100 + 5),
    ],
)  # fmt: skip
def test_cost_is_what_may_be_read(client: Client, query: str, expected: int) -> None:
    assert cost(client, query) == expected


def test_cost_depends_on_variables(client: Client) -> None:
    query = """query ($n: Int = 7, $more: Boolean = false, $filter: ReleaseFilter, $ids: [ID!] = []) {
      organization(slug: "acme") { releases(first: $n, filter: $filter) {
        nodes { id commits(first: 2) @include(if: $more) { nodes { id } } } } } nodes(ids: $ids) { id } }"""
    assert cost(client, query) == 1 + 7
    assert cost(client, query, {"n": 5}) == 1 + 5
    assert cost(client, query, {"n": 5, "more": True}) == 1 + 5 * 3
    assert cost(client, query, {"n": 5, "ids": ["x", "y"]}) == 1 + 5 + 2
    assert cost(client, query, {"n": 5, "filter": {"or": [{"version": {"contains": "x"}}]}}) == 1 + 5 + 10 + 1000
    assert cost(client, query, {"n": 5, "filter": {"or": [{"version": {"contains": None}}]}}) == 1 + 5 + 10 + 10


@pytest.mark.parametrize(
    ("declared", "text", "cheap", "dear"),
    [
        ("$x: String", "version: {contains: $x}", (None, 0), ("x", 1000)),
        ("$x: VersionFilter", "not: {version: $x}", ({"equals": "x"}, 20), ({"contains": "x"}, 1010)),
        ("$x: [ReleaseFilter!]", "or: $x", ([{}], 20), ([{"version": {"contains": "x"}}], 1010)),
        ("$x: [ReleaseFilter!]", "or: $x", ([{"path": "x"}] * 3, 3010), ([{"path": "x"}] * 4, 4010)),
        ("$x: ReleaseFilter!", "and: [{}, $x]", ({}, 30), ({"not": {"version": {"contains": "x"}}}, 1030)),
        ('$x: String = ">=2 <3"', "version: {semver: {range: $x}}", (">=1", 20), (">=1 <2", 30)),
        ("$x: String!", "version: {semver: {range: $x}}", ("^1", 30), (">=1", 20)),
        ("$x: [String!]", "version: {in: $x}", (["a"], 10), (["a"] * 400, 210)),
        ("$x: ReleaseStatus", "status: $x", (None, 0), ("OPEN", 10)),
    ],
)
def test_kept_cost_is_none_of_another_value(
    client: Client, declared: str, text: str, cheap: tuple[Any, int], dear: tuple[Any, int]
) -> None:
    """A cost is kept by the variables that it depends on: a search pays though the same document searched nothing before."""
    query = f'query ({declared}) {{ organization(slug: "acme") {{ releases(first: 5, filter: {{{text}}}) {{ nodes {{ id }} }} }} }}'
    for value, expected in (cheap, dear, cheap, dear):
        assert cost(client, query, {"x": value}) == 6 + expected


@pytest.mark.parametrize(
    ("on", "spread", "leaf", "expected"),
    [
        ("OrganizationConnection", "organizations(first: 1) { ...F0 }", "nodes { slug }", 1),
        ("OrganizationConnection", "organizations(first: 1) { ...F0 }", "totalCount", 1 + 10 * 2**60),
        ("Organization", 'organization(slug: "acme") { ...F0 }', "projects(first: 1) { nodes { id } }", 1 + 2**60),
        ("Query", "...F0", "organizations(first: 2) { nodes { id } }", 2 * 2**60),
    ],
)
def test_pricing_takes_each_fragment_once(on: str, spread: str, leaf: str, expected: int) -> None:
    """Sixty fragments that each spread the next one twice: priced without a memory, they would never end."""
    links = " ".join(f"fragment F{n} on {on} {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    document = parse(f"{{ {spread} }} {links} fragment F60 on {on} {{ {leaf} }}")
    (operation,) = list_operations(document)
    assert (
        price_operation(Document(core_schema(build_schema()), index_fragments(document), {}), operation, {}).cost == expected
    )


def test_dashboard_of_fifty_releases_is_affordable(client: Client) -> None:
    query = """{ organization(slug: "acme") { releases(first: 50) { nodes { version commits(first: 60) { nodes { sha
      fileChanges(first: 20) { nodes { path } } } } } } } }"""
    assert cost(client, query) == 1 + 50 * (1 + 60 * (1 + 20))
    refused = ask(client, query.replace("first: 20", "first: 100"), **ASK)
    assert refused["errors"][0]["extensions"] == {
        "code": "LIMIT_EXCEEDED", "limit": "cost", "maximum": 100_000, "value": 1 + 50 * (1 + 60 * (1 + 100))
    }  # fmt: skip
    assert refused["extensions"]["cost"]["maximum"] == 100_000
    assert "data" not in refused


def test_maximum_of_the_cost_is_a_setting(template: Template, tmp_path: Path) -> None:
    harness = Harness(template, tmp_path, max_cost=19)
    assert "errors" not in ask(harness.client, "{ organizations(first: 19) { nodes { id } } }")
    assert ask(harness.client, "{ organizations { nodes { id } } }")["errors"][0]["extensions"]["maximum"] == 19
    harness.close()


def test_dry_run_tells_the_cost_and_does_nothing(client: Client) -> None:
    create = 'mutation { createRelease(input: {organization: "acme", version: "1", projects: ["web"]}) { release { id } } }'
    message = {"data": None, "extensions": {"cost": {"requested": 11, "maximum": 100_000}}}
    assert ask(client, create, extensions={"dryRun": True}) == message
    listed = '{ organization(slug: "acme") { releases { totalCount } } }'
    assert ask(client, listed) == {"data": {"organization": {"releases": {"totalCount": 0}}}}
    assert ask(client, create, extensions={"dryRun": False})["data"]["createRelease"]["release"]
    wrong = ask(client, "{ nothing }", extensions={"dryRun": True})
    assert "extensions" not in wrong
    assert wrong["errors"]


@pytest.mark.parametrize(
    "field",
    [
        'releaseContaining(commit: "a") { version }',
        'compare(project: "web", base: "a", head: "b") { head { version } }',
        "RELEASE lastCommit { sha repository { name } }",
        "RELEASE organization { slug }",
        'RELEASE previous(project: "web") { version }',
    ],
)
def test_objects_that_one_leads_to_are_bounded_with_a_code(harness: Harness, field: str) -> None:
    """As many as a statement can join are answered, one more is refused: neither is INTERNAL."""
    for version in ("a", "b"):
        harness.client.rest("POST", "organizations/acme/releases/", {"version": version, "projects": ["web"]})
    codes = set()
    for count in (10, 54, 55, 56, 64) if SOAK else (10, 56):
        fields = " ".join(f"a{n}: {field.removeprefix('RELEASE ')}" for n in range(count))
        if field.startswith("RELEASE"):
            fields = f"releases {{ nodes {{ {fields} }} }}"
        answer = harness.client.graphql(f'{{ organization(slug: "acme") {{ {fields} }} }}')
        codes |= {error["extensions"]["code"] for error in answer.get("errors", [{"extensions": {"code": "none"}}])}
    assert "none" in codes
    assert codes <= {"none", "INVALID_ARGUMENT", "LIMIT_EXCEEDED"}
    assert len(codes) > 1 or ON_POSTGRES, "PostgreSQL's lists as JSON text need no join for each object"


def test_long_documents_are_prepared_off_the_event_loop_while_they_are_new(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that are refused; what is kept, or short, stays."""
    threads: list[str] = []
    prepare = OperationCache.prepare

    def record(*args: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name.rstrip("0123456789"))
        return prepare(*args, **more)

    monkeypatch.setattr(OperationCache, "prepare", record)
    long = "{ viewer { " + " ".join(f"alias{n}: __typename" for n in range(120)) + " } }"
    assert "errors" not in client.graphql(long)
    assert "errors" not in client.graphql(long)
    assert "errors" in client.graphql(long + " {")
    assert "errors" not in client.graphql("{ viewer { __typename } }")
    assert threads == ["large-bodies_", "MainThread", "large-bodies_", "MainThread"]
