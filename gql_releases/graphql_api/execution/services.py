"""The services that the root fields of the GraphQL API call."""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.auth.token_service import TokenService
from gql_releases.services.deploys import DeployService
from gql_releases.services.environments import EnvironmentService
from gql_releases.services.file_deletions import FileDeletionService
from gql_releases.services.issues import IssueService
from gql_releases.services.native_symbolication import NativeSymbolicationService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.projects import ProjectService
from gql_releases.services.reads import ReadService
from gql_releases.services.releases import ReleaseService
from gql_releases.services.repositories import RepositoryService
from gql_releases.services.symbolication import SymbolicationService


@dataclass(frozen=True, slots=True)
class Services:
    """The services, and whether the request is large."""

    reads: ReadService
    releases: ReleaseService
    deploys: DeployService
    issues: IssueService
    projects: ProjectService
    project_keys: ProjectKeyService
    repositories: RepositoryService
    environments: EnvironmentService
    tokens: TokenService
    symbolication: SymbolicationService
    native_symbolication: NativeSymbolicationService
    file_deletions: FileDeletionService
    large: bool = False
    """Whether the request's body is large, so that its input is read in a thread."""
