"""The REST API, field by field, as docs/sentry-contract.md has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gql_releases.domain.release import RELEASE_FIELDS
from tests.client import Client
from tests.conftest import Harness
from tests.factories import SHA, commit, release

UNKNOWN_PATH = ": see docs/sentry-compatibility.md."
RELEASES_PATH = "organizations/acme/releases/"
UNKNOWN_PATH = ": see docs/sentry-compatibility.md."


def create(client: Client, body: Any, path: str = RELEASES_PATH, **more: Any) -> Any:
    answer = client.rest("POST", path, body, **more)
    assert answer.status in (201, 208), answer.body
    return answer.json


def test_creation_answers_the_documented_example(client: Client) -> None:
    """The published example of Sentry's documentation: each field and header with its documented value.

    Our own fields of a release have their defaults beside these.
    """
    own_fields = {field.rest_name: field.default for field in RELEASE_FIELDS if field.rest_name and not field.is_in_sentry}
    before = datetime.now(UTC)
    body = {"version": "2.0rc2", "ref": SHA, "projects": ["web"]}
    answer = client.rest("POST", RELEASES_PATH, body, headers={"user-agent": "curl/8"})
    assert answer.status == 201
    result = answer.json
    assert before <= datetime.fromisoformat(result.pop("dateCreated")) <= datetime.now(UTC)
    assert result == {
        "id": 1, "version": "2.0rc2", "shortVersion": "2.0rc2", "ref": SHA, "url": None, "status": "open",
        "dateReleased": None, "data": {}, "newGroups": 0, "owner": None, "commitCount": 0, "lastCommit": None,
        "deployCount": 0, "lastDeploy": None, "authors": [], "firstEvent": None, "lastEvent": None,
        "currentProjectMeta": {}, "userAgent": "curl/8",
        "versionInfo": {
            "package": None, "version": {"raw": "2.0rc2"}, "description": "2.0rc2", "buildHash": None,
        },
        "projects": [
            {
                "id": 1, "slug": "web", "name": "web", "newGroups": 0, "platform": None, "platforms": [],
                "hasHealthData": False,
            }
        ],
        **own_fields,
    }  # fmt: skip
    headers = {name: answer.headers[name] for name in answer.headers if name not in ("content-length", "x-request-id")}
    assert headers == {
        "content-type": "application/json",
        "x-xss-protection": "1; mode=block",
        "x-content-type-options": "nosniff",
        "x-frame-options": "deny",
        "content-language": "en",
        "vary": "Accept-Language, Cookie",
        "allow": "GET, POST, HEAD, OPTIONS",
        "cache-control": "no-store",
    }


def test_creation_shows_commits_authors_and_refs_as_sentry_does(client: Client) -> None:
    """`lastCommit` with its repository, author and releases.

    Source: docs/sentry-contract.md#2-5-commits, docs/sentry-contract.md#4-4-commit, docs/sentry-contract.md#4-5-author.
    """
    body = release(commits=[commit(1), commit(0)], refs=[{"repository": "acme/web", "commit": "a" * 40}])
    result = create(client, body)
    last = result["lastCommit"]
    assert last["id"] == commit(0)["id"]
    assert last["dateCreated"] == "2026-11-19T07:00:59Z"
    assert last["author"] == {"name": "Ada", "email": "ada@example.com"}
    assert last["pullRequest"] is None
    assert last["suspectCommitType"] == ""
    assert last["repository"]["name"] == "acme/web"
    assert last["repository"]["provider"] == {"id": "unknown", "name": "Unknown Provider"}
    assert [release["version"] for release in last["releases"]] == ["web@1.0.0+1"]
    assert result["authors"] == [{"name": "Ada", "email": "ada@example.com"}]
    assert result["commitCount"] == 2


def test_version_info_is_parsed_by_the_grammar(client: Client) -> None:
    """Source: docs/sentry-contract.md#4-2-version-info."""
    assert create(client, release("web@1.2.3-rc1+42"))["versionInfo"] == {
        "package": "web",
        "version": {
            "raw": "1.2.3-rc1+42", "major": 1, "minor": 2, "patch": 3, "pre": "rc1", "buildCode": "42", "components": 3,
        },
        "description": "1.2.3-rc1 (42)",
        "buildHash": None,
    }  # fmt: skip


def test_version_info_keeps_numbers_of_64_bits(client: Client) -> None:
    """Up to 2^64-1, which is more than a database's integer (docs/sentry-contract.md#4-2-version-info)."""
    version = create(client, release(f"web@{2**64 - 1}.{2**64}.1"))["versionInfo"]["version"]
    assert (version["major"], version["minor"]) == (2**64 - 1, 0)


def test_repetition_changes_nothing_but_what_it_may(client: Client) -> None:
    """208; ref, url and dateReleased of a known release stay; status and commits are taken.

    Source: docs/sentry-contract.md#2-9-repetition.
    """
    first = release(ref="a", url="https://a.example.com/", dateReleased="2026-01-01T00:00:00Z", commits=[commit(0)])
    create(client, first)
    again = release(ref="b", url="https://b.example.com/", dateReleased=None, status="archived", commits=[commit(1)])
    answer = client.rest("POST", RELEASES_PATH, again)
    assert answer.status == 208
    body = answer.json
    assert (body["ref"], body["url"]) == ("a", "https://a.example.com/")
    assert body["dateReleased"] == "2026-01-01T00:00:00Z"
    assert body["status"] == "archived"
    assert body["lastCommit"]["id"] == commit(1)["id"]
    assert client.rest("POST", RELEASES_PATH, again).status == 208


def test_new_project_on_a_known_release_is_a_creation(client: Client) -> None:
    """Projects are united, by slug, id and decimal id (docs/sentry-contract.md#2-1-order, point 10)."""
    assert client.rest("POST", RELEASES_PATH, release()).status == 201
    answer = client.rest("POST", RELEASES_PATH, release(projects=["api"]))
    assert answer.status == 201
    assert {project["slug"] for project in answer.json["projects"]} == {"web", "api"}
    assert client.rest("POST", RELEASES_PATH, release(projects=[1, "2", "web"])).status == 208


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"version": ["This field is required."], "projects": ["This field is required."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        (b"null", {"non_field_errors": ["No data provided"]}),
        (release(version=None), {"version": ["This field may not be null."]}),
        (release(version="  "), {"version": ["This field may not be blank."]}),
        (release(version="x" * 201), {"version": ["Ensure this field has no more than 200 characters."]}),
        (release(version="a/b"), {"version": ["Release with name a/b is not allowed"]}),
        (release(version="1.2.3\n"), {"version": ["Release with name 1.2.3\n is not allowed"]}),
        (release(version=" Latest "), {"version": ["Release with name  Latest  is not allowed"]}),
        (release(version=True), {"version": ["Not a valid string."]}),
        (release(version="a\0"), {"version": ["Null characters are not allowed."]}),
        (release(version="a\ud800"), {"version": ["Surrogate characters are not allowed: U+D800."]}),
        (release(projects=None), {"projects": ["This field may not be null."]}),
        (release(projects="web"), {"projects": ['Expected a list of items but got type "str".']}),
        (release(projects=["nope"]), {"projects": ["Invalid project ids or slugs"]}),
        (release(projects=[True]), {"projects": ["Invalid project ids or slugs"]}),
        (release(projects=[None]), {"projects": ["Invalid project ids or slugs"]}),
        (release(projects=[[1]]), {"projects": ["Invalid project ids or slugs"]}),
        (release(projects=[10**30]), {"projects": ["Invalid project ids or slugs"]}),
        (release(ref="x" * 201), {"ref": ["Ensure this field has no more than 200 characters."]}),
        (release(url="x"), {"url": ["Enter a valid URL."]}),
        (release(url="https://e.example.com/" + "x" * 200), {"url": ["Ensure this field has no more than 200 characters."]}),
        (
            release(dateReleased="yesterday"),
            {
                "dateReleased": [
                    "Datetime has wrong format. Use one of these formats instead: "
                    "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
                ]
            },
        ),
        (release(commits=None), {"commits": ["This field may not be null."]}),
        (release(commits=[{}]), {"commits": {"id": ["This field is required."]}}),
        (release(commits=[None]), {"commits": ["This field may not be null."]}),
        (
            release(commits=["x"]),
            {"commits": {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}},
        ),
        (
            release(commits=[{"id": "x", "patch_set": [{"path": "a", "type": "Z"}]}]),
            {"commits": {"patch_set": {"type": ["Commit patch_set type Z is not supported."]}}},
        ),
        (
            release(commits=[{"id": "x", "patch_set": [{"path": "a", "type": "AM"}]}]),
            {"commits": {"patch_set": {"type": ["Ensure this field has no more than 1 characters."]}}},
        ),
        (
            release(commits=[{"id": "x", "patch_set": [{}]}, {}]),
            {"commits": {"patch_set": {"path": ["This field is required."], "type": ["This field is required."]}}},
        ),
        (release(refs=[{"repository": "r"}]), {"refs": {"commit": ["This field is required."]}}),
        (release(refs=[{"repository": "r", "commit": "..a"}]), {"refs": {"commit": ["Commit cannot begin or end with .."]}}),
        (
            release(refs=[{"repository": "r", "commit": "a" * 65}]),
            {"refs": {"commit": ["Commit too long - max is 64 chars"]}},
        ),
        (
            release(refs=[{"repository": "r", "commit": "a.." + "b" * 65}]),
            {"refs": {"commit": ["Start or end commit too long - max is 64 chars each"]}},
        ),
        (
            release(headCommits=[{"repository": "x", "currentId": "a", "previousId": ""}]),
            {"headCommits": {"previousId": ["This field may not be blank."]}},
        ),
        (release(status="gone"), {"status": ["Invalid status gone"]}),
        (release(status=None), {"status": ["This field may not be null."]}),
        (
            {"version": "a/b", "projects": 3, "url": "x"},
            {
                "version": ["Release with name a/b is not allowed"],
                "projects": ['Expected a list of items but got type "int".'],
                "url": ["Enter a valid URL."],
            },
        ),
    ],
)
def test_bad_creation_names_every_wrong_field_and_changes_nothing(client: Client, body: Any, expected: Any) -> None:
    """Source: docs/sentry-contract.md#2-2-body, docs/sentry-contract.md#2-3-versions,
    docs/sentry-contract.md#2-6-nested-errors, docs/sentry-contract.md#2-7-refs.
    """
    answer = client.rest("POST", RELEASES_PATH, body)
    assert (answer.status, answer.json) == (400, expected)
    assert client.rest("GET", RELEASES_PATH).json == []


def test_refused_refs_leave_nothing_behind(client: Client) -> None:
    """One request, one transaction; the corrected retry is a 201 (docs/sentry-contract.md#9-decisions)."""
    body = release(commits=[commit()], refs=[{"repository": "unknown", "commit": "a.."}])
    assert client.rest("POST", RELEASES_PATH, body).status == 400
    assert client.rest("GET", RELEASES_PATH + "web@1.0.0+1/").status == 404
    assert client.rest("GET", "organizations/acme/repos/").json == []
    assert client.rest("POST", RELEASES_PATH, release(commits=[commit()])).status == 201


def test_details_update_and_deletion(client: Client) -> None:
    """Source: docs/sentry-contract.md#3-1-get to docs/sentry-contract.md#3-3-delete."""
    create(client, release(ref="a", commits=[commit()]))
    path = RELEASES_PATH + "web@1.0.0%2B1/"
    assert client.rest("GET", path).json["ref"] == "a"
    changed = client.rest("PUT", path, {"ref": "", "url": "https://u.example.com/", "dateReleased": "2026-01-02"})
    assert changed.status == 200
    assert (changed.json["ref"], changed.json["url"]) == ("a", "https://u.example.com/")
    assert changed.json["dateReleased"] == "2026-01-02T00:00:00Z"
    assert client.rest("PUT", path, {"dateReleased": None}).json["dateReleased"] == "2026-01-02T00:00:00Z"
    assert client.rest("PUT", path, {"status": "archived"}).json["status"] == "archived"
    assert client.rest("PUT", path, {"status": "open"}).json["status"] == "open"
    assert client.rest("PUT", path, {"commits": []}).json["commitCount"] == 1
    cleared = client.rest("PUT", path, {"refs": []}).json
    assert (cleared["commitCount"], cleared["lastCommit"], cleared["authors"]) == (0, None, [])
    deleted = client.rest("DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    assert client.rest("DELETE", path).status == 404
    assert client.rest("GET", path).status == 404
    assert create(client, release())["id"] == 2, "an id is never handed on"


def test_project_flavour_knows_its_own_releases(client: Client) -> None:
    """Source: docs/sentry-contract.md#2-11-project-creation and docs/sentry-contract.md#3-4-project-paths."""
    of_web, of_api = "projects/acme/web/releases/", "projects/acme/api/releases/"
    assert client.rest("POST", of_web, {"version": "1", "refs": "ignored", "projects": 3}).status == 201
    assert client.rest("POST", of_web, {"version": "1"}).status == 208
    assert client.rest("GET", of_api + "1/").status == 404
    assert client.rest("POST", of_api, {"version": "1"}).status == 201
    assert client.rest("GET", "projects/acme/2/releases/1/").json["version"] == "1"
    assert client.rest("PUT", of_api + "1/", {"ref": "r", "refs": []}).json["ref"] == "r"
    assert [row["version"] for row in client.rest("GET", of_web).json] == ["1"]
    assert client.rest("POST", "projects/acme/nope/releases/", {"version": "1"}).status == 404
    assert client.rest("GET", "projects/acme/nope/releases/").status == 404
    assert client.rest("DELETE", of_web + "1/").status == 204
    assert client.rest("GET", of_api + "1/").status == 404


def test_release_without_projects_is_hidden(client: Client) -> None:
    """404 and not listed over REST; GraphQL shows it (docs/sentry-contract.md#9-decisions)."""
    assert client.rest("POST", RELEASES_PATH, release("lonely", projects=[])).status == 201
    assert client.rest("GET", RELEASES_PATH).json == []
    assert client.rest("GET", RELEASES_PATH + "lonely/").status == 404
    shown = client.graphql('{release(by: {key: {organization: "acme", version: "lonely"}}) {version}}')
    assert shown == {"data": {"release": {"version": "lonely"}}}


def test_list_is_filtered_and_newest_first(client: Client) -> None:
    """Source: docs/sentry-contract.md#5-lists."""
    for version, project in (("web@1", "web"), ("api@1", "api"), ("web@2 (7)", "web"), ("WEB@3", "web")):
        create(client, release(version, projects=[project]))
    create(client, release("old", status="archived"))

    def list_rows(query: str) -> Any:
        answer = client.rest("GET", RELEASES_PATH + query)
        return [row["version"] for row in answer.json] if answer.status == 200 else (answer.status, answer.json)

    assert list_rows("") == ["WEB@3", "web@2 (7)", "api@1", "web@1"]
    assert list_rows("?query=web@") == ["WEB@3", "web@2 (7)", "web@1"]
    assert list_rows("?query=%25") == []
    assert list_rows("?status=archived") == ["old"]
    assert len(list_rows("?status=")) == 5
    assert list_rows("?project=2") == ["api@1"]
    assert len(list_rows("?project=1&project=2&sort=date")) == 4
    assert len(list_rows("?project=-1")) == 4
    assert list_rows("?status=gone") == (400, {"detail": "invalid value for status"})
    assert list_rows("?sort=size") == (400, {"detail": "invalid sort"})
    assert list_rows("?per_page=101") == (400, {"detail": "Invalid per_page value. Cannot exceed 100."})
    assert list_rows("?per_page=x") == (400, {"detail": "Invalid per_page parameter."})
    assert list_rows("?per_page=0")[0] == 400
    assert list_rows("?project=x") == (400, {"detail": "Invalid project parameter. Values must be numbers."})
    assert list_rows("?project=99")[0] == 403
    for broken in ("x", "1:2", "1:2:3", "a:b:c", "1:99999999999999999999:0", "9" * 40 + ":1:0"):
        assert list_rows(f"?cursor={broken}") == (400, {"detail": "Invalid cursor parameter."})
    assert list_rows("?cursor=100:-1:1") == (400, {"detail": "Pagination offset cannot be negative"})


def test_walk_by_link_header_gives_each_release_once(client: Client) -> None:
    """Both relations always; results say whether there is more; a page stays where it is under inserts.

    Source: docs/sentry-contract.md#5-lists.
    """
    versions = [f"web@{number}" for number in range(7)]
    for version in versions:
        create(client, release(version))
    first = client.rest("GET", RELEASES_PATH + "?per_page=3&query=web@")
    links = first.headers["link"].split(", ")
    assert links[0] == (
        "<http://testserver/api/0/organizations/acme/releases/?per_page=3&query=web%40&cursor=3:-1:1>; "
        'rel="previous"; results="false"; cursor="3:-1:1"'
    )
    seen, pages, path = [], 0, RELEASES_PATH + "?per_page=3&query=web@"
    while True:
        answer = client.rest("GET", path)
        seen += [row["version"] for row in answer.json]
        pages += 1
        following = answer.headers["link"].split(", ")[1]
        if 'results="false"' in following:
            break
        create(client, release(f"web@new-{pages}"))
        path = following.partition(">")[0].removeprefix("<http://testserver/api/0/")
    assert (seen, pages) == (versions[::-1], 3)
    previous = answer.headers["link"].split(", ")[0]
    assert 'results="true"' in previous
    back = client.rest("GET", previous.partition(">")[0].removeprefix("<http://testserver/api/0/"))
    assert [row["version"] for row in back.json] == versions[::-1][3:6]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        ("GET", RELEASES_PATH, {"authorization": ""}, None, (401, {"detail": "Authentication credentials were not provided."})),
        ("GET", RELEASES_PATH, {"authorization": "Bearer x"}, None, (401, {"detail": "Invalid token"})),
        (
            "GET", RELEASES_PATH, {"authorization": "Bearer "}, None,
            (401, {"detail": "Invalid token header. No credentials provided."}),
        ),
        (
            "GET", RELEASES_PATH, {"authorization": "Bearer a b"}, None,
            (401, {"detail": "Invalid token header. Token string should not contain spaces."}),
        ),
        ("PATCH", RELEASES_PATH, {}, None, (405, {"detail": 'Method "PATCH" not allowed.'})),
        ("POST", RELEASES_PATH, {"content-type": "text/plain"}, b"x", (415, {"detail": 'Unsupported media type "text/plain" in request.'})),
        ("POST", RELEASES_PATH, {"content-length": "99999999999"}, b"{}", (413, {"detail": "The body is larger than 33554432 bytes."})),
        (
            "POST", RELEASES_PATH, {}, b"[" + b"[]," * 1_300_000 + b"1]",
            (413, {"detail": "The limit jsonValues is 1200000; this request has 1300000."}),
        ),
        ("GET", RELEASES_PATH[:-1], {"content-type": "application/json"}, None, (404, {"info": "The path must end in a slash."})),
        ("GET", "nothing/", {}, None, (404, {"detail": "This server has no path /api/0/nothing/" + UNKNOWN_PATH})),
        ("GET", RELEASES_PATH + "a/b/", {}, None, (404, {"detail": f"This server has no path /api/0/{RELEASES_PATH}a/b/" + UNKNOWN_PATH})),
        ("GET", RELEASES_PATH + "%ff/", {}, None, (404, {"detail": "The requested resource does not exist"})),
        ("GET", "organizations/other/releases/", {}, None, (403, {"detail": "You do not have permission to perform this action."})),
        ("GET", "organizations/none/releases/", {}, None, (403, {"detail": "You do not have permission to perform this action."})),
    ],
)  # fmt: skip
def test_request_that_no_handler_gets_is_told_why(
    client: Client, method: str, path: str, headers: dict[str, str], body: Any, expected: Any
) -> None:
    """Source: docs/sentry-contract.md#1-1-authentication and, for organizations,
    docs/sentry-contract.md#9-decisions.
    """
    answer = client.rest(method, path, body, headers=headers)
    assert (answer.status, answer.json) == expected
    if answer.status == 401:
        assert answer.headers["www-authenticate"] == 'xBasic realm="api"'


def test_missing_slash_is_plain_text_where_no_json_was_sent(client: Client) -> None:
    """A hint in JSON for JSON, else a 404 in plain text (docs/sentry-contract.md#1-endpoints)."""
    answer = client.rest("GET", RELEASES_PATH[:-1])
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert answer.body == b"The path must end in a slash."
    assert client.rest("POST", RELEASES_PATH[:-1], release()).json == {"info": "The path must end in a slash."}
    assert client.rest("GET", RELEASES_PATH).json == [], "and nothing was done"


def test_unknown_methods_are_told_with_those_that_are_known(client: Client) -> None:
    """On each kind of path (docs/sentry-contract.md#1-endpoints)."""
    create(client, release())
    for path, method in (
        (RELEASES_PATH, "DELETE"),
        (RELEASES_PATH + "web@1.0.0%2B1/", "POST"),
        (RELEASES_PATH + "web@1.0.0%2B1/commits/", "PUT"),
    ):
        answer = client.rest(method, path)
        assert (answer.status, answer.json) == (405, {"detail": f'Method "{method}" not allowed.'})
        assert method not in answer.headers["allow"]


def test_bodies_that_are_no_json_get_a_415(client: Client) -> None:
    """Multipart and urlencoded, too.

    Source: docs/sentry-contract.md#1-1-authentication, and docs/sentry-compatibility.md, Left out.
    """
    for kind, more in (("multipart/form-data", "; boundary=x"), ("application/x-www-form-urlencoded", "")):
        answer = client.rest("POST", RELEASES_PATH, b"version=1&projects=web", headers={"content-type": kind + more})
        assert (answer.status, answer.json) == (415, {"detail": f'Unsupported media type "{kind}" in request.'})
    assert create(client, release(), headers={"content-type": "application/json; charset=utf-8"})["id"] == 1


def test_headers_of_lists_are_shown_to_pages(template: Any, tmp_path: Any) -> None:
    """What CORS exposes (docs/sentry-contract.md#5-lists)."""
    harness = Harness(template, tmp_path, cors_origins="https://app.example.com")
    answer = harness.client.rest("GET", RELEASES_PATH, headers={"origin": "https://app.example.com"})
    harness.close()
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"Link", "X-Hits", "X-Max-Hits", "Retry-After", "X-Sentry-Error", "Endpoint"}


def test_broken_json_is_told_why(client: Client) -> None:
    for body in (b"{", b"", b"\xff", b"[" * 100000, b'{"version": NaN}'):
        answer = client.rest("POST", RELEASES_PATH, body)
        assert answer.status == 400, body[:20]
        assert answer.json["detail"].startswith("JSON parse error - ")


def test_path_is_decoded_once_and_never_split_by_an_encoded_slash(client: Client) -> None:
    """Trap 6: `x%2Fdeploys` is one segment, and a version nobody can have."""
    create(client, release("cli flow #1?%41"))
    assert client.rest("GET", RELEASES_PATH + "cli%20flow%20%231%3F%2541/").json["version"] == "cli flow #1?%41"
    assert client.rest("GET", RELEASES_PATH + "x%2Fdeploys/").status == 404


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["org:ci"], {"GET", "POST", "PUT"}),
        (["project:read"], {"GET"}),
        (["project:write"], {"GET", "POST", "PUT"}),
        (["project:admin"], {"GET", "POST", "PUT", "DELETE"}),
        (["project:releases"], {"GET", "POST", "PUT", "DELETE"}),
        (["org:read", "org:write", "org:admin"], set()),
    ],
)
def test_scopes_open_what_sentrys_open(harness: Harness, scopes: list[str], allowed: set[str]) -> None:
    """Any of several scopes; org:ci cannot delete (docs/sentry-contract.md#1-endpoints)."""
    create(harness.client, release())
    token = harness.token(*scopes)
    answers = {
        "GET": harness.client.rest("GET", RELEASES_PATH, token=token).status,
        "POST": harness.client.rest("POST", RELEASES_PATH, release(), token=token).status,
        "PUT": harness.client.rest("PUT", RELEASES_PATH + "web@1.0.0+1/", {}, token=token).status,
        "DELETE": harness.client.rest("DELETE", RELEASES_PATH + "web@1.0.0+1/", token=token).status,
    }
    assert {method for method, status in answers.items() if status != 403} == allowed


def test_public_url_is_what_links_begin_with(template: Any, tmp_path: Any) -> None:
    harness = Harness(template, tmp_path, public_url="https://releases.example.com/")
    link = harness.client.rest("GET", RELEASES_PATH).headers["link"]
    harness.close()
    assert link.startswith("<https://releases.example.com/api/0/organizations/acme/releases/?&cursor=100:-1:1>")


def test_created_project_is_made_where_the_setting_says_so(template: Any, tmp_path: Any) -> None:
    """GQL_RELEASES_CREATE_PROJECTS (docs/sentry-contract.md#9-decisions)."""
    harness = Harness(template, tmp_path, create_projects=True)
    response = harness.client.rest("POST", RELEASES_PATH, release(projects=["new", "web"]))
    refused = harness.client.rest("POST", RELEASES_PATH, release(projects=["Not A Slug"]))
    harness.close()
    assert (response.status, {project["slug"] for project in response.json["projects"]}) == (201, {"new", "web"})
    assert refused.status == 400
