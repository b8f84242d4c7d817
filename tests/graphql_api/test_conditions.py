"""Prices and bounds of conditions, in all lists of an operation, and of the items of lists in arguments."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
)

from gql_releases.domain.conditions import SCANNING_CONDITIONS, Conditions, count_conditions, list_leaves
from gql_releases.graphql_api.execution.coercion import compile_coercer
from gql_releases.graphql_api.execution.limits import MAXIMA
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.execution.weights import Weight, compile_measure, is_filter
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.graphql_api.schema.release_filters import release_conditions
from tests.client import Client
from tests.conftest import Harness, Template

SCHEMA = core_schema(build_schema())
FILTER: Any = SCHEMA.type_map["ReleaseFilter"]
SAMPLES: dict[str, Any] = {
    "String": "1",
    "Boolean": True,
    "DateTime": "2026-01-01T00:00:00Z",
    "ReleaseStatus": "OPEN",
    "range": ">=1 <2",
}
"""A value of each type that a condition has; of a range of versions its own."""


@pytest.fixture(scope="module")
def client(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One application for all tests here: nothing is executed."""
    harness = Harness(template, tmp_path_factory.mktemp("conditions"))
    yield harness.client
    harness.close()


def count_scanning(conditions: Conditions) -> int:
    """Return how many of a list's conditions, at any depth of groups, are in SCANNING_CONDITIONS."""
    return sum(name in SCANNING_CONDITIONS for name, _ in list_leaves(conditions))


def read_price(client: Client, query: str, variables: Any = None) -> int | str:
    """Return what an operation would cost, or the limit that refuses it. Nothing is executed."""
    body = {"query": query, "variables": variables, "extensions": {"dryRun": True}}
    answer = client.request("POST", "/graphql", body).json
    if "errors" in answer:
        limit: str = answer["errors"][0]["extensions"]["limit"]
        return limit
    requested: int = answer["extensions"]["cost"]["requested"]
    return requested


def leaf_conditions(declared: GraphQLInputObjectType) -> Iterator[tuple[str, Any]]:
    """Yield (its name, a filter that has it alone) for each condition of a filter's type."""
    for name, field in declared.fields.items():
        target = get_named_type(field.type)
        if target is declared or name in ("and", "or"):
            continue
        if isinstance(target, GraphQLInputObjectType):
            for below, value in leaf_conditions(target):
                yield f"{name}.{below}", {name: value if target.name != "SemverFilter" else {"range": ">=1", **value}}
            continue
        sample = SAMPLES.get(name, SAMPLES[target.name])
        yield name, {name: [sample] if isinstance(get_nullable_type(field.type), GraphQLList) else sample}


KINDS = dict(leaf_conditions(FILTER))


def build_conditions(value: Any) -> Any:
    return release_conditions({"filter": compile_coercer(FILTER)(value)})


def test_every_argument_with_a_weight_is_of_a_known_name() -> None:
    """Prices find sizes, filters, ids and inputs by the argument's name: a new argument needs a price first."""
    for owner in SCHEMA.type_map.values():
        if not isinstance(owner, GraphQLObjectType) or owner.name.startswith("__"):
            continue
        for field_name, field in owner.fields.items():
            for name, argument in field.args.items():
                expected = {"ids": "ids", "input": "input", "filter": "filter"}.get(name)
                weighs = compile_measure(argument.type) is not None
                assert not weighs or expected, f"{owner.name}.{field_name}({name}:)"
                assert is_filter(argument.type) == (name == "filter"), f"{owner.name}.{field_name}({name}:)"
                if get_named_type(argument.type).name == "Int":
                    assert name in ("first", "last", "hours"), f"{owner.name}.{field_name}({name}:)"


def test_every_type_within_a_filter_is_weighed_as_one() -> None:
    waiting, seen = [FILTER], set()
    while waiting:
        declared = waiting.pop()
        assert is_filter(declared), declared
        seen.add(declared.name)
        targets = {get_named_type(field.type) for field in declared.fields.values()}
        waiting += [target for target in targets if is_input_object_type(target) and target.name not in seen]
    assert seen == {"ReleaseFilter", "VersionFilter", "SemverFilter", "DateRange"}


@pytest.mark.parametrize("kind", KINDS)
def test_weight_of_each_condition_is_that_of_the_store(kind: str) -> None:
    built = build_conditions(KINDS[kind])
    for value in (KINDS[kind], compile_coercer(FILTER)(KINDS[kind])):
        weight = compile_measure(FILTER)(value)  # type: ignore[misc]
        assert (weight.conditions, weight.scanning) == (count_conditions(built), count_scanning(built))


def drawn_filter(draw: random.Random, depth: int = 0) -> Any:
    value: dict[str, Any] = {}
    for _ in range(draw.randrange(4)):
        value |= draw.choice(list(KINDS.values()))
    if depth < 3:
        for name in draw.sample(("and", "or", "not"), draw.randrange(3)):
            below = [drawn_filter(draw, depth + 1) for _ in range(draw.randrange(4))]
            value[name] = drawn_filter(draw, depth + 1) if name == "not" else below
    return value


def test_weights_of_drawn_filters_are_those_of_the_store() -> None:
    draw = random.Random(18)
    measure = compile_measure(FILTER)
    assert measure
    compared = 0
    for _ in range(500):
        value = drawn_filter(draw)
        weight = measure(value)
        if weight.conditions > 100:
            continue
        built = build_conditions(value)
        assert (weight.conditions, weight.scanning) == (count_conditions(built), count_scanning(built)), value
        compared += 1
    assert compared > 300


def aliases(lists: int, filter_text: str) -> str:
    return (
        'organization(slug: "acme") { '
        + " ".join(f"r{n}: releases(first: 1, {filter_text}) {{ nodes {{ id }} }}" for n in range(lists))
        + " }"
    )


def spread(lists: int, filter_text: str) -> str:
    """The same list once in a fragment, which is spread below other fields."""
    below = " ".join(f"o{n}: organization {{ ...F }}" for n in range(lists))
    return f'organization(slug: "acme") {{ projects(first: 1) {{ nodes {{ {below} }} }} }} }} ' + (
        f"fragment F on Organization {{ releases(first: 1, {filter_text}) {{ nodes {{ id }} }}"
    )


def roots(lists: int, filter_text: str) -> str:
    return " ".join(
        f'o{n}: organization(slug: "acme") {{ releases(first: 1, {filter_text}) {{ nodes {{ id }} }} }}'
        for n in range(lists)
    )


def in_nodes(lists: int, filter_text: str) -> str:
    listed = " ".join(f"r{n}: releases(first: 1, {filter_text}) {{ nodes {{ id }} }}" for n in range(lists))
    return f'nodes(ids: ["a", "b"]) {{ id ... on Project {{ {listed} }} ... on Organization {{ {listed} }} }}'


def in_projects(lists: int, filter_text: str) -> str:
    listed = " ".join(f"r{n}: releases(first: 1, {filter_text}) {{ nodes {{ id }} }}" for n in range(lists))
    return f'organization(slug: "acme") {{ projects(first: 2) {{ nodes {{ {listed} }} }} }}'


PLACES: dict[str, Callable[[int, str], str]] = {
    "aliases": aliases,
    "spreads": spread,
    "root fields": roots,
    "nodes": in_nodes,
    "lists in a list": in_projects,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_ninety_nine_conditions_are_priced_or_refused(client: Client, kind: str, place: str) -> None:
    """Each kind of condition 99 times in one group, in one list, in two, and in as many as fit otherwise."""
    value = {"or": [KINDS[kind]] * 99}
    built = build_conditions({"or": [KINDS[kind]] * 9})
    per_element, scanning = (count_conditions(built) - 1) // 9, count_scanning(built) // 9
    own = 10 + 99 * (1000 * scanning + 10 * (per_element - scanning)) + (49 if kind == "version.in" else 0)
    conditions = 1 + 99 * per_element
    parents = 2 if place in ("nodes", "lists in a list") else 1
    for lists in (1, 2, 3, 45):
        query = PLACES[place](lists, "filter: $f")
        price = read_price(client, f"query ($f: ReleaseFilter) {{ {query} }}", {"f": value})
        if conditions * lists > MAXIMA["conditions"] - (place == "nodes"):
            assert price == "conditions"
        elif own * lists * parents > 99_900:
            assert price == "cost"
        else:
            objects = read_price(client, f"{{ {PLACES[place](lists, 'filter: {}')} }}")
            assert price == objects + own * lists * parents  # type: ignore[operator]


def test_literal_filters_cost_what_variables_do(client: Client) -> None:
    literal = (
        'filter: {or: [{version: {contains: "a"}}, {path: "b", status: OPEN}], dateCreated: {from: "2026-01-01T00:00:00Z"}}'
    )
    value = {
        "or": [{"version": {"contains": "a"}}, {"path": "b", "status": "OPEN"}],
        "dateCreated": {"from": "2026-01-01T00:00:00Z"},
    }
    expected = 1 + 3 * (1 + 10 + 1000 + 10 + 1000 + 10 + 10)
    assert read_price(client, f"{{ {aliases(3, literal)} }}") == expected
    assert read_price(client, f"query ($f: ReleaseFilter) {{ {aliases(3, 'filter: $f')} }}", {"f": value}) == expected


def test_total_costs_what_its_filter_does(client: Client) -> None:
    query = '{{ organization(slug: "acme") {{ releases(first: 1{0}) {{ {1} }} }} }}'
    assert read_price(client, query.format("", "totalCount")) == 1 + 1 + 10
    assert read_price(client, query.format(', filter: {path: "x"}', "nodes { id }")) == 1 + 1 + 1000
    assert read_price(client, query.format(', filter: {path: "x"}', "totalCount")) == 1 + 1 + 10 + 2 * 1000
    assert read_price(client, query.format(', filter: {path: "x"}', "totalCount t: totalCount")) == 1 + 1 + 20 + 3 * 1000


def test_fields_left_out_are_not_counted(client: Client) -> None:
    query = 'query ($f: ReleaseFilter, $no: Boolean!) {{ organization(slug: "acme") {{ {0} }} }}'
    lists = " ".join(f"r{n}: releases(first: 1, filter: $f) @include(if: $no) {{ nodes {{ id }} }}" for n in range(30))
    value = {"f": {"or": [{"status": "OPEN"}] * 9}}
    assert read_price(client, query.format(lists + " id"), value | {"no": False}) == 1
    assert read_price(client, query.format(lists), value | {"no": True}) == "conditions"


ARGUMENTS = {
    "orderBy": ('organization(slug: "acme") {{ {0} }}', "releases(first: 1, orderBy: {field: SEMVER}) { nodes { id } }", 1),
    "releaseContaining": ('organization(slug: "acme") {{ {0} }}', 'releaseContaining(commit: "a", repository: "b") { id }', 2),
    "latestRelease": (
        'organization(slug: "acme") {{ projects(first: 1) {{ nodes {{ {0} }} }} }}', 'latestRelease(environment: "a") { id }', 1,
    ),
    "previous": ('release(by: {{id: "x"}}) {{ {0} }}', 'previous(project: "web") { id }', 1),
    "compare": (
        'organization(slug: "acme") {{ {0} }}',
        'compare(project: "a", base: "b", head: "c") { commits(first: 1) { nodes { id } } deploys(first: 1) { totalCount } }', 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_other_arguments_that_choose_rows_count_as_conditions(client: Client, name: str) -> None:
    around, selection, conditions = ARGUMENTS[name]
    for count in (1, 120 // conditions, 200 // conditions, 200 // conditions + 1, 900 // conditions):
        query = "{" + around.format(" ".join(f"a{n}: {selection}" for n in range(count))) + "}"
        price = read_price(client, query)
        scanning = {"compare": 3 * 1000 * count}.get(name, 0)  # two lists and a total
        if conditions * count > MAXIMA["conditions"]:
            assert price in ("conditions", "equalFields", "tokens")
        elif price not in ("equalFields", "tokens"):
            assert price == "cost" if scanning > 99_000 else int(price) > scanning + 10 * count


def test_limit_of_conditions_names_what_was_sent(client: Client) -> None:
    filters = {"f": {"or": [{"status": "OPEN"}] * 66}}
    body = {"query": f"query ($f: ReleaseFilter) {{ {aliases(3, 'filter: $f')} }}", "variables": filters}
    assert client.request("POST", "/graphql", body).json == {
        "errors": [
            {
                "message": "The limit conditions is 200; this request has 201.",
                "extensions": {"code": "LIMIT_EXCEEDED", "limit": "conditions", "maximum": 200, "value": 201},
            }
        ]
    }


BULK = "createReleases(input: {0}) {{ results {{ outcome release {{ id }} }} userErrors {{ code }} }}"


@pytest.mark.parametrize("literal", [False, True])
def test_bulk_creations_cost_by_the_length_of_the_list(client: Client, literal: bool) -> None:
    def price(releases: int, count: int) -> int | str:
        if literal:
            values = '{organization: "acme", releases: [' + '{version: "1", projects: ["web"]} ' * releases + "]}"
            return read_price(client, "mutation { " + " ".join(f"m{n}: {BULK.format(values)}" for n in range(count)) + " }")
        value = {"organization": "acme", "releases": [{"version": "1", "projects": ["web"]}] * releases}
        query = " ".join(f"m{n}: {BULK.format('$i')}" for n in range(count))
        return read_price(client, f"mutation ($i: CreateReleasesInput!) {{ {query} }}", {"i": value})

    assert price(1, 1) == 10 + 25 + 1
    assert price(10, 3) == 3 * (10 + 250 + 5 + 10)
    if not literal:
        assert price(1000, 1) == 10 + 25_000 + 500 + 1000
        assert price(1000, 5) == price(1000, 49) == "cost"


MUTATIONS_WITH_LISTS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "createRelease": ({"organization": "a", "version": "1", "projects": []}, "commits", {"sha": "a", "fileChanges": []}),
    "setReleaseCommits": (
        {"release": {"id": "x"}},
        "commits",
        {"sha": "a", "fileChanges": [{"path": "a", "type": "ADDED"}]},
    ),
    "setReleaseRefs": ({"release": {"id": "x"}}, "refs", {"repository": "a", "commit": "b"}),
    "createDeploy": ({"release": {"id": "x"}, "environment": "a"}, "links", {"url": "http://a", "name": "b"}),
    "createToken": ({"organization": "a"}, "scopes", "org:read"),
}


@pytest.mark.parametrize("name", MUTATIONS_WITH_LISTS)
def test_items_of_each_list_of_a_mutation_are_priced(client: Client, name: str) -> None:
    rest, listed, item = MUTATIONS_WITH_LISTS[name]
    kind = f"{name[0].upper()}{name[1:]}Input"
    per_item = 2 if isinstance(item, dict) and item.get("fileChanges") else 1
    for count, fields in ((100, 1), (100, 40), (1000, 49)):
        query = " ".join(f"m{n}: {name}(input: $i) {{ userErrors {{ code }} }}" for n in range(fields))
        variables = {"i": {**rest, listed: [item] * count}}
        expected = fields * (10 + per_item * count // 2)
        assert read_price(client, f"mutation ($i: {kind}!) {{ {query} }}", variables) == (
            expected if expected <= 100_000 else "cost"
        )


def test_every_list_of_an_input_has_points() -> None:
    """A list that is added to an input is priced by its length without further ado."""
    mutation = SCHEMA.mutation_type
    assert mutation
    lists = 0
    for field in mutation.fields.values():
        declared: Any = get_named_type(field.args["input"].type)
        for name, inner in declared.fields.items():
            if isinstance(get_nullable_type(inner.type), GraphQLList):
                weight: Weight = compile_measure(declared)({name: [{}] * 10})  # type: ignore[misc]
                assert weight.points >= 10, f"{declared.name}.{name}"
                lists += 1
    assert lists >= 10


def test_conditions_that_scan_can_all_be_sent_by_one_api_or_are_of_rest_alone() -> None:
    sent = {name for value in KINDS.values() for name, _ in build_conditions(value)}
    assert sent & SCANNING_CONDITIONS == {"version_contains", "environment", "author", "commit", "path"}
