"""Collects the declarations of the modules of this package: ROUTES, PARAMETERS, FIELDS and SLASH_OPTIONAL."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules, walk_packages

from gql_releases import rest_api
from gql_releases.domain.selection import PagedSelection, Selection
from gql_releases.rest_api.engine.field_names import FieldNames
from gql_releases.rest_api.engine.router import Pattern, QueryParameters, Routes


def _load_declarations() -> tuple[Routes, QueryParameters, FieldNames, frozenset[Pattern]]:
    routes: Routes = {}
    parameters: QueryParameters = {}
    fields: dict[str, tuple[str, FieldNames | None]] = {}
    slash_optional: set[Pattern] = set()
    for name in sorted(module.name for module in iter_modules(rest_api.__path__) if not module.ispkg):
        if name == "loader":
            continue
        module = import_module(f"{rest_api.__name__}.{name}")
        for pattern, handlers in getattr(module, "ROUTES", {}).items():
            routes.setdefault(pattern, {}).update(handlers)
        parameters |= getattr(module, "PARAMETERS", {})
        fields |= getattr(module, "FIELDS", FieldNames()).fields
        slash_optional |= getattr(module, "SLASH_OPTIONAL", frozenset())
    return routes, parameters, FieldNames(fields), frozenset(slash_optional)


def list_selections() -> dict[str, Selection]:
    """Return the selections of this package and its engine, by the names of module and constant."""
    selections = {}
    for module in walk_packages(rest_api.__path__, f"{rest_api.__name__}."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, Selection | PagedSelection):
                selections[f"{module.name.removeprefix(rest_api.__name__ + '.')}.{name}"] = (
                    value.selection if isinstance(value, PagedSelection) else value
                )
    return selections


ROUTES, QUERY_PARAMETERS, FIELD_NAMES, SLASH_OPTIONAL = _load_declarations()
"""All routes, the query parameters of each handler, the fields of all bodies, and the routes without a trailing slash.

Errors of all bodies are rendered with these names, since a name has the same meaning in each body.
"""
