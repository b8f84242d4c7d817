"""The services that the REST API calls."""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.services.deploys import DeployService
from gql_releases.services.files import FileServices, FilesNotConfigured
from gql_releases.services.issues import IssueService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.reads import ReadService
from gql_releases.services.releases import ReleaseService


@dataclass(frozen=True, slots=True)
class Services:
    """Reads and writes of the store, shared with the GraphQL API."""

    reads: ReadService
    releases: ReleaseService
    deploys: DeployService
    project_keys: ProjectKeyService
    issues: IssueService
    files: FileServices | None = None

    def require_files(self) -> FileServices:
        """Return the services of files. Raises FilesNotConfigured."""
        if self.files is None:
            raise FilesNotConfigured
        return self.files
