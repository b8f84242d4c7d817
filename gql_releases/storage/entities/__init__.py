"""The entities of the store, one module for each noun, and the catalogue of all.

A module of this package declares ENTITIES (by the name that selections use), NAME_CHECKS, and attributes of other entities,
by the entity's name and the attribute: LISTS, COLUMNS (computed columns) and REFERENCES (computed references). The modules
are imported here in the order of their names.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from gql_releases.domain.paging import Order
from gql_releases.storage.reading.entity import Catalogue, Entity, NameCheckQuery, ToMany, ToOne
from gql_releases.storage.reading.filters import filter_among
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.token import TokenRow

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]


def _list_by_ids(name: str, entity: Entity) -> ToMany:
    """Return the list of all rows of an entity, selected by ids."""
    ids = {"ids": entity.filters.get("ids", filter_among("id"))}
    return ToMany(name, entity.table, entity.tenant, None, ("id",), "id", Order("id"), filters=ids, checked=(entity.tenant,))


def _build_catalogue() -> Catalogue:
    entities: dict[str, Entity] = {}
    lists: dict[str, dict[str, ToMany]] = _collect_attributes("LISTS")
    checks: dict[str, NameCheckQuery] = {}
    for module in _MODULES:
        entities |= getattr(module, "ENTITIES", {})
        checks |= getattr(module, "NAME_CHECKS", {})
    for name, entity in entities.items():
        if "id" in entity.table.c:
            lists["Viewer"][f"all_{name}"] = _list_by_ids(name, entity)
    entities["Viewer"] = Entity(table(TokenRow), ones={"token": ToOne("id", "Token")}, key="organization_id")
    for owner, attributes in lists.items():
        entities[owner] = replace(entities[owner], manys={**entities[owner].manys, **attributes})
    for owner, columns in _collect_attributes("COLUMNS").items():
        entities[owner] = replace(entities[owner], columns={**entities[owner].columns, **columns})
    for owner, references in _collect_attributes("REFERENCES").items():
        entities[owner] = replace(entities[owner], computed={**entities[owner].computed, **references})
    return Catalogue(entities, checks)


def _collect_attributes(constant: str) -> dict[str, dict[str, Any]]:
    """Return the attributes that modules declare of entities, by the entity's name."""
    attributes: dict[str, dict[str, Any]] = {}
    for module in _MODULES:
        for owner, declared in getattr(module, constant, {}).items():
            attributes.setdefault(owner, {}).update(declared)
    return attributes


CATALOGUE = _build_catalogue()


ReadableAttributes = dict[str, tuple[str, bool, str | None]]
"""Attribute -> (column, one, pick or many; whether it can be NULL; the column that is NULL in the same rows)."""


def list_readable_attributes() -> dict[str, ReadableAttributes]:
    """Return the attributes of each entity, for an API's check at start-up."""
    return {name: _attributes(entity) for name, entity in CATALOGUE.entities.items()}


def _attributes(entity: Entity) -> ReadableAttributes:
    columns, null_with = entity.table.c, entity.null_with
    attributes: ReadableAttributes = {
        column.name: ("column", _is_nullable(entity, column.name), null_with.get(column.name)) for column in columns
    }
    for name, reference in entity.ones.items():
        attributes[name] = "one", _is_nullable(entity, reference.column), None
    attributes |= {name: ("column", computed.nullable, null_with.get(name)) for name, computed in entity.columns.items()}
    attributes |= dict.fromkeys(entity.computed, ("pick", True, None))
    return attributes | dict.fromkeys(entity.manys, ("many", False, None))


def _is_nullable(entity: Entity, name: str) -> bool:
    return bool(entity.table.c[name].nullable) and name not in entity.never_null
