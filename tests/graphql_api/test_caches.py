"""What clients make a process keep is bounded in bytes, whatever they send; what is unusual is not kept."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gql_releases.domain.cache_budget import BUDGET, DEFAULT_CACHE_BYTES
from gql_releases.domain.search.search_terms import MAX_LENGTH
from gql_releases.settings import MEBIBYTE
from gql_releases.storage.engine.pool import Session
from gql_releases.storage.engine.statements import PreparedStatement
from tests.client import Client
from tests.conftest import Harness, Template
from tests.scale import scale

SHAPES = scale(6, 2_000)
"""Drawn operations of each of the kinds, so that a soak draws more than 10,000."""
GROWTH_MIB = 25
"""What resident memory may grow by beside a budget of 8 MiB: what SQLAlchemy and the allocator hold on to is in it."""

CONDITIONS: list[dict[str, Any]] = [
    {"version": {"equals": "a"}},
    {"version": {"startsWith": "a"}},
    {"version": {"in": ["a"]}},
    {"status": "OPEN"},
    {"released": True},
    {"released": False},
    {"dateCreated": {"from": "2026-01-01T00:00:00Z"}},
    {"dateCreated": {"before": "2026-01-01T00:00:00Z"}},
    {"dateReleased": {"before": "2026-01-01T00:00:00Z"}},
]
FIELDS = ("version", "url", "ref", "status", "id", "dateCreated", "dateReleased", "ref")


@pytest.fixture
def harness(template: Template, tmp_path: Path) -> Iterator[Harness]:
    built = Harness(template, tmp_path, cache_bytes=8 * MEBIBYTE)
    yield built
    built.close()
    BUDGET.limit = DEFAULT_CACHE_BYTES


def twenty_lists(draw: random.Random, number: int) -> tuple[str, Any]:
    """Nine conditions in each of twenty lists: within the limit of conditions, 3 MB of SQLAlchemy's constructs."""
    lists = " ".join(
        f"r{index}: releases(first: 1, filter: $f) {{ nodes {{ {draw.choice(FIELDS)} }} }}" for index in range(20)
    )
    conditions = {"or": [*draw.choices(CONDITIONS, k=7), {"status": "OPEN"}]}
    return f'query ($f: ReleaseFilter) {{ organization(slug: "acme") {{ {lists} }} }} # {number}', {"f": conditions}


def many_conditions(draw: random.Random, number: int) -> tuple[str, Any]:
    conditions = {"and": [{"or": draw.choices(CONDITIONS, k=40)}, {"path": "a"}]}
    query = 'query ($f: ReleaseFilter) { organization(slug: "acme") { releases(filter: $f) { nodes { id } } } }'
    return query + f" # {number}", {"f": conditions}


def one_document(draw: random.Random, number: int) -> tuple[str, Any]:
    """Another filter of few conditions each time, in one document: plans of one selection."""
    conditions = {"not": {"or": draw.choices(CONDITIONS, k=6)}, **draw.choice(CONDITIONS)}
    query = """query ($f: ReleaseFilter) { organization(slug: "acme") { a: releases(filter: $f) { nodes { id } totalCount }
      projects { nodes { releases(filter: $f) { nodes { id } } } } } }"""
    return query, {"f": conditions}


def many_fields(draw: random.Random, number: int) -> tuple[str, Any]:
    """A selection that is planned anew for each document."""
    fields = " ".join(f"a{index}: {draw.choice(FIELDS)}" for index in range(150))
    return f'{{ organization(slug: "acme") {{ releases {{ nodes {{ {fields} }} }} }} }} # {number}', None


def introspections(draw: random.Random, number: int) -> tuple[str, Any]:
    """An answer of 100 KB that is kept for each document."""
    return "{ __schema { types { name description fields { name description args { name } } } } } " + f"# {number}", None


def nodes(draw: random.Random, number: int) -> tuple[str, Any]:
    """Plans of several types for each document, and of several values of Booleans."""
    query = """query ($a: Boolean!, $b: Boolean!) { nodes(ids: ["UmVsZWFzZTox", "UHJvamVjdDox", "Q29tbWl0OjE="]) { id
      ... on Release { version @include(if: $a) url @skip(if: $b) } ... on Project { slug @include(if: $b) } } }"""
    return query + f" # {number // 4}", {"a": bool(number & 1), "b": bool(number & 2)}


KINDS = [twenty_lists, many_conditions, one_document, many_fields, introspections, nodes]


def resident_mib() -> float:
    gc.collect()
    resident: int = psutil.Process().memory_info().rss
    return resident / MEBIBYTE


def test_memory_does_not_grow_with_the_shapes_that_clients_send(harness: Harness) -> None:
    draw = random.Random(18)
    for kind in KINDS:
        assert "errors" not in harness.client.graphql(*kind(draw, -1))
    before = resident_mib()
    for number in range(SHAPES):
        for kind in (*KINDS, twenty_lists):
            answer = harness.client.graphql(*kind(draw, number))
            assert "errors" not in answer, answer["errors"]
    assert BUDGET.bytes <= BUDGET.limit == 8 * MEBIBYTE
    assert resident_mib() - before < GROWTH_MIB


def test_usage_of_caches_is_reported_by_name(harness: Harness) -> None:
    for kind in KINDS:
        harness.client.graphql(*kind(random.Random(1), 0))
    harness.client.rest("GET", "organizations/acme/releases/?query=a")
    usage = BUDGET.usage()
    assert {"operations", "plans", "searches"} <= usage.keys()
    assert sum(item.bytes for item in usage.values()) == BUDGET.bytes


def plans() -> int:
    usage = BUDGET.usage().get("plans")
    return usage.entries if usage else 0


@pytest.mark.parametrize(("conditions", "is_kept"), [(19, True), (20, False)])
def test_plan_of_an_unusual_filter_is_not_kept(harness: Harness, conditions: int, is_kept: bool) -> None:
    """The group is a condition itself: 20 of one list are kept, 21 are not."""
    query = 'query ($f: ReleaseFilter) { organization(slug: "acme") { releases(filter: $f) { nodes { id } } } }'
    harness.client.graphql(query, {"f": {}})
    gc.collect()  # plans of other tests' applications go now, and not while these are counted
    before = plans()
    for _ in range(2):
        answer = harness.client.graphql(query, {"f": {"or": [{"status": "OPEN"}] * conditions}})
        assert answer == {"data": {"organization": {"releases": {"nodes": []}}}}
    assert plans() - before == is_kept


def test_plans_of_a_document_that_is_no_longer_kept_go_with_it(harness: Harness) -> None:
    query = '{{ organization(slug: "acme") {{ releases {{ nodes {{ id }} }} }} }} # {0}'
    for number in range(20):
        harness.client.graphql(query.format(number))
    before = plans()
    assert before >= 20
    BUDGET.limit = MEBIBYTE
    for number in range(100):
        harness.client.graphql(f"{{ __typename }} # {number} {'x' * 8000}")
    gc.collect()
    assert plans() < before


def test_searches_are_kept_within_the_budget(harness: Harness) -> None:
    for number in range(40):
        query = f"{number}" + "%20release:a" * ((MAX_LENGTH - 10) // 10)
        harness.client.rest("GET", f"organizations/acme/releases/?query={query}")
    usage = BUDGET.usage()["searches"]
    assert usage.bytes <= BUDGET.limit
    assert usage.entries < 40


class Connection:
    """A connection that writes down what was prepared."""

    def __init__(self) -> None:
        self.names: list[str | None] = []

    async def prepare(self, sql: str, name: str | None = None) -> Any:
        self.names.append(name)
        return self

    async def fetch(self, *row: Any) -> list[Any]:
        return []


def test_statement_of_an_unusual_shape_has_no_name_on_a_connection(client: Client) -> None:
    connection = Connection()

    async def work() -> None:
        session = Session(connection, 0)
        usual, unusual = PreparedStatement("SELECT 1", lambda values: ()), PreparedStatement("SELECT 2", lambda values: ())
        unusual.is_kept = False
        for prepared in (usual, unusual, usual, unusual):
            await session.fetch(prepared, ())

    client.runner.run(work())
    assert connection.names == [None, "", ""]
