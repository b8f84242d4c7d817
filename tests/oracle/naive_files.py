"""The lists of uploaded files with their filters, in their naive form."""

from __future__ import annotations

from typing import Any

from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
)
from gql_releases.storage.schema.tables.debug_file import DebugFileRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow
from tests.oracle.naive_rows import NaiveRows


def lower_ascii(text: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in text)


class NaiveFiles(NaiveRows):
    """Lists of uploaded files: (order's field, descending, rows)."""

    def list_Release_files(self, source: Any) -> Any:
        return "name", False, self.rows(ReleaseFileRow, release_id=source.id)

    def list_Release_artifactBundles(self, source: Any) -> Any:
        links = self.rows(ArtifactBundleVersionRow, version=source.version)
        return "date_modified", True, [self.get(ArtifactBundleRow, link.artifact_bundle_id) for link in links]

    def list_Project_artifactBundles(self, source: Any) -> Any:
        bundles = self.list_linked(ArtifactBundleRow, ArtifactBundleProjectRow, "artifact_bundle_id", project_id=source.id)
        return "date_modified", True, bundles

    def list_Project_debugFiles(self, source: Any) -> Any:
        return "id", True, self.rows(DebugFileRow, project_id=source.id)

    def list_ArtifactBundle_projects(self, source: Any) -> Any:
        links = self.list_linked(ProjectRow, ArtifactBundleProjectRow, "project_id", artifact_bundle_id=source.id)
        return "project_id", False, links

    def list_ArtifactBundle_associations(self, source: Any) -> Any:
        return "id", False, self.rows(ArtifactBundleAssociationRow, artifact_bundle_id=source.id)

    def list_ArtifactBundle_files(self, source: Any) -> Any:
        return "id", False, self.rows(ArtifactFileRow, artifact_bundle_id=source.id)

    def select_files(self, rows: list[Any], conditions: dict[str, Any]) -> list[Any]:
        """Return the release files or debug files that meet a filter."""
        for name, value in conditions.items():
            if value is not None:
                rows = [row for row in rows if self.file_matches(row, name, value)]
        return rows

    def file_matches(self, row: Any, name: str, value: Any) -> bool:
        match name:
            case "checksums":
                return row.sha1 in value
            case "formats":
                return row.format.upper() in value
            case "debugId":
                return bool(row.debug_id == normalize_debug_id(value))
            case "query":
                return self.is_found(row, value)
        return bool(getattr(row, "code_id" if name == "codeId" else name) == value)

    def is_found(self, row: Any, query: str) -> bool:
        """Return whether a text of a row contains another, in which only the case of ASCII letters is ignored."""
        if isinstance(row, DebugFileRow):
            if debug_id := normalize_debug_id(query):
                return bool(row.debug_id == debug_id)
            texts = [row.object_name, row.debug_id, row.code_id, row.cpu_name, row.format]
        elif isinstance(row, ArtifactFileRow):
            texts = [row.path, row.url, row.debug_id]
        else:
            associations = self.list_ArtifactBundle_associations(row)[2]
            texts = [row.bundle_id, *(text for item in associations for text in (item.version, item.dist))]
        return any(lower_ascii(query) in lower_ascii(text) for text in texts if text is not None)

    def list_bundle_files(self, link: Any) -> list[Any]:
        return sorted(self.rows(ArtifactFileRow, artifact_bundle_id=link.artifact_bundle_id), key=lambda file: file.id)
