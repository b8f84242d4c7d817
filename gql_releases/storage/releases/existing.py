"""Looks up existing releases for importers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.statements import Statement
from gql_releases.storage.engine.types import Id
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseRow

releases = table(ReleaseRow)


def _select_commit_counts(dialect: Dialect) -> Any:
    versions = select(dialect.list_items("versions", releases.c.version.type).c.value)
    return select(releases.c.version, releases.c.commit_count).where(
        releases.c.organization_id == bindparam("organization", type_=Id), releases.c.version.in_(versions)
    )


COUNT_COMMITS = Statement("releases.count", _select_commit_counts)


class ExistingReleaseLookup:
    """Existing releases in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def commit_counts(self, organization: int, versions: Sequence[str]) -> dict[str, int]:
        """Return the number of commits of each existing release by version."""
        values = {"organization": organization, "versions": self._database.dialect.list_value(list(versions))}
        return dict(await self._database.rows(COUNT_COMMITS, values))
