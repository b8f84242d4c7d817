"""Principals and scopes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gql_releases.domain.errors import Forbidden, OrganizationNotFound


class Scope(StrEnum):
    """A permission of a token, named as in Sentry. A scope implies no other; an operation accepts any of several."""

    ORG_READ = "org:read"
    ORG_WRITE = "org:write"
    ORG_ADMIN = "org:admin"
    ORG_CI = "org:ci"
    PROJECT_READ = "project:read"
    PROJECT_WRITE = "project:write"
    PROJECT_ADMIN = "project:admin"
    PROJECT_RELEASES = "project:releases"
    EVENT_READ = "event:read"
    EVENT_WRITE = "event:write"
    EVENT_ADMIN = "event:admin"


# An operation requires one scope of its set, as in Sentry's table of endpoints.
WRITE_RELEASES = frozenset({Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN, Scope.PROJECT_RELEASES, Scope.ORG_CI})
READ_RELEASES = WRITE_RELEASES | {Scope.PROJECT_READ}
DELETE_RELEASES = frozenset({Scope.PROJECT_ADMIN, Scope.PROJECT_RELEASES})
DOWNLOAD_FILES = frozenset({Scope.PROJECT_WRITE})
WRITE_PROJECTS = frozenset({Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN, Scope.ORG_WRITE, Scope.ORG_ADMIN})
READ_PROJECT_KEYS = frozenset({Scope.PROJECT_READ, Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN})
WRITE_PROJECT_KEYS = frozenset({Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN})
DELETE_EVENTS = frozenset({Scope.EVENT_ADMIN, Scope.PROJECT_ADMIN})
WRITE_EVENTS = DELETE_EVENTS | {Scope.EVENT_WRITE, Scope.PROJECT_WRITE}
READ_EVENTS = WRITE_EVENTS | {Scope.EVENT_READ, Scope.PROJECT_READ}
WRITE_TOKENS = frozenset({Scope.ORG_WRITE, Scope.ORG_ADMIN})
READ_ORGANIZATION = frozenset(Scope)

GRANTED_WITH = {
    Scope.EVENT_READ: Scope.PROJECT_READ,
    Scope.EVENT_WRITE: Scope.PROJECT_WRITE,
    Scope.EVENT_ADMIN: Scope.PROJECT_ADMIN,
}
"""Scope -> another scope whose holder may grant it to a new token: it allows less."""

READ_SCOPES: dict[str, frozenset[Scope]] = {
    "Viewer": READ_ORGANIZATION,
    "Token": READ_ORGANIZATION,
    "Organization": READ_ORGANIZATION,
    "Project": READ_ORGANIZATION,
    "Repository": READ_ORGANIZATION,
    "Environment": READ_ORGANIZATION,
    "Release": READ_RELEASES,
    "Commit": READ_RELEASES,
    "CommitAuthor": READ_RELEASES,
    "FileChange": READ_RELEASES,
    "HeadCommit": READ_RELEASES,
    "Deploy": READ_RELEASES,
    "CurrentDeploy": READ_RELEASES,
    "Upstream": READ_RELEASES,
    "ArtifactBundle": READ_RELEASES,
    "ArtifactBundleAssociation": READ_RELEASES,
    "ArtifactFile": READ_RELEASES,
    "Artifact": READ_RELEASES,
    "ReleaseArtifacts": READ_RELEASES,
    "ReleaseFile": READ_RELEASES,
    "DebugFile": READ_RELEASES,
    "ProjectKey": READ_PROJECT_KEYS,
    "Issue": READ_EVENTS,
    "IssueRelease": READ_EVENTS,
    "ReleaseIssue": READ_EVENTS,
    "SuspectCommit": READ_EVENTS,
    "Event": READ_EVENTS,
}
"""Entity -> scopes of which a read requires at least one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of an active token: one organization and scopes. Without a token it is an operator of the store.

    `forwards`: writes are forwarded to the organization's upstream, if it has one.
    """

    token_id: int | None
    organization_id: int
    organization_slug: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    forwards: bool = True
    readable: frozenset[str] = field(init=False)
    """The entities that the scopes allow to read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "readable", frozenset(e for e, accepted in READ_SCOPES.items() if self.scopes & accepted))

    @classmethod
    def operator(cls, organization_id: int, organization_slug: str) -> Principal:
        """Return a principal with all scopes, for the command line."""
        return cls(None, organization_id, organization_slug, frozenset(Scope))

    @property
    def grantable_scopes(self) -> frozenset[Scope]:
        """The scopes that a token created by this principal may have."""
        return self.scopes | {scope for scope, holder in GRANTED_WITH.items() if holder in self.scopes}

    def require(self, accepted: frozenset[Scope]) -> None:
        """Check that the principal has one of the accepted scopes. Raises Forbidden."""
        if self.scopes.isdisjoint(accepted):
            raise Forbidden

    def require_readable(self, entities: frozenset[str]) -> None:
        """Check that the scopes allow to read all of the entities. Raises Forbidden."""
        if not entities <= self.readable:
            raise Forbidden

    def require_organization(self, slug_or_id: str, *path: str) -> None:
        """Check that a slug or numeric id is that of the principal's organization.

        `path` is its place in the input. Raises OrganizationNotFound.
        """
        if slug_or_id not in (self.organization_slug, str(self.organization_id)):
            raise OrganizationNotFound(path or ("organization",))
