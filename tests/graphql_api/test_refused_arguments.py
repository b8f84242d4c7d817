"""A field whose arguments are refused is null with an error at its path; all beside it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type

from gql_releases.graphql_api.execution import bindings as b
from gql_releases.graphql_api.execution.refusals import MAX_ERRORS_OF_A_FIELD
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Client
from tests.conftest import Harness
from tests.event_rows import insert_events, short_id
from tests.factories import commit, release
from tests.file_rows import debug_id, insert_files

SCHEMA = core_schema(build_schema())
BAD = [
    ("first: 101", "INVALID_ARGUMENT"),
    ("first: -1", "INVALID_ARGUMENT"),
    ("last: 101", "INVALID_ARGUMENT"),
    ("first: 1, last: 1", "INVALID_ARGUMENT"),
    ('after: "x"', "INVALID_CURSOR"),
    ('before: "bnVsbA=="', "INVALID_CURSOR"),
]
BAD_FILTERS = [
    ('filter: {version: {semver: {range: "x"}}}', "INVALID_ARGUMENT"),
    (r'filter: {path: "\u0000"}', "INVALID_ARGUMENT"),
    ("filter: {or: [" + "{released: true}, " * 100 + "]}", "INVALID_ARGUMENT"),
    ("orderBy: {field: SEMVER}, after: %DATE%", "INVALID_CURSOR"),
]
LISTS = [
    (parent.name, name)
    for parent in SCHEMA.type_map.values()
    if isinstance(parent, GraphQLObjectType)
    for name, field in parent.fields.items()
    if isinstance(b.read_binding(field), b.ListOf)
]
BY = 'release(by: {key: {organization: "acme", version: "a@1"}})'
WAYS = {
    "Viewer": "viewer { HERE }",
    "Organization": 'organization(slug: "acme") { HERE }',
    "Project": 'organization(slug: "acme") { projects(first: 1) { nodes { HERE } } }',
    "Environment": 'organization(slug: "acme") { environments(first: 1) { edges { node { HERE } } } }',
    "Release": f"{BY} {{ HERE }}",
    "Commit": f"{BY} {{ lastCommit {{ HERE }} }}",
    "Deploy": f"{BY} {{ lastDeploy {{ HERE }} }}",
    "ArtifactBundle": f"{BY} {{ artifactBundles(first: 1) {{ nodes {{ HERE }} }} }}",
    "Artifact": f'artifact(organization: "acme", project: "web", debugId: "{debug_id(0)}") {{ HERE }}',
    "Issue": f'issue(organization: "acme", shortId: "{short_id(0)}") {{ HERE }}',
    "ReleaseComparison": 'organization(slug: "acme") { compare(project: "web", base: "a@1", head: "a@2") { HERE } }',
}
"""Type -> an operation that comes to one object of it."""


@pytest.fixture
def filled_store(harness: Harness) -> Client:
    client = harness.client
    for version in ("a@1", "a@2"):
        body = release(version, projects=["web", "api"], commits=[commit(number) for number in range(3)])
        assert client.rest("POST", "organizations/acme/releases/", body).status == 201
        path = f"organizations/acme/releases/{version}/deploys/"
        assert client.rest("POST", path, {"environment": "production"}).status == 201
    insert_files(harness, "acme", ["a@1", "a@2"])
    insert_events(harness, "acme")
    return client


def takes_release_filter(field: Any) -> bool:
    return "filter" in field.args and field.args["filter"].type.name == "ReleaseFilter"


def below(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


def test_each_list_can_be_null_and_what_is_in_it_cannot() -> None:
    assert len(LISTS) > 20
    for parent, name in LISTS:
        declared: Any = SCHEMA.type_map[parent]
        assert not isinstance(declared.fields[name].type, GraphQLNonNull), f"{parent}.{name}"
        connection: Any = get_named_type(declared.fields[name].type)
        for part, field in connection.fields.items():
            assert isinstance(field.type, GraphQLNonNull), f"{connection.name}.{part}"


def test_refused_arguments_of_each_list_leave_its_siblings(filled_store: Client) -> None:
    page = filled_store.graphql('{organization(slug: "acme") {releases {pageInfo {endCursor}}}}')
    cursor = page["data"]["organization"]["releases"]["pageInfo"]["endCursor"]
    for parent, name in LISTS:
        declared: Any = SCHEMA.type_map[parent]
        wrong = BAD + (BAD_FILTERS if takes_release_filter(declared.fields[name]) else [])
        fields = " ".join(
            f"x{index}: {name}({arguments.replace('%DATE%', chr(34) + cursor + chr(34))}) {{ totalCount nodes {{ __typename }} }}"
            for index, (arguments, _) in enumerate(wrong)
        )
        document = (
            "{ "
            + WAYS[parent].replace("HERE", f"{fields} __typename good: {name} {{ totalCount nodes {{ __typename }} }}")
            + " }"
        )
        answer = filled_store.graphql(document)
        errors = answer["errors"]
        assert [error["extensions"]["code"] for error in errors] == [code for _, code in wrong], (parent, name)
        for index, error in enumerate(errors):
            *place, last = error["path"]
            assert last == f"x{index}"
            result = below(answer["data"], place)
            assert result[last] is None
            assert result["__typename"] == parent
            assert result["good"]["totalCount"] == len(result["good"]["nodes"])
            assert result["good"]["nodes"], (parent, name)


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ("{organizations(first: 101) {totalCount}}", [["organizations"]]),
        (
            '{organization(slug: "acme") {projects {edges {node {releases(last: 101) {totalCount}}}}}}',
            [
                ["organization", "projects", "edges", 0, "node", "releases"],
                ["organization", "projects", "edges", 1, "node", "releases"],
            ],
        ),
        (
            '{organization(slug: "acme") {releases {nodes {commits {nodes {sha fileChanges(after: "") {totalCount}}}}}}}',
            [
                ["organization", "releases", "nodes", i, "commits", "nodes", j, "fileChanges"]
                for i in range(2)
                for j in range(3)
            ],
        ),
        ('{organization(slug: "acme") {projects(first: 0) {nodes {releases(first: 101) {totalCount}}}}}', []),
        ('{organization(slug: "nope") {releases(first: 101) {totalCount}}}', []),
        (
            '{organization(slug: "acme") {compare(project: "web", base: "a@1", head: "a@2") {head {version} commits(first: 101) {totalCount}}}}',
            [["organization", "compare", "commits"]],
        ),
    ],
)
def test_error_stands_where_the_null_is(filled_store: Client, document: str, paths: list[Any]) -> None:
    answer = filled_store.graphql(document)
    assert [error["path"] for error in answer.get("errors", [])] == paths
    for path in paths:
        assert below(answer["data"], path) is None


def test_refused_arguments_below_nodes(filled_store: Client) -> None:
    answer = filled_store.graphql('{organization(slug: "acme") {id releases {nodes {id}}}}')["data"]["organization"]
    ids = [
        answer["releases"]["nodes"][0]["id"],
        "x",
        answer["id"],
        answer["releases"]["nodes"][1]["id"],
        answer["releases"]["nodes"][0]["id"],
    ]
    document = "query ($ids: [ID!]!, $first: Int) {nodes(ids: $ids) {id ... on Release {version commits(first: $first) {totalCount}}}}"
    data = filled_store.graphql(document, {"ids": ids, "first": 101})
    assert [error["path"] for error in data["errors"]] == [["nodes", index, "commits"] for index in (0, 3, 4)]
    assert [node and node.get("version") for node in data["data"]["nodes"]] == ["a@2", None, None, "a@1", "a@2"]
    document = "query ($id: ID!) {n: node(id: $id) {... on Release {version commits(first: 101) {totalCount}}}}"
    data = filled_store.graphql(document, {"id": ids[0]})
    assert data["data"] == {"n": {"version": "a@2", "commits": None}}
    assert [error["path"] for error in data["errors"]] == [["n", "commits"]]


def test_refused_argument_in_a_payload_keeps_nothing_from_being_done(filled_store: Client) -> None:
    document = """mutation {createRelease(input: {organization: "acme", version: "b", projects: ["web"]}) {
        outcome mine: release {version projects(first: 101) {totalCount}} userErrors {code}}
      createReleases(input: {organization: "acme", releases: [{version: "c", projects: ["web"]}, {version: "d", projects: ["web"]}]}) {
        rows: results {made: release {version projects(first: -1) {totalCount}}}}}"""
    answer = filled_store.graphql(document)
    assert answer["data"]["createRelease"] == {
        "outcome": "CREATED",
        "mine": {"version": "b", "projects": None},
        "userErrors": [],
    }
    assert [row["made"]["version"] for row in answer["data"]["createReleases"]["rows"]] == ["c", "d"]
    places = [["createRelease", "mine", "projects"], *[["createReleases", "rows", i, "made", "projects"] for i in range(2)]]
    assert [error["path"] for error in answer["errors"]] == places


def test_errors_of_one_field_are_bounded(filled_store: Client) -> None:
    for number in range(MAX_ERRORS_OF_A_FIELD // 2 + 1):
        assert (
            filled_store.rest("POST", "organizations/acme/releases/", release(f"n{number}", projects=["web", "api"])).status
            == 201
        )
    document = '{organization(slug: "acme") {projects(first: 2) {nodes {releases(first: 60) {nodes {version commits(first: -1) {totalCount}}}}}}}'
    answer = filled_store.graphql(document)
    assert len(answer["errors"]) == MAX_ERRORS_OF_A_FIELD
    assert all(
        node["commits"] is None
        for project in answer["data"]["organization"]["projects"]["nodes"]
        for node in project["releases"]["nodes"]
    )


def test_fields_that_a_token_may_not_read_leave_their_siblings(harness: Harness) -> None:
    """Every field that leads from what all tokens read to releases can be null, with FORBIDDEN at its path."""
    token = harness.token("org:read")
    compare = 'compare(project: "web", base: "a", head: "b") {head {version} commits {totalCount}}'
    lists = 'releases {totalCount} containing: releaseContaining(commit: "x") {version}'
    document = f"""{{organization(slug: "acme") {{slug {lists} {compare}
      projects {{totalCount nodes {{slug latestRelease {{version}} releases {{nodes {{version}}}}}}}}
      environments {{nodes {{name deploys {{totalCount}}}}}}}} viewer {{token {{hint}}}}}}"""
    answer = harness.client.graphql(document, token=token)
    organization = answer["data"]["organization"]
    assert organization["slug"] == "acme"
    assert [node["slug"] for node in organization["projects"]["nodes"]] == ["api", "web"]
    assert answer["data"]["viewer"]["token"]["hint"]
    expected: list[list[str | int]] = [["organization", name] for name in ("releases", "containing", "compare")]
    expected += [
        ["organization", "projects", "nodes", index, name] for name in ("latestRelease", "releases") for index in range(2)
    ]
    assert [(error["extensions"]["code"], error["path"]) for error in answer["errors"]] == [
        ("FORBIDDEN", path) for path in expected
    ]
    whole = harness.client.graphql('{release(by: {key: {organization: "acme", version: "a"}}) {version}}', token=token)
    assert whole["data"] == {"release": None}
    assert whole["errors"][0]["path"] == ["release"]


def test_objects_that_a_token_may_not_read_are_forbidden_as_a_whole(filled_store: Client, harness: Harness) -> None:
    ids = filled_store.graphql('{organization(slug: "acme") {id releases {nodes {id}}}}')["data"]["organization"]
    variables = {"ids": [ids["releases"]["nodes"][0]["id"], ids["id"]], "id": ids["releases"]["nodes"][0]["id"]}
    document = "query ($ids: [ID!]!, $id: ID!) {nodes(ids: $ids) {id} node(id: $id) {id}}"
    answer = filled_store.graphql(document, variables, token=harness.token("org:read"))
    assert answer["data"] == {"nodes": None, "node": None}
    assert [(error["extensions"]["code"], error["path"]) for error in answer["errors"]] == [
        ("FORBIDDEN", ["nodes"]), ("FORBIDDEN", ["node"]),
    ]  # fmt: skip
