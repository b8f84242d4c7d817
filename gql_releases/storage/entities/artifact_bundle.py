"""Artifact bundles, their files and associations, the artifacts of a debug id, and totals of a version's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, or_, select

from gql_releases.domain.bundle import FileType
from gql_releases.domain.paging import Order
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.entities.shared import filter_own_organization, select_project_id
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import (
    BuildKeyQuery,
    ComputedReferenceQuery,
    Entity,
    ToMany,
    ToOne,
    build_own_list,
)
from gql_releases.storage.reading.filters import bind_value, filter_equals, search_texts
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
    VersionArtifactsRow,
)
from gql_releases.storage.schema.tables.release import ReleaseRow

bundle_projects, bundle_versions = table(ArtifactBundleProjectRow), table(ArtifactBundleVersionRow)
artifact_files = table(ArtifactFileRow)


def select_release_bundles() -> FromClause:
    """Select the bundles of each release's version: they are uploaded for a version, which need not exist as a release."""
    releases = table(ReleaseRow).alias()
    same = and_(
        releases.c.organization_id == bundle_versions.c.organization_id, releases.c.version == bundle_versions.c.version
    )
    return (
        select(
            bundle_versions.c.organization_id,
            releases.c.id.label("release_id"),
            bundle_versions.c.artifact_bundle_id,
            bundle_versions.c.date_modified,
        )
        .join_from(bundle_versions, releases, same)
        .subquery()
    )


def _select_newest_file(
    role: str, build_conditions: Callable[[FromClause, FromClause], list[ColumnElement[bool]]]
) -> Select[Any]:
    """Select the file that meets conditions on it and on its bundle's link to a project, of the bundle modified last."""
    files = get_alias(ArtifactFileRow, f"{role} files")
    links = get_alias(ArtifactBundleProjectRow, f"{role} links")
    same = and_(links.c.organization_id == files.c.organization_id, links.c.artifact_bundle_id == files.c.artifact_bundle_id)
    return (
        select(files.c.id)
        .join_from(files, links, same)
        .where(*build_conditions(files, links))
        .order_by(links.c.date_modified.desc(), links.c.artifact_bundle_id.desc(), files.c.id)
        .limit(1)
    )


def filter_artifact(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match the artifact of a debug id in the bundle that was modified last; the value is (project's slug, debug id)."""

    def build_conditions(files: FromClause, links: FromClause) -> list[ColumnElement[bool]]:
        return [
            filter_own_organization(files),
            files.c.debug_id == bind_value(files.c.debug_id, f"{name}_1"),
            or_(files.c.type == FileType.MINIFIED_SOURCE.value, files.c.type == FileType.SOURCE_MAP.value),
            links.c.project_id == select_project_id(f"{name}_0"),
        ]

    return rows.c.id == _select_newest_file("filter_artifact", build_conditions).scalar_subquery()


def select_file_of_type(file_type: FileType) -> BuildKeyQuery:
    """Return the query for an artifact's file of a type, of the bundle of a project, by slug, that was modified last."""

    def build(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
        def build_conditions(files: FromClause, links: FromClause) -> list[ColumnElement[bool]]:
            return [
                files.c.organization_id == rows.c.organization_id,
                files.c.debug_id == rows.c.debug_id,
                files.c.type == file_type.value,
                links.c.project_id == select_project_id(binds["artifact_project"]),
            ]

        return _select_newest_file(f"select_{file_type}", build_conditions)

    return build


def select_associated_release(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the release of an association's version."""
    releases = get_alias(ReleaseRow, "select_associated_release releases")
    same = [releases.c.organization_id == rows.c.organization_id, releases.c.version == rows.c.version]
    return select(releases.c.id).where(*same)


def select_version_artifacts(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the totals of a release's version."""
    totals = get_alias(VersionArtifactsRow, "select_version_artifacts totals")
    same = [totals.c.organization_id == rows.c.organization_id, totals.c.version == rows.c.version]
    return select(totals.c.id).where(*same)


def search_bundles(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match bundles whose id, or a version or dist of theirs, contains a text in lower case."""
    associations = get_alias(ArtifactBundleAssociationRow, "search_bundles associations")
    same = [
        associations.c.organization_id == rows.c.organization_id,
        associations.c.artifact_bundle_id == rows.c.id,
        search_texts("version", "dist")(associations, name, dialect),
    ]
    return or_(search_texts("bundle_id")(rows, name, dialect), exists(select(associations.c.id).where(*same)))


def filter_sources(rows: FromClause, name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Match original sources."""
    # A path is never empty. Without this column SQLite would count along the whole organization's index of debug ids, since
    # it covers the statement, and not along the bundle's.
    return and_(rows.c.type == FileType.SOURCE.value, rows.c.path != "")


ENTITIES = {
    "ArtifactBundle": Entity(
        table(ArtifactBundleRow),
        manys={
            "projects": ToMany(
                "Project", bundle_projects, "artifact_bundle_id", "project_id", ("project_id",), "project_id",
                Order("project_id"),
            ),
            "associations": build_own_list(
                "ArtifactBundleAssociation", table(ArtifactBundleAssociationRow), "artifact_bundle_id", "id"
            ),
            "files": build_own_list("ArtifactFile", artifact_files, "artifact_bundle_id", "id"),
        },
        filters={"id": filter_equals("id"), "bundle_id": filter_equals("bundle_id"), "query": search_bundles},
    ),
    "ArtifactBundleAssociation": Entity(
        table(ArtifactBundleAssociationRow),
        computed={"release": ComputedReferenceQuery("Release", select_associated_release)},
        filters={"id": filter_equals("id")},
    ),
    "ArtifactFile": Entity(
        artifact_files,
        filters={
            "id": filter_equals("id"),
            "path": filter_equals("path"),
            "is_source": filter_sources,
            "query": search_texts("path", "url", "debug_id"),
        },
    ),
    "Artifact": Entity(
        artifact_files,
        ones={"bundle": ToOne("artifact_bundle_id", "ArtifactBundle")},
        manys={"sources": build_own_list("ArtifactFile", artifact_files, "artifact_bundle_id", "id")},
        computed={
            "minified_source": ComputedReferenceQuery("ArtifactFile", select_file_of_type(FileType.MINIFIED_SOURCE)),
            "source_map": ComputedReferenceQuery("ArtifactFile", select_file_of_type(FileType.SOURCE_MAP)),
        },
        filters={"artifact": filter_artifact},
        key="artifact_bundle_id",
        never_null=frozenset({"debug_id"}),
    ),
    "ReleaseArtifacts": Entity(table(VersionArtifactsRow), filters={"id": filter_equals("id")}),
}  # fmt: skip
LISTS = {
    "Release": {
        "artifact_bundles": ToMany(
            "ArtifactBundle", select_release_bundles(), "release_id", "artifact_bundle_id", ("date_modified",),
            "artifact_bundle_id", Order("date_modified", descending=True),
        )
    },
    "Project": {
        "artifact_bundles": ToMany(
            "ArtifactBundle", bundle_projects, "project_id", "artifact_bundle_id", ("date_modified", "artifact_bundle_id"),
            "artifact_bundle_id", Order("date_modified", descending=True),
        )
    },
}  # fmt: skip
