"""Conditions of a read: (filter's name, value) pairs, and groups of them under `and`, `or` and `not`.

Filters are named as in the store's catalogue. A value that is a list binds as one list, a tuple as one value each. A
group's value is a tuple of conditions; those of a tuple all hold, unless it is an `or`'s.
"""

from __future__ import annotations

from typing import Any

Condition = tuple[str, Any]
Conditions = tuple[Condition, ...]
Names = tuple[Any, ...]
"""Conditions without their values: names, and (group, Names) pairs."""

GROUPS = frozenset({"and", "or", "not"})
MAX_CONDITIONS = 100
"""Filters and groups in one list's conditions: a statement has to stay a statement."""


def names_of(conditions: Conditions) -> Names:
    """Give what of conditions decides their statement."""
    return tuple([name if name not in GROUPS else (name, names_of(value)) for name, value in conditions])


def size_of(conditions: Conditions) -> int:
    """Count filters and groups."""
    return sum(1 + (size_of(value) if name in GROUPS else 0) for name, value in conditions)


def leaves(conditions: Conditions) -> list[Condition]:
    """Give the conditions outside and inside of groups, in the order of writing."""
    found = []
    for condition in conditions:
        if condition[0] in GROUPS:
            found += leaves(condition[1])
        else:
            found.append(condition)
    return found
