"""The outbox as its senders see it: what is due, claimed for a time, sent, put off or refused; and as an operator does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, literal, select, update
from sqlalchemy.sql.elements import Null

from gql_releases.domain.dates import now
from gql_releases.domain.forwarding import Claimed, Kind, Upstream, UpstreamState
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.outbox.writer import outbox, queues, upstreams


def _id(name: str) -> Any:
    return bindparam(name, type_=Id)


_at, _until = bindparam("now", type_=UtcDateTime), bindparam("until", type_=UtcDateTime)
_pending = [queues.c.state == UpstreamState.PENDING.value, queues.c.next_attempt_at <= _at]

# Organizations whose upstream may be asked now and for whom something is due; those that fail are only felt for.
LIST_DUE_ORGANIZATIONS = Statement(
    "outbox.list_due_organizations",
    select(upstreams.c.organization_id, upstreams.c.failures).where(
        upstreams.c.resume_at <= _at,
        select(queues.c.id).where(queues.c.organization_id == upstreams.c.organization_id, *_pending).exists(),
    ),
)
FIND_UPSTREAM = Statement(
    "outbox.find_upstream",
    select(upstreams.c.url, upstreams.c.organization, upstreams.c.sealed_token).where(
        upstreams.c.organization_id == _id("organization")
    ),
)
# One process asks a failing upstream at a time: whoever moves its resume_at first.
CLAIM_UPSTREAM = Statement(
    "outbox.claim_upstream",
    update(upstreams)
    .values(resume_at=_until)
    .where(upstreams.c.organization_id == _id("organization"), upstreams.c.resume_at <= _at)
    .returning(upstreams.c.organization_id),
)
LIST_DUE_QUEUES = Statement(
    "outbox.list_due_queues",
    select(queues.c.id, queues.c.version, queues.c.last_deploy)
    .where(queues.c.organization_id == _id("organization"), *_pending)
    .order_by(queues.c.next_attempt_at, queues.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True),
)
FIND_FIRST_REQUEST = Statement(
    "outbox.find_first_request",
    select(outbox.c.id, outbox.c.kind, outbox.c.body, outbox.c.attempts)
    .where(outbox.c.organization_id == _id("organization"), outbox.c.queue_id == _id("queue"))
    .order_by(outbox.c.id)
    .limit(1),
)
CLAIM_QUEUE = Statement(
    "outbox.claim_queue",
    update(queues)
    .values(next_attempt_at=_until, claim=queues.c.claim + 1, attempts=bindparam("attempts", type_=Integer))
    .where(queues.c.id == _id("queue"))
    .returning(queues.c.claim),
)
COUNT_ATTEMPT = Statement(
    "outbox.count_attempt", update(outbox).values(attempts=outbox.c.attempts + 1).where(outbox.c.id == _id("item"))
)
DELETE_REQUEST = Statement("outbox.delete_request", delete(outbox).where(outbox.c.id == _id("item")))
_mine = [queues.c.id == _id("queue"), queues.c.claim == bindparam("claim", type_=Integer)]
# Also locks the queue: what a writer puts in now is seen by the look for the next request, or wakes the queue after it.
MARK_QUEUE_SENT = Statement(
    "outbox.mark_queue_sent",
    update(queues)
    .values(
        state=literal(UpstreamState.SENT.value),
        last_error=Null(),
        last_deploy=func.coalesce(bindparam("deploy", type_=queues.c.last_deploy.type), queues.c.last_deploy),
    )
    .where(*_mine)
    .returning(queues.c.last_deploy),
)
MARK_QUEUE_PENDING = Statement(
    "outbox.mark_queue_pending",
    update(queues)
    .values(state=literal(UpstreamState.PENDING.value), next_attempt_at=_until)
    .where(queues.c.id == _id("queue")),
)
MARK_EMPTY_QUEUE_SENT = Statement(
    "outbox.mark_empty_queue_sent",
    update(queues)
    .values(state=literal(UpstreamState.SENT.value))
    .where(queues.c.id == _id("queue"), queues.c.state == UpstreamState.PENDING.value),
)
DELETE_QUEUE = Statement("outbox.delete_queue", delete(queues).where(queues.c.id == _id("queue")))
_error = bindparam("error", type_=queues.c.last_error.type)
POSTPONE_QUEUE = Statement(
    "outbox.postpone_queue", update(queues).values(next_attempt_at=_until, last_error=_error).where(*_mine)
)
MARK_QUEUE_FAILED = Statement(
    "outbox.mark_queue_failed",
    update(queues).values(state=literal(UpstreamState.FAILED.value), last_error=_error).where(*_mine),
)
CLEAR_FAILURES = Statement(
    "outbox.clear_failures",
    update(upstreams)
    .values(failures=0, resume_at=_at)
    .where(upstreams.c.organization_id == _id("organization"), upstreams.c.failures > 0),
)
COUNT_FAILURE = Statement(
    "outbox.count_failure",
    update(upstreams)
    .values(failures=upstreams.c.failures + 1, resume_at=_until)
    .where(upstreams.c.organization_id == _id("organization")),
)
FIND_FAILURES = Statement(
    "outbox.find_failures", select(upstreams.c.failures).where(upstreams.c.organization_id == _id("organization"))
)

DESCRIBE_UPSTREAM = Statement(
    "outbox.describe_upstream",
    select(upstreams.c.url, upstreams.c.organization, upstreams.c.failures, upstreams.c.resume_at).where(
        upstreams.c.organization_id == _id("organization")
    ),
)
COUNT_QUEUES = Statement(
    "outbox.count_queues",
    select(queues.c.state, func.count())
    .where(queues.c.organization_id == _id("organization"))
    .group_by(queues.c.state)
    .order_by(queues.c.state),
)
COUNT_UNSENT_QUEUES = Statement(
    "outbox.count_unsent_queues",
    select(queues.c.state, func.count()).where(queues.c.state != UpstreamState.SENT.value).group_by(queues.c.state),
)
_LISTED = ("version", "kind", "state", "attempts", "next_attempt_at", "last_error")
LIST_REQUESTS = Statement(
    "outbox.list_requests",
    select(queues.c.version, outbox.c.kind, queues.c.state, outbox.c.attempts, queues.c.next_attempt_at, queues.c.last_error)
    .join_from(outbox, queues, queues.c.id == outbox.c.queue_id)
    .where(outbox.c.organization_id == _id("organization"))
    .order_by(outbox.c.id),
)
LIST_FAILED_QUEUES = Statement(
    "outbox.list_failed_queues",
    select(queues.c.id, queues.c.version)
    .where(queues.c.organization_id == _id("organization"), queues.c.state == UpstreamState.FAILED.value)
    .order_by(queues.c.id),
)
RETRY_QUEUE = Statement(
    "outbox.retry_queue",
    update(queues)
    .values(state=literal(UpstreamState.PENDING.value), next_attempt_at=_at, attempts=0, last_error=Null())
    .where(queues.c.id == _id("queue")),
)
# Whatever kept requests waiting was about the old upstream, or its token.
RETRY_ALL_QUEUES = Statement(
    "outbox.retry_all_queues",
    update(queues)
    .values(state=literal(UpstreamState.PENDING.value), next_attempt_at=_at, last_error=Null())
    .where(
        queues.c.organization_id == _id("organization"),
        queues.c.state == UpstreamState.FAILED.value,
    ),
)
DELETE_UPSTREAM = Statement(
    "outbox.delete_upstream",
    delete(upstreams).where(upstreams.c.organization_id == _id("organization")).returning(upstreams.c.url),
)
DELETE_QUEUES = Statement("outbox.delete_queues", delete(queues).where(queues.c.organization_id == _id("organization")))
COUNT_UNSENT_REQUESTS = Statement(
    "outbox.count_unsent_requests", select(func.count()).where(outbox.c.organization_id == _id("organization"))
)

_NAMED = ("url", "organization", "sealed_token", "failures", "resume_at")


def _upsert_upstream(dialect: Dialect) -> Any:
    made = dialect.insert(upstreams).values(bind_columns(upstreams, *(one.name for one in upstreams.c)))
    newer = {name: made.excluded[name] for name in _NAMED}
    return made.on_conflict_do_update(index_elements=["organization_id"], set_=newer)


UPSERT_UPSTREAM = Statement("outbox.upsert_upstream", _upsert_upstream)


class OutboxStore:
    """The outbox in a database. A claim is for a time: a sender that dies holds a release up no longer than that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_due(self) -> list[tuple[int, bool]]:
        """Give the organizations for whom something is due, and whether their upstream answered last time."""
        return [(int(row[0]), row[1] == 0) for row in await self._database.rows(LIST_DUE_ORGANIZATIONS, {"now": now()})]

    async def claim(self, organization: int, limit: int, until: datetime, *, well: bool) -> list[Claimed]:
        """Claim the first requests of some releases; of one release only where the upstream is not `well`."""

        async def work(transaction: Transaction) -> list[Claimed]:
            times = {"organization": organization, "now": now(), "until": until}
            if not well and await transaction.fetch_one(CLAIM_UPSTREAM, times) is None:
                return []
            upstream = await _find_upstream(transaction, organization)
            if upstream is None:
                return []
            rows = await transaction.fetch_all(LIST_DUE_QUEUES, {**times, "limit": limit if well else 1})
            found = [await _claim_queue(transaction, upstream, (row[0], row[1], row[2]), until) for row in rows]
            return [one for one in found if one]

        return await self._database.write(work)

    async def mark_sent(self, claimed: Claimed, until: datetime | None, deploy: str | None) -> Claimed | None:
        """Take a request out that has arrived, and claim the release's next one, unless `until` is None.

        `deploy` is the upstream's id of the deploy that it was.
        """

        async def work(transaction: Transaction) -> Claimed | None:
            organization, queue, moment = claimed.upstream.organization_id, claimed.queue, now()
            await transaction.execute(CLEAR_FAILURES, {"organization": organization, "now": moment})
            mine = await transaction.fetch_one(MARK_QUEUE_SENT, {"queue": queue, "claim": claimed.claim, "deploy": deploy})
            await transaction.execute(DELETE_REQUEST, {"item": claimed.item})
            if mine is None:  # it took longer than the lease, and somebody else goes on from here
                return None
            head = await transaction.fetch_one(FIND_FIRST_REQUEST, {"organization": organization, "queue": queue})
            if head is None and claimed.kind is Kind.DELETION:
                await transaction.execute(DELETE_QUEUE, {"queue": queue})
            if head is None:
                return None
            await transaction.execute(MARK_QUEUE_PENDING, {"queue": queue, "until": until or moment})
            upstream = await _find_upstream(transaction, organization)
            assert upstream
            return await _claim_queue(transaction, upstream, (queue, claimed.version, mine[0]), until) if until else None

        return await self._database.write(work)

    async def postpone(self, claimed: Claimed, until: datetime, error: str, rest: datetime | None) -> None:
        """Try a request again later; until `rest` nothing is to be asked of its upstream."""

        async def work(transaction: Transaction) -> None:
            mine = {"queue": claimed.queue, "claim": claimed.claim}
            await transaction.execute(POSTPONE_QUEUE, {**mine, "until": until, "error": error})
            if rest:
                await transaction.execute(COUNT_FAILURE, {"organization": claimed.upstream.organization_id, "until": rest})

        await self._database.write(work)

    async def mark_refused(self, claimed: Claimed, error: str) -> None:
        """Note that the upstream will never take a request; the release's later ones wait behind it."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(CLEAR_FAILURES, {"organization": claimed.upstream.organization_id, "now": now()})
            await transaction.execute(MARK_QUEUE_FAILED, {"queue": claimed.queue, "claim": claimed.claim, "error": error})

        await self._database.write(work)

    async def count_unsent(self) -> dict[str, int]:
        """Return how many releases of all organizations have requests that wait or were refused, by state."""
        rows = await self._database.rows(COUNT_UNSENT_QUEUES, {}, large=True)
        return {UpstreamState.PENDING.value: 0, UpstreamState.FAILED.value: 0, **dict(rows)}

    async def count_failures(self, organization: int) -> int:
        """Give how often in a row an upstream could not be asked."""
        rows = await self._database.rows(FIND_FAILURES, {"organization": organization})
        return int(rows[0][0]) if rows else 0

    async def name_upstream(self, organization: int, url: str, slug: str, sealed: bytes) -> None:
        """Name an organization's upstream, or another one; what waits goes there, and at once."""

        async def work(transaction: Transaction) -> None:
            moment = now()
            row = {
                "organization_id": organization, "url": url, "organization": slug, "sealed_token": sealed, "failures": 0,
                "resume_at": moment, "date_created": moment,
            }  # fmt: skip
            await transaction.execute(UPSERT_UPSTREAM, row)
            await transaction.execute(RETRY_ALL_QUEUES, {"organization": organization, "now": moment})

        await self._database.write(work)

    async def show_upstream(self, organization: int) -> dict[str, Any] | None:
        """Give an organization's upstream without its token, with how many releases are in which state."""

        async def work(transaction: Transaction) -> dict[str, Any] | None:
            where = {"organization": organization}
            row = await transaction.fetch_one(DESCRIBE_UPSTREAM, where)
            if row is None:
                return None
            named = dict(zip(("url", "organization", "failures", "resume_at"), row, strict=True))
            return {**named, "releases": dict(await transaction.fetch_all(COUNT_QUEUES, where))}

        return await self._database.read(work)

    async def remove_upstream(self, organization: int, *, discard: bool) -> int | None:
        """Take an upstream away with its queues; give how many requests had not arrived, None where there is none.

        Where some have not arrived, nothing is done unless they are to be discarded.
        """

        async def work(transaction: Transaction) -> int | None:
            where = {"organization": organization}
            if await transaction.fetch_one(FIND_UPSTREAM, where) is None:
                return None
            row = await transaction.fetch_one(COUNT_UNSENT_REQUESTS, where)
            unsent = int(row[0]) if row else 0
            if discard or not unsent:
                await transaction.execute(DELETE_UPSTREAM, where)
                await transaction.execute(DELETE_QUEUES, where)
            return unsent

        return await self._database.write(work)

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]:
        """List the requests that have not arrived, the oldest first."""

        async def work(transaction: Transaction) -> list[dict[str, Any]]:
            rows = await transaction.fetch_all(LIST_REQUESTS, {"organization": organization})
            return [dict(zip(_LISTED, row, strict=True)) for row in rows]

        return await self._database.read(work)

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int:
        """Let releases that were refused be tried again, or the one of a version; `skip` leaves out what was refused.

        Give how many there were.
        """

        async def work(transaction: Transaction) -> int:
            rows = await transaction.fetch_all(LIST_FAILED_QUEUES, {"organization": organization})
            queues_ = [row[0] for row in rows if version in (None, row[1])]
            for queue in queues_:
                head = await transaction.fetch_one(FIND_FIRST_REQUEST, {"organization": organization, "queue": queue})
                if skip and head:
                    await transaction.execute(DELETE_REQUEST, {"item": head[0]})
                await transaction.execute(RETRY_QUEUE, {"queue": queue, "now": now()})
            return len(queues_)

        return await self._database.write(work)


async def _find_upstream(transaction: Transaction, organization: int) -> Upstream | None:
    row = await transaction.fetch_one(FIND_UPSTREAM, {"organization": organization})
    return None if row is None else Upstream(organization, row[0], row[1], bytes(row[2]))


async def _claim_queue(
    transaction: Transaction, upstream: Upstream, queue: tuple[int, str, str | None], until: datetime
) -> Claimed | None:
    """Claim the first request of a queue that nobody else has; an empty queue is one whose requests have all arrived."""
    number, version, last_deploy = queue
    where = {"organization": upstream.organization_id, "queue": number}
    head = await transaction.fetch_one(FIND_FIRST_REQUEST, where)
    if head is None:
        await transaction.execute(MARK_EMPTY_QUEUE_SENT, where)
        return None
    item, kind, body, attempts = head
    row = await transaction.fetch_one(CLAIM_QUEUE, {**where, "until": until, "attempts": attempts + 1})
    assert row
    await transaction.execute(COUNT_ATTEMPT, {"item": item})
    return Claimed(upstream, number, row[0], version, item, Kind(kind), body, attempts + 1, last_deploy)
