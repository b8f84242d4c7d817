"""What hangs on a release over REST: commits, files, repositories, meta, the previous release.

Source: docs/sentry-contract.md#1-endpoints, docs/sentry-contract.md#3-1-get,
docs/sentry-contract.md#4-shapes, docs/sentry-contract.md#6-sub-resources.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.factories import commit, release

RELEASES_PATH = "organizations/acme/releases/"
ONE = RELEASES_PATH + "web@1.0.0%2B1/"
OF_WEB = "projects/acme/web/releases/web@1.0.0%2B1/"


def create(client: Client, version: str = "web@1.0.0+1", **more: Any) -> Any:
    answer = client.rest("POST", RELEASES_PATH, release(version, **more))
    assert answer.status in (201, 208), answer.body
    return answer.json


def test_commits_are_listed_newest_first_and_paged(client: Client) -> None:
    """With the releases that each is in; a cursor begins with the order index.

    Source: docs/sentry-contract.md#1-endpoints (row 8), docs/sentry-contract.md#4-4-commit, docs/sentry-contract.md#6-2-commit-list.
    """
    create(client, commits=[commit(2), commit(0), commit(1)])
    create(client, "web@2", commits=[commit(0)])
    answer = client.rest("GET", ONE + "commits/?per_page=2")
    assert [row["id"] for row in answer.json] == [commit(0)["id"], commit(1)["id"]]
    first = answer.json[0]
    assert first["dateCreated"] == "2026-11-19T07:00:59Z"
    assert first["author"] == {"name": "Ada", "email": "ada@example.com"}
    assert first["repository"]["name"] == "acme/web"
    assert [release["version"] for release in first["releases"]] == ["web@1.0.0+1", "web@2"]
    assert set(first) == {
        "id", "message", "dateCreated", "pullRequest", "suspectCommitType", "repository", "author", "releases"
    }  # fmt: skip
    following = answer.headers["link"].split(", ")[1]
    assert 'rel="next"; results="true"; cursor="1:' in following
    rest = client.rest("GET", following.partition(">")[0].removeprefix("<http://testserver/api/0/"))
    assert [row["id"] for row in rest.json] == [commit(2)["id"]]
    assert client.rest("GET", RELEASES_PATH + "none/commits/").status == 404


def test_commits_of_one_repository(client: Client) -> None:
    """By the repository's id or its name; an unknown one is a 404.

    Source: docs/sentry-contract.md#1-endpoints (row 23), docs/sentry-contract.md#6-2-commit-list.
    """
    create(client, commits=[commit(0), commit(1, repository="acme/api")])
    for path in (ONE, OF_WEB):
        assert [row["id"] for row in client.rest("GET", path + "commits/?repo_name=acme/api").json] == [commit(1)["id"]]
        assert client.rest("GET", path + "commits/?repo_name=nope").status == 404
        for wrong in ("99", "x", "9" * 30):
            assert client.rest("GET", path + f"commits/?repo_id={wrong}").status == 404
    [matching] = [row for row in client.rest("GET", "organizations/acme/repos/").json if row["name"] == "acme/web"]
    assert [row["id"] for row in client.rest("GET", OF_WEB + f"commits/?repo_id={matching['id']}").json] == [commit(0)["id"]]


def test_refs_alone_show_the_head_among_the_commits(client: Client) -> None:
    """The head is stored, and /commits/ shows at least the head; a head that is listed is listed once.

    Source: docs/sentry-contract.md#9-decisions.
    """
    create(client, "old", commits=[commit(5)])
    create(client, refs=[{"repository": "acme/web", "commit": "f" * 40}])
    assert [row["id"] for row in client.rest("GET", ONE + "commits/").json] == ["f" * 40]
    client.rest("PUT", ONE, {"commits": [commit(0), commit(1)]})
    assert [row["id"] for row in client.rest("GET", ONE + "commits/").json][-2:] == [commit(0)["id"], commit(1)["id"]]
    client.rest("PUT", ONE, {"refs": [{"repository": "acme/web", "commit": commit(1)["id"]}]})
    assert [row["id"] for row in client.rest("GET", ONE + "commits/").json] == [commit(0)["id"], commit(1)["id"]]
    client.rest("PUT", ONE, {"refs": []})
    assert client.rest("GET", ONE + "commits/").json == []


def test_commit_files_are_listed_by_name(client: Client) -> None:
    """A row for each commit and path.

    Source: docs/sentry-contract.md#4-9-commit-file, docs/sentry-contract.md#6-3-commit-files.
    """
    files = [{"path": "b", "type": "A"}, {"path": "ä", "type": "D"}]
    create(client, commits=[commit(0, patch_set=files), commit(1, patch_set=[{"path": "b", "type": "M"}], repository="r")])
    create(client, "web@2", commits=[commit(2)])
    walked, path = [], ONE + "commitfiles/?per_page=1"
    for _ in range(5):
        answer = client.rest("GET", path)
        walked += answer.json
        following = answer.headers["link"].split(", ")[1]
        if 'results="false"' in following:
            break
        path = following.partition(">")[0].removeprefix("<http://testserver/api/0/")
    assert [(item["filename"], item["type"], item["repoName"]) for item in walked] == [
        ("b", "A", "acme/web"), ("b", "M", "r"), ("ä", "D", "acme/web")
    ]  # fmt: skip
    assert walked[0] == {
        "id": walked[0]["id"], "orgId": 1, "author": {"name": "Ada", "email": "ada@example.com"},
        "commitMessage": "Change number 0", "filename": "b", "type": "A", "repoName": "acme/web",
    }  # fmt: skip
    assert isinstance(walked[0]["id"], str)
    assert [row["type"] for row in client.rest("GET", ONE + "commitfiles/?repo_name=r").json] == ["M"]
    assert client.rest("GET", ONE + "commitfiles/?repo_name=nope").status == 404
    assert client.rest("GET", RELEASES_PATH + "none/commitfiles/").status == 404


def test_commit_files_of_one_repository(client: Client) -> None:
    """`repo_id` wins over repo_name; an unknown one of either is a 404.

    Source: docs/sentry-contract.md#1-endpoints (row 9), docs/sentry-contract.md#6-3-commit-files.
    """
    create(client, commits=[commit(0), commit(1, repository="acme/api")])
    ids = {row["name"]: row["id"] for row in client.rest("GET", "organizations/acme/repos/").json}
    by_id = client.rest("GET", ONE + f"commitfiles/?repo_id={ids['acme/api']}&repo_name=acme/web").json
    assert [item["repoName"] for item in by_id] == ["acme/api"]
    for wrong in ("repo_id=99", "repo_id=x", "repo_name=nope", "repo_id=99&repo_name=acme/web"):
        assert client.rest("GET", ONE + f"commitfiles/?{wrong}").status == 404, wrong


def test_path_of_two_commits_is_listed_for_each(client: Client) -> None:
    """One row for each commit and path, ordered by name (docs/sentry-contract.md#6-3-commit-files)."""
    create(client, commits=[commit(n, patch_set=[{"path": "b", "type": "M"}, {"path": "a", "type": "A"}]) for n in (0, 1)])
    assert [row["filename"] for row in client.rest("GET", ONE + "commitfiles/").json] == ["a", "a", "b", "b"]


def test_author_that_is_not_there_is_an_empty_object(client: Client) -> None:
    """Source: docs/sentry-contract.md#4-4-commit."""
    create(client, commits=[{"id": "a" * 40, "patch_set": [{"path": "a", "type": "A"}]}])
    assert client.rest("GET", ONE + "commits/").json[0]["author"] == {}
    assert client.rest("GET", ONE + "commitfiles/").json[0]["author"] == {}
    assert client.rest("GET", ONE + "commits/").json[0]["repository"]["name"] == "organization-1"


def test_repositories_of_a_release(client: Client) -> None:
    """Source: docs/sentry-contract.md#1-endpoints (row 24), docs/sentry-contract.md#4-6-repository."""
    create(client, commits=[commit(0), commit(1), commit(2, repository="acme/api")])
    response = client.rest("GET", OF_WEB + "repositories/")
    assert [row["name"] for row in response.json] == ["acme/api", "acme/web"] or [row["name"] for row in response.json] == [
        "acme/web", "acme/api"
    ]  # fmt: skip
    assert "link" not in response.headers
    assert response.json[0] | {"id": "", "name": "", "dateCreated": ""} == {
        "id": "", "name": "", "url": None, "provider": {"id": "unknown", "name": "Unknown Provider"}, "status": "active",
        "dateCreated": "", "integrationId": None, "externalSlug": None, "externalId": None,
    }  # fmt: skip
    assert client.rest("GET", "projects/acme/api/releases/web@1.0.0%2B1/repositories/").status == 404


def test_meta_sums_a_release_up(client: Client) -> None:
    """Distinct paths; released is dateReleased, else dateCreated (docs/sentry-contract.md#4-10-meta)."""
    built = create(client, commits=[commit(0), commit(1, patch_set=[{"path": "src/0.ts", "type": "M"}]), commit(2)])
    client.rest("POST", ONE + "deploys/", {"environment": "e"})
    body = client.rest("GET", ONE + "meta/").json
    assert body == {
        "version": "web@1.0.0+1", "versionInfo": built["versionInfo"], "newGroups": 0, "deployCount": 1, "commitCount": 3,
        "released": built["dateCreated"], "commitFilesChanged": 2, "releaseFileCount": 0, "isArtifactBundle": False,
        "projects": [{"id": 1, "slug": "web", "name": "web", "newGroups": 0, "platform": None, "platforms": []}],
    }  # fmt: skip
    client.rest("PUT", ONE, {"dateReleased": "2026-01-01"})
    assert client.rest("GET", ONE + "meta/").json["released"] == "2026-01-01T00:00:00Z"
    create(client, "unparsed")
    assert client.rest("GET", RELEASES_PATH + "unparsed/meta/").json["versionInfo"]["version"] == {"raw": "unparsed"}
    assert client.rest("GET", RELEASES_PATH + "none/meta/").status == 404


def previous(client: Client, version: str) -> Any:
    answer = client.rest("GET", f"{RELEASES_PATH}{version}/previous-with-commits/")
    assert answer.status == 200
    return answer.json.get("version")


def test_previous_with_commits_is_the_newest_earlier_one_of_a_shared_project(client: Client) -> None:
    """Never itself, by dateReleased else dateCreated, only with commits; else {}.

    Source: docs/sentry-contract.md#6-4-previous-release and docs/sentry-contract.md#9-decisions.
    """
    create(client, "v1", commits=[commit(1)])
    create(client, "v2")
    create(client, "api1", projects=["api"], commits=[commit(2)])
    create(client, "v3", commits=[commit(0)])
    assert client.rest("GET", RELEASES_PATH + "v1/previous-with-commits/").json == {}
    assert previous(client, "v2") == "v1"
    assert previous(client, "v3") == "v1"
    assert previous(client, "api1") is None
    create(client, "v3", projects=["api"])
    assert previous(client, "v3") == "api1"
    body = client.rest("GET", RELEASES_PATH + "v3/previous-with-commits/").json
    assert body["lastCommit"]["id"] == commit(2)["id"]
    assert set(body) == set(client.rest("GET", RELEASES_PATH + "v3/").json)
    client.rest("PUT", RELEASES_PATH + "v1/", {"dateReleased": "2999-01-01"})
    assert previous(client, "v2") is None, "what is released later is no earlier release"
    assert previous(client, "v1") == "v3"
    assert client.rest("GET", RELEASES_PATH + "none/previous-with-commits/").status == 404


@pytest.mark.parametrize("sha", ["abc1234", "A" * 40, "g" * 40])
def test_previous_with_commits_gives_no_sha_that_ends_the_clients_build(client: Client, sha: str) -> None:
    """Only a lastCommit of 40 hex digits, else {} (docs/sentry-contract.md#9-decisions)."""
    create(client, "v1", commits=[commit(0, id=sha)])
    create(client, "v2")
    assert previous(client, "v2") is None


def test_details_tell_the_neighbours_in_a_project(client: Client) -> None:
    """By (dateCreated, id); filters choose the neighbours, not the first and the last.

    Source: docs/sentry-contract.md#3-1-get.
    """
    for version, more in (
        ("a", {}), ("b", {"status": "archived"}), ("c", {}), ("other", {"projects": ["api"]}), ("d", {}), ("e", {}),
    ):  # fmt: skip
        create(client, version, **more)
    client.rest("POST", RELEASES_PATH + "e/deploys/", {"environment": "production"})

    def around(query: str) -> Any:
        answer = client.rest("GET", f"{RELEASES_PATH}c/?{query}")
        if answer.status != 200:
            return answer.status, answer.json
        meta = answer.json["currentProjectMeta"]
        assert (meta.pop("sessionsLowerBound"), meta.pop("sessionsUpperBound")) == (None, None)
        return [meta[f"{name}ReleaseVersion"] for name in ("prev", "next", "first", "last")]

    assert client.rest("GET", RELEASES_PATH + "c/").json["currentProjectMeta"] == {}
    assert around("project=1") == ["a", "d", "a", "e"]
    assert around("project=web") == ["a", "d", "a", "e"]
    assert around("project=1&status=archived") == ["b", None, "a", "e"]
    assert around("project=1&status=") == ["b", "d", "a", "e"]
    assert around("project=1&query=e") == [None, "e", "a", "e"]
    assert around("project=1&environment=production") == [None, "e", "e", "e"]
    assert around("project=2")[0] == 404, "the release is not on it"
    assert around("project=99")[0] == 403
    assert around("project=") == (400, {"detail": "Invalid project"})
    assert around("project=1&sort=semver")[0] == 400
    assert around("project=1&status=gone") == (400, {"detail": "invalid value for status"})
    assert around("project=1&environment=nowhere")[0] == 404


def test_sort_of_details_means_nothing_without_a_project(client: Client) -> None:
    """A wrong sort is refused only where a project is given; periods always (docs/sentry-contract.md#3-1-get)."""
    create(client)
    assert client.rest("GET", ONE + "?sort=gone&health=1&adoptionStages=1").status == 200
    assert client.rest("GET", ONE + "?project=1&sort=gone").json == {"detail": "invalid sort"}
    assert client.rest("GET", ONE + "?summaryStatsPeriod=5d").status == 400
    for period in ("1h", "24h", "1d", "48h", "2d", "7d", "14d", "30d", "90d"):
        assert client.rest("GET", ONE + f"?summaryStatsPeriod={period}&healthStatsPeriod={period}").status == 200


def test_archived_release_is_shown(client: Client) -> None:
    """Source: docs/sentry-contract.md#3-1-get."""
    create(client, status="archived")
    assert client.rest("GET", ONE).json["status"] == "archived"
