"""Collects the routes and the field names that the modules of this package declare as ROUTES and FIELDS."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from gql_releases import rest_api
from gql_releases.rest_api.engine.field_names import FieldNames
from gql_releases.rest_api.engine.router import Routes


def _load() -> tuple[Routes, FieldNames]:
    routes: Routes = {}
    fields: dict[str, tuple[str, FieldNames | None]] = {}
    for name in sorted(module.name for module in iter_modules(rest_api.__path__) if not module.ispkg):
        if name == "loader":
            continue
        module = import_module(f"{rest_api.__name__}.{name}")
        for pattern, handlers in getattr(module, "ROUTES", {}).items():
            routes.setdefault(pattern, {}).update(handlers)
        fields |= getattr(module, "FIELDS", FieldNames()).fields
    return routes, FieldNames(fields)


ROUTES, FIELD_NAMES = _load()
"""All routes, and the fields of all bodies: errors are rendered with these names, and a name means the same in all."""
