"""Planned answers equal those of naive resolvers, over two tenants that share versions, slugs and shas."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLSchema, get_named_type, is_abstract_type, is_leaf_type
from graphql import build_schema as build_core_schema
from sqlalchemy import create_engine
from sqlmodel import Session, select

from gql_releases.graphql_api.execution.refusals import MAX_ERRORS_OF_A_FIELD
from gql_releases.graphql_api.schema.build import build_schema, print_sdl
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow
from tests.conftest import Harness, Template
from tests.factories import SET_DEFAULT, commit, release
from tests.oracle.generator import MOVING, Generator, Known, Operation
from tests.oracle.naive import NODES, Naive, global_id, wire
from tests.scale import scale

OPERATIONS = scale(100, 5_000)
MOST_OPERATIONS = 3 * max(OPERATIONS, 400)
"""Drawn at most until every field, argument and value of the schema was drawn."""
FEATURES = {
    "variable", "Boolean variable", "variable in an object", "alias", "inline fragment", "fragment spread", "list",
    "fragment on an interface", "@skip", "@include", "type condition", "merged selections", "filter null", "nodes", "__typename",
    "refused argument",
}  # fmt: skip

FIRST = """query ($slug: String!, $base: String!, $head: String!) { organization(slug: $slug) {
  compare(project: "web", base: $base, head: $head) { releases { edges { cursor } } commits { edges { cursor } }
    authors { edges { cursor } } fileChanges { edges { cursor } } deploys { edges { cursor } } } } }"""
"""Brings cursors of the lists that drawn operations come to late."""

VERSIONS = [
    "web@1.0.0+1", "web@1.2.0-rc.1+2", "web@1.2.0+3", "web@1.10.0+4", "api@2.0.0+20261120103045", "api@2.0.0-alpha",
    "1.2.3", "a" * 40, "web@" + "b" * 40, f"web@{2**64 - 1}.0.0", "päck@1 #?%41", "é" * 120,
]  # fmt: skip


def fill(harness: Harness, organization: str) -> None:
    """Releases that differ between the tenants in everything but versions, slugs and shas."""
    client, token = harness.client, harness.tokens[organization]
    other = organization == "other"
    named = {"project": {"key": {"organization": organization, "slug": "web"}}, "repository": f"{organization}/web"}
    answer = client.graphql(SET_DEFAULT, {"input": named}, token=token)
    assert answer == {"data": {"updateProject": {"userErrors": []}}}
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
            made = client.graphql(document, {"input": variables}, token=token)
            assert made == {"data": {"createDeploy": {"userErrors": []}}}
        if number == 7:
            key = {"organization": organization, "project": "web", "externalId": f"{organization}-3-0"}
            document = "mutation ($key: DeployByKey!) {updateDeploy(input: {deploy: {key: $key}, status: ROLLED_BACK}) {userErrors {message}}}"
            made = client.graphql(document, {"key": key}, token=token)
            assert made == {"data": {"updateDeploy": {"userErrors": []}}}


def create(client: Any, organization: str, token: str, body: dict[str, Any]) -> None:
    """Create a release; what REST does not take is set by GraphQL."""
    more = {name: body.pop(name) for name in ("notes", "metadata") if name in body}
    made = client.rest("POST", f"organizations/{organization}/releases/", body, token=token)
    assert made.status == 201, made.body
    if more:
        by = {"key": {"organization": organization, "version": body["version"]}}
        document = "mutation ($input: UpdateReleaseInput!) {updateRelease(input: $input) {userErrors {message}}}"
        changed = client.graphql(document, {"input": {"release": by, **more}}, token=token)
        assert changed == {"data": {"updateRelease": {"userErrors": []}}}


def harvest(answer: Any, cursors: dict[str, list[str]]) -> None:
    """Gather the cursors of an answer by the sort that they name."""
    if isinstance(answer, dict | list):
        for one in answer.values() if isinstance(answer, dict) else answer:
            harvest(one, cursors)
    elif isinstance(answer, str):
        try:
            version, field, _, _ = json.loads(base64.urlsafe_b64decode(answer))
        except (ValueError, TypeError):
            return
        if version == 1:
            known = cursors.setdefault(field, [])
            if answer not in known and len(known) < 40:
                known.append(answer)


def says_something(answer: Any) -> bool:
    """Say whether there is a value below that somebody stored."""
    if isinstance(answer, dict):
        return any(says_something(value) for value in answer.values())
    if isinstance(answer, list):
        return any(map(says_something, answer))
    return answer not in (None, False, 0, "Query")


def first_difference(one: Any, other: Any, path: str = "") -> str:
    """Say where two answers part."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(str(key), one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(index), a, b) for index, (a, b) in enumerate(zip(one, other, strict=True))]
    else:
        return f"{path}: planned {one!r}, naive {other!r}"
    return next((first_difference(a, b, f"{path}.{key}") for key, a, b in pairs if a != b), "")


def by_field(errors: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Group errors by their fields, without the indices of lists: only the first hundred of a field are reported."""
    groups: dict[Any, Any] = {}
    for path, extensions in sorted(errors, key=lambda error: [(isinstance(step, str), step) for step in error[0]]):
        group = groups.setdefault(tuple(step for step in path if isinstance(step, str)), [])
        if len(group) < MAX_ERRORS_OF_A_FIELD:
            group.append((path, extensions))
    return groups


def same_errors(planned: dict[Any, Any], naive: dict[Any, Any]) -> bool:
    """Compare errors; the naive code of a filter with several faults is all of their codes."""
    if planned.keys() != naive.keys():
        return False
    for field, errors in planned.items():
        pairs = zip(errors, naive[field], strict=True)
        if not all(a[0] == b[0] and a[1]["code"] in b[1]["code"].split("|") for a, b in pairs):
            return False
    return True


@pytest.fixture
def filled(template: Template, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(template, tmp_path, max_cost=10**12)
    harness.run(harness.store.outbox.name_upstream(1, "http://127.0.0.1:1", "acme", b"sealed"))
    for organization in ("acme", "other"):
        fill(harness, organization)
    harness.rows("UPDATE upstream_releases SET state = 'FAILED', last_error = 'HTTP 400', attempts = id WHERE id % 3 = 1")
    yield harness
    harness.close()


def known_of(session: Session, ids: list[str]) -> Known:
    shas = sorted({row.sha for row in session.exec(select(CommitRow)).all()})
    emails = sorted({row.email for row in session.exec(select(CommitAuthorRow)).all()})
    paths = sorted({row.path for row in session.exec(select(FileChangeRow)).all()})
    releases = session.exec(select(ReleaseRow)).all()
    dates = sorted({str(wire(d)) for row in releases for d in (row.date_created, row.date_released) if d is not None})
    slugs = ["acme", "other", "none"]
    return Known(ids, [*VERSIONS, "none"], slugs, [*shas, "none"], [*emails, "none"], [*paths, "none"], dates)


def readable_fields(schema: GraphQLSchema) -> set[str]:
    """Give every field that a query can read."""
    found: set[str] = set()
    waiting: list[Any] = [schema.query_type]
    seen = set()
    while waiting:
        parent = waiting.pop()
        if parent.name in seen or is_leaf_type(parent):
            continue
        seen.add(parent.name)
        if is_abstract_type(parent):
            waiting += schema.get_possible_types(parent)
            continue
        found |= {f"{parent.name}.{name}" for name in parent.fields if name not in MOVING}
        waiting += [get_named_type(one.type) for one in parent.fields.values()]
    return found


def what_can_be_given(schema: GraphQLSchema) -> set[str]:
    """Give every argument that a query can have, every field of its inputs and every value of its enums."""
    found: set[str] = set()

    def inputs(kind: Any) -> None:
        named = get_named_type(kind)
        if isinstance(named, GraphQLEnumType):
            found.update(f"{named.name}.{value}" for value in named.values)
        elif isinstance(named, GraphQLInputObjectType) and f"{named.name}.{next(iter(named.fields))}" not in found:
            found.update(f"{named.name}.{name}" for name in named.fields)
            for one in named.fields.values():
                inputs(one.type)

    for place in readable_fields(schema):
        parent, _, name = place.partition(".")
        declared: Any = schema.type_map[parent]
        for argument, one in declared.fields[name].args.items():
            found.add(f"{place}({argument}:)")
            inputs(one.type)
    return found


def what_is_missing(schema: GraphQLSchema, generator: Generator) -> set[str]:
    """Return what no operation has drawn yet."""
    missing = (FEATURES - generator.features.keys()) | (readable_fields(schema) - generator.fields)
    return missing | (what_can_be_given(schema) - generator.given.keys())


@pytest.mark.slow
@pytest.mark.parametrize(("tenant", "seed"), [("acme", 1), ("other", 2)])
def test_planned_answers_equal_naive_ones(filled: Harness, tenant: str, seed: int, record_property: Any) -> None:
    schema = build_core_schema(print_sdl(build_schema()))
    engine = create_engine(filled.databases.engine_url(filled.url))
    with Session(engine) as session:
        rows = [row for table in NODES.values() for row in session.exec(select(table)).all()]
        ids = [global_id(row) for row in rows] + ["", "x", "UmVsZWFzZTo5OTk5", "VmVyc2lvbjox"]
        token = 1 if tenant == "acme" else 2
        naive = Naive(schema, session, token)
        generator = Generator(schema, seed, known_of(session, ids))
        said = 0
        first = Operation(FIRST, {"slug": tenant, "base": VERSIONS[1], "head": VERSIONS[4]})
        number = 0
        # A schema with one more field draws others: rare ones may need some more operations.
        while number < OPERATIONS or (number < MOST_OPERATIONS and what_is_missing(schema, generator)):
            operation = generator.draw() if number else first
            expected, errors = naive.answer(operation.document, operation.variables)
            answer = filled.client.graphql(operation.document, operation.variables, token=filled.tokens[tenant])
            assert answer["data"] == expected, (number, first_difference(answer.get("data"), expected), operation)
            located = [(tuple(error["path"]), error["extensions"]) for error in answer.get("errors", ())]
            assert same_errors(by_field(located), by_field(errors)), operation
            assert json.dumps(answer["data"]) == json.dumps(expected), "fields come in the order of the document"
            harvest(expected, generator.known.cursors)
            said += says_something(expected)
            number += 1
    engine.dispose()
    features = dict(sorted(generator.features.items()))
    inputs = {place: count for place, count in sorted(generator.given.items()) if "(" not in place}
    counted = f"{number} operations, {said} not empty, all {len(generator.fields)} fields"
    given = f"all {len(generator.given)} arguments, fields of inputs and values of enums"
    record_property("counts", f"oracle, {tenant}: {counted}, {given}, drawn {features}, given {inputs}")
    assert what_is_missing(schema, generator) == set()
    assert said / number > 0.6


def test_naive_rows_belong_to_both_tenants(filled: Harness) -> None:
    """The two tenants really share versions, slugs and shas, or the oracle would prove little."""
    engine = create_engine(filled.databases.engine_url(filled.url))
    with Session(engine) as session:
        for table, name in ((ReleaseRow, "version"), (CommitRow, "sha"), (RepositoryRow, "name")):
            values = [
                {getattr(row, name) for row in session.exec(select(table)).all() if row.organization_id == owner}
                for owner in (1, 2)
            ]
            assert values[0] & values[1], name
    engine.dispose()
