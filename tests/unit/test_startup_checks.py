"""A declaration without its counterpart is refused at the start, by a sentence that names the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gql_releases import startup_checks
from gql_releases.domain import selection as s
from gql_releases.domain.conditions import SIMPLE_CONDITIONS
from gql_releases.domain.errors import ErrorCode
from gql_releases.domain.paging import KEY_TYPES
from gql_releases.domain.principal import READ_SCOPES
from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.graphql_api.execution.errors import EXECUTION_CODES
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.rest_api.engine.errors import STATUSES
from gql_releases.startup_checks import (
    WiringError,
    check_codes,
    check_conditions,
    check_orders,
    check_program,
    check_release_fields,
    check_selection,
)
from gql_releases.storage.entities import CATALOGUE, list_readable_attributes

SCHEMA = core_schema(build_schema())


def test_program_passes() -> None:
    check_program(SCHEMA)


def test_code_without_a_status_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = {code: status for code, status in STATUSES.items() if code != ErrorCode.TIMEOUT}
    monkeypatch.setattr(startup_checks, "STATUSES", statuses)
    with pytest.raises(WiringError, match=r"rest_api/engine/errors\.py: TIMEOUT has no status"):
        check_codes()


def test_code_without_a_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "EXECUTION_CODES", EXECUTION_CODES - {ErrorCode.TIMEOUT})
    with pytest.raises(WiringError, match=r"execution/errors\.py: TIMEOUT must be in"):
        check_codes()


def test_entity_without_scopes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "READ_SCOPES", {k: v for k, v in READ_SCOPES.items() if k != "Deploy"})
    with pytest.raises(WiringError, match=r"domain/principal\.py: the entity Deploy has no scopes"):
        check_program(SCHEMA)


def test_order_without_a_type_of_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "KEY_TYPES", {k: v for k, v in KEY_TYPES.items() if k != "semver_key"})
    with pytest.raises(WiringError, match=r"paging\.py: the order semver_key of \w+\.releases"):
        check_orders()


def test_condition_without_a_filter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    release = CATALOGUE.entities["Release"]
    filters = {name: value for name, value in release.filters.items() if name != "author"}
    monkeypatch.setattr(
        startup_checks, "CATALOGUE", replace(CATALOGUE, entities={"Release": replace(release, filters=filters)})
    )
    with pytest.raises(WiringError, match=r"entities/release\.py: ReleaseFilter\.author makes the condition author"):
        check_conditions(SCHEMA)


def test_filter_that_is_not_declared_as_scanning_or_simple_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "SIMPLE_CONDITIONS", SIMPLE_CONDITIONS - {"project"})
    with pytest.raises(WiringError, match=r"conditions\.py: the filter project must be in"):
        check_conditions(SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "absent"}, r"tables/release\.py: ReleaseRow has no column absent"),
        ({"column": "version"}, r"domain/release\.py: the release field ref needs a default"),
        ({"name": "absent", "column": "ref"}, r"schema/release\.py: Release has no field absent"),
        ({"name": "short_version", "column": "ref"}, r"schema/release\.py: ReleaseFieldsInput has no field shortVersion"),
    ],
)
def test_release_field_without_its_parts_is_named(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = RELEASE_FIELDS
    monkeypatch.setattr(startup_checks, "RELEASE_FIELDS", (first, replace(first, **change), *others))
    with pytest.raises(WiringError, match=message):
        check_release_fields(SCHEMA, list_readable_attributes())


def test_input_of_what_is_no_release_field_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_checks, "RELEASE_FIELDS", RELEASE_FIELDS[1:])
    with pytest.raises(WiringError, match=r"domain/release\.py: RELEASE_FIELDS has no ref, which ReleaseFieldsInput has"):
        check_release_fields(SCHEMA, list_readable_attributes())


def test_column_that_the_table_lacks_is_named_before_the_fields_that_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = list_readable_attributes()
    attributes["Release"] = {name: value for name, value in attributes["Release"].items() if name != "ref"}
    monkeypatch.setattr(startup_checks, "list_readable_attributes", lambda: attributes)
    with pytest.raises(WiringError, match=r"tables/release\.py: ReleaseRow has no column ref"):
        check_program(SCHEMA)


def test_filter_of_a_release_field_that_the_schema_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    field = replace(RELEASE_FIELDS[0], is_filter=True)
    monkeypatch.setattr(startup_checks, "RELEASE_FIELDS", (*RELEASE_FIELDS, field))
    with pytest.raises(WiringError, match=r"release_filters\.py: ReleaseFilter has no field ref"):
        check_conditions(SCHEMA)


def test_selection_of_what_is_no_attribute_is_named() -> None:
    project = s.Selection("Project", (s.Value("id", "identifier"),))
    listed = s.ToManyField("projects", "projects", "Project", 0, (s.Nodes("nodes", project),), str)
    with pytest.raises(WiringError, match=r"releases\.X selects Project\.identifier"):
        check_selection("releases.X", s.Selection("Release", (listed,)), list_readable_attributes())
