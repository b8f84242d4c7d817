"""Who asks, and what for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gql_releases.domain.errors import Forbidden, OrganizationNotFound


class Scope(StrEnum):
    """What a token may do, in Sentry's words. A scope implies no other; operations accept any of several."""

    ORG_READ = "org:read"
    ORG_WRITE = "org:write"
    ORG_ADMIN = "org:admin"
    ORG_CI = "org:ci"
    PROJECT_READ = "project:read"
    PROJECT_WRITE = "project:write"
    PROJECT_ADMIN = "project:admin"
    PROJECT_RELEASES = "project:releases"


# Any-of sets, after Sentry's endpoint table.
WRITE_RELEASES = frozenset({Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN, Scope.PROJECT_RELEASES, Scope.ORG_CI})
READ_RELEASES = WRITE_RELEASES | {Scope.PROJECT_READ}
DELETE_RELEASES = frozenset({Scope.PROJECT_ADMIN, Scope.PROJECT_RELEASES})
WRITE_PROJECTS = frozenset({Scope.PROJECT_WRITE, Scope.PROJECT_ADMIN, Scope.ORG_WRITE, Scope.ORG_ADMIN})
WRITE_TOKENS = frozenset({Scope.ORG_WRITE, Scope.ORG_ADMIN})
READ_ORGANIZATION = frozenset(Scope)

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
}
"""Entity -> the scopes of which a reader needs at least one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a living token: one organization, some scopes. Without a token it is the store's operator.

    `forwards`: what is written is sent on to the organization's upstream, if it has one.
    """

    token_id: int | None
    organization_id: int
    organization_slug: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    forwards: bool = True
    readable: frozenset[str] = field(init=False)
    """The entities that the scopes open."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "readable", frozenset(e for e, accepted in READ_SCOPES.items() if self.scopes & accepted))

    @classmethod
    def operator(cls, organization_id: int, organization_slug: str) -> Principal:
        """Make the principal of whoever has the database itself: the command line."""
        return cls(None, organization_id, organization_slug, frozenset(Scope))

    def require(self, accepted: frozenset[Scope]) -> None:
        """Refuse unless one of the accepted scopes is held. Raises Forbidden."""
        if self.scopes.isdisjoint(accepted):
            raise Forbidden

    def require_readable(self, entities: frozenset[str]) -> None:
        """Refuse to read any of some entities that the scopes do not open. Raises Forbidden."""
        if not entities <= self.readable:
            raise Forbidden

    def require_organization(self, named: str, *path: str) -> None:
        """Refuse an organization that is not the holder's, named by slug or numeric id.

        `path` says where in the input it is named. Raises OrganizationNotFound.
        """
        if named not in (self.organization_slug, str(self.organization_id)):
            raise OrganizationNotFound(path or ("organization",))
