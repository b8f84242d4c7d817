"""The bodies of creations and changes, line by line.

Source: docs/sentry-contract.md#2-2-body to docs/sentry-contract.md#2-11-project-creation,
docs/sentry-contract.md#3-2-put and docs/sentry-contract.md#3-4-project-paths.
"""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.domain.dates import WRONG_FORMAT
from tests.client import Client
from tests.conftest import Harness
from tests.factories import commit, release

RELEASES_PATH = "organizations/acme/releases/"
ONE = RELEASES_PATH + "web@1.0.0%2B1/"
OF_WEB = "projects/acme/web/releases/"


def create(client: Client, body: Any, path: str = RELEASES_PATH, **more: Any) -> Any:
    answer = client.rest("POST", path, body, **more)
    assert answer.status in (201, 208), answer.body
    return answer.json


def list_commits(client: Client, path: str = ONE) -> list[str]:
    return [row["id"] for row in client.rest("GET", path + "commits/").json]


def test_texts_are_trimmed_but_the_version_and_numbers_are_spelled_out(client: Client) -> None:
    """Numbers are coerced, blanks around are cut, unknown keys and the owner are ignored.

    Source: docs/sentry-contract.md#2-2-body.
    """
    built = create(client, release(" 1.2 ", ref=" abc ", url=" https://e.example.com/ ", dateStarted="soon", owner=7, x=[1]))
    assert (built["version"], built["ref"], built["url"], built["owner"]) == (" 1.2 ", "abc", "https://e.example.com/", None)
    assert create(client, release(version=123, ref=1.5))["version"] == "123"
    assert client.rest("GET", RELEASES_PATH + "123/").json["ref"] == "1.5"


def test_optional_fields_take_null_and_blank_where_sentrys_do(client: Client) -> None:
    """The columns null and blank of docs/sentry-contract.md#2-2-body."""
    built = create(client, release("a", ref=None, url=None, dateReleased=None, commits=[], refs=[], headCommits=[]))
    assert (built["ref"], built["url"], built["dateReleased"], built["commitCount"]) == (None, None, None, 0)
    built = create(client, release("b", ref="", url=""))
    assert (built["ref"], built["url"]) == ("", "")
    for field, value, message in (
        ("dateReleased", "", WRONG_FORMAT),
        ("dateReleased", 1700000000, WRONG_FORMAT),
        ("refs", None, "This field may not be null."),
        ("headCommits", None, "This field may not be null."),
        ("commits", "x", 'Expected a list of items but got type "str".'),
        ("refs", {}, 'Expected a list of items but got type "dict".'),
        ("ref", ["x"], "Not a valid string."),
        ("status", "OPEN", "Invalid status OPEN"),
    ):
        answer = client.rest("POST", RELEASES_PATH, release("c", **{field: value}))
        assert (answer.status, answer.json) == (400, {field: [message]}), field
    assert client.rest("GET", RELEASES_PATH + "c/").status == 404


@pytest.mark.parametrize("version", ["1.2.1 (123)", "1.2.3+dev", "1–0", "a\x0bb", "latest-1", "...", "#?%&", "x" * 200])
def test_surprising_versions_are_taken_and_found_by_their_path(client: Client, version: str) -> None:
    """Allowed though surprising; identity is the exact string (docs/sentry-contract.md#2-3-versions)."""
    from urllib.parse import quote

    assert create(client, release(version))["version"] == version
    assert client.rest("GET", f"{RELEASES_PATH}{quote(version, safe='')}/").json["version"] == version


def test_version_too_long_for_the_parser_has_no_info(client: Client) -> None:
    """200 characters may be more than 200 bytes.

    Source: docs/sentry-contract.md#2-3-versions (b).
    """
    assert create(client, release("é" * 150))["versionInfo"] is None
    assert create(client, release("Web@1"))["id"] != create(client, release("web@1"))["id"]


@pytest.mark.parametrize(
    ("commits", "expected"),
    [
        ([commit(id="")], {"commits": {"id": ["This field may not be blank."]}}),
        ([commit(id="x" * 65)], {"commits": {"id": ["Ensure this field has no more than 64 characters."]}}),
        ([commit(repository="x" * 65)], {"commits": {"repository": ["Ensure this field has no more than 64 characters."]}}),
        (
            [commit(author_name="x" * 129)],
            {"commits": {"author_name": ["Ensure this field has no more than 128 characters."]}},
        ),
        (
            [commit(author_email="x" * 201)],
            {"commits": {"author_email": ["Ensure this field has no more than 200 characters."]}},
        ),
        ([commit(timestamp="soon")], {"commits": {"timestamp": [WRONG_FORMAT]}}),
        (
            [commit(patch_set=[{"path": "x" * 511, "type": "A"}])],
            {"commits": {"patch_set": {"path": ["Ensure this field has no more than 510 characters."]}}},
        ),
        (
            [commit(patch_set=[{"path": "x", "type": "m"}])],
            {"commits": {"patch_set": {"type": ["Commit patch_set type m is not supported."]}}},
        ),
        (
            [commit(patch_set=[{"path": "x", "type": "R"}])],
            {"commits": {"patch_set": {"type": ["Commit patch_set type R is not supported."]}}},
        ),
        (
            [commit(patch_set=[{"path": "x", "type": "ADDED"}])],  # GraphQL's word for it
            {"commits": {"patch_set": {"type": ["Ensure this field has no more than 1 characters."]}}},
        ),
    ],
)
def test_fields_of_a_commit_have_sentrys_bounds(client: Client, commits: Any, expected: Any) -> None:
    """Each field of a commit; a list reports its first bad element.

    Source: docs/sentry-contract.md#2-5-commits and docs/sentry-contract.md#2-6-nested-errors.
    """
    answer = client.rest("POST", RELEASES_PATH, release(commits=commits))
    assert (answer.status, answer.json) == (400, expected)


def test_null_and_blank_fields_of_a_commit_are_taken(client: Client) -> None:
    """Anything for an id, null for what is optional; no name is the organization's own repository.

    Source: docs/sentry-contract.md#2-5-commits and docs/sentry-contract.md#8-defects.
    """
    nothing = {"repository": None, "message": None, "author_name": None, "author_email": None, "patch_set": None}
    create(
        client,
        release(commits=[{"id": " no hex ", **nothing, "timestamp": None}, {"id": "b", "repository": "", "message": ""}]),
    )
    body = client.rest("GET", ONE + "commits/").json
    assert [(item["id"], item["message"], item["author"]) for item in body] == [("no hex", None, {}), ("b", "", {})]
    assert {item["repository"]["name"] for item in body} == {"organization-1"}


def test_commits_are_sorted_and_the_skipped_left_out(client: Client) -> None:
    """Newest first, stable; `#skipsentry` is not there; each commit once.

    Source: docs/sentry-contract.md#2-5-commits, points 1, 2, 9 and 10.
    """
    at = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    sent = [
        commit(1, timestamp=at[0]), commit(2, timestamp=at[2]), commit(3, timestamp=at[2]), commit(4, timestamp=at[1]),
        commit(5, timestamp=at[2], message="no #skipsentry please"), commit(4, timestamp=at[1]),
    ]  # fmt: skip
    response = create(client, release(commits=sent))
    assert list_commits(client) == [commit(number)["id"] for number in (2, 3, 4, 1)]
    assert (response["commitCount"], response["lastCommit"]["id"]) == (4, commit(2)["id"])
    cleared = create(client, release(commits=[commit(9, message="#skipsentry")]))
    assert (cleared["commitCount"], cleared["lastCommit"], cleared["authors"], list_commits(client)) == (0, None, [], [])


def test_commits_are_replaced_and_an_empty_list_does_nothing(client: Client) -> None:
    """A new list replaces the old one; the answer has the new commits already.

    Source: docs/sentry-contract.md#2-5-commits, point 4 and the last line.
    """
    create(client, release(commits=[commit(1), commit(2)]))
    assert create(client, release(commits=[]))["commitCount"] == 2
    assert create(client, release(commits=[commit(3)]))["lastCommit"]["id"] == commit(3)["id"]
    assert list_commits(client) == [commit(3)["id"]]


def test_author_is_known_by_the_address_in_lower_case(client: Client) -> None:
    """The name is overwritten, but not by its absence.

    Source: docs/sentry-contract.md#2-5-commits, point 6, and docs/sentry-contract.md#9-decisions.
    """
    unnamed = commit(3, author_email="ADA@example.com")
    del unnamed["author_name"]
    create(client, release("a", commits=[commit(1, author_name="Ada", author_email="Ada@Example.com")]))
    create(client, release("b", commits=[commit(2, author_name="Ada L.", author_email="ada@example.com"), unnamed]))
    assert client.rest("GET", RELEASES_PATH + "a/").json["authors"] == [{"name": "Ada L.", "email": "ada@example.com"}]
    nameless = {"author_name": "Grace Hopper", "author_email": None}
    response = create(
        client, release("c", commits=[commit(4, **nameless), commit(5, author_email="x" * 80), commit(6, author_email="")])
    )
    assert {author["email"] for author in response["authors"]} == {"gracehopper@localhost", "x" * 72 + "..."}


def test_known_commit_changes_only_where_something_is_said(client: Client) -> None:
    """Missing keys keep what is stored, and so do the types of known paths.

    Source: docs/sentry-contract.md#2-5-commits, points 7 and 8.
    """
    create(client, release("a", commits=[commit(1, patch_set=[{"path": "p", "type": "A"}])]))
    again = {"id": commit(1)["id"], "repository": "acme/web", "message": "new words"}
    create(client, release("b", commits=[again | {"patch_set": [{"path": "p", "type": "M"}, {"path": "q", "type": "D"}]}]))
    [body] = client.rest("GET", RELEASES_PATH + "a/commits/").json
    assert (body["message"], body["author"]["email"]) == ("new words", "ada@example.com")
    assert body["dateCreated"] == "2026-11-19T07:00:58Z"
    files = client.rest("GET", RELEASES_PATH + "a/commitfiles/").json
    assert [(file["filename"], file["type"]) for file in files] == [("p", "A"), ("q", "D")]


def test_refs_create_repositories_that_are_new(client: Client) -> None:
    """Unlike Sentry's (docs/sentry-contract.md#2-7-refs), as commits do; a wrong ref creates none."""
    for wrong in (
        {"commit": ""},
        {"repository": ""},
        {"repository": "r" * 201},
        {"commit": "a.."},
        {"previousCommit": "a" * 65},
    ):
        answer = client.rest("POST", RELEASES_PATH, release(refs=[{"repository": "x", "commit": "a"} | wrong]))
        assert (answer.status, [*answer.json, *answer.json["refs"]]) == (400, ["refs", *wrong])
    assert client.rest("GET", "organizations/acme/repos/").json == []
    two = [{"repository": name, "commit": "a" * 40} for name in ("x", "y")]
    assert client.rest("POST", RELEASES_PATH, release(refs=two)).status == 201
    assert client.rest("PUT", ONE, {"refs": [*two, {"repository": "z", "commit": "b" * 40}]}).status == 200
    repositories = client.rest("GET", "organizations/acme/repos/").json
    assert [(repository["name"], repository["provider"]["id"]) for repository in repositories] == [
        (name, "unknown") for name in "xyz"
    ]


HEADS = """query ($version: String!) { release(by: {key: {organization: "acme", version: $version}}) {
  headCommits(first: 10) { nodes { repository { name } commit { sha } previousSha } } } }"""


def heads(client: Client, version: str) -> list[tuple[str, str, str | None]]:
    nodes = client.graphql(HEADS, {"version": version})["data"]["release"]["headCommits"]["nodes"]
    return [(node["repository"]["name"], node["commit"]["sha"], node["previousSha"]) for node in nodes]


def test_refs_set_the_head_of_each_repository(client: Client) -> None:
    """A range overrides previousCommit, the last one of a repository wins, a...b is a and .b.

    Source: docs/sentry-contract.md#2-7-refs.
    """
    create(client, release("known", commits=[commit(1, repository="x")]))

    def set_refs(*refs: dict[str, Any], **more: Any) -> list[tuple[str, str, str | None]]:
        create(client, release("a", refs=[{"repository": "x"} | ref for ref in refs], **more))
        return heads(client, "a")

    assert set_refs({"commit": "p1..h1", "previousCommit": "p0"}) == [("x", "h1", "p1")]
    assert set_refs({"commit": "h2"}, {"commit": " h3 ", "previousCommit": ""}) == [("x", "h3", None)]
    assert set_refs({"commit": "p4...h4"}) == [("x", ".h4", "p4")]
    assert set_refs() == [("x", ".h4", "p4")], "an empty list is a no-op"


def test_head_commits_are_refs_in_the_old_words(client: Client) -> None:
    """Used where refs are absent or empty (docs/sentry-contract.md#2-7-refs)."""
    create(client, release("known", commits=[commit(1, repository="x")]))
    old = [{"repository": "x", "currentId": "h1", "previousId": None}]
    create(client, release("a", refs=[], headCommits=old))
    assert heads(client, "a") == [("x", "h1", None)]
    create(client, release("b", refs=[{"repository": "x", "commit": "h2"}], headCommits=old))
    assert heads(client, "b") == [("x", "h2", None)]
    client.rest("PUT", RELEASES_PATH + "b/", {"refs": [], "headCommits": old})
    assert heads(client, "b") == [("x", "h1", None)]
    for field, value in (("currentId", "a" * 65), ("repository", "r" * 65)):
        answer = client.rest("POST", RELEASES_PATH, release(headCommits=[old[0] | {field: value}]))
        message = "Ensure this field has no more than 64 characters."
        assert (answer.status, answer.json) == (400, {"headCommits": {field: [message]}})


def test_status_is_taken_both_ways_by_a_repetition(client: Client) -> None:
    """On both roots.

    Source: docs/sentry-contract.md#2-1-order, point 5, docs/sentry-contract.md#2-9-repetition and
    docs/sentry-contract.md#2-11-project-creation.
    """
    create(client, release(status="archived"))
    for path, status in ((RELEASES_PATH, "open"), (OF_WEB, "archived"), (OF_WEB, "open")):
        answer = client.rest("POST", path, release(status=status))
        assert (answer.status, answer.json["status"]) == (208, status)


def test_creation_with_a_date_is_final_at_once(client: Client) -> None:
    """A date may come with the creation; a repetition gives none and changes none.

    Source: docs/sentry-contract.md#2-4-dates and docs/sentry-contract.md#2-9-repetition.
    """
    assert (
        create(client, release(dateReleased="2026-01-31T12:00:00.25+01:00"))["dateReleased"] == "2026-01-31T11:00:00.250000Z"
    )
    assert create(client, release(dateReleased="2027-01-01"))["dateReleased"] == "2026-01-31T11:00:00.250000Z"
    assert create(client, release("later"))["dateReleased"] is None
    assert create(client, release("later", dateReleased="2027-01-01"))["dateReleased"] is None


def test_user_agent_is_that_of_the_creation(client: Client) -> None:
    """Cut to 256 characters, empty where the header is absent; a repetition keeps it.

    Source: docs/sentry-contract.md#4-1-release.
    """
    assert (
        create(
            client,
            release(
                "a",
            ),
            headers={"user-agent": "x" * 300},
        )["userAgent"]
        == "x" * 256
    )
    assert create(client, release("a"), headers={"user-agent": "other"})["userAgent"] == "x" * 256
    assert create(client, release("b"))["userAgent"] == ""


def test_change_takes_what_is_said_and_ignores_the_rest(client: Client) -> None:
    """{} is valid; version, projects and owner are ignored; a date overwrites; a wrong ref changes nothing.

    Source: docs/sentry-contract.md#3-2-put.
    """
    create(client, release(dateReleased="2026-01-01", commits=[commit(1)]))
    before = client.rest("GET", ONE).json
    for body in ({}, {"version": "x", "projects": ["api"], "owner": 1}, {"ref": "", "url": None, "dateReleased": None}):
        answer = client.rest("PUT", ONE, body)
        assert (answer.status, answer.json) == (200, before)
    assert client.rest("PUT", ONE, {"dateReleased": "2026-02-01"}).json["dateReleased"] == "2026-02-01T00:00:00Z"
    assert client.rest("PUT", ONE, {"commits": [commit(2), commit(3)]}).json["commitCount"] == 2
    refused = client.rest("PUT", ONE, {"ref": "new", "refs": [{"repository": "none", "commit": ""}]})
    assert (refused.status, refused.json) == (400, {"refs": {"commit": ["This field may not be blank."]}})
    assert client.rest("GET", ONE).json["ref"] is None, "one request, one transaction"
    assert client.rest("PUT", ONE, {"status": "gone", "ref": "x" * 201}).json == {
        "status": ["Invalid status gone"], "ref": ["Ensure this field has no more than 200 characters."]
    }  # fmt: skip
    assert client.rest("PUT", RELEASES_PATH + "none/", {}).status == 404


def test_change_under_a_project_takes_no_refs(client: Client) -> None:
    """Applies ref, url, dateReleased, commits and status; the release must be linked to the project.

    Source: docs/sentry-contract.md#3-4-project-paths.
    """
    create(client, release(commits=[commit(1)]))
    body = {"ref": "r", "url": "https://e.example.com/", "dateReleased": "2026-01-01", "status": "archived", "refs": []}
    answer = client.rest("PUT", OF_WEB + "web@1.0.0%2B1/", body).json
    assert (answer["ref"], answer["url"], answer["dateReleased"], answer["status"], answer["commitCount"]) == (
        "r", "https://e.example.com/", "2026-01-01T00:00:00Z", "archived", 1
    )  # fmt: skip
    assert client.rest("PUT", OF_WEB + "web@1.0.0%2B1/", {"commits": [commit(2), commit(3)]}).json["commitCount"] == 2
    assert client.rest("PUT", "projects/acme/api/releases/web@1.0.0%2B1/", {"ref": "r"}).status == 404
    assert client.rest("DELETE", "projects/acme/api/releases/web@1.0.0%2B1/").status == 404


def test_project_flavour_names_its_release_201_and_208(client: Client) -> None:
    """A new link on an old release is a 201 (docs/sentry-contract.md#2-11-project-creation)."""
    assert client.rest("POST", RELEASES_PATH, release(projects=["api"])).status == 201
    assert client.rest("POST", OF_WEB, {"version": "web@1.0.0+1"}).status == 201
    assert client.rest("POST", OF_WEB, {"version": "web@1.0.0+1"}).status == 208
    assert client.rest("POST", OF_WEB, {}).json == {"version": ["This field is required."]}
    assert client.rest("POST", OF_WEB, {"version": "a/b"}).json == {"version": ["Release with name a/b is not allowed"]}


def test_deletion_stands_in_nothings_way_and_keeps_what_is_shared(client: Client, harness: Harness) -> None:
    """Commits, deploys, a date and the archive are no reason to refuse; what is shared stays.

    Source: docs/sentry-contract.md#3-3-delete.
    """
    create(client, release(commits=[commit(1)], dateReleased="2026-01-01", status="archived", projects=["web", "api"]))
    assert client.rest("POST", ONE + "deploys/", {"environment": "production"}).status == 201
    assert client.rest("DELETE", ONE, token=harness.token("org:ci", "project:write")).status == 403
    assert client.rest("DELETE", ONE).status == 204
    assert [row["name"] for row in client.rest("GET", "organizations/acme/repos/").json] == ["acme/web"]
    assert [row["name"] for row in client.rest("GET", "organizations/acme/environments/").json] == ["production"]
    again = create(client, release())
    assert (again["id"], again["commitCount"], again["deployCount"], again["status"]) == (2, 0, 0, "open")


def test_organization_and_project_are_named_by_slug_or_id(client: Client) -> None:
    """On every path (docs/sentry-contract.md#1-endpoints)."""
    create(client, release(), "organizations/1/releases/")
    for path in (
        "organizations/1/releases/",
        "projects/1/web/releases/",
        "projects/acme/1/releases/",
        "projects/1/1/releases/",
    ):
        assert [row["version"] for row in client.rest("GET", path).json] == ["web@1.0.0+1"], path
        assert client.rest("GET", path + "web@1.0.0%2B1/").status == 200
