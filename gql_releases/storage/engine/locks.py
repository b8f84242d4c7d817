"""Advisory locks of an organization, which PostgreSQL holds until the transaction ends; SQLite has one writer."""

from __future__ import annotations

from enum import IntEnum
from operator import attrgetter

from sqlalchemy import BigInteger, bindparam, func, select

from gql_releases.storage.engine.statements import Statement, Transaction

_KEY = bindparam("key", type_=BigInteger)
_HAS_WRITERS = attrgetter("has_concurrent_writers")
LOCK_ORGANIZATION = Statement("locks.lock_organization", select(func.pg_advisory_xact_lock(_KEY)), _HAS_WRITERS)
LOCK_ORGANIZATION_SHARED = Statement(
    "locks.lock_organization_shared", select(func.pg_advisory_xact_lock_shared(_KEY)), _HAS_WRITERS
)


class OrganizationLock(IntEnum):
    """The first bits of a lock's key, to which the organization's id is added."""

    BULK = 0x62756C6B << 32
    """Bulk creations: one at a time."""
    DEPLOYS = 0x6465706C << 32
    """References of deploys to other releases: deletions lock them exclusively, deploys share the lock."""
    FILES = 0x66696C65 << 32
    """Writes of bundles and release files, which compute totals: one at a time."""
    EVENTS = 0x65766E74 << 32
    """Batches of events and sessions, and changes of the order of releases, which issues depend on: one at a time."""


async def lock_organization(
    transaction: Transaction, what: OrganizationLock, organization: int, *, shared: bool = False
) -> None:
    """Wait for a lock of an organization, which the transaction holds. To be called before any row is locked."""
    if transaction.dialect.has_concurrent_writers:
        await transaction.execute(LOCK_ORGANIZATION_SHARED if shared else LOCK_ORGANIZATION, {"key": what + organization})
