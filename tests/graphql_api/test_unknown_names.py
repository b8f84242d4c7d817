"""A name in an argument that nothing has is an error at its field, with a code and the value; so is an ambiguous sha."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

SHAS = ["abcdef1" + f"{number:033x}" for number in range(2)] + ["1234567" + "0" * 33]


@pytest.fixture
def filled_store(harness: Harness) -> Harness:
    """Acme has releases 1 and 2 of web; the other tenant has more of each kind, under names of its own."""
    for organization, projects, version, place in (
        ("acme", ["web"], "1", "production"),
        ("acme", ["web"], "2", "production"),
        ("acme", ["api"], "3", "production"),
        ("other", ["web"], "9", "secret"),
    ):
        commits = [commit(index, id=sha) for index, sha in enumerate(SHAS if version == "1" else [])]
        commits += [commit(5, repository="other/lib")] if organization == "other" else []
        body, token = release(version, projects=projects, commits=commits), harness.tokens[organization]
        assert harness.client.rest("POST", f"organizations/{organization}/releases/", body, token=token).status == 201
        path = f"organizations/{organization}/releases/{version}/deploys/"
        assert harness.client.rest("POST", path, {"environment": place}, token=token).status == 201
    harness.client.graphql(
        'mutation {createProject(input: {organization: "other", slug: "hidden"}) {userErrors {code}}}',
        token=harness.tokens["other"],
    )
    return harness


PROJECT = 'No project "NAME" in acme.'
ENVIRONMENT = 'No environment "NAME" in acme.'
CASES = [
    ('releases(filter: {project: "NAME"}) {totalCount}', "PROJECT_NOT_FOUND", PROJECT, "hidden"),
    ('releases(filter: {not: {project: "NAME"}}) {totalCount}', "PROJECT_NOT_FOUND", PROJECT, "hidden"),
    (
        'releases(filter: {or: [{project: "web"}, {and: [{project: "NAME"}]}]}) {totalCount}',
        "PROJECT_NOT_FOUND",
        PROJECT,
        "hidden",
    ),
    ('releases(filter: {environment: "NAME"}) {totalCount}', "ENVIRONMENT_NOT_FOUND", ENVIRONMENT, "secret"),
    (
        'releases(filter: {or: [{environment: "production"}, {environment: "NAME"}]}) {nodes {id}}',
        "ENVIRONMENT_NOT_FOUND",
        ENVIRONMENT,
        "secret",
    ),
    (
        'releaseContaining(commit: "x", repository: "NAME") {id}',
        "REPOSITORY_NOT_FOUND",
        'No repository "NAME" in acme.',
        "other/lib",
    ),
    ('compare(project: "NAME", base: "1", head: "2") {head {version}}', "PROJECT_NOT_FOUND", PROJECT, "hidden"),
    (
        'compare(project: "web", base: "NAME", head: "2") {head {version}}',
        "RELEASE_NOT_FOUND",
        'No release "NAME" of project "web" in acme.',
        "9",
    ),
    (
        'compare(project: "web", base: "1", head: "NAME") {head {version}}',
        "RELEASE_NOT_FOUND",
        'No release "NAME" of project "web" in acme.',
        "9",
    ),
    (
        'compare(project: "web", base: "1", head: "NAME") {head {version}}',
        "RELEASE_NOT_FOUND",
        'No release "NAME" of project "web" in acme.',
        "3",
    ),
]


def ask(harness: Harness, field: str, name: str = "") -> Any:
    field = field.replace("NAME", name)
    return harness.client.graphql(f'query {{organization(slug: "acme") {{slug good: releases {{totalCount}} x: {field}}}}}')


@pytest.mark.parametrize(("field", "code", "message", "hidden"), CASES)
def test_unknown_name_is_an_error_at_its_field(
    filled_store: Harness, field: str, code: str, message: str, hidden: str
) -> None:
    for name in ("nope", hidden, "n" * 101):  # what another organization has is answered like what nobody has
        answer = ask(filled_store, field, name)
        shown = name if len(name) <= 100 else name[:100] + "..."
        expected = {"message": message.replace("NAME", shown), "path": ["organization", "x"], "extensions": {"code": code}}
        assert answer == {
            "data": {"organization": {"slug": "acme", "good": {"totalCount": 3}, "x": None}},
            "errors": [expected],
        }


def test_reversed_comparison_names_the_later_release(filled_store: Harness) -> None:
    answer = ask(filled_store, 'compare(project: "web", base: "2", head: "1") {releases {totalCount}}')
    [error] = answer["errors"]
    assert error["message"] == '"2" is the later release: pass it as head, and "1" as base.'
    assert (error["extensions"]["code"], error["path"]) == ("INVALID_ARGUMENT", ["organization", "x"])
    same = ask(filled_store, 'compare(project: "web", base: "2", head: "2") {releases {totalCount}}')
    assert same["data"]["organization"]["x"] == {"releases": {"totalCount": 0}}


@pytest.mark.parametrize(
    "field",
    [
        'releases(filter: {author: "nobody@example.com"}) {totalCount}',
        'releases(filter: {path: "no/such/file"}) {totalCount}',
        'releases(filter: {commit: "none"}) {totalCount}',
        f'releases(filter: {{commit: "{"9" * 40}"}}) {{totalCount}}',
        'releases(filter: {commit: "9999999"}) {totalCount}',
        'releases(filter: {version: {equals: "none", semver: {range: ">1", package: "none"}}}) {totalCount}',
    ],
)
def test_what_is_looked_for_need_not_be_there(filled_store: Harness, field: str) -> None:
    answer = ask(filled_store, field)
    assert answer["data"]["organization"]["x"] == {"totalCount": 0}
    assert "errors" not in answer


def test_names_below_lists_and_of_picks(filled_store: Harness) -> None:
    document = """{organization(slug: "acme") {
      releases(orderBy: {field: DATE_CREATED, direction: ASC}) {nodes {version previous(project: "NAME") {version}}}
      projects {nodes {slug latestRelease(environment: "nope") {version} releases(filter: {environment: "nope"}) {totalCount}}}}}"""
    answer = filled_store.client.graphql(document.replace("NAME", "hidden"))
    paths = [["organization", "releases", "nodes", index, "previous"] for index in range(3)]
    paths += [
        ["organization", "projects", "nodes", index, name] for name in ("latestRelease", "releases") for index in range(2)
    ]
    assert [error["path"] for error in answer["errors"]] == paths
    data = filled_store.client.graphql(document.replace("NAME", "web"))["data"]["organization"]["releases"]["nodes"]
    assert [item["previous"] for item in data] == [None, {"version": "1"}, None]


def test_names_are_checked_only_where_the_object_is_there(filled_store: Harness) -> None:
    document = '{organization(slug: "other") {releases(filter: {project: "nope"}) {totalCount}} release(by: {id: "x"}) {previous(project: "nope") {id}}}'
    assert filled_store.client.graphql(document) == {"data": {"organization": None, "release": None}}


def test_unknown_names_in_a_payload_keep_nothing_from_being_done(filled_store: Harness) -> None:
    shown = 'release {version organization {releases(filter: {environment: "nope"}) {totalCount}} previous(project: "nope") {id}}'
    single = f'createRelease(input: {{organization: "acme", version: "new", projects: ["web"]}}) {{outcome {shown}}}'
    several = f'createReleases(input: {{organization: "acme", mode: EACH, releases: [{{version: "n1", projects: ["web"]}}, {{version: "n2", projects: ["web"]}}]}}) {{results {{outcome {shown}}}}}'
    built = 'createDeploy(input: {release: {key: {organization: "acme", version: "new"}}, environment: "fresh"}) {deploy {release {projects {nodes {latestRelease(environment: "fresh") {version}}}}}}'
    answer = filled_store.client.graphql(f"mutation {{{single} {several} {built}}}")
    assert answer["data"]["createRelease"] == {
        "outcome": "CREATED",
        "release": {"version": "new", "organization": {"releases": None}, "previous": None},
    }
    assert [result["outcome"] for result in answer["data"]["createReleases"]["results"]] == ["CREATED", "CREATED"]
    deployed = answer["data"]["createDeploy"]["deploy"]["release"]["projects"]["nodes"]
    assert deployed == [{"latestRelease": {"version": "new"}}], "what the mutation makes is there in its payload"
    steps: list[list[Any]] = [
        ["createRelease", "release"],
        *[["createReleases", "results", index, "release"] for index in range(2)],
    ]
    assert sorted([error["path"] for error in answer["errors"]], key=str) == sorted(
        [[*step, *more] for step in steps for more in (["organization", "releases"], ["previous"])], key=str
    )
    assert filled_store.rows("SELECT count(*) FROM releases WHERE version IN ('new', 'n1', 'n2')") == [(3,)]


@pytest.mark.parametrize("length", [7, 12, 39])
def test_abbreviated_sha_is_found_where_it_is_unambiguous(filled_store: Harness, length: int) -> None:
    short = SHAS[2][:length]
    data = filled_store.client.graphql(
        'query ($sha: String!) {organization(slug: "acme") {releaseContaining(commit: $sha) {version}'
        ' at: releaseContaining(commit: $sha, repository: "acme/web") {version}'
        " releases(filter: {commit: $sha}) {nodes {version}}}}",
        {"sha": short},
    )
    assert data == {
        "data": {
            "organization": {
                "releaseContaining": {"version": "1"}, "at": {"version": "1"}, "releases": {"nodes": [{"version": "1"}]},
            }
        }
    }  # fmt: skip


def test_ambiguous_sha_is_an_error(filled_store: Harness) -> None:
    fields = (
        'releases(filter: {commit: "NAME"}) {totalCount}',
        'releases(filter: {not: {commit: "NAME"}}) {totalCount}',
        'releaseContaining(commit: "NAME") {version}',
        'releaseContaining(commit: "NAME", repository: "acme/web") {version}',
    )
    for field in fields:
        answer = ask(filled_store, field, "abcdef1")
        [error] = answer["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("AMBIGUOUS_SHA", ["organization", "x"])
        assert error["message"] == 'The abbreviated sha "abcdef1" is ambiguous: more than one commit begins with it.'
        assert answer["data"]["organization"]["x"] is None
        for sha in (SHAS[0], SHAS[0][:39] + "0"):
            assert ask(filled_store, field, sha)["data"]["organization"]["x"]
    other = filled_store.client.graphql(
        '{organization(slug: "other") {releases(filter: {commit: "abcdef1"}) {totalCount}}}',
        token=filled_store.tokens["other"],
    )
    assert other == {"data": {"organization": {"releases": {"totalCount": 0}}}}, "one tenant's commits are not another's"


def test_whole_short_sha_comes_before_longer_ones(client: Client) -> None:
    commits = [commit(0, id="1234567"), commit(1, id="1234567" + "a" * 33)]
    assert client.rest("POST", "organizations/acme/releases/", release("short", commits=commits[:1])).status == 201
    assert client.rest("POST", "organizations/acme/releases/", release("long", commits=commits[1:])).status == 201
    for sha, version in (("1234567", "short"), ("1234567a", "long"), ("123456", None)):
        answer = client.graphql(f'{{organization(slug: "acme") {{releaseContaining(commit: "{sha}") {{version}}}}}}')
        assert answer["data"]["organization"]["releaseContaining"] == (version and {"version": version})
