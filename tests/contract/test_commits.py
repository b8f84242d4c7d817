"""Commits without an integration, through both apis: refs find the commits that are known, or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.domain.history import MESSAGES, CommitStatus
from tests.client import Client
from tests.conftest import Harness
from tests.factories import CREATE, as_graphql

SHOWN = """query ($v: String!) { release(by: {key: {organization: "acme", version: $v}}) { commitCount lastCommit { sha }
  commitStatus { code message } commits(first: 100) { nodes { sha } } authors { nodes { email } }
  headCommits(first: 100) { nodes { repository { name } commit { sha } previousSha knownUntil commitStatus { code } } } } }"""
SET_REFS = """mutation ($input: SetReleaseRefsInput!) { setReleaseRefs(input: $input) {
  release { commitCount commitStatus { code } } userErrors { code message } } }"""
SET_COMMITS = """mutation ($input: SetReleaseCommitsInput!) { setReleaseCommits(input: $input) {
  release { commitCount commitStatus { code } } userErrors { code message } } }"""


def sha(number: int) -> str:
    return f"{number:040x}"


def commit(number: int, repository: str = "acme/web", **more: Any) -> dict[str, Any]:
    """A commit of a line: higher numbers are newer."""
    built = {"id": sha(number), "repository": repository, "author_email": f"author{number % 2}@example.com"}
    return built | {"timestamp": f"2026-11-{1 + number // 24:02}T{number % 24:02}:00:00Z"} | more


def ref(head: int, previous: int | None = None, repository: str = "acme/web") -> dict[str, Any]:
    return {"repository": repository, "commit": sha(head), "previousCommit": None if previous is None else sha(previous)}


class Api:
    """Sends releases, commits and refs through one of the apis."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    def create(self, version: str, projects: tuple[str, ...] = ("web",), **more: Any) -> None:
        body = {"version": version, "projects": list(projects), **more}
        if self.name == "rest":
            assert self.client.rest("POST", "organizations/acme/releases/", body).status in (201, 208)
        else:
            assert self.client.graphql(CREATE, {"input": as_graphql(body)})["data"]["createRelease"]["userErrors"] == []

    def change(self, version: str, **more: Any) -> None:
        if self.name == "rest":
            assert self.client.rest("PUT", f"organizations/acme/releases/{version}/", more).status == 200
            return
        by = {"key": {"organization": "acme", "version": version}}
        for name, document in (("commits", SET_COMMITS), ("refs", SET_REFS)):
            if name in more:
                values = {"release": by, name: as_graphql({name: more[name]}).get(name)}
                (payload,) = self.client.graphql(document, {"input": values})["data"].values()
                assert payload["userErrors"] == []

    def shown(self, version: str) -> Any:
        answer = self.client.graphql(SHOWN, {"v": version})
        assert "errors" not in answer, answer
        return answer["data"]["release"]

    def numbers(self, version: str) -> list[int]:
        """The numbers of a release's commits, and that all that is kept of the list agrees."""
        release = self.shown(version)
        result = [int(node["sha"], 16) for node in release["commits"]["nodes"]]
        assert release["commitCount"] == len(result)
        assert release["lastCommit"] == (release["commits"]["nodes"] or [None])[0]
        listed = self.client.rest("GET", f"organizations/acme/releases/{version}/").json
        assert listed["commitCount"] == len(result)
        assert (listed["lastCommit"] or {}).get("id") == (sha(result[0]) if result else None)
        return result

    def status(self, version: str) -> str:
        shown = self.shown(version)["commitStatus"]
        assert shown["message"] == MESSAGES[CommitStatus(shown["code"])]
        return str(shown["code"])


@pytest.fixture(params=["rest", "graphql"])
def api(request: pytest.FixtureRequest, client: Client) -> Api:
    return Api(client, request.param)


def test_refs_are_filled_from_lists_that_other_releases_were_sent(api: Api) -> None:
    api.create("1", commits=[commit(n) for n in (3, 2, 1)])
    api.create("2", commits=[commit(n) for n in (6, 5, 4)], refs=[ref(6, 3)])
    api.create("wide", refs=[ref(5, 1)])
    assert (api.numbers("wide"), api.status("wide")) == ([5, 4, 3, 2], "COMPLETE")
    assert {node["email"] for node in api.shown("wide")["authors"]["nodes"]} == {
        "author0@example.com",
        "author1@example.com",
    }
    api.change("wide", refs=[{"repository": "acme/web", "commit": f"{sha(3)}..{sha(6)}"}])
    assert (api.numbers("wide"), api.status("wide")) == ([6, 5, 4], "COMPLETE")
    api.change("wide", refs=[])
    assert (api.numbers("wide"), api.status("wide")) == ([], "NO_COMMITS")


def test_each_status_says_why_a_range_is_not_there(api: Api) -> None:
    api.create("none")
    assert api.status("none") == "NO_COMMITS"
    api.create("1", commits=[commit(n) for n in (3, 2, 1)])
    assert api.status("1") == "COMPLETE"
    cases = {
        "HEAD_UNKNOWN": (ref(99, 1), sha(99)),
        "GAP": (ref(3, 77), sha(1)),
        "PREVIOUS_UNKNOWN": (ref(2), sha(1)),
    }
    for code, (item, until) in cases.items():
        projects = ("api",) if code == "PREVIOUS_UNKNOWN" else ("web",)
        api.create(code, projects, refs=[item])
        assert api.status(code) == code
        assert [sha(n) for n in api.numbers(code)] == [item["commit"]], "at least the head"
        (head,) = api.shown(code)["headCommits"]["nodes"]
        assert (head["knownUntil"], head["commitStatus"]) == (until, {"code": code})
    api.create("other", commits=[commit(n) for n in (3, 1)])
    api.create("AMBIGUOUS", refs=[ref(3, 1)])
    assert api.status("AMBIGUOUS") == "AMBIGUOUS"
    api.create("HEAD_UNLISTED", commits=[commit(50)], refs=[ref(51)])
    assert (api.status("HEAD_UNLISTED"), api.numbers("HEAD_UNLISTED")) == ("HEAD_UNLISTED", [50])


def test_lists_without_previous_commits_are_joined_by_dates_and_it_is_told(api: Api) -> None:
    api.create("1", commits=[commit(n) for n in (2, 1)])
    api.create("3", commits=[commit(n) for n in (6, 5)])
    api.create("all", refs=[ref(6, 1)])
    assert (api.numbers("all"), api.status("all")) == ([6, 5, 2], "BY_TIME")
    api.create("2", commits=[commit(n) for n in (4, 3)])
    assert (api.numbers("all"), api.status("all")) == ([6, 5, 4, 3, 2], "BY_TIME"), "the list in between came late"
    api.change("3", refs=[ref(6, 4)])
    api.change("2", refs=[ref(4, 2)])
    assert (api.numbers("all"), api.status("all")) == ([6, 5, 4, 3, 2], "COMPLETE")


def test_a_range_is_completed_when_the_list_with_its_head_comes(api: Api) -> None:
    api.create("0", commits=[commit(1)])
    api.create("early", refs=[ref(4, 1)])
    assert (api.numbers("early"), api.status("early")) == ([4], "HEAD_UNKNOWN")
    api.create("late", commits=[commit(n) for n in (5, 4, 3, 2, 1)])
    assert (api.numbers("early"), api.status("early")) == ([4, 3, 2], "COMPLETE")


def test_runs_that_finish_out_of_order_have_the_ranges_of_those_that_do_not(api: Api) -> None:
    """Without a previous commit a range begins after the nearest head of another release, whenever that one came."""
    api.create("line", ("api",), commits=[commit(n) for n in (9, 8, 7, 6, 5, 4, 3, 2, 1)])
    api.create("v1", refs=[ref(2)])
    api.create("v3", refs=[ref(8)])
    assert (api.status("v1"), api.numbers("v3")) == ("PREVIOUS_UNKNOWN", [8, 7, 6, 5, 4, 3])
    api.create("v2", refs=[ref(5)])
    assert (api.numbers("v2"), api.numbers("v3")) == ([5, 4, 3], [8, 7, 6])
    api.create("v3-rebuilt", refs=[ref(8)])
    assert (api.numbers("v3-rebuilt"), api.numbers("v3")) == ([8, 7, 6], [8, 7, 6])


def test_a_range_without_previous_ends_at_a_head_that_is_known_as_nothing_more(api: Api) -> None:
    api.create("list", ("api",), commits=[commit(n) for n in (5, 4)], refs=[ref(5, 3)])
    api.create("v2", refs=[ref(5)])
    assert (api.numbers("v2"), api.status("v2")) == ([5], "PREVIOUS_UNKNOWN")
    api.create("v1", refs=[ref(3)])
    assert (api.numbers("v2"), api.status("v2"), api.status("v1")) == ([5, 4], "COMPLETE", "HEAD_UNKNOWN")


def test_a_list_that_was_sent_stays_whatever_refs_say(api: Api) -> None:
    api.create("1", commits=[commit(n) for n in (3, 2, 1)])
    api.create("2", commits=[commit(n) for n in (6, 5, 4, 3)])
    for head_ref in (ref(6, 3), ref(6, 4), ref(6)):
        api.change("2", refs=[head_ref])
        assert (api.numbers("2"), api.status("2")) == ([6, 5, 4, 3], "COMPLETE")


def test_lists_and_ranges_of_several_repositories_stand_side_by_side(api: Api) -> None:
    api.create("base", ("api",), commits=[commit(n, "acme/api") for n in (40, 20, 10)])
    api.create("both", commits=[commit(n) for n in (30, 5)], refs=[ref(40, 10, "acme/api")])
    assert (api.numbers("both"), api.status("both")) == ([40, 30, 20, 5], "COMPLETE")
    api.change("both", commits=[commit(n) for n in (50, 30)])
    assert api.numbers("both") == [50, 40, 30, 20]
    api.change("both", refs=[ref(99, 10, "acme/api")])
    assert api.status("both") == "HEAD_UNKNOWN", "the worst of the repositories"
    assert api.numbers("both") == [50, 30], "a list that was sent gets no bare head"
    heads = api.shown("both")["headCommits"]["nodes"]
    heads_by_repository = {
        head["repository"]["name"]: (head["commit"]["sha"], head["commitStatus"]["code"]) for head in heads
    }
    assert heads_by_repository == {"acme/web": (sha(50), "COMPLETE"), "acme/api": (sha(99), "HEAD_UNKNOWN")}


def test_last_commit_is_the_newest_of_the_heads_of_all_repositories(client: Client) -> None:
    """Sentry takes the first of a list in which not every commit has a time: that may be the oldest."""
    undated = commit(1, "acme/docs")
    del undated["timestamp"]
    body = [undated, commit(20, "acme/api"), commit(30), commit(29)]
    client.rest("POST", "organizations/acme/releases/", {"version": "1", "projects": ["web"], "commits": body})
    assert client.rest("GET", "organizations/acme/releases/1/").json["lastCommit"]["id"] == sha(30)


def test_repeating_any_command_changes_nothing(api: Api, harness: Harness) -> None:
    def dump() -> Any:
        tables = ("releases", "release_commits", "release_authors", "head_commits", "commits", "repositories")
        return {name: sorted(harness.rows(f"SELECT * FROM {name}"), key=str) for name in tables}

    commands: list[Any] = [
        lambda: api.create("1", commits=[commit(n) for n in (2, 1)]),
        lambda: api.create("2", commits=[commit(n) for n in (4, 3)], refs=[ref(4, 2)]),
        lambda: api.create("3", refs=[ref(4, 1)]),
        lambda: api.change("3", refs=[ref(9)]),
        lambda: api.create("4", commits=[commit(n) for n in (9, 8)]),
        lambda: api.change("4", refs=[ref(9, 4)]),
        lambda: api.create("5", commits=[commit(7, "acme/api")], refs=[ref(9, 2)]),
        lambda: api.change("5", commits=[commit(8, "acme/api")]),
    ]
    for index, command in enumerate(commands):
        command()
        once = dump()
        command()
        assert dump() == once, index
