"""Locks of an organization that PostgreSQL keeps for a transaction; SQLite has one writer and needs none."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import BigInteger, bindparam, func, select

from gql_releases.storage.engine.statements import Statement, Transaction

_KEY = bindparam("key", type_=BigInteger)
LOCK_ORGANIZATION = Statement("locks.lock_organization", select(func.pg_advisory_xact_lock(_KEY)))
LOCK_ORGANIZATION_SHARED = Statement("locks.lock_organization_shared", select(func.pg_advisory_xact_lock_shared(_KEY)))


class OrganizationLock(IntEnum):
    """What is locked: the first bits of the lock's key, to which the organization's id is added."""

    BULK = 0x62756C6B << 32
    """Bulk creations: one at a time."""
    DEPLOYS = 0x6465706C << 32
    """What deploys remember of other releases: deletions change it alone, deploys beside each other."""


async def lock_organization(
    transaction: Transaction, what: OrganizationLock, organization: int, *, shared: bool = False
) -> None:
    """Wait for a lock of an organization, which ends with the transaction. It is to be taken before any row is locked."""
    if transaction.dialect.has_concurrent_writers:
        await transaction.execute(LOCK_ORGANIZATION_SHARED if shared else LOCK_ORGANIZATION, {"key": what + organization})
