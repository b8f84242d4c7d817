"""The lists of releases over REST: docs/sentry-contract.md#5-lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from gql_releases.domain.search.search import FILTERS
from tests.client import Client
from tests.conftest import Harness, Template
from tests.factories import release

RELEASES_PATH = "organizations/acme/releases/"
OF_WEB = "projects/acme/web/releases/"

VERSIONS = [
    ("web@1.2.0-rc.1+7", ["web"]),
    ("web@1.2.0+8", ["web"]),
    ("web@1.10.0+9", ["web", "api"]),
    ("api@1.3.0", ["api"]),
    ("api@2.0.0+build.5", ["api"]),
    ("nightly 50% (17)", ["web"]),
    ("nightly+17", ["web"]),
    ("NIGHTLY_1", ["api"]),
]
"""The oldest first."""


@pytest.fixture(scope="module")
def filled_store(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A store that tests only read."""
    harness = Harness(template, tmp_path_factory.mktemp("filled_store"))
    client = harness.client
    assert client.rest("POST", RELEASES_PATH, release("old", status="archived")).status == 201
    for version, projects in VERSIONS:
        assert client.rest("POST", RELEASES_PATH, release(version, projects=projects)).status == 201
    assert client.rest("PUT", RELEASES_PATH + "web@1.2.0%2B8/", {"dateReleased": "2020-01-01"}).status == 200
    for version, body in (
        ("web@1.2.0%2B8", {"environment": "production"}),
        ("web@1.10.0%2B9", {"environment": "staging", "projects": ["api"]}),
    ):
        assert client.rest("POST", f"{RELEASES_PATH}{version}/deploys/", body).status == 201
    yield client
    harness.close()


def list_releases(client: Client, query: str, path: str = RELEASES_PATH) -> Any:
    answer = client.rest("GET", f"{path}?{query}")
    return [row["version"] for row in answer.json] if answer.status == 200 else (answer.status, answer.json)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("nightly", [7, 6, 5]),
        ("nightly%2050%25", [5]),
        ("nightly%20(17)", [6]),
        ("release:nightly*", [6, 5]),
        ("release:*17", [6]),
        ("release:*1.*", [3, 2, 1, 0]),
        ("!release:*1*", [4]),
        ("release:[api@1.3.0,old,nightly%2B17]", [6, 3]),
        ("release:%2550*", []),
        ("release:latest", [7, 6]),
        ("release.package:web", [2, 1, 0]),
        ("release.package:[api,web]", [4, 3, 2, 1, 0]),
        ("!release.package:w*", [7, 6, 5, 4, 3]),
        ("release.version:1.2.*", [1, 0]),
        ("release.version:1.2.0", [1]),
        ("release.version:web@1.2.0", [1]),
        ("release.version:api@1.2.0", []),
        ("release.version:1.2.0%2B8", [1]),
        ("release.version:1.2.0%2B9", []),
        ("release.version:>1.2.0", [4, 3, 2]),
        ("release.version:>=1.2.0-rc.1%20release.version:<1.3", [1, 0]),
        ("!release.version:>1.2.0", [7, 6, 5, 1, 0]),
        ("release.version:api@*", [4, 3]),
        ("release.build:>7", [2, 1]),
        ("release.build:<=8", [1, 0]),
        ("release.build:8", [1]),
        ("release.build:build*", [4]),
        ("!release.build:>7", [7, 6, 5, 4, 3, 0]),
        ("finalized:true", [1]),
        ("finalized:false%20web", [2, 0]),
        ("release.created:-1d", [7, 6, 5, 4, 3, 2, 1, 0]),
        ("release.created:%2B1d", []),
        ("%22web%22", [2, 1, 0]),
    ],
)
def test_query_finds(filled_store: Client, query: str, expected: list[int]) -> None:
    """Filters that hold together, negation, lists, stars at the ends, ranges.

    Source: docs/sentry-contract.md#5-lists, `query`.
    """
    assert list_releases(filled_store, f"query={query}") == [VERSIONS[index][0] for index in expected]


def test_latest_is_that_of_the_asked_projects(filled_store: Client) -> None:
    """`release:latest` (docs/sentry-contract.md#5-lists)."""
    assert list_releases(filled_store, "query=release:latest&project=2") == ["NIGHTLY_1"]
    assert list_releases(filled_store, "query=release:latest", OF_WEB) == ["nightly+17"]


def test_wrong_query_tells_at_which_character(filled_store: Client) -> None:
    """A bad filter is a 400 with one key (docs/sentry-contract.md#5-lists)."""
    status, body = list_releases(filled_store, "query=web%20level:error")
    assert (status, list(body)) == (400, ["detail"])
    assert body["detail"].startswith('Invalid query, at character 5: there is no filter "level"')
    for path in (RELEASES_PATH, OF_WEB, RELEASES_PATH + "stats/"):
        status, body = list_releases(filled_store, "query=release:(", path)
        assert (status, body["detail"][:30]) == (400, "Invalid query, at character 9:"), path
    around = filled_store.rest("GET", RELEASES_PATH + "api@1.3.0/?project=2&query=release:(")
    assert (around.status, around.json["detail"][:30]) == (400, "Invalid query, at character 9:")
    assert list_releases(filled_store, "query=release:%00")[0] == 400
    assert list_releases(filled_store, f"query=release:[{','.join('a' for _ in range(100))}]")[0] == 400


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("date", [7, 6, 5, 4, 3, 2, 1, 0]),
        ("build", [2, 1, 0]),
        ("semver", [4, 2, 3, 1, 0, 7, 6, 5]),
    ],
)
@pytest.mark.parametrize("size", [2, 100])
def test_sorts_walk_whole_and_in_order(filled_store: Client, sort: str, expected: list[int], size: int) -> None:
    """By build without those that have none; by semver with the unparsed last; each cursor leads on.

    Source: docs/sentry-contract.md#5-lists, `sort`.
    """
    walked, path = [], f"{RELEASES_PATH}?sort={sort}&per_page={size}"
    for _ in range(10):
        answer = filled_store.rest("GET", path)
        walked += [row["version"] for row in answer.json]
        following = answer.headers["link"].split(", ")[1]
        if 'results="false"' in following:
            break
        path = following.partition(">")[0].removeprefix("<http://testserver/api/0/")
    assert walked == [VERSIONS[index][0] for index in expected]


def test_sorts_that_need_sessions_are_refused(filled_store: Client) -> None:
    """Those of sessions need flatten=1 or are a 400; here there are no sessions. Unknown ones are a 400.

    Source: docs/sentry-contract.md#5-lists.
    """
    for sort in ("adoption", "sessions", "users_24h"):
        assert list_releases(filled_store, f"sort={sort}&flatten=1")[0] == 400
    assert list_releases(filled_store, "sort=size") == (400, {"detail": "invalid sort"})


def test_parameters_of_sessions_are_checked_though_there_are_none(filled_store: Client) -> None:
    """Bad values of health's parameters are a 400; good ones change nothing (docs/sentry-contract.md#5-lists)."""
    assert (
        len(
            list_releases(
                filled_store, "health=1&healthStat=users&healthStatsPeriod=24h&summaryStatsPeriod=90d&adoptionStages=1"
            )
        )
        == 8
    )
    assert list_releases(filled_store, "summaryStatsPeriod=3d")[1]["detail"].startswith(
        "Invalid summaryStatsPeriod. Valid choices are '1h', "
    )
    assert list_releases(filled_store, "healthStat=load")[0] == 400


def test_environment_is_where_a_release_was_deployed(filled_store: Client) -> None:
    """Repeatable, for one of the projects; an unknown name is a 404; nothing runs in none.

    Source: docs/sentry-contract.md#5-lists, `environment`.
    """
    assert list_releases(filled_store, "environment=production") == ["web@1.2.0+8"]
    assert list_releases(filled_store, "environment=production&environment=staging") == ["web@1.10.0+9", "web@1.2.0+8"]
    assert list_releases(filled_store, "environment=staging&project=1") == []
    assert list_releases(filled_store, "environment=staging&project=2") == ["web@1.10.0+9"]
    assert list_releases(filled_store, "environment=nowhere") == (404, {"detail": "The requested resource does not exist"})
    assert list_releases(filled_store, "environment=") == []
    assert list_releases(filled_store, "environment=&environment=production") == ["web@1.2.0+8"]
    assert list_releases(filled_store, "environment=nowhere", OF_WEB) == []
    assert list_releases(filled_store, "environment=production", OF_WEB) == ["web@1.2.0+8"]
    assert list_releases(filled_store, "environment=staging", OF_WEB) == []


def test_dates_are_of_creation_and_inclusive(harness: Harness) -> None:
    """The parameters `start`, `end` and `statsPeriod` of docs/sentry-contract.md#5-lists."""
    client = harness.client
    built = client.rest("POST", RELEASES_PATH, release()).json["dateCreated"].removesuffix("Z")
    assert list_releases(client, f"start=2020-01-01&end={built}Z") == ["web@1.0.0+1"]
    assert list_releases(client, f"start={built}&end=2999-01-01") == ["web@1.0.0+1"]
    assert list_releases(client, "start=2020-01-01&end=2021-01-01") == []
    assert list_releases(client, "statsPeriod=14d") == ["web@1.0.0+1"]
    for wrong in ("start=2020-01-01", "end=2020-01-01", "start=x&end=y", "start=2021-01-01&end=2020-01-01",
                  "start=2020-01-01&end=2020-01-01", "statsPeriod=1y", "statsPeriod=-1d"):  # fmt: skip
        status, body = list_releases(client, wrong)
        assert status == 400, wrong
        assert body["detail"].startswith("Invalid date range: "), wrong


def test_project_is_named_by_id_or_slug(filled_store: Client) -> None:
    """`project` ids, -1 for all, `projectSlug`; one that is not to be seen is a 403.

    Source: docs/sentry-contract.md#1-1-authentication, point 8, and docs/sentry-contract.md#5-lists.
    """
    assert len(list_releases(filled_store, "projectSlug=api")) == 4
    assert len(list_releases(filled_store, "projectSlug=api&project=1")) == 8
    assert len(list_releases(filled_store, "project=-1")) == 8
    assert list_releases(filled_store, "projectSlug=nope")[0] == 403
    assert list_releases(filled_store, "project=3")[0] == 403, "of the other organization"
    assert list_releases(filled_store, "project=web") == (
        400,
        {"detail": "Invalid project parameter. Values must be numbers."},
    )


def flat(client: Client, path: str) -> tuple[list[tuple[str, str]], list[str]]:
    answer = client.rest("GET", path)
    assert answer.status == 200, answer.body
    links = [part.partition(">")[0].removeprefix("<http://testserver/api/0/") for part in answer.headers["link"].split(", ")]
    results = ['results="true"' in part for part in answer.headers["link"].split(", ")]
    rows = [(row["version"], "+".join(project["slug"] for project in row["projects"])) for row in answer.json]
    return rows, [link if there else "" for link, there in zip(links, results, strict=True)]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_flatten_gives_a_row_for_each_release_and_project(client: Client, size: int) -> None:
    """Forward and back, also where a page ends inside a release.

    Source: docs/sentry-contract.md#5-lists, `flatten=1`.
    """
    for version, projects in (("a", ["web", "api"]), ("b", ["api"]), ("c", ["web", "api"])):
        client.rest("POST", RELEASES_PATH, release(version, projects=projects))
    expected = [("c", "web"), ("c", "api"), ("b", "api"), ("a", "web"), ("a", "api")]
    walked: list[tuple[str, str]] = []
    pages: list[list[tuple[str, str]]] = []
    path = f"{RELEASES_PATH}?flatten=1&per_page={size}"
    while path:
        rows, (previous, path) = flat(client, path)
        walked += rows
        pages.append(rows)
    assert walked == expected
    for before in reversed(pages[:-1]):
        rows, (previous, _) = flat(client, previous)
        assert rows == before
    assert previous == ""
    assert flat(client, f"{RELEASES_PATH}?flatten=1&project=1")[0] == [("c", "web"), ("a", "web")]


def test_link_header_repeats_the_question(filled_store: Client) -> None:
    """Both relations, the query without its cursor, the previous of a first page.

    Source: docs/sentry-contract.md#5-lists, the Link header.
    """
    host = "http://testserver/api/0/" + RELEASES_PATH
    previous, following = filled_store.rest("GET", RELEASES_PATH + "?query=web&per_page=2").headers["link"].split(", ")
    assert previous == f'<{host}?query=web&per_page=2&cursor=2:-1:1>; rel="previous"; results="false"; cursor="2:-1:1"'
    assert following.startswith(f"<{host}?query=web&per_page=2&cursor=")
    assert '>; rel="next"; results="true"; cursor="' in following
    previous, following = filled_store.rest("GET", RELEASES_PATH + "?cursor=").headers["link"].split(", ")
    assert previous.startswith(f"<{host}?&cursor=100:-1:1>")
    assert 'rel="next"; results="false"' in following
    assert "x-hits" not in filled_store.rest("GET", RELEASES_PATH).headers


def test_past_the_end_is_an_empty_page(filled_store: Client) -> None:
    """A cursor behind the last release, and a filter that nothing meets, are 200 and [].

    Source: docs/sentry-contract.md#5-lists.
    """
    for query in ("cursor=1:1:0", "query=nothing-has-it", "start=2020-01-01&end=2020-01-02"):
        assert list_releases(filled_store, query) == [], query


def test_organization_without_releases_has_an_empty_list(client: Client) -> None:
    """[] on both roots; clients take a Link header whose results are false for the end.

    Source: docs/sentry-contract.md#5-lists.
    """
    for path in (RELEASES_PATH, OF_WEB, RELEASES_PATH + "stats/"):
        answer = client.rest("GET", path)
        assert (answer.status, answer.json) == (200, [])
        assert 'results="true"' not in answer.headers["link"]


def test_list_without_flatten_has_a_release_once(client: Client) -> None:
    """A release in several selected projects appears once (docs/sentry-contract.md#5-lists)."""
    client.rest("POST", RELEASES_PATH, release("a", projects=["web", "api"]))
    assert list_releases(client, "project=1&project=2") == ["a"]


def test_project_list_is_ordered_by_release_date(filled_store: Client) -> None:
    """By dateReleased else dateCreated; only open; whatever `status` says.

    Source: docs/sentry-contract.md#5-lists, the project list.
    """
    assert list_releases(filled_store, "status=archived", OF_WEB) == [VERSIONS[index][0] for index in (6, 5, 2, 0, 1)]
    assert list_releases(filled_store, "query=WEB", OF_WEB) == [VERSIONS[index][0] for index in (2, 0, 1)]


def test_stats_are_versions_and_dates(filled_store: Client) -> None:
    """The parameters of the list; a thousand a page; a release called stats is hidden by it.

    Source: docs/sentry-contract.md#1-endpoints, row 3.
    """
    body = filled_store.rest("GET", RELEASES_PATH + "stats/?query=web").json
    assert [list(item) for item in body] == [["version", "date"]] * 3
    assert [item["version"] for item in body] == [VERSIONS[index][0] for index in (2, 1, 0)]
    assert body[0]["date"] == filled_store.rest("GET", RELEASES_PATH + "web@1.10.0%2B9/").json["dateCreated"]
    assert filled_store.rest("GET", RELEASES_PATH + "stats/?per_page=1000").status == 200
    assert filled_store.rest("GET", RELEASES_PATH + "stats/?per_page=1001").json == {
        "detail": "Invalid per_page value. Cannot exceed 1000."
    }


def test_release_called_stats_is_hidden_by_the_statistics(client: Client) -> None:
    """The statistics hide a release called `stats` (docs/sentry-contract.md#1-endpoints)."""
    assert client.rest("POST", RELEASES_PATH, release("stats")).status == 201
    assert client.rest("GET", RELEASES_PATH + "stats/").json[0]["version"] == "stats"
    assert client.rest("GET", OF_WEB + "stats/").json["id"] == 1


def test_cursor_of_any_sort_is_three_integers(filled_store: Client) -> None:
    """What is not is refused, whatever the sort's keys are (docs/sentry-contract.md#5-lists)."""
    for path in (
        RELEASES_PATH + "?sort=semver&cursor=",
        RELEASES_PATH + "?sort=build&cursor=",
        "organizations/acme/repos/?cursor=",
    ):
        assert filled_store.rest("GET", path).status == 200
        for broken in ("x", "1:2", "255:1:0:0", "9" * 5000 + ":1:0", "0:-1:1"):
            answer = filled_store.rest("GET", path + broken)
            assert (answer.status, list(answer.json)) == (400, ["detail"]), (path, broken[:20])
    assert list_releases(filled_store, "sort=build&cursor=99999999999999999999:1:0")[0] == 400
    assert list_releases(filled_store, "sort=semver&cursor=255:1:0")[0] == 400, "no text in UTF-8"
    assert list_releases(filled_store, "sort=semver&cursor=24832:1:0")[0] == 400, "a NUL"


SEARCHES = {
    "text": '"a"',
    "release": "release:a*",
    "release in the middle": "release:*a*",
    "release at the end": "release:*a",
    "latest": "release:latest",
    "release.version": "release.version:1.2.*",
    "release.package": "release.package:*a*",
    "release.build": "release.build:>1",
    "release.created": "release.created:-14d",
    "finalized": "finalized:true",
    "negated": "!release:*a*",
}


@pytest.mark.parametrize("name", SEARCHES)
def test_each_filter_of_a_search_is_bounded_in_number(client: Client, name: str) -> None:
    """One list, of whose conditions there are at most 100: a search needs no price."""
    term = SEARCHES[name]
    few = client.rest("GET", f"organizations/acme/releases/?query={quote(' '.join([term] * 30))}&per_page=1")
    assert few.status == 200, few.json
    many = client.rest("GET", f"organizations/acme/releases/?query={quote(' '.join([term] * 101))}&per_page=1")
    assert many.status == 400
    assert "more than 100 conditions" in many.json["detail"] or "more than 2000 characters" in many.json["detail"]


def test_every_filter_of_the_search_is_in_the_test_of_their_number() -> None:
    keys = {term.removeprefix("!").partition(":")[0] for term in SEARCHES.values() if ":" in term}
    assert keys == FILTERS.keys() - {"release.stage"}
