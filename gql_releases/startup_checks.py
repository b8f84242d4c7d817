"""Checks at start-up: what one module declares must be there in the others, or a request would fail later.

Each check raises WiringError with one sentence that names the file to change; `serve` ends with exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
)

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import SCANNING_CONDITIONS, SIMPLE_CONDITIONS, Condition, Conditions
from gql_releases.domain.errors import CommandFailed, ErrorCode
from gql_releases.domain.paging import KEY_TYPES
from gql_releases.domain.principal import READ_SCOPES
from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.graphql_api.execution.errors import EXECUTION_CODES, PAYLOAD_CODES
from gql_releases.graphql_api.execution.schema_check import Readable, UnboundField, check_schema
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name
from gql_releases.graphql_api.schema.release_filters import release_conditions
from gql_releases.rest_api.engine.errors import STATUSES
from gql_releases.rest_api.loader import list_selections
from gql_releases.storage.entities import CATALOGUE, list_readable_attributes

RELEASE_INPUTS = ("CreateReleaseInput", "ReleaseInput", "UpdateReleaseInput")
SAMPLES: Mapping[str, Any] = {
    "Boolean": True,
    "DateTime": datetime(2026, 1, 1, tzinfo=UTC),
    "SemverFilter": {"range": ">=1"},
}
"""A value of each input type of a filter that is no text."""


class WiringError(CommandFailed):
    """A declaration of one module has no counterpart in another."""


def check_program(schema: GraphQLSchema) -> None:
    """Run all checks. Raises WiringError."""
    attributes = list_readable_attributes()
    check_release_fields(schema, attributes)
    try:
        check_schema(schema, attributes)
    except UnboundField as error:
        raise WiringError(f"gql_releases/graphql_api/schema: {error}.") from None
    check_codes()
    check_scopes()
    check_orders()
    check_conditions(schema)
    for name, selection in list_selections().items():
        check_selection(name, selection, attributes)


def check_codes() -> None:
    """Every error code has a status in the REST API and a place in GraphQL responses."""
    for code in ErrorCode:
        if code not in STATUSES:
            raise WiringError(f"gql_releases/rest_api/engine/errors.py: {code.name} has no status in STATUSES.")
        if (code in PAYLOAD_CODES) == (code in EXECUTION_CODES):
            raise WiringError(
                f"gql_releases/graphql_api/execution/errors.py: {code.name} must be in PAYLOAD_CODES or in EXECUTION_CODES."
            )


def check_scopes() -> None:
    """Every entity has the scopes that allow to read it; without them no token could."""
    for name in sorted(CATALOGUE.entities.keys() - READ_SCOPES.keys()):
        raise WiringError(f"gql_releases/domain/principal.py: the entity {name} has no scopes in READ_SCOPES.")


def check_orders() -> None:
    """Every order of a list has a type of key, by which cursors are read."""
    for name, entity in CATALOGUE.entities.items():
        for attribute, listed in entity.manys.items():
            for order in listed.orders:
                if order not in KEY_TYPES:
                    raise WiringError(
                        f"gql_releases/domain/paging.py: the order {order} of {name}.{attribute} has no entry in KEY_TYPES."
                    )


def check_conditions(schema: GraphQLSchema) -> None:
    """Every condition that a filter of releases makes is a filter of the store, declared as scanning or simple."""
    filters = CATALOGUE.entities["Release"].filters
    release_filters = {field.name: field for field in RELEASE_FIELDS if field.is_filter}
    declared_names = SCANNING_CONDITIONS | SIMPLE_CONDITIONS | release_filters.keys()
    for name in filters:
        if name not in declared_names:
            raise WiringError(
                f"gql_releases/domain/conditions.py: the filter {name} must be in SCANNING_CONDITIONS or SIMPLE_CONDITIONS."
            )
    declared = schema.type_map["ReleaseFilter"]
    assert isinstance(declared, GraphQLInputObjectType)
    for field_name, release_field in release_filters.items():
        if release_field.graphql_name not in declared.fields:
            raise WiringError(
                f"gql_releases/graphql_api/schema/release_filters.py: ReleaseFilter has no field {field_name}."
            )
    for field, value in _sample_filters(declared):
        for name in _list_names(release_conditions({"filter": value})):
            if name not in filters:
                raise WiringError(
                    f"gql_releases/storage/entities/release.py: ReleaseFilter.{field} makes the condition {name}, which "
                    "RELEASE_FILTERS does not have (for a field of RELEASE_FIELDS: is_filter in domain/release.py)."
                )


def check_release_fields(schema: GraphQLSchema, attributes: Readable) -> None:
    """RELEASE_FIELDS, the columns of the table, and the fields of the type Release and of the inputs are the same."""
    declared_inputs = _list_fields(schema, "UpdateReleaseInput") - {"release"}
    for name in sorted(declared_inputs - {field.graphql_name for field in RELEASE_FIELDS}):
        raise WiringError(f"gql_releases/domain/release.py: RELEASE_FIELDS has no {name}, which ReleaseFieldsInput has.")
    for field in RELEASE_FIELDS:
        if field.column not in attributes["Release"]:
            raise WiringError(
                f"gql_releases/storage/schema/tables/release.py: ReleaseRow has no column {field.column} for the release "
                f"field {field.name}."
            )
        is_nullable = attributes["Release"][field.column][1]
        if field.default is None and not is_nullable:
            raise WiringError(
                f"gql_releases/domain/release.py: the release field {field.name} needs a default, since its column "
                f"{field.column} cannot be null."
            )
        for name in ("Release", *RELEASE_INPUTS):
            if field.graphql_name not in _list_fields(schema, name):
                class_name = "ReleaseFieldsInput" if name in RELEASE_INPUTS else name
                raise WiringError(
                    f"gql_releases/graphql_api/schema/release.py: {class_name} has no field {field.graphql_name}."
                )


def _list_fields(schema: GraphQLSchema, name: str) -> set[str]:
    declared = schema.type_map[name]
    assert isinstance(declared, GraphQLObjectType | GraphQLInputObjectType)
    return set(declared.fields)


def check_selection(where: str, selection: s.Selection, attributes: Readable) -> None:
    """Every field of a selection of the REST API is an attribute of its entity."""
    _check_fields(where, selection.entity, selection.fields, attributes)


def _check_fields(where: str, entity: str, fields: Iterable[Any], attributes: Readable) -> None:
    for field in fields:
        for attribute in _list_attributes(field):
            if attribute not in attributes[entity]:
                raise WiringError(f"gql_releases/rest_api: {where} selects {entity}.{attribute}, which is no attribute.")
        match field:
            case s.ToOneField(selection=below) | s.Nodes(selection=below) | s.EdgeNode(selection=below):
                _check_fields(where, below.entity, below.fields, attributes)
            case s.Embedded():
                _check_fields(where, entity, (*field.fields, *(field.otherwise or ())), attributes)
            case s.ToManyField():
                _check_fields(where, field.entity, field.parts, attributes)
            case s.Edges():
                _check_fields(where, entity, field.fields, attributes)


def _list_attributes(field: Any) -> list[str]:
    match field:
        case s.Value():
            return [field.attribute, *([field.otherwise] if field.otherwise else [])]
        case s.Composed():
            return list(field.attributes)
        case s.Embedded():
            return [field.present] if field.present else []
        case s.ToOneField() | s.ToManyField():
            return [field.attribute]
    return []


def _sample_filters(declared: GraphQLInputObjectType) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return a filter for each field of a filter's type, with the field's path."""
    for graphql_name, field in declared.fields.items():
        named, name = get_named_type(field.type), read_python_name(field, graphql_name)
        if named is declared:
            continue  # a group of filters
        if isinstance(named, GraphQLInputObjectType) and named.name not in SAMPLES:
            for path, value in _sample_filters(named):
                yield f"{graphql_name}.{path}", {name: value}
            continue
        sample = SAMPLES.get(named.name, "a")
        if isinstance(named, GraphQLEnumType):
            sample = next(iter(named.values))
        yield graphql_name, {name: [sample] if isinstance(get_nullable_type(field.type), GraphQLList) else sample}


def _list_names(conditions: Conditions) -> Iterator[str]:
    for condition in conditions:
        yield from _names_in(condition)


def _names_in(condition: Condition) -> Iterator[str]:
    name, value = condition
    if name in ("and", "or", "not"):
        yield from _list_names(value)
    else:
        yield name
