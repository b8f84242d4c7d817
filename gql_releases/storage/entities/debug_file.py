"""Debug files."""

from __future__ import annotations

from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE
from gql_releases.storage.reading.entity import Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_among, filter_equals, search_texts
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.debug_file import DebugFileRow

ENTITIES = {
    "DebugFile": Entity(
        table(DebugFileRow),
        ones={**ORGANIZATION_REFERENCE, "project": ToOne("project_id", "Project")},
        filters={
            "id": filter_equals("id"),
            "ids": filter_among("id"),
            "debug_id": filter_equals("debug_id"),
            "code_id": filter_equals("code_id"),
            "formats": filter_among("format"),
            "checksums": filter_among("sha1"),
            "query": search_texts("object_name", "debug_id", "code_id", "cpu_name", "format"),
        },
    )
}
LISTS = {"Project": {"debug_files": build_own_list("DebugFile", table(DebugFileRow), "project_id", "id", descending=True)}}
