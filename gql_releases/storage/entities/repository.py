"""Repositories."""

from __future__ import annotations

from gql_releases.domain.paging import Order
from gql_releases.storage.entities.release import select_release_repositories
from gql_releases.storage.entities.shared import ORGANIZATION_REFERENCE
from gql_releases.storage.reading.entity import Entity, ToMany, build_own_list
from gql_releases.storage.reading.filters import filter_equals
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.repository import RepositoryRow

ENTITIES = {
    "Repository": Entity(
        table(RepositoryRow), ones=ORGANIZATION_REFERENCE, filters={"id": filter_equals("id"), "name": filter_equals("name")}
    )
}
LISTS = {
    "Organization": {"repositories": build_own_list("Repository", table(RepositoryRow), "organization_id", "name")},
    "Release": {
        "repositories": ToMany(
            "Repository", select_release_repositories(), "release_id", "repository_id", ("repository_id",), "repository_id",
            Order("repository_id"), filters={"release": filter_equals("release_id")},
        )
    },
}  # fmt: skip
