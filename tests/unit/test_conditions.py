"""Which conditions scan: declared once, for every filter of the store."""

from __future__ import annotations

from gql_releases.domain.conditions import (
    SCANNING_CONDITIONS,
    SIMPLE_CONDITIONS,
    Conditions,
    condition_names,
    is_scanning,
)
from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.storage.entities import CATALOGUE


def _filter_names() -> set[str]:
    names: set[str] = set()
    for entity in CATALOGUE.entities.values():
        names.update(entity.filters)
        for listed in entity.manys.values():
            names.update(listed.filters, *(route.filters for route in listed.routes.values()))
    return names


def test_every_filter_of_the_store_is_declared_scanning_or_simple() -> None:
    assert sorted(SCANNING_CONDITIONS & SIMPLE_CONDITIONS) == []
    assert sorted(
        SCANNING_CONDITIONS | SIMPLE_CONDITIONS | {field.name for field in RELEASE_FIELDS if field.is_filter}
    ) == sorted(_filter_names())


def test_conditions_that_scan_are_found_in_groups() -> None:
    conditions: Conditions = (
        ("status", "OPEN"),
        ("or", (("path", "a"), ("and", (("version_contains", ["x"]), ("not", (("author", "a@b.c"),)))))),
    )
    assert is_scanning(condition_names(conditions))
    assert not is_scanning(condition_names((("status", "OPEN"), ("or", (("version", "1"), ("project", "web"))))))
