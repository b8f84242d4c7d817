"""Locks the rows that a bulk creation writes before its first row is written, in an order that all writers use.

Two transactions that lock the same rows in different orders deadlock; PostgreSQL detects that after a second, and one of
them is retried. SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, false, select

from gql_releases.domain.commit import sort_commits
from gql_releases.storage.commits.lookup import build_lookup, run_lookup
from gql_releases.storage.commits.store import collect_references, prepare_commits, write_rows
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.locks import OrganizationLock, lock_organization
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id
from gql_releases.storage.projects import create_missing_projects
from gql_releases.storage.releases.creation import Creation
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.release import ReleaseRow

releases = table(ReleaseRow)


def _select_releases_to_lock(dialect: Dialect) -> Any:
    own = releases.c.organization_id == bindparam("organization", type_=Id)
    locked = select(releases.c.id).where(own, dialect.is_among(releases.c.version, "versions"))
    return locked.order_by(releases.c.version).with_for_update(key_share=True)


LOCK_RELEASES = Statement("releases.lock", _select_releases_to_lock)
LOCK_COMMIT_REFERENCES = build_lookup("releases.lock_commit_references", lock_unless=lambda dialect: false())


async def lock_bulk(transaction: Transaction, organization: int, creations: Sequence[Creation]) -> None:
    """Lock the organization, existing releases, then projects, repositories, authors and commits of a bulk creation.

    One bulk creation of an organization runs at a time; single creations run concurrently and lock rows in the same order.
    Missing projects and commits are written here; if the creation fails later, the transaction is rolled back.
    """
    if not transaction.dialect.has_concurrent_writers:
        return
    await lock_organization(transaction, OrganizationLock.BULK, organization)
    versions = sorted({creation.new.version for creation in creations})
    values = {"organization": organization, "versions": transaction.dialect.list_value(versions)}
    await transaction.execute(LOCK_RELEASES, values)
    slugs = {name for creation in creations if creation.create_projects for name in creation.new.projects}
    await create_missing_projects(transaction, organization, slugs)
    arranged = [sort_commits(creation.new.commits) for creation in creations]
    if any(arranged):
        references = collect_references(organization, arranged)
        lookup = await run_lookup(transaction, LOCK_COMMIT_REFERENCES, organization, references.lists, {})
        stored = await prepare_commits(
            transaction, organization, [commit for commits in arranged for commit in commits], references, lookup
        )
        await write_rows(transaction, stored.rows, stored.completed)
