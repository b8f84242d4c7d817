"""Project keys."""

from __future__ import annotations

from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE
from gql_releases.storage.reading.entity import Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.project_key import ProjectKeyRow

ENTITIES = {
    "ProjectKey": Entity(
        table(ProjectKeyRow),
        ones={**ORGANIZATION_REFERENCE, "project": ToOne("project_id", "Project")},
        filters={
            "id": filter_equals("id"),
            "public_key": filter_equals("public_key"),
            "is_active": filter_equals("is_active"),
        },
    )
}
LISTS = {"Project": {"keys": build_own_list("ProjectKey", table(ProjectKeyRow), "project_id", "id")}}
