"""Weights of input values: the number of conditions of a filter, of those that scan, and of the items of lists.

Prices depend only on weights, so that a cached price is valid for all values of equal weight. A value is coerced (Python
names) or is a literal that was read without its type (GraphQL names), or a mixture of both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from gql_releases.domain.conditions import SCANNING_CONDITIONS
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name

FILTER_SUFFIXES = ("Filter", "Range")
"""Suffixes of the names of input types whose fields are conditions."""
RELEASE_POINTS = 50
"""Half points of a release in the list of `createReleases`."""
ITEM_POINTS = 1
"""Half points of an item of any other list: a commit, a file change, a version of a filter."""
CONDITIONS_OF_FIELDS = {("IssueFilter", "release"): "seen_in"}
"""Fields of filters whose conditions have another name."""
LONG_RANGE = 10_000
"""Number of characters above which the comparators of a range of versions are estimated and not counted."""


class Weight(NamedTuple):
    """The weight of a value.

    `conditions` counts conditions and groups as the store does, `elements` those outside groups. `points` are half points
    for items of lists. `length`: the number of items of a list, or of the list `releases` in an input.
    """

    conditions: int = 0
    scanning: int = 0
    elements: int = 0
    points: int = 0
    length: int = 0

    def plus(self, other: Weight) -> Weight:
        """Return the sum of two weights."""
        return Weight(*(left + right for left, right in zip(self, other, strict=True)))


Measure = Callable[[Any], Weight]
Points = Callable[[Any], int]
NO_WEIGHT = Weight()


def is_filter(declared: Any) -> bool:
    """Return whether the fields of an input type are conditions."""
    named = get_named_type(declared)
    return isinstance(named, GraphQLInputObjectType) and named.name.endswith(FILTER_SUFFIXES)


def compile_measure(declared: Any) -> Measure | None:
    """Return the function that weighs values of an input type; None for a type without lists and conditions."""
    nullable: Any = get_nullable_type(declared)
    if isinstance(nullable, GraphQLList):
        if is_filter(nullable):
            return _compile_filters(_compile_filter(get_named_type(nullable)))
        count = _compile_points(nullable)
        assert count
        return lambda value: Weight(points=count(value), length=len(_list_items(value)))
    if not isinstance(nullable, GraphQLInputObjectType):
        return None
    if is_filter(nullable):
        return _compile_filter(nullable)
    points = _compile_points(nullable)
    return (lambda value: Weight(points=points(value), length=_count_releases(value))) if points else None


def _list_items(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return the items of a list's value: GraphQL accepts an item without brackets as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _count_releases(value: Any) -> int:
    releases = value.get("releases") if isinstance(value, dict) else None
    return 0 if releases is None else len(_list_items(releases))


def _compile_points(declared: Any) -> Points | None:
    """Return the function that counts half points of the lists in a value; None for a type without lists."""
    nullable: Any = get_nullable_type(declared)
    if isinstance(nullable, GraphQLList):
        per_item = RELEASE_POINTS if get_named_type(nullable).name == "ReleaseInput" else ITEM_POINTS
        below = _compile_points(nullable.of_type)
        if below is None:
            return lambda value: per_item * len(_list_items(value))
        return lambda value: per_item * len(_list_items(value)) + sum(map(below, _list_items(value)))
    return _compile_field_points(nullable) if isinstance(nullable, GraphQLInputObjectType) else None


@lru_cache(maxsize=256)
def _compile_field_points(declared: GraphQLInputObjectType) -> Points | None:
    """Return the function for an input type, compiled once."""
    lists = [
        (spelling, points)
        for name, field in declared.fields.items()
        if (points := _compile_points(field.type))
        for spelling in {name, read_python_name(field, name)}
    ]
    if not lists:
        return None

    def count(value: Any) -> int:
        if not isinstance(value, dict):
            return 0
        total = 0
        for name, points in lists:
            items = value.get(name)
            if items is not None:
                total += points(items)
        return total

    return count


@lru_cache(maxsize=64)
def _compile_filter(declared: GraphQLInputObjectType) -> Measure:
    """Return the function for a filter's type. Its fields are compiled at the first use: a filter may contain itself."""
    fields: dict[str, Measure] = {}

    def weigh(value: Any) -> Weight:
        if not isinstance(value, dict):
            return NO_WEIGHT
        if not fields:
            for name, field in declared.fields.items():
                python = read_python_name(field, name)
                fields[name] = fields[python] = _compile_condition(declared.name, python, field.type)
        weight = NO_WEIGHT
        for name, condition in value.items():
            if condition is not None and name in fields:
                weight = weight.plus(fields[name](condition))
        return weight

    return weigh


def _compile_condition(owner: str, name: str, declared: Any) -> Measure:
    """Return the function for a field of a filter: a group of filters, conditions on one column, or a condition."""
    measure = compile_measure(declared)
    if measure and is_filter(declared):
        is_group = isinstance(get_nullable_type(declared), GraphQLList) or get_named_type(declared).name == owner
        return _compile_group(measure) if is_group else measure
    if (owner, name) == ("SemverFilter", "range"):
        return lambda value: Weight(count := count_comparators(value), 0, count)
    condition = CONDITIONS_OF_FIELDS.get((owner, name)) or (f"version_{name}" if owner == "VersionFilter" else name)
    weight = Weight(1, int(condition in SCANNING_CONDITIONS), 1)
    return (lambda value: weight._replace(points=measure(value).points)) if measure else lambda value: weight


def _compile_group(measure: Measure) -> Measure:
    """Return the function for `and`, `or` and `not`: each counts as a condition in addition to those in it."""

    def weigh(value: Any) -> Weight:
        inner = measure(value)
        return inner._replace(conditions=1 + inner.conditions, elements=1, length=0)

    return weigh


def _compile_filters(measure: Measure) -> Measure:
    """Return the function for the filters of an `and` or an `or`: one with several conditions is a group in the store."""

    def weigh(value: Any) -> Weight:
        weight = NO_WEIGHT
        for item in _list_items(value):
            inner = measure(item)
            group = inner.elements != 1
            weight = weight.plus(inner._replace(conditions=inner.conditions + group, elements=1, length=1))
        return weight

    return weigh


def count_comparators(text: Any) -> int:
    """Return the number of conditions of a range of versions, or somewhat more: `^1.2` and `~1.2` are two."""
    if not isinstance(text, str):
        return 1
    if len(text) > LONG_RANGE:
        return len(text) // 2
    return 1 + sum(2 if word[0] in "^~" else 1 for word in text.split())
