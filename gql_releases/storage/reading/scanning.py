"""Detects reads that may scan every row of an organization's lists, from their selection and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Names, is_scanning
from gql_releases.storage.reading.entity import Catalogue, Entity, ToMany
from gql_releases.storage.reading.plan import Shape

MANY_CONDITIONS = 20
"""Conditions of one list beyond which it is taken to scan, whatever an index finds."""
UNBOUNDED_PARENTS = frozenset({"organization_id", "project_id", "environment_id", "artifact_bundle_id", "issue_id"})
"""Columns of the parents whose lists grow with the store, or are as long as a bundle has files.

Those of a release or a commit are as long as one CI run.
"""
UNBOUNDED_TARGETS = frozenset(
    {
        "Release",
        "Commit",
        "CommitAuthor",
        "FileChange",
        "Deploy",
        "ArtifactBundle",
        "ArtifactFile",
        "DebugFile",
        "Issue",
        "Event",
    }
)
"""Entities of which an organization has any number."""


def count_names(names: Names) -> int:
    """Return how many filters and groups there are."""
    return sum(1 if isinstance(name, str) else 1 + count_names(name[1]) for name in names)


def is_scanning_read(catalogue: Catalogue, selection: s.Selection, shapes: Sequence[Shape]) -> bool:
    """Return whether a read with pages of these shapes may scan: few such run at once, and none on the event loop."""
    return _do_fields_scan(catalogue, catalogue.entities[selection.entity], selection.fields, shapes)


def _do_fields_scan(catalogue: Catalogue, entity: Entity, fields: Iterable[Any], shapes: Sequence[Shape]) -> bool:
    return any(_does_field_scan(catalogue, entity, field, shapes) for field in fields)


def _does_field_scan(catalogue: Catalogue, entity: Entity, field: Any, shapes: Sequence[Shape]) -> bool:
    match field:
        case s.Value():
            return field.attribute in entity.columns and entity.columns[field.attribute].scans
        case s.ToManyField():
            link, shape = entity.manys[field.attribute], shapes[field.slot]
            return does_list_scan(link, shape.conditions, field.parts) or _do_fields_scan(
                catalogue, entity, field.parts, shapes
            )
        case s.ToOneField() | s.Nodes() | s.EdgeNode():
            return is_scanning_read(catalogue, field.selection, shapes)
        case s.Embedded():
            return _do_fields_scan(catalogue, entity, (*field.fields, *(field.otherwise or ())), shapes)
        case s.Edges():
            return _do_fields_scan(catalogue, entity, field.fields, shapes)
    return False


def does_list_scan(link: ToMany, names: Names, parts: Sequence[s.Part]) -> bool:
    """Return whether a list's page or its total needs a scan of any number of rows."""
    if link.parent not in UNBOUNDED_PARENTS or link.target not in UNBOUNDED_TARGETS:
        return False
    if is_scanning(names) or count_names(names) > MANY_CONDITIONS:
        return True
    return any(isinstance(part, s.TotalCount) for part in parts) and not (link.count and not names)
