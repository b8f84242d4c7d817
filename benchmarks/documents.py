"""The GraphQL documents of the items: the project's, and the same in PostGraphile's fields, named as the project's by aliases."""

from __future__ import annotations

import re
from functools import cache

GATEWAY = """
query Q1($by: ReleaseBy!) {
  release(by: $by) {
    id version shortVersion ref url status dateCreated dateReleased commitCount deployCount
    versionInfo { package description buildHash version { raw major minor patch pre buildCode components } }
  }
}

query Q2($organization: String!, $first: Int!, $after: String) {
  organization(slug: $organization) {
    releases(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id version dateCreated dateReleased commitCount
        projects(first: 5) { nodes { slug } }
        lastCommit { sha }
        deploys(first: 5) { nodes { environment { name } dateFinished url } }
        commits(first: 10) { nodes { sha message timestamp author { name email } } }
      }
    }
  }
}

query Q3($organization: String!, $first: Int!, $after: String) {
  organization(slug: $organization) {
    releases(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { version dateCreated commitCount }
    }
  }
}

query S1($organization: String!, $first: Int!, $project: String!) {
  organization(slug: $organization) {
    releases(first: $first, filter: { project: $project }, orderBy: { field: SEMVER, direction: DESC }) {
      pageInfo { hasNextPage endCursor }
      nodes { version dateCreated commitCount }
    }
  }
}

mutation M1($input: CreateReleaseInput!) {
  createRelease(input: $input) { outcome release { id version commitCount } userErrors { code message field } }
}
"""

POSTGRAPHILE = """
query Q1($organization: BigInt!, $version: String!) {
  release: releaseByOrganizationIdAndVersion(organizationId: $organization, version: $version) {
    id version shortVersion: version ref url status dateCreated dateReleased commitCount deployCount
    package description buildHash raw major minor patch pre buildCode components
  }
}

query Q2($organization: String!, $first: Int!, $after: Cursor) {
  organization: organizationBySlug(slug: $organization) {
    releases: releasesByOrganizationId(first: $first, after: $after, orderBy: [DATE_CREATED_DESC, ROW_ID_DESC]) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id version dateCreated dateReleased commitCount
        projects: releaseProjectsByOrganizationIdAndReleaseIdList(first: 5) { project: projectByOrganizationIdAndProjectId { slug } }
        lastCommit: commitByOrganizationIdAndLastCommitId { sha }
        deploys: deploysByOrganizationIdAndReleaseIdList(first: 5, orderBy: [FINISH_ORDER_DESC, ROW_ID_DESC]) {
          environment: environmentByOrganizationIdAndEnvironmentId { name } dateFinished url
        }
        commits: releaseCommitsByOrganizationIdAndReleaseIdList(first: 10, orderBy: [POSITION_ASC]) {
          commit: commitByOrganizationIdAndCommitId {
            sha message timestamp author: commitAuthorByOrganizationIdAndAuthorId { name email }
          }
        }
      }
    }
  }
}

query Q3($organization: String!, $first: Int!, $after: Cursor) {
  organization: organizationBySlug(slug: $organization) {
    releases: releasesByOrganizationId(first: $first, after: $after, orderBy: [DATE_CREATED_DESC, ROW_ID_DESC]) {
      pageInfo { hasNextPage endCursor }
      nodes { version dateCreated commitCount }
    }
  }
}

query S1($organization: String!, $first: Int!, $project: String!) {
  organization: organizationBySlug(slug: $organization) {
    projects: projectsByOrganizationId(first: 1, condition: { slug: $project }) {
      nodes {
        releases: releaseProjectsByOrganizationIdAndProjectId(first: $first, orderBy: [SEMVER_KEY_DESC, RELEASE_ID_DESC]) {
          pageInfo { hasNextPage endCursor }
          nodes { release: releaseByOrganizationIdAndReleaseId { version dateCreated commitCount } }
        }
      }
    }
  }
}

mutation M1($input: CreateReleaseInput!) { createRelease(input: $input) { release: result { id version commitCount } } }
"""


@cache
def of(dialect: str) -> dict[str, str]:
    """Give a dialect's documents by operation name; each is sent alone."""
    listed = (GATEWAY if dialect == "gateway" else POSTGRAPHILE).strip().split("\n\n")
    return {re.search(r"\w+ (\w+)", item)[1]: item for item in listed}  # type: ignore[index]
