"""Run all operations, mutations and routes of an application, and fill a large store."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlmodel import Session, select

from gql_releases.graphql_api.execution.scalars import to_global_id
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from tests.client import Answer, Client
from tests.conftest import Harness
from tests.debug_files import MAPPING, UUID, digest, write_zip
from tests.event_rows import event_id, insert_events
from tests.factories import as_graphql, commit, release
from tests.file_rows import debug_id, insert_files
from tests.oracle.generator import SORT_OF, Generator
from tests.oracle.naive import NODES, global_id
from tests.oracle.test_oracle import collect_cursors, collect_samples, fill
from tests.uploads import ASSEMBLE, CHUNKS, DEBUG_ID, describe, make_bundle, send_parts, sha1

RELEASES = 500
"""Releases of each tenant: enough that a planner prefers an index."""

UPLOADS = 500
"""Bundles and debug files of each tenant."""

ISSUES = 300
"""Issues of each tenant."""

VERSION = "web@1.4.0+77"
RELEASE_KEY = {"key": {"organization": "acme", "version": VERSION}}
SHOWN_FIELDS = "id version commits(first: 5) { totalCount nodes { sha } }"
USER_ERRORS = "userErrors { code message }"
DEBUG_FILE_QUERIES = (
    "",
    "?cursor=100:100:0",
    "?cursor=100:100:1",
    f"?debug_id={UUID}",
    "?code_id=x",
    "?query=elf",
    f"?query={UUID}&file_formats=elf&file_formats=proguard",
)
"""Query strings of lists of debug files."""


def issue_by(number: int) -> dict[str, Any]:
    """Return the key of an issue of tests/event_rows.py."""
    return {"key": {"organization": "acme", "shortId": f"WEB-{number}"}}


MUTATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "createRelease": (
        f"outcome release {{ {SHOWN_FIELDS} }}",
        as_graphql(release(VERSION, commits=[commit(9)], refs=[{"repository": "acme/web", "commit": "9" * 40}])),
    ),
    "createReleases": (
        f"results {{ outcome release {{ {SHOWN_FIELDS} }} }}",
        {"organization": "acme", "releases": [{"version": VERSION, "projects": ["web", "api"], "status": "OPEN"}]},
    ),
    "setReleaseCommits": (
        f"release {{ {SHOWN_FIELDS} }}",
        {"release": RELEASE_KEY, "commits": [{"sha": "1" * 40, "repository": "acme/web"}], "repository": "acme/web"},
    ),
    "setReleaseRefs": (f"release {{ {SHOWN_FIELDS} }}", {"release": RELEASE_KEY, "refs": [{"repository": "acme/web", "commit": "a..b"}]}),
    "updateRelease": (
        f"release {{ {SHOWN_FIELDS} }}",
        {"release": RELEASE_KEY, "url": None, "ref": "r", "notes": "n", "metadata": {"a": 1}, "dateReleased": None, "status": "OPEN"},
    ),
    "finalizeRelease": (f"release {{ {SHOWN_FIELDS} }}", {"release": RELEASE_KEY}),
    "createDeploy": (
        "outcome deploy { id projects { nodes { slug } } previousRelease { id } }",
        {"release": RELEASE_KEY, "environment": "production", "externalId": "d1"},
    ),
    "updateDeploy": (
        "deploy { id status }",
        {"deploy": {"key": {"organization": "acme", "project": "web", "externalId": "d1"}}, "status": "FAILED"},
    ),
    "archiveRelease": (f"release {{ {SHOWN_FIELDS} }}", {"release": RELEASE_KEY}),
    "restoreRelease": (f"release {{ {SHOWN_FIELDS} }}", {"release": RELEASE_KEY}),
    "deleteReleaseFiles": (
        "deletedReleaseFileIds",
        {"release": {"key": {"organization": "acme", "version": "1.2.3"}}, "ids": [to_global_id("ReleaseFile", 1)]},
    ),
    "deleteArtifactBundle": ("deletedArtifactBundleId", {"id": to_global_id("ArtifactBundle", 1), "project": "web"}),
    "deleteDebugFile": ("deletedDebugFileId", {"id": to_global_id("DebugFile", 1)}),
    "resolveIssue": (
        "issue { id status resolution { in release { version } } }",
        {"issue": issue_by(1), "in": "RELEASE", "release": RELEASE_KEY, "commit": None},
    ),
    "unresolveIssue": ("issue { id status }", {"issue": issue_by(1)}),
    "ignoreIssue": ("issue { id status }", {"issue": issue_by(1)}),
    "mergeIssues": ("issue { id times } mergedIssueIds", {"into": issue_by(1), "issues": [issue_by(3)]}),
    "deleteIssues": ("deletedIssueIds", {"issues": [issue_by(2)]}),
    "forgetUser": ("issueCount", {"organization": "acme", "user": "42"}),
    "deleteRelease": ("deletedReleaseId", {"release": RELEASE_KEY}),
    "createProject": (
        "project { id defaultRepository { name } }", {"organization": "acme", "slug": "new", "repository": "acme/web"}
    ),
    "updateProject": (
        "project { id defaultRepository { name } }",
        {"project": {"key": {"organization": "acme", "slug": "new"}}, "slug": "newer", "name": "n", "repository": "acme/newer"},
    ),
    "createProjectKey": (
        "projectKey { id dsn project { slug } }", {"project": {"key": {"organization": "acme", "slug": "web"}}, "name": "n"}
    ),
    "updateProjectKey": (
        "projectKey { id name isActive }", {"id": to_global_id("ProjectKey", 1), "name": "n", "isActive": False}
    ),
    "deleteProjectKey": ("deletedProjectKeyId", {"id": to_global_id("ProjectKey", 1)}),
    "createRepository": ("outcome repository { id }", {"organization": "acme", "name": "acme/new"}),
    "createEnvironment": ("outcome environment { id }", {"organization": "acme", "name": "new"}),
    "createToken": ("secret token { id }", {"organization": "acme", "scopes": ["org:read"]}),
    "revokeToken": ("userErrors { code }", {"token": "replaced by the id of the token that was created"}),
}  # fmt: skip
"""Every mutation with all its arguments, in an order in which each finds the rows that it changes."""

COMPUTED_REFERENCES = """{ organization(slug: "acme") {
  releaseContaining(commit: "x", repository: "acme/web") { id previous(project: "web") { id } notes }
  anywhere: releaseContaining(commit: "x") { id } short: releaseContaining(commit: "0123456") { id }
  within: releaseContaining(commit: "0123456", repository: "acme/web") { id }
  projects { nodes { keys(first: 3) { totalCount nodes { dsn } } latestRelease { id } running: latestRelease(environment: "production") { id } } }
  environments { nodes { current { nodes { id } } deploys { nodes { id } } } }
  compare(project: "web", base: "web@3.1.0+1", head: "web@3.2.0+2") { base { id } head { id } releases { nodes { id } totalCount }
    commits { nodes { id } totalCount } authors { nodes { id } totalCount } fileChanges { nodes { id } totalCount }
    deploys { nodes { id } totalCount } } } }"""

FILES = """{{ artifact(organization: "acme", project: "web", debugId: "{debug_id}") {{ debugId minifiedSource {{ path }}
    sourceMap {{ path }} bundle {{ bundleId }} sources(first: 3) {{ totalCount nodes {{ path }} }} }}
  organization(slug: "acme") {{
    releases(first: 5) {{ nodes {{ artifacts {{ total }} files(first: 3) {{ totalCount nodes {{ name }} }}
      named: files(filter: {{name: "~/a.js", dist: "7", checksums: ["x"]}}) {{ totalCount nodes {{ id }} }}
      artifactBundles(first: 3) {{ totalCount nodes {{ bundleId }} }} }} }}
    projects {{ nodes {{ artifactBundles(first: 3) {{ totalCount edges {{ cursor node {{ id
        projects {{ nodes {{ slug }} }} associations {{ totalCount nodes {{ version release {{ id }} }} }}
        files(first: 3) {{ totalCount nodes {{ path }} }} searched: files(query: "App") {{ totalCount nodes {{ path }} }} }} }} }}
      searched: artifactBundles(query: "web@3") {{ totalCount nodes {{ id }} }}
      debugFiles(first: 3) {{ totalCount nodes {{ id project {{ slug }} }} }}
      chosen: debugFiles(filter: {{debugId: "{debug_id}", codeId: "x", formats: [ELF]}}) {{ totalCount nodes {{ id }} }}
      found: debugFiles(filter: {{query: "lib"}}) {{ totalCount nodes {{ id }} }} }} }} }} }}"""
"""The lists of files, with each filter and total."""

ISSUE_FIELDS = """shortId times suspectStatus grouping { step key } resolution { in release { id } commit { id } dateCreated }
  firstRelease { id } introducedIn { id } lastRelease { id } regressedIn { id } newPathOf { id } project { id }
  suspectCommits { score reason { path } commit { sha message author { name } } } latestEvent { id exceptions { type } }
  releases(first: 3) { totalCount nodes { times release { id } environment { id } } pageInfo { endCursor } }
  events(first: 3) { totalCount nodes { id title release { id } } }
  chosen: events(filter: {release: "web@1.0.0+1", environment: "production"}) { totalCount nodes { id } }"""
ISSUE_FILTERS = (
    "",
    'project: "web"',
    "status: UNRESOLVED",
    'introducedIn: "web@1.0.0+1"',
    'release: "web@1.0.0+1"',
    'environment: "production"',
    'release: "web@1.0.0+1", environment: "production", project: "web"',
    'query: "shop"',
    "level: ERROR",
    'firstSeen: {from: "2026-11-20T00:00:00Z", before: "2026-12-20T00:00:00Z"}',
)
RELEASE_EVENTS = f"""{{ firstEvent lastEvent eventCount newIssueCount origin
  introducedIssues(first: 3) {{ totalCount nodes {{ {ISSUE_FIELDS} }} }}
  newPaths(first: 3) {{ totalCount nodes {{ id }} pageInfo {{ endCursor }} }} regressedIssues(first: 3) {{ totalCount nodes {{ id }} }}
  fixedIssues(first: 3) {{ totalCount nodes {{ id }} }}
  issues(first: 3) {{ totalCount nodes {{ times firstSeen lastSeen issue {{ id }} }} pageInfo {{ endCursor }} }}
  health {{ sessions users crashFreeSessions crashFreeUsers adoption previous {{ sessions users adoption }} }}
  inPlace: health(environment: "production", project: "web") {{ sessions users adoption previous {{ sessions users }} }} }}"""
"""What is selected of a release, and of each of several."""

SYMBOLICATE = """query ($frames: [StackFrameInput!]!) { symbolicate(input: {organization: "acme", project: "web",
  release: "web@3.1.0+1", stack: {frames: $frames}}) { frames { problem { code } bundle { id } } } }"""
"""Look-ups of files in each way; their bytes are not stored."""

EXPECTED_CODES = {
    "INVALID_ARGUMENT", "INVALID_CURSOR", "AMBIGUOUS_SHA", "RELEASE_NOT_FOUND", "PROJECT_NOT_FOUND", "ENVIRONMENT_NOT_FOUND",
    "REPOSITORY_NOT_FOUND",
}  # fmt: skip
"""Error codes of invalid arguments that the generator draws on purpose."""

ROOTS = ("organizations/acme/", "projects/acme/web/")
SORTS = ("date", "semver", "build")
SEARCHES = ("", "release:web@9*", "!release.version:>=1.0 release.package:web", "finalized:true", "release.build:>3")
LIST_PATHS = (
    "", "auth/", "organizations/", "organizations/acme/", "organizations/acme/projects/", "organizations/acme/repos/",
    "organizations/acme/environments/", "organizations/acme/releases/stats/", "projects/acme/web/",
    "projects/acme/web/environments/", "projects/acme/web/keys/", "projects/acme/web/keys/?status=active&per_page=1",
)  # fmt: skip
ISSUE_PATHS = (
    *(
        f"{root}issues/?query={query}&sort={sort}&per_page=3"
        for root in ROOTS
        for sort in ("date", "new")
        for query in (
            "", "is:unresolved", "level:error", "release:web@1.0.0", "firstRelease:web@1.0.0", "environment:production",
            "project:web", "issue:web-1", "error.handled:true", "firstSeen:-9000d", "shop",
        )
    ),
    "organizations/acme/issues/?query=&project=1&environment=production",
    "organizations/acme/issues/?query=&per_page=1&cursor=1767225600000000:5:1",
    "projects/acme/web/issues/?query=&per_page=1&cursor=1767225600000000:5:0",
    *(f"organizations/acme/issues/WEB-1/{part}" for part in ("", "events/", "events/?environment=production", "events/latest/", "hashes/")),
    "projects/acme/web/events/", "projects/acme/web/events/?per_page=1&cursor=1767225600000000:5:1",
    f"projects/acme/web/events/{event_id(0, 0)}/", f"projects/acme/web/events/{event_id(0, 0)}/json/",
)  # fmt: skip
"""Reads of issues and events, with each filter in each order."""
SESSIONS_PATH = "organizations/acme/sessions/?field=sum(session)&field=count_unique(user)&statsPeriod=90d&interval=1d"
SESSION_PATHS = (
    SESSIONS_PATH,
    SESSIONS_PATH + "&groupBy=release&groupBy=project&groupBy=environment",
    SESSIONS_PATH + "&project=1&environment=production&query=release:web@1.0.0",
)
RELEASE_SUBPATHS = ("meta", "commits", "commitfiles", "previous-with-commits", "repositories", "deploys")


def fill_large(harness: Harness) -> None:
    """Create many releases, commits, authors, paths and deploys in both tenants."""
    document = "mutation ($input: CreateReleasesInput!) { createReleases(input: $input) { userErrors { message } } }"
    deploy = "mutation ($input: CreateDeployInput!) { createDeploy(input: $input) { userErrors { message } } }"
    for organization in ("acme", "other"):
        fill(harness, organization)
        for first in range(0, RELEASES, 500):
            releases = []
            for number in range(first, first + 500):
                commits = [commit(10**4 + 2 * number + index, author_email=f"a{number % 200}@x.y") for index in range(2)]
                fields = as_graphql(release(f"web@3.{number}.0+{number}", commits=commits))
                releases.append({name: value for name, value in fields.items() if name != "organization"})
            variables = {"input": {"organization": organization, "releases": releases}}
            response = harness.client.graphql(document, variables, token=harness.tokens[organization])
            assert response == {"data": {"createReleases": {"userErrors": []}}}
        insert_events(harness, organization, ISSUES, 10**4)
        insert_files(harness, organization, [f"web@3.{number}.0+{number}" for number in range(RELEASES)], UPLOADS, 10**4)
        for number in range(0, RELEASES, 5):
            key = {"organization": organization, "version": f"web@3.{number}.0+{number}"}
            deployed = {"input": {"release": {"key": key}, "environment": f"place-{number % 20}"}}
            response = harness.client.graphql(deploy, deployed, token=harness.tokens[organization])
            assert response == {"data": {"createDeploy": {"userErrors": []}}}


def run_drawn_operations(harness: Harness, client: Client, operations: int, seed: int) -> None:
    """Run operations that the oracle's generator draws."""
    engine = create_engine(harness.databases.engine_url(harness.url))
    with Session(engine) as session:
        rows = [row for table in NODES.values() for row in session.exec(_select_rows(table)).all()]
        samples = collect_samples(session, [global_id(row) for row in rows])
    engine.dispose()
    generator = Generator(core_schema(build_schema()), seed, samples)
    for _ in range(operations):
        operation = generator.draw_operation()
        response = client.graphql(operation.document, operation.variables)
        assert all(error["extensions"]["code"] in EXPECTED_CODES for error in response.get("errors", ())), response
        collect_cursors(response, generator.samples.cursors)


def _select_rows(table: Any) -> Any:
    return select(table).limit(30)


def run_lists(client: Client) -> None:
    """List releases in every order and direction, forward and backward, of an organization and of a project, with each filter."""
    for order in SORT_OF:
        for direction in ("ASC", "DESC"):
            for page in ("first: 3", "last: 3"):
                for filter_argument in ("", 'filter: {project: "web"}', "filter: {status: OPEN}"):
                    field = f"releases({page}, {filter_argument}, orderBy: {{field: {order}, direction: {direction}}})"
                    response = client.graphql(
                        f'{{organization(slug: "acme") {{{field} {{nodes {{id}} pageInfo {{endCursor}}}}}}}}'
                    )
                    assert "errors" not in response, response
    assert "errors" not in client.graphql(COMPUTED_REFERENCES)
    response = client.graphql(FILES.format(debug_id=debug_id(1)))
    assert "errors" not in response, response
    assert response["data"]["artifact"]["sourceMap"]
    response = client.graphql(SYMBOLICATE, {"frames": [
        {"url": "~/10001/app.js", "line": 1}, {"url": "~/x", "line": 1, "debugId": debug_id(0)}, {"url": "y/app.js", "line": 1},
    ]})  # fmt: skip
    problems = [frame["problem"]["code"] for frame in response["data"]["symbolicate"]["frames"]]
    assert problems == ["SYMBOLICATION_FAILED"] * 3, response


def run_issue_lists(client: Client) -> None:
    """List issues with each filter, in every order and direction, and what is counted of one release and of several."""
    for issue_filter in ISSUE_FILTERS:
        for place, orders in (
            ("organization", ("LAST_SEEN", "FIRST_SEEN")),
            ("release", ("TIMES", "LAST_SEEN", "FIRST_SEEN")),
        ):
            for number, order in enumerate(orders):
                direction, page = (("DESC", "first: 3"), ("ASC", "last: 3"))[number % 2]
                arguments = f"{page}, filter: {{{issue_filter}}}, orderBy: {{field: {order}, direction: {direction}}}"
                below = f"({arguments}) {{ totalCount nodes {{ shortId suspectCommits {{ commit {{ sha }} }} }} }}"
                of_release = f"introducedIssues{below} issues(filter: {{{issue_filter}}}) {{ nodes {{ times }} }}"
                fields = {"organization": f"issues{below}", "release": f"releases(first: 3) {{ nodes {{ {of_release} }} }}"}[
                    place
                ]
                response = client.graphql(f'{{ organization(slug: "acme") {{ {fields} }} }}')
                assert "errors" not in response, response
    response = client.graphql(f'{{ issue(organization: "acme", shortId: "WEB-1") {{ {ISSUE_FIELDS} }} }}')
    assert response["data"]["issue"]["releases"]["nodes"], response
    document = f"""{{ release(by: {{key: {{organization: "acme", version: "web@1.0.0+1"}}}}) {RELEASE_EVENTS}
      organization(slug: "acme") {{ projects {{ nodes {{ stats(hours: 100) {{ accepted discarded {{ reason }} }} }} }}
        releases(first: 3) {{ nodes {RELEASE_EVENTS} }} }} }}"""
    response = client.graphql(document)
    assert "errors" not in response, response
    assert response["data"]["release"]["introducedIssues"]["nodes"], response


def run_issue_changes(client: Client) -> None:
    """Resolve an issue of each kind, by commits too, and set the commits of a release that has issues."""
    version = "web@3.9.0+9"
    find = f'{{ organization(slug: "acme") {{ issues(filter: {{release: "{version}"}}) {{ nodes {{ id shortId }} }} }} }}'
    issue = client.graphql(find)["data"]["organization"]["issues"]["nodes"][0]
    resolve = "mutation ($i: ResolveIssueInput!) { resolveIssue(input: $i) { userErrors { code } } }"
    of_release = {"release": {"key": {"organization": "acme", "version": "web@3.8.0+8"}}}
    for values in ({"in": "NOW"}, {"in": "COMMIT", "commit": commit(10**4)["id"]}, {"in": "NEXT_RELEASE"}):
        response = client.graphql(resolve, {"i": {"issue": {"id": issue["id"]}, **values}})
        assert response == {"data": {"resolveIssue": {"userErrors": []}}}
    fixing = {**commit(5), "message": f"Fixes {issue['shortId']}"}
    for new in ("new-1", version):
        body = {"version": new, "projects": ["web"], "commits": [fixing]}
        assert client.rest("POST", "organizations/acme/releases/", body).status in (201, 208)
    response = client.graphql(resolve, {"i": {"issue": {"id": issue["id"]}, "in": "RELEASE", **of_release}})
    assert response == {"data": {"resolveIssue": {"userErrors": []}}}


def run_mutations(client: Client) -> None:
    """Run every mutation."""
    token_id = None
    for name, (selection, variables) in MUTATIONS.items():
        variables = {"token": token_id} if name == "revokeToken" else variables
        document = f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {selection} {USER_ERRORS} }} }}"
        response = client.graphql(document, {"input": variables})
        assert "errors" not in response, response
        assert response["data"][name]["userErrors"] == [], (name, response)
        if name == "createToken":
            token_id = response["data"][name]["token"]["id"]


def _list_subpaths(base: str) -> Iterator[tuple[str, str, None]]:
    return (("GET", f"{base}{name}/", None) for name in RELEASE_SUBPATHS)


def send_debug_file_requests(client: Client) -> Iterator[tuple[str, str, Answer]]:
    """Send every method of every route of debug files, and list them with each parameter; yield method, path and response."""
    base, mapping = "projects/acme/web/files/", f"/proguard/{UUID}.txt"
    yield "POST", CHUNKS, send_parts(client, [("file", digest(MAPPING), MAPPING)])
    bodies: list[Any] = [{digest(MAPPING): {"name": mapping, "chunks": [digest(MAPPING)]}}] * 2
    bodies.append({"1" * 40: {"name": "a", "chunks": ["2" * 40]}})
    requests: list[tuple[str, str, Any]] = [("POST", base + "difs/assemble/", body) for body in bodies]
    requests += [("GET", f"{base}dsyms/{query}", None) for query in DEBUG_FILE_QUERIES]
    requests += [("GET", f"{base}dsyms/unknown/?checksums={'1' * 40}", None), ("POST", base + "dsyms/associate/", {})]
    release_of_mapping = {"release_name": "a", "proguard_uuid": UUID}
    requests += [("POST", base + "proguard-artifact-releases/", release_of_mapping)]
    requests += [("GET", f"{base}proguard-artifact-releases/?proguard_uuid={UUID}", None)]
    requests += [("POST", "projects/acme/web/reprocessing/", {})]
    for method, path, payload in requests:
        yield method, path, client.rest(method, path, payload)
    # A newer mapping replaces the one that has a release.
    content = write_zip({mapping[1:]: MAPPING + b"\n"})
    response = send_parts(client, [("file", "x", content)], base + "dsyms/")
    yield "POST", base + "dsyms/", response
    for method in ("GET", "DELETE"):
        path = f"{base}dsyms/?id={response.json[0]['id']}"
        yield method, path, client.rest(method, path)


def send_rest_requests(client: Client) -> Iterator[tuple[str, str, Answer]]:
    """Send every method of every route; yield method, path and response."""
    yield from send_debug_file_requests(client)
    version = "web@9.0.0"
    body = release(version, commits=[commit(8)], refs=[{"repository": "acme/web", "commit": "8" * 40}])
    deploy = {"environment": "production", "projects": ["web"], "name": "n"}
    change = {"ref": "r", "url": "https://example.com/", "dateReleased": "2026-01-01T00:00:00Z", "commits": [commit(7)]}
    project = {key: value for key, value in body.items() if key != "projects"}
    for method, path, payload in (
        ("POST", "projects/acme/web/keys/", {"name": "n"}),
        ("POST", "organizations/acme/releases/", body),
        ("POST", "organizations/acme/releases/", body),
        ("GET", "organizations/acme/releases/", None),
        ("GET", "organizations/acme/releases/?query=9.0&status=open&per_page=2&project=1", None),
        ("GET", "organizations/acme/releases/?per_page=1&cursor=1767225600000000:5:0", None),
        ("GET", "organizations/acme/releases/?per_page=1&cursor=1767225600000000:5:1", None),
        ("GET", f"organizations/acme/releases/{version}/", None),
        ("PUT", f"organizations/acme/releases/{version}/", change),
        ("POST", f"organizations/acme/releases/{version}/deploys/", deploy),
        *_list_subpaths(f"organizations/acme/releases/{version}/"),
        *((("GET", path, None)) for path in (*LIST_PATHS, *ISSUE_PATHS, *SESSION_PATHS)),
        *(
            ("GET", f"{root}releases/?query={quote(query)}&sort={sort}", None)
            for query in SEARCHES
            for sort in SORTS
            for root in ROOTS
        ),
        *(
            ("PUT", f"organizations/acme/issues/{issue}/", {"status": status, "statusDetails": details})
            for issue in ("1", "WEB-1")
            for status, details in (
                ("resolved", {}),
                ("resolved", {"inRelease": "web@1.0.0+1"}),
                ("ignored", None),
                ("unresolved", None),
            )
        ),
        ("PUT", "projects/acme/web/issues/?id=1&id=3", {"status": "resolvedInNextRelease", "snoozeDuration": None}),
        ("PUT", "projects/acme/web/issues/?status=resolved", {"status": "unresolved"}),
        ("GET", "organizations/acme/releases/?flatten=1&per_page=2", None),
        ("GET", "organizations/acme/releases/?project=1&environment=production", None),
        ("GET", "organizations/acme/releases/web@1.0.0%2B1/?project=1&environment=production", None),
        ("GET", "projects/acme/web/releases/web@1.0.0%2B1/?environment=production", None),
        ("DELETE", f"organizations/acme/releases/{version}/", None),
        ("POST", "projects/acme/web/releases/", project),
        ("GET", "projects/acme/web/releases/?query=9.0", None),
        ("GET", "projects/acme/web/releases/", None),
        ("GET", f"projects/acme/web/releases/{version}/", None),
        ("PUT", f"projects/acme/web/releases/{version}/", change),
        ("POST", f"projects/acme/web/releases/{version}/deploys/", deploy),
        *_list_subpaths(f"projects/acme/web/releases/{version}/"),
        ("DELETE", f"projects/acme/web/releases/{version}/", None),
    ):
        yield method, path, client.rest(method, path, payload)
    key = client.rest("GET", "projects/acme/web/keys/").json[0]["id"]
    for method in ("GET", "PUT", "DELETE"):
        path = f"projects/acme/web/keys/{key}/"
        yield method, path, client.rest(method, path, {"isActive": False} if method == "PUT" else None)
    yield from _send_file_requests(client)


def _send_file_requests(client: Client) -> Iterator[tuple[str, str, Answer]]:
    bundle = make_bundle(release="web@9.0.0")
    yield "GET", CHUNKS, client.rest("GET", CHUNKS)
    yield "POST", CHUNKS, send_parts(client, [("file", sha1(bundle), bundle)])
    for fields in ({}, {}, {"projects": ["api"], "version": "web@9.1.0", "dist": "1"}):
        yield "POST", ASSEMBLE, client.rest("POST", ASSEMBLE, describe(bundle, **fields))
    project = "projects/acme/web/"
    bundle_id = str(uuid.UUID(sha1(bundle)[:32]))
    files = f"{project}artifact-bundles/{bundle_id}/files/"
    listed = client.rest("GET", f"{project}artifact-lookup/?release=web@9.0.0").json
    for path in (
        f"{project}files/artifact-bundles/", f"{project}files/artifact-bundles/?sortBy=date_modified&query=web",
        files, f"{files}?query=app", f"{files}{base64.urlsafe_b64encode(b'files/_/_/app.js').decode()}/",
        f"{project}artifact-lookup/?debug_id={DEBUG_ID}", f"{project}artifact-lookup/?release=web@9.0.0&url=/app",
        f"{project}artifact-lookup/?release=web@9.0.0&url=/none", f"{project}artifact-lookup/?download={listed[0]['id']}",
    ):  # fmt: skip
        yield "GET", path, client.rest("GET", path)
    deletion = f"{project}files/artifact-bundles/?bundleId={bundle_id}"
    for path in (deletion, deletion.replace("acme/web", "acme/api")):
        yield "DELETE", path, client.rest("DELETE", path)
    yield from _send_release_file_requests(client)


def _send_release_file_requests(client: Client) -> Iterator[tuple[str, str, Answer]]:
    path = "organizations/acme/releases/"
    yield "POST", path, client.rest("POST", path, release("web@9.2.0", projects=["web"]))
    for root in ("organizations/acme/", "projects/acme/web/"):
        files = f"{root}releases/web@9.2.0/files/"
        uploads = [send_parts(client, [("file", name, name.encode())], files) for name in (f"{root}a.js", f"{root}b.js")]
        for answer in uploads:
            yield "POST", files, answer
        first, second = (f"{files}{answer.json['id']}/" for answer in uploads)
        for path in (
            files, f"{files}?query=a.js&query=b&checksum={sha1(b'x')}&checksum={sha1(b'y')}", f"{files}?per_page=1&cursor=0:1:1",
            first, f"{first}?download=1",
        ):  # fmt: skip
            yield "GET", path, client.rest("GET", path)
        yield "PUT", first, client.rest("PUT", first, {"name": f"~/{root}c.js"})
        yield "DELETE", second, client.rest("DELETE", second)
    for path in ("?query=web&sortBy=date_added", "?sortBy=-date_added"):
        path = f"projects/acme/web/files/source-maps/{path}"
        yield "GET", path, client.rest("GET", path)
    bundle = make_bundle(release="web@9.2.0", org="acme")
    yield "POST", CHUNKS, send_parts(client, [("file", sha1(bundle), bundle)])
    assemble = "organizations/acme/releases/web@9.2.0/assemble/"
    body = {"checksum": sha1(bundle), "chunks": [sha1(bundle)]}
    yield "POST", assemble, client.rest("POST", assemble, body)
    path = "projects/acme/web/files/source-maps/?name=web@9.2.0"
    yield "DELETE", path, client.rest("DELETE", path)
