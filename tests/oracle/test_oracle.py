"""Responses of planned queries equal those of naive resolvers, for two tenants that share versions, slugs and shas."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, get_named_type, is_abstract_type, is_leaf_type
from graphql import build_schema as build_core_schema
from sqlalchemy import create_engine
from sqlmodel import Session, select

from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.graphql_api.execution.refusals import MAX_ERRORS_OF_A_FIELD
from gql_releases.graphql_api.schema.build import build_schema, print_sdl
from gql_releases.storage.schema.tables.artifact_bundle import ArtifactBundleRow, ArtifactFileRow
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow
from gql_releases.storage.schema.tables.debug_file import DebugFileRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow
from gql_releases.storage.schema.tables.repository import RepositoryRow
from tests.conftest import Harness, Template
from tests.event_rows import LEVELS, RECEIVED, STATUSES, insert_events, short_id
from tests.factories import SET_DEFAULT, commit, release
from tests.file_rows import insert_files
from tests.oracle import filtering
from tests.oracle.generator import COMPUTED, MOVING, Generator, Operation, SampleValues, list_argument_inputs
from tests.oracle.naive import NODES, Naive, global_id
from tests.oracle.naive_rows import wire
from tests.scale import scale

OPERATIONS = scale(200, 5_000)
MOST_OPERATIONS = 3 * max(OPERATIONS, 400)
"""Maximum of operations until every field, argument and value of the schema was drawn."""
FEATURES = {
    "variable", "Boolean variable", "variable in an object", "alias", "inline fragment", "fragment spread", "list",
    "fragment on an interface", "@skip", "@include", "type condition", "merged selections", "filter null", "nodes", "__typename",
    "refused argument",
}  # fmt: skip

GRAPHQL_FIELDS = [field.graphql_name for field in RELEASE_FIELDS if not field.rest_name]
"""Fields of a release that only GraphQL has."""
TEXT_FIELDS = [
    field.rest_name or field.graphql_name
    for field in RELEASE_FIELDS
    if field.type is str and field.name not in ("ref", "url", "notes", "metadata")
]
"""Fields of a release whose value can be any text."""
COMPARISON_QUERY = """query ($slug: String!, $base: String!, $head: String!) { organization(slug: $slug) {
  compare(project: "web", base: $base, head: $head) { releases { edges { cursor } } commits { edges { cursor } }
    authors { edges { cursor } } fileChanges { edges { cursor } } deploys { edges { cursor } } } } }"""
"""Provides cursors of lists that drawn operations rarely contain."""

VERSIONS = [
    "web@1.0.0+1", "web@1.2.0-rc.1+2", "web@1.2.0+3", "web@1.10.0+4", "api@2.0.0+20261120103045", "api@2.0.0-alpha",
    "1.2.3", "a" * 40, "web@" + "b" * 40, f"web@{2**64 - 1}.0.0", "päck@1 #?%41", "é" * 120,
]  # fmt: skip


def fill(harness: Harness, organization: str) -> None:
    """Create releases that differ between the tenants in all fields but versions, slugs and shas."""
    client, token = harness.client, harness.tokens[organization]
    other = organization == "other"
    update = {"project": {"key": {"organization": organization, "slug": "web"}}, "repository": f"{organization}/web"}
    response = client.graphql(SET_DEFAULT, {"input": update}, token=token)
    assert response == {"data": {"updateProject": {"userErrors": []}}}
    for name in ("first", "second"):
        response = client.rest("POST", f"projects/{organization}/web/keys/", {"name": f"{organization} {name}"}, token=token)
        assert response.status == 201
    path = f"projects/{organization}/web/keys/{response.json['id']}/"
    assert client.rest("PUT", path, {"isActive": False}, token=token).status == 200
    for number, version in enumerate(VERSIONS):
        projects = ["web"] if other or number % 3 else ["web", "api"]
        if number == 11:
            projects = []
        commits = [
            commit(
                3 * number + index,
                message=f"{organization} {number}/{index}",
                repository=("acme/web", "acme/api", None)[(number + index) % 3],
                author_name=f"{organization} {index}",
                author_email=(f"author{index}@example.com", None, "")[index % 3 if number % 4 == 0 else 0],
            )
            for index in range(number % 6)
        ]
        body = release(version, projects=projects, commits=commits, ref=organization, url=None)
        body |= dict.fromkeys(TEXT_FIELDS, f"{organization} {number % 2}")
        if number % 4 == 2:
            body |= {"notes": f"# {organization}", "metadata": {"by": organization, "n": [number, None, 1.5]}}
        if number % 2:
            body["dateReleased"] = f"2026-0{1 + number % 3}-0{1 + other}T00:00:00.{number:03}Z"
        if number % 5 == 4:
            body["status"] = "archived"
        create(client, organization, token, body)
        if number % 4 == 1 and number > 1:
            refs = [{"repository": "acme/web", "commit": f"{'c' * 39}{number % 10}", "previousCommit": "p"}]
            path = f"organizations/{organization}/releases/web@1.2.0-rc.1%2B2/"
            assert client.rest("PUT", path, {"refs": refs}, token=token).status == 200
        for deploy in range(number % 4 if projects else 0):
            variables = {
                "release": {"key": {"organization": organization, "version": version}},
                "environment": ("production", "staging")[deploy % 2],
                "name": f"{organization}-{deploy}",
                "status": ("SUCCEEDED", "FAILED", "QUEUED", "SUCCEEDED", "STARTED")[(number + deploy) % 5],
                "links": [{"name": f"log {index}", "url": f"https://ci.example.com/{index}"} for index in range(deploy)],
                "comment": organization if deploy else None,
                "externalId": f"{organization}-{number}-{deploy}",
                "dateFinished": "2026-01-01T00:00:00Z" if deploy < 2 else None,
            }
            document = "mutation ($input: CreateDeployInput!) {createDeploy(input: $input) {userErrors {message}}}"
            response = client.graphql(document, {"input": variables}, token=token)
            assert response == {"data": {"createDeploy": {"userErrors": []}}}
        if number == 7:
            key = {"organization": organization, "project": "web", "externalId": f"{organization}-3-0"}
            document = "mutation ($key: DeployByKey!) {updateDeploy(input: {deploy: {key: $key}, status: ROLLED_BACK}) {userErrors {message}}}"
            response = client.graphql(document, {"key": key}, token=token)
            assert response == {"data": {"updateDeploy": {"userErrors": []}}}
    insert_files(harness, organization, VERSIONS)
    insert_events(harness, organization)


def create(client: Any, organization: str, token: str, body: dict[str, Any]) -> None:
    """Create a release in the REST API and set the fields that only GraphQL has."""
    graphql_fields = {name: body.pop(name) for name in GRAPHQL_FIELDS if name in body}
    response = client.rest("POST", f"organizations/{organization}/releases/", body, token=token)
    assert response.status == 201, response.body
    if graphql_fields:
        key = {"key": {"organization": organization, "version": body["version"]}}
        document = "mutation ($input: UpdateReleaseInput!) {updateRelease(input: $input) {userErrors {message}}}"
        result = client.graphql(document, {"input": {"release": key, **graphql_fields}}, token=token)
        assert result == {"data": {"updateRelease": {"userErrors": []}}}


def collect_cursors(value: Any, cursors: dict[str, list[str]]) -> None:
    """Collect the cursors of a response by their sort."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            collect_cursors(item, cursors)
    elif isinstance(value, str):
        try:
            version, field, _, _ = json.loads(base64.urlsafe_b64decode(value))
        except (ValueError, TypeError):
            return
        if version == 1:
            field_cursors = cursors.setdefault(field, [])
            if value not in field_cursors and len(field_cursors) < 40:
                field_cursors.append(value)


def has_stored_value(value: Any) -> bool:
    """Return whether a value or its parts contain a stored value."""
    if isinstance(value, dict):
        return any(has_stored_value(item) for item in value.values())
    if isinstance(value, list):
        return any(map(has_stored_value, value))
    return value not in (None, False, 0, "Query")


def first_difference(planned: Any, naive: Any, path: str = "") -> str:
    """Return the path and values of the first difference of two responses."""
    if isinstance(planned, dict) and isinstance(naive, dict) and planned.keys() == naive.keys():
        pairs = [(str(key), planned[key], naive[key]) for key in planned]
    elif isinstance(planned, list) and isinstance(naive, list) and len(planned) == len(naive):
        pairs = [(str(index), a, b) for index, (a, b) in enumerate(zip(planned, naive, strict=True))]
    else:
        return f"{path}: planned {planned!r}, naive {naive!r}"
    return next((first_difference(a, b, f"{path}.{key}") for key, a, b in pairs if a != b), "")


def group_by_field(errors: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Group errors by field, without the indices of lists: only the first hundred of a field are reported."""
    groups: dict[Any, Any] = {}
    for path, extensions in sorted(errors, key=lambda error: [(isinstance(step, str), step) for step in error[0]]):
        group = groups.setdefault(tuple(step for step in path if isinstance(step, str)), [])
        if len(group) < MAX_ERRORS_OF_A_FIELD:
            group.append((path, extensions))
    return groups


def have_same_errors(planned: dict[Any, Any], naive: dict[Any, Any]) -> bool:
    """Compare errors; the naive code of a filter with several faults joins their codes."""
    if planned.keys() != naive.keys():
        return False
    for field, errors in planned.items():
        pairs = zip(errors, naive[field], strict=True)
        if not all(a[0] == b[0] and a[1]["code"] in b[1]["code"].split("|") for a, b in pairs):
            return False
    return True


@pytest.fixture
def filled_harness(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, max_cost=10**12)
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    for organization in ("acme", "other"):
        fill(harness, organization)
    harness.rows("UPDATE upstream_releases SET state = 'FAILED', last_error = 'HTTP 400', attempts = id WHERE id % 3 = 1")
    yield harness
    harness.close()


def collect_samples(session: Session, ids: list[str]) -> SampleValues:
    shas = sorted({row.sha for row in session.exec(select(CommitRow)).all()})
    emails = sorted({row.email for row in session.exec(select(CommitAuthorRow)).all()})
    paths = sorted({row.path for row in session.exec(select(FileChangeRow)).all()})
    releases = session.exec(select(ReleaseRow)).all()
    dates = sorted({str(wire(d)) for row in releases for d in (row.date_created, row.date_released) if d is not None})
    slugs = ["acme", "other", "none"]
    columns = {
        name: sorted({getattr(row, column) for row in releases} - {None}) for name, column in filtering.COLUMNS.items()
    }
    files = collect_file_samples(session) | collect_event_samples()
    files["query"] += ["of 1", "web-3", "SHOP.PAY4", "bad Ä"]
    return SampleValues(
        ids, [*VERSIONS, "none"], slugs, [*shas, "none"], [*emails, "none"], [*paths, "none"], dates, columns, files
    )


def collect_event_samples() -> dict[str, list[Any]]:
    """Return values of the fields of the filters of issues and events."""
    moments = [wire(RECEIVED + timedelta(hours=hours)) for hours in range(8)]
    return {
        "project": ["web", "api", "none"],
        "release": [*VERSIONS[:6], "none"],
        "introducedIn": [*VERSIONS[:6], "none"],
        "environment": ["production", "staging", "none"],
        "status": list(STATUSES),
        "level": list(LEVELS),
        "firstSeen": [
            {"from": moments[3], "before": None}, {"before": moments[2]}, {}, {"from": moments[1], "before": moments[6]},
        ],
        "shortId": [*(short_id(number) for number in range(14)), "web-3", "none"],
    }  # fmt: skip


def collect_file_samples(session: Session) -> dict[str, list[Any]]:
    """Return values of the fields of the filters of files, and texts and debug ids to search for."""
    release_files = session.exec(select(ReleaseFileRow)).all()
    debug_files = session.exec(select(DebugFileRow)).all()
    bundles = session.exec(select(ArtifactBundleRow)).all()
    bundle_files = session.exec(select(ArtifactFileRow)).all()
    debug_ids = {*(file.debug_id for file in bundle_files if file.debug_id), *(file.debug_id for file in debug_files)}
    texts = {*(bundle.bundle_id for bundle in bundles), *(file.path for file in bundle_files), *debug_ids}
    return {
        "name": [*sorted({file.name for file in release_files}), "none"],
        "dist": ["", "7", "none"],
        "checksums": [*sorted({file.sha1 for file in release_files}), "none"],
        "debugId": [*sorted(debug_ids), *sorted(text.replace("-", "").upper() for text in debug_ids), "none"],
        "codeId": [*sorted({file.code_id for file in debug_files if file.code_id}), "none"],
        "formats": [
            "ELF",
            "MACHO",
            "PE",
            "PDB",
            "PORTABLEPDB",
            "BREAKPAD",
            "WASM",
            "SOURCEBUNDLE",
            "PROGUARD",
            "BCSYMBOLMAP",
            "UUIDMAP",
            "IL2CPP",
        ],
        "query": [*sorted(texts | {file.object_name for file in debug_files}), "", VERSIONS[0], VERSIONS[10], "none"],
    }


def list_readable_fields(schema: GraphQLSchema) -> set[str]:
    """Return every field that a query can read."""
    fields: set[str] = set()
    pending: list[Any] = [schema.query_type]
    seen = set()
    while pending:
        parent = pending.pop()
        if parent.name in seen or is_leaf_type(parent):
            continue
        seen.add(parent.name)
        if is_abstract_type(parent):
            pending += schema.get_possible_types(parent)
            continue
        names = [name for name in parent.fields if name not in MOVING and (parent.name != "Query" or name not in COMPUTED)]
        fields |= {f"{parent.name}.{name}" for name in names}
        pending += [get_named_type(parent.fields[name].type) for name in names]
    return fields


def list_inputs(schema: GraphQLSchema) -> set[str]:
    """Return every argument of queries, every field of their inputs and every value of their enums."""
    inputs: set[str] = set()
    for place in list_readable_fields(schema):
        parent, _, name = place.partition(".")
        declared: Any = schema.type_map[parent]
        inputs |= list_argument_inputs(place, declared.fields[name])
    return inputs


def list_missing_features(schema: GraphQLSchema, generator: Generator) -> set[str]:
    """Return the features, fields and inputs that no operation has drawn yet."""
    missing = (FEATURES - generator.features.keys()) | (list_readable_fields(schema) - generator.fields)
    return missing | (list_inputs(schema) - generator.drawn_inputs.keys())


@pytest.mark.slow
@pytest.mark.parametrize(("tenant", "seed"), [("acme", 1), ("other", 2)])
def test_planned_answers_equal_naive_ones(filled_harness: Harness, tenant: str, seed: int, record_property: Any) -> None:
    schema = build_core_schema(print_sdl(build_schema()))
    engine = create_engine(filled_harness.databases.engine_url(filled_harness.url))
    with Session(engine) as session:
        rows = [row for table in NODES.values() for row in session.exec(select(table)).all()]
        ids = [global_id(row) for row in rows] + ["", "x", "UmVsZWFzZTo5OTk5", "VmVyc2lvbjox"]
        token = 1 if tenant == "acme" else 2
        naive = Naive(schema, session, token)
        generator = Generator(schema, seed, collect_samples(session, ids))
        non_empty = 0
        comparison = Operation(COMPARISON_QUERY, {"slug": tenant, "base": VERSIONS[1], "head": VERSIONS[4]})
        number = 0
        # The rest of the fields and features is drawn on purpose.
        missing: set[str] = set()
        while number < OPERATIONS or (number < MOST_OPERATIONS and missing):
            operation = generator.draw_operation() if number else comparison
            expected, errors = naive.run(operation.document, operation.variables)
            response = filled_harness.client.graphql(
                operation.document, operation.variables, token=filled_harness.tokens[tenant]
            )
            assert "data" in response, (response, operation)
            assert response["data"] == expected, (number, first_difference(response.get("data"), expected), operation)
            response_errors = [(tuple(error["path"]), error["extensions"]) for error in response.get("errors", ())]
            assert have_same_errors(group_by_field(response_errors), group_by_field(errors)), operation
            assert json.dumps(response["data"]) == json.dumps(expected), "fields are in the order of the document"
            collect_cursors(expected, generator.samples.cursors)
            non_empty += has_stored_value(expected)
            number += 1
            if number >= OPERATIONS:
                missing = list_missing_features(schema, generator)
                generator.aim_at(missing)
    engine.dispose()
    features = dict(sorted(generator.features.items()))
    inputs = {place: count for place, count in sorted(generator.drawn_inputs.items()) if "(" not in place}
    operations_summary = f"{number} operations, {non_empty} not empty, all {len(generator.fields)} fields"
    inputs_summary = f"all {len(generator.drawn_inputs)} arguments, fields of inputs and values of enums"
    record_property("counts", f"oracle, {tenant}: {operations_summary}, {inputs_summary}, drawn {features}, given {inputs}")
    assert list_missing_features(schema, generator) == set()
    assert non_empty / number > 0.5


def test_every_type_with_an_id_has_naive_rows() -> None:
    """The tests of tenancy take the ids that they try from NODES (tests/oracle/naive.py)."""
    schema = build_core_schema(print_sdl(build_schema()))
    node = schema.type_map["Node"]
    assert is_abstract_type(node)
    assert {node_type.name for node_type in schema.get_possible_types(node)} == NODES.keys()


def test_naive_rows_belong_to_both_tenants(filled_harness: Harness) -> None:
    """The two tenants share versions, slugs and shas, which the oracle depends on."""
    engine = create_engine(filled_harness.databases.engine_url(filled_harness.url))
    with Session(engine) as session:
        tables: tuple[tuple[Any, str], ...] = ((ReleaseRow, "version"), (CommitRow, "sha"), (RepositoryRow, "name"))
        for table, name in tables:
            values = [
                {getattr(row, name) for row in session.exec(select(table)).all() if row.organization_id == owner}
                for owner in (1, 2)
            ]
            assert values[0] & values[1], name
    engine.dispose()
