"""Weights of input values: the conditions that a filter makes, those of them that scan, and the items of lists.

Prices depend on weights alone, so that a price can be kept for all values of one weight. A value is measured as it was
coerced (Python names) or as a literal that was read without its type (GraphQL names), and may mix both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type

from gql_releases.domain.conditions import SCANNING_CONDITIONS
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name

FILTER_SUFFIXES = ("Filter", "Range")
"""What the names of input types end with whose fields are conditions."""
RELEASE_POINTS = 50
"""Half points of a release in the list of `createReleases`."""
ITEM_POINTS = 1
"""Half points of an item of any other list: a commit, a file change, a version to look for."""
LONG_RANGE = 10_000
"""Characters from which on the comparators of a range of versions are estimated and not counted."""


class Weight(NamedTuple):
    """What a value weighs.

    `conditions` counts conditions and groups as the store does, `elements` those that are in no group. `points` are half
    points for items of lists. `length`: the items of a list, or of the list `releases` in an input.
    """

    conditions: int = 0
    scanning: int = 0
    elements: int = 0
    points: int = 0
    length: int = 0

    def plus(self, other: Weight) -> Weight:
        """Return the sum of two weights."""
        return Weight(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


Measure = Callable[[Any], Weight]
Points = Callable[[Any], int]
NO_WEIGHT = Weight()


def is_filter(declared: Any) -> bool:
    """Return whether the fields of an input type are conditions."""
    named = get_named_type(declared)
    return isinstance(named, GraphQLInputObjectType) and named.name.endswith(FILTER_SUFFIXES)


def measure_of(declared: Any) -> Measure | None:
    """Return the function that weighs values of an input type; None for a type that holds no list and no condition."""
    nullable: Any = get_nullable_type(declared)
    if isinstance(nullable, GraphQLList):
        if is_filter(nullable):
            return _filters_of(_filter_of(get_named_type(nullable)))
        count = _points_of(nullable)
        assert count
        return lambda value: Weight(points=count(value), length=len(_items(value)))
    if not isinstance(nullable, GraphQLInputObjectType):
        return None
    if is_filter(nullable):
        return _filter_of(nullable)
    points = _points_of(nullable)
    return (lambda value: Weight(points=points(value), length=_releases_in(value))) if points else None


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return the items of a value for a list: GraphQL takes an item without brackets for a list of it."""
    return value if isinstance(value, list | tuple) else [value]


def _releases_in(value: Any) -> int:
    releases = value.get("releases") if isinstance(value, dict) else None
    return 0 if releases is None else len(_items(releases))


def _points_of(declared: Any) -> Points | None:
    """Return the function that counts half points of the lists in a value; None where the type has none."""
    nullable: Any = get_nullable_type(declared)
    if isinstance(nullable, GraphQLList):
        per_item = RELEASE_POINTS if get_named_type(nullable).name == "ReleaseInput" else ITEM_POINTS
        below = _points_of(nullable.of_type)
        if below is None:
            return lambda value: per_item * len(_items(value))
        return lambda value: per_item * len(_items(value)) + sum(map(below, _items(value)))
    return _points_of_fields(nullable) if isinstance(nullable, GraphQLInputObjectType) else None


@lru_cache(maxsize=256)
def _points_of_fields(declared: GraphQLInputObjectType) -> Points | None:
    """Compile the function of an input type once."""
    lists = [
        (spelled, points)
        for name, field in declared.fields.items()
        if (points := _points_of(field.type))
        for spelled in {name, read_python_name(field, name)}
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
def _filter_of(declared: GraphQLInputObjectType) -> Measure:
    """Compile the function of a filter's type once; its fields at its first use, for a filter may contain itself."""
    fields: dict[str, Measure] = {}

    def weigh(value: Any) -> Weight:
        if not isinstance(value, dict):
            return NO_WEIGHT
        if not fields:
            for name, field in declared.fields.items():
                python = read_python_name(field, name)
                fields[name] = fields[python] = _condition_of(declared.name, python, field.type)
        weight = NO_WEIGHT
        for name, given in value.items():
            if given is not None and name in fields:
                weight = weight.plus(fields[name](given))
        return weight

    return weigh


def _condition_of(owner: str, name: str, declared: Any) -> Measure:
    """Weigh a field of a filter: a group of filters, conditions on one column, or a condition."""
    measure = measure_of(declared)
    if measure and is_filter(declared):
        is_group = isinstance(get_nullable_type(declared), GraphQLList) or get_named_type(declared).name == owner
        return _group_of(measure) if is_group else measure
    if (owner, name) == ("SemverFilter", "range"):
        return lambda value: Weight(count := count_comparators(value), 0, count)
    condition = f"version_{name}" if owner == "VersionFilter" else name
    weight = Weight(1, int(condition in SCANNING_CONDITIONS), 1)
    return (lambda value: weight._replace(points=measure(value).points)) if measure else lambda value: weight


def _group_of(measure: Measure) -> Measure:
    """Weigh `and`, `or` and `not`: each is a condition of its own beside those in it."""

    def weigh(value: Any) -> Weight:
        inner = measure(value)
        return inner._replace(conditions=1 + inner.conditions, elements=1, length=0)

    return weigh


def _filters_of(measure: Measure) -> Measure:
    """Weigh the filters of an `and` or an `or`: of one that has several conditions the store makes a group."""

    def weigh(value: Any) -> Weight:
        weight = NO_WEIGHT
        for item in _items(value):
            inner = measure(item)
            group = inner.elements != 1
            weight = weight.plus(inner._replace(conditions=inner.conditions + group, elements=1, length=1))
        return weight

    return weigh


def count_comparators(text: Any) -> int:
    """Return how many conditions a range of versions makes, or somewhat more: `^1.2` and `~1.2` make two."""
    if not isinstance(text, str):
        return 1
    if len(text) > LONG_RANGE:
        return len(text) // 2
    return 1 + sum(2 if word[0] in "^~" else 1 for word in text.split())
