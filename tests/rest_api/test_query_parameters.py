"""Every query parameter of every REST endpoint has an effect, is refused, or is documented to have none.

A row for each route and parameter: queries, and what the answer has. A route or a declared parameter without a row fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases.rest_api.artifact_bundles import delete_bundle
from gql_releases.rest_api.debug_files import delete_debug_file
from gql_releases.rest_api.engine.router import name_route
from gql_releases.rest_api.issue_changes import update_project_issues
from gql_releases.rest_api.loader import QUERY_PARAMETERS, ROUTES
from gql_releases.rest_api.release_files import delete_source_maps
from tests.client import Answer
from tests.conftest import Harness, Template
from tests.debug_files import MAPPING, OTHER_UUID, UUID, digest, write_zip
from tests.event_rows import event_id, insert_events
from tests.factories import commit, release
from tests.uploads import DEBUG_ID, make_bundle, send_parts, sha1, upload_bundle

DOCS = (Path(__file__).parents[2] / "docs" / "sentry-compatibility.md").read_text()
ROOT, OF_ORGANIZATION, OF_PROJECT = "/api/0/", "/api/0/organizations/{org}/", "/api/0/projects/{org}/{project}/"
RELEASES_PATH = "organizations/acme/releases/"
WEB, API, BOTH, ARCHIVED = "web@1.0.0+7", "api@2.0.0", "both@1.5.0+3", "gone@0.1.0+9"
OLD_BUNDLE, NEW_BUNDLE = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
FILES = ["~/app.js", "~/app.js.map"]
OLDEST = {
    "releases": f"version = '{WEB}'",
    "release_projects": f"release_id = (SELECT id FROM releases WHERE version = '{WEB}')",
}

Rows = dict[str, list[tuple[str, Any]]]
"""Parameter -> queries, each with what the answer has. A query with `follow=1` is for the page after its own.

The name of a repository in braces is replaced by its id.
"""


@pytest.fixture(scope="module")
def filled_store(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A store that tests only read, with another organization that has names of its own."""
    folder = tmp_path_factory.mktemp("filled_store")
    harness = Harness(template, folder, files=(folder / "files").as_uri())
    client = harness.client
    two = [commit(0), commit(9, repository="acme/api")]
    for version, body in (
        (WEB, release(projects=["web"], commits=two)),
        (API, release(projects=["api"], commits=[commit(1)])),
        (BOTH, release(projects=["web", "api"], commits=[commit(2)])),
        (ARCHIVED, release(projects=["web"])),
    ):
        assert client.rest("POST", RELEASES_PATH, body | {"version": version}).status == 201
    assert client.rest("PUT", RELEASES_PATH + "gone@0.1.0%2B9/", {"status": "archived"}).status == 200
    for environment, project in (("production", "web"), ("staging", "api")):
        body = {"environment": environment, "projects": [project], "dateFinished": f"2026-01-0{len(environment) // 4}"}
        assert client.rest("POST", RELEASES_PATH + "both@1.5.0%2B3/deploys/", body).status == 201
    for bundle_id, version in ((OLD_BUNDLE, WEB), (NEW_BUNDLE, API)):
        upload_bundle(client, make_bundle(debug_id=bundle_id), version=version, dist="7")
    for name in ("old", "new"):
        key = client.rest("POST", "projects/acme/web/keys/", {"name": name}).json["id"]
        if name == "old":
            assert client.rest("PUT", f"projects/acme/web/keys/{key}/", {"isActive": False}).status == 200
    for table, condition in OLDEST.items():
        harness.rows(f"UPDATE {table} SET date_created = '2020-01-01T00:00:00.000000Z' WHERE {condition}")
    for uuid in (UUID, OTHER_UUID):
        part = ("file", "x", write_zip({f"proguard/{uuid}.txt": MAPPING}))
        assert send_parts(client, [part], "projects/acme/web/files/dsyms/").status == 201
    for name in ("~/a.js", "~/b.js"):
        parts = [("file", "x", name.encode()), ("name", None, name.encode())]
        assert send_parts(client, parts, f"{RELEASES_PATH}web@1.0.0%2B7/files/").status == 201
    theirs = {"token": harness.tokens["other"]}
    body = release("theirs", commits=[commit(1, repository="other/theirs")])
    assert client.rest("POST", RELEASES_PATH.replace("acme", "other"), body, **theirs).status == 201
    path = RELEASES_PATH.replace("acme", "other") + "theirs/deploys/"
    assert client.rest("POST", path, {"environment": "theirs"}, **theirs).status == 201
    insert_events(harness, "acme", 5)
    yield harness
    harness.close()


def list_page(names: list[Any], most: int = 100) -> Rows:
    """Return the rows of a paged list."""
    return {
        "per_page": [("per_page=1", names[:1]), (f"per_page={most}", names), (f"per_page={most + 1}", 400),
                     ("per_page=0", 400), ("per_page=x", 400)],
        "cursor": [("per_page=1&follow=1", names[1:2]), ("cursor=", names), ("cursor=x", 400)],
    }  # fmt: skip


def list_projects(web: Any, api: Any, both: Any, *, slugs: bool = True) -> Rows:
    """Return the rows of `project` and `projectSlug`. 3 is the id of another organization's project."""
    return {
        "project": [("project=1", web), ("project=2", api), ("project=1&project=2", both), ("project=-1", both),
                    ("project=web", web if slugs else 400), ("project=nope", 403 if slugs else 400),
                    *((f"project={wrong}", 403) for wrong in ("3", "99", "1&project=99")), ("project=", 400)],
        "projectSlug": [("projectSlug=web", web), ("projectSlug=api", api), ("projectSlug=api&projectSlug=web", both),
                        ("projectSlug=nope", 403)],
    }  # fmt: skip


SESSIONS: Rows = {name: [(f"{name}=3d", 400)] for name in ("healthStat", "healthStatsPeriod", "summaryStatsPeriod")}
DATES: Rows = {
    "start": [("start=2019-01-01&end=2021-01-01", [WEB]), ("start=2020-01-02&end=2021-01-01", []), ("start=2020-01-01", 400),
              ("start=x&end=2021-01-01", 400)],
    "end": [("start=2019-01-01&end=2020-01-01", [WEB]), ("start=2019-01-01&end=2019-02-01", []), ("end=2020-01-01", 400)],
    "statsPeriod": [("statsPeriod=14d", [BOTH, API]), ("statsPeriod=1y", 400)],
}  # fmt: skip


def list_releases(most: int) -> Rows:
    """Return the rows of an organization's lists of releases."""
    return {
        **list_projects([BOTH, WEB], [BOTH, API], [BOTH, API, WEB], slugs=False), **DATES, **SESSIONS,
        **list_page([BOTH, API, WEB], most),
        "query": [("query=WEB", [WEB]), ("query=release.package:api", [API]), ("query=level:error", 400)],
        "status": [("status=archived", [ARCHIVED]), ("status=", [ARCHIVED, BOTH, API, WEB]), ("status=gone", 400)],
        "environment": [("environment=production", [BOTH]), ("environment=production&environment=staging", [BOTH]),
                        ("environment=staging&project=1", []), ("environment=nowhere", 404), ("environment=theirs", 404)],
        "sort": [("sort=date", [BOTH, API, WEB]), ("sort=semver", [API, BOTH, WEB]), ("sort=build", [WEB, BOTH]),
                 ("sort=size", 400), ("sort=sessions", 400)],
    }  # fmt: skip


PROJECT_RELEASES: Rows = {
    "query": [("query=WEB", [WEB]), ("query=release.package:both", [BOTH]), ("query=level:error", 400)],
    "environment": [("environment=production", [BOTH]), ("environment=staging", []), ("environment=nowhere", [])],
    "sort": [("sort=date", [BOTH, WEB]), ("sort=semver", [BOTH, WEB]), ("sort=build", [WEB, BOTH]), ("sort=size", 400)],
    "start": DATES["start"],
    "end": DATES["end"],
    "statsPeriod": [("statsPeriod=14d", [BOTH]), ("statsPeriod=1y", 400)],
    **list_page([BOTH, WEB]),
}
ALONE, BEFORE = (BOTH, None, None), (BOTH, WEB, None)
ONE_RELEASE: Rows = {
    **list_projects(BEFORE, (BOTH, API, None), BEFORE), **SESSIONS,
    "project": [("", ALONE), ("project=1", BEFORE), ("project=api", (BOTH, API, None)), ("project=-1", ALONE),
                *((f"project={wrong}", 403) for wrong in ("3", "99", "nope", "1&project=99")), ("project=", 400)],
    "sort": [("project=1&sort=date", BEFORE), ("project=1&sort=semver", 400), ("project=1&sort=size", 400)],
    "status": [("project=1&status=archived", (BOTH, None, ARCHIVED)), ("project=1&status=", (BOTH, WEB, ARCHIVED)),
               ("project=1&status=gone", 400)],
    "query": [("project=1&query=WEB", BEFORE), ("project=1&query=none", ALONE), ("project=1&query=level:error", 400)],
    "environment": [("project=1&environment=production", ALONE), ("project=1&environment=nowhere", 404),
                    ("project=1&environment=theirs", 404)],
}  # fmt: skip
SHAS, PATHS, NAMES = [commit(0)["id"], commit(9)["id"]], ["src/0.ts", "src/9.ts"], ["acme/api", "acme/web"]


def list_parts(names: list[Any]) -> Rows:
    """Return the rows of a list of a release's commits or of what they changed: the release is of the project web."""
    by_id = [("repo_id={acme/api}", names[1:]), ("repo_id={acme/api}&repo_name=acme/web", names[1:])]
    return {
        **list_projects(names, 404, names), **list_page(names),
        "repo_id": [*by_id, *((f"repo_id={wrong}", 404) for wrong in ("{other/theirs}", "9999999", "x"))],
        "repo_name": [("repo_name=acme/api", names[1:]), ("repo_name=nope", 404), ("repo_name=other/theirs", 404)],
    }  # fmt: skip


UNRESOLVED = ["WEB-4", "WEB-1"]
SUM = "field=sum(session)"


def count_sessions(*groups: Any, intervals: int = 24) -> Any:
    """Return the summary of sessions: the number of intervals, and each group with its total."""
    return intervals, [group if isinstance(group, tuple) else (group,) for group in groups]


SESSION_ROWS: Rows = {
    "field": [("", 400), (SUM, count_sessions(1232)), (f"{SUM}&field=crash_rate(session)", count_sessions((1232, 15 / 308))),
              ("field=p50(session.duration)", 400)],
    "groupBy": [(f"{SUM}&groupBy=project", count_sessions((1, 616), (2, 616))), (f"{SUM}&groupBy=size", 400),
                (f"{SUM}&groupBy=release", count_sessions((WEB, 252), (API, 248), (BOTH, 732)))],
    "interval": [(f"{SUM}&interval=2h&statsPeriod=4h", count_sessions(1232, intervals=2)), (f"{SUM}&interval=7h", 400)],
    "statsPeriod": [(f"{SUM}&statsPeriod=48h", count_sessions(1540, intervals=48)), (f"{SUM}&statsPeriod=1y", 400)],
    "start": [(f"{SUM}&start=2019-01-01&end=2019-01-02", count_sessions(0)), (f"{SUM}&start=2019-01-01", 400)],
    "end": [(f"{SUM}&start=2019-01-01&end=2019-01-03", count_sessions(0, intervals=48)), (f"{SUM}&end=2019-01-01", 400)],
    **{
        parameter: [(f"{SUM}&{query}", expected) for query, expected in rows]
        for parameter, rows in list_projects(
            count_sessions(616), count_sessions(616), count_sessions(1232), slugs=False
        ).items()
    },
    "environment": [(f"{SUM}&environment=production", count_sessions(492)), (f"{SUM}&environment=theirs", count_sessions(0))],
    "query": [(f"{SUM}&query=release:{WEB.replace('+', '%2B')}", count_sessions(252)), (f"{SUM}&query=x", 400)],
    "includeTotals": [(f"{SUM}&includeTotals=0", (24, [()]))],
    "includeSeries": [(f"{SUM}&includeSeries=0", (None, [(1232,)]))],
}  # fmt: skip
"""Sums of the rows of tests/event_rows.py."""


def list_issues(unresolved: list[str], sorts: list[tuple[str, Any]]) -> Rows:
    """Return the rows of a list of issues."""
    return {
        **list_page(unresolved),
        "query": [("", unresolved), ("query=is:unresolved", unresolved), ("query=WEB-1", ["WEB-1"]), ("query=browser:x", 400)],
        "environment": [("environment=production&environment=nowhere", unresolved), ("environment=nowhere", []),
                        ("environment=theirs", [])],
        "sort": [*sorts, ("sort=freq", 400)],
    }  # fmt: skip


VISIBILITY = [("visibility=hidden", []), ("visibility=gone", 400), ("visibility=", 400)]
BELOW_RELEASE: dict[str, Rows] = {
    "": ONE_RELEASE,
    "meta/": list_projects(WEB, 404, WEB),
    "commits/": list_parts(SHAS),
    "commitfiles/": list_parts(PATHS),
    "previous-with-commits/": list_projects(WEB, API, API),
    "repositories/": list_projects(NAMES, 404, NAMES),
    "deploys/": {
        **list_projects(["production"], ["staging"], ["production", "staging"]),
        **list_page(["production", "staging"]),
    },
    "files/": {
        **list_projects(["~/a.js", "~/b.js"], 404, ["~/a.js", "~/b.js"]),
        **list_page(["~/a.js", "~/b.js"]),
        "query": [("query=A.js", ["~/a.js"]), ("query=a.&query=b.", ["~/a.js", "~/b.js"]), ("query=none", [])],
        "checksum": [(f"checksum={sha1(b'~/b.js')}", ["~/b.js"]), (f"checksum={'0' * 40}", [])],
    },
    "files/{id}/": {
        **list_projects("~/a.js", 404, "~/a.js"),
        "download": [("", "~/a.js"), ("download=1", b"~/a.js"), ("download", b"~/a.js")],
    },
}
TABLE: dict[str, Rows] = {
    ROOT: {},
    ROOT + "auth/": {},
    ROOT + "organizations/": list_page(["acme"]),
    OF_ORGANIZATION: {},
    OF_ORGANIZATION + "chunk-upload/": {},
    OF_ORGANIZATION + "issues/": {
        **list_issues(UNRESOLVED, [("query=", [f"WEB-{number}" for number in (4, 3, 2, 5, 1)]),
                                   ("query=&sort=new", [f"WEB-{number}" for number in (5, 4, 3, 2, 1)])]),
        **list_projects(["WEB-1"], ["WEB-4"], UNRESOLVED, slugs=False),
    },
    OF_PROJECT + "issues/": list_issues(
        ["WEB-1"], [("query=", ["WEB-3", "WEB-5", "WEB-1"]), ("query=&sort=new", ["WEB-5", "WEB-3", "WEB-1"])]
    ),
    OF_ORGANIZATION + "sessions/": SESSION_ROWS,
    OF_ORGANIZATION + "issues/{issue}/": {},
    OF_ORGANIZATION + "issues/{issue}/events/latest/": {},
    OF_ORGANIZATION + "issues/{issue}/hashes/": {},
    OF_ORGANIZATION + "issues/{issue}/events/": {
        "environment": [("environment=production", [event_id(2, 1)]), ("environment=nowhere", []), ("environment=theirs", [])],
        **list_page([event_id(2, index) for index in (2, 1, 0)]),
    },
    OF_PROJECT + "events/": list_page([event_id(*place) for place in ((2, 2), (4, 0), (2, 1), (2, 0), (0, 0))]),
    OF_PROJECT + "events/{event}/": {},
    OF_PROJECT + "events/{event}/json/": {},
    OF_PROJECT + "files/artifact-bundles/": {
        **list_page([NEW_BUNDLE, OLD_BUNDLE], 10),
        "query": [("query=WEB@", [OLD_BUNDLE]), ("query=7", [NEW_BUNDLE, OLD_BUNDLE]), ("query=none", [])],
        "sortBy": [("sortBy=date_added", [OLD_BUNDLE, NEW_BUNDLE]), ("sortBy=-date_modified", [NEW_BUNDLE, OLD_BUNDLE]),
                   ("sortBy=name", 400)],
    },
    OF_PROJECT + "artifact-bundles/{bundleId}/files/": {
        **list_page(FILES), "query": [("query=JS.map", FILES[1:]), ("query=none", [])],
    },
    OF_PROJECT + "artifact-bundles/{bundleId}/files/{id}/": {},
    OF_PROJECT + "artifact-lookup/": {
        "debug_id": [(f"debug_id={DEBUG_ID}", ["artifact_bundle/1", "artifact_bundle/2"]), ("debug_id=x", [])],
        "release": [(f"release={WEB.replace('+', '%2B')}&dist=7", ["artifact_bundle/1"]), ("release=none&dist=7", [])],
        "dist": [(f"release={API}&dist=7", ["artifact_bundle/2"]), (f"release={API}&dist=8", [])],
        "url": [(f"release={API}&dist=7&url=/app", ["artifact_bundle/2"]), (f"release={API}&dist=7&url=/x", [])],
        "download": [("download=artifact_bundle/1", make_bundle(debug_id=OLD_BUNDLE)), ("download=artifact_bundle/9", 404)],
    },
    OF_ORGANIZATION + "projects/": list_page(["api", "web"]),
    OF_ORGANIZATION + "repos/": list_page(["acme/api", "acme/web"]),
    OF_ORGANIZATION + "environments/": {
        "visibility": [("visibility=all", ["production", "staging"]), *VISIBILITY],
        **list_page(["production", "staging"]),
    },
    OF_ORGANIZATION + "releases/": list_releases(100) | {
        "flatten": [("flatten=1", [BOTH, BOTH, API, WEB]), ("flatten=1&project=1", [BOTH, WEB])],
    },
    OF_ORGANIZATION + "releases/stats/": list_releases(1000),
    OF_PROJECT: {"collapse": [("", True), ("collapse=organization", False), ("collapse=stats&collapse=organization", False)]},
    OF_PROJECT + "keys/": {
        "status": [("status=active", ["new", "Default"]), ("status=inactive", ["old"]), ("status=", ["new", "old", "Default"]),
                   ("status=gone", ["new", "old", "Default"])],
        **list_page(["new", "old", "Default"]),
    },
    OF_PROJECT + "keys/{keyId}/": {},
    OF_PROJECT + "environments/": {"visibility": [("visibility=all", ["production"]), *VISIBILITY], **list_page(["production"])},
    OF_PROJECT + "releases/": PROJECT_RELEASES,
    OF_PROJECT + "files/dsyms/": {
        "id": [("id=99", 404), ("id=x", 404)],
        "query": [("query=PROGUARD", ["2", "1"]), (f"query={UUID[5:]}", ["1"]), ("query=none", [])],
        "debug_id": [(f"debug_id={UUID.upper()}", ["1"]), (f"debug_id={UUID}&query=none", ["1"]), ("debug_id=x", [])],
        "code_id": [("code_id=x", []), ("code_id=x&query=proguard", [])],
        "file_formats": [("file_formats=elf&file_formats=proguard", ["2", "1"]), ("file_formats=elf", [])],
        "cursor": [("cursor=2:2:0", ["1"]), ("cursor=1:1:1", ["2"]), ("cursor=x", 400)],
    },
    OF_PROJECT + "files/dsyms/unknown/": {
        "checksums": [("", []), (f"checksums={digest(MAPPING)}&checksums={'0' * 40}", ["0" * 40])],
    },
    OF_PROJECT + "files/proguard-artifact-releases/": {
        "proguard_uuid": [("", None), (f"proguard_uuid={UUID}", []), ("proguard_uuid=x", 400)],
    },
    OF_PROJECT + "files/source-maps/": {
        "query": [("query=WEB", [WEB]), ("query=none", [])],
        "sortBy": [("sortBy=date_added", [WEB, BOTH, ARCHIVED]), ("sortBy=-date_added", [ARCHIVED, BOTH, WEB]),
                   ("sortBy=name", 400)],
        **list_page([ARCHIVED, BOTH, WEB], 10),
    },
    **{
        f"{root}releases/{{version}}/{part}": rows
        for root in (OF_ORGANIZATION, OF_PROJECT)
        for part, rows in BELOW_RELEASE.items()
    },
    # Below a project the previous release is one of that project, and the project is one of those that are requested.
    OF_PROJECT + "releases/{version}/previous-with-commits/": list_projects(WEB, 404, WEB),
}  # fmt: skip
"""Route of a GET -> parameter -> queries and answers."""

WITHOUT_PROJECT = "they select the neighbours of the release, so they have no effect without `project`"
WITHOUT_SESSIONS = "validated, but without effect: the health of a release is at `organizations/{org}/sessions/`"
DECLARED_WITHOUT_EFFECT = {
    (route, name): WITHOUT_SESSIONS
    for route in (
        OF_ORGANIZATION + "releases/", OF_ORGANIZATION + "releases/stats/", OF_ORGANIZATION + "releases/{version}/",
        OF_PROJECT + "releases/{version}/",
    )
    for name in ("health=1", "adoptionStages=true")
}  # fmt: skip
WITHOUT_EFFECT = DECLARED_WITHOUT_EFFECT | {
    (OF_PROJECT + "releases/", "status=archived"): "a project's list always has only open releases, as with Sentry",
    (OF_PROJECT + "releases/", "project=2"): "a project's list ignores both",
    (OF_ORGANIZATION + "releases/stats/", "flatten=1"): "no effect on statistics, which have no projects",
    **{
        (f"{root}releases/{{version}}/repositories/", "per_page=1"): "`repositories/` is not paged, as with Sentry"
        for root in (OF_ORGANIZATION, OF_PROJECT)
    },
    **{
        (f"{root}releases/{{version}}/", query): WITHOUT_PROJECT
        for root in (OF_ORGANIZATION, OF_PROJECT)
        for query in ("sort=gone", "status=archived", "query=none")
    },
}
"""Route and query -> the sentence of docs/sentry-compatibility.md that says why the answer is the same."""


def summarize(route: str, answer: Answer) -> Any:
    """Return the status of a refusal, the names of a list's rows, or what parameters change of an object."""
    if answer.headers["content-type"] != "application/json":
        return answer.body
    value = answer.json
    if answer.status != 200:
        return answer.status
    if route.endswith("/repositories/"):  # in no documented order
        return sorted(repository["name"] for repository in value)
    if route.endswith("{bundleId}/files/"):
        return [file["filePath"] for file in value["files"]]
    if isinstance(value, list):
        names = ("shortId", "bundleId", "version", "environment", "slug", "filename", "name", "id")
        return [next(row[name] for name in names if name in row) for row in value]
    if route.endswith("sessions/"):
        groups = value["groups"]
        size = len(value["intervals"]) if all("series" in group for group in groups) else None
        return size, [(*group["by"].values(), *group.get("totals", {}).values()) for group in groups]
    for name in ("missing", "releases"):
        if name in value:
            return value[name]
    if route == OF_PROJECT:
        return "organization" in value
    if route.endswith("files/{id}/"):
        return value["name"]
    if not route.endswith("{version}/"):
        return value["version"]
    around = value["currentProjectMeta"]
    return value["version"], around.get("prevReleaseVersion"), around.get("nextReleaseVersion")


def fill_path(route: str) -> str:
    """Return the path of a route: the release has deploys and neighbours, or commits of two repositories."""
    part = route.partition("{version}/")[2]
    version = WEB if part in ("meta/", "commits/", "commitfiles/", "repositories/", "files/", "files/{id}/") else BOTH
    return route.removeprefix(ROOT).format(
        org="acme",
        project="web",
        id="1",
        issue="WEB-3",
        event=event_id(2, 1),
        bundleId=OLD_BUNDLE,
        version=version.replace("+", "%2B"),
    )


def read(harness: Harness, route: str, query: str) -> Any:
    for name, row_id in harness.rows("SELECT name, id FROM repositories"):
        query = query.replace(f"{{{name}}}", str(row_id))
    answer = harness.client.rest("GET", f"{fill_path(route)}?{query}")
    if "follow=1" in query:
        following = answer.headers["link"].split(", ")[1].partition(">")[0].removeprefix("<http://testserver/api/0/")
        answer = harness.client.rest("GET", following)
    return summarize(route, answer)


@pytest.mark.parametrize(("route", "parameter"), [(route, parameter) for route, rows in TABLE.items() for parameter in rows])
def test_parameter_is_read_or_refused(filled_store: Harness, route: str, parameter: str) -> None:
    for query, expected in TABLE[route][parameter]:
        assert read(filled_store, route, query) == expected, query


@pytest.mark.parametrize(("route", "query"), WITHOUT_EFFECT)
def test_parameter_without_effect_is_documented(filled_store: Harness, route: str, query: str) -> None:
    plain, answer = (filled_store.client.rest("GET", f"{fill_path(route)}?{text}") for text in ("", query))
    assert (answer.status, answer.body) == (200, plain.body)
    assert WITHOUT_EFFECT[route, query] in " ".join(DOCS.split())


def test_every_route_and_declared_parameter_has_a_row() -> None:
    declared = {
        name_route(pattern): set(QUERY_PARAMETERS.get(handlers["GET"], ()))
        for pattern, handlers in ROUTES.items() if "GET" in handlers
    }  # fmt: skip
    rows = {route: set(parameters) for route, parameters in TABLE.items()}
    for route, query in DECLARED_WITHOUT_EFFECT:
        rows[route].add(query.partition("=")[0])
    assert rows == declared
    assert all(rows for parameters in TABLE.values() for rows in parameters.values())
    writes = {handler for handlers in ROUTES.values() for method, handler in handlers.items() if method != "GET"}
    # tests/rest_api/debug_files, test_artifact_bundles.py, test_issues.py
    writes -= {delete_debug_file, delete_bundle, update_project_issues}
    assert writes & QUERY_PARAMETERS.keys() <= {delete_source_maps}, "a write that reads parameters needs rows"


def test_documentation_has_the_parameters_of_each_route() -> None:
    section = DOCS.partition("## Query parameters")[2].partition("\n## ")[0]
    documented = {
        route: set(re.findall(r"`(\w+)`", names))
        for routes, names in re.findall(r"^\| (`/api/0/.*?) \| (.*?) \|$", section, re.MULTILINE)
        for route in re.findall(r"`(.*?)`", routes)
    }
    declared = {
        name_route(pattern): QUERY_PARAMETERS.get(handlers["GET"])
        for pattern, handlers in ROUTES.items()
        if "GET" in handlers
    }
    assert documented == {route: set(names) for route, names in declared.items() if names}
