"""Release files."""

from __future__ import annotations

from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE
from gql_releases.storage.reading.entity import Entity, ToOne, build_own_list
from gql_releases.storage.reading.filters import filter_among, filter_equals, search_texts
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow

ENTITIES = {
    "ReleaseFile": Entity(
        table(ReleaseFileRow),
        ones={**ORGANIZATION_REFERENCE, "release": ToOne("release_id", "Release")},
        filters={
            "id": filter_equals("id"),
            "name": filter_equals("name"),
            "dist": filter_equals("dist"),
            "checksums": filter_among("sha1"),
            "query": search_texts("name"),
        },
    )
}
LISTS = {"Release": {"files": build_own_list("ReleaseFile", table(ReleaseFileRow), "release_id", "name")}}
