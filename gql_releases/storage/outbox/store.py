"""Reads and writes the outbox for senders (due, claimed, sent, postponed, failed) and for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, delete, func, literal, select, update
from sqlalchemy.sql.elements import Null

from gql_releases.domain.dates import now
from gql_releases.domain.forwarding import Claimed, Kind, Upstream, UpstreamState
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.engine.natural_keys import bind_columns
from gql_releases.storage.engine.statements import RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.outbox.writer import outbox, queues, upstreams


class DueOrganization(NamedTuple):
    """An organization with due requests, and how many attempts in a row its upstream has not answered."""

    organization_id: int
    failures: int


class StoredUpstream(NamedTuple):
    """An upstream with its encrypted token."""

    url: str
    organization: str
    sealed_token: bytes


class UpstreamDescription(NamedTuple):
    """An upstream without its token."""

    url: str
    organization: str
    failures: int
    resume_at: datetime | str


class DueQueue(NamedTuple):
    """The queue of a release."""

    id: int
    version: str
    last_deploy: str | None


class StoredRequest(NamedTuple):
    """A request of a queue."""

    id: int
    kind: str
    body: str | None
    attempts: int


class Claim(NamedTuple):
    """The number of a claim."""

    claim: int


class LastDeploy(NamedTuple):
    """The upstream's id of the deploy that was sent last."""

    last_deploy: str | None


class FailedQueue(NamedTuple):
    """A queue whose first request was refused."""

    id: int
    version: str


class Failures(NamedTuple):
    """How many attempts in a row an upstream has not answered."""

    failures: int


class RequestDescription(NamedTuple):
    """A request in the list for operators."""

    version: str
    kind: str
    state: str
    attempts: int
    next_attempt_at: datetime | str
    last_error: str | None


def _id(name: str) -> Any:
    return bindparam(name, type_=Id)


_at, _until = bindparam("now", type_=UtcDateTime), bindparam("until", type_=UtcDateTime)
_pending = [queues.c.state == UpstreamState.PENDING.value, queues.c.next_attempt_at <= _at]

# Organizations with due requests whose upstream may be called now; a failing one gets one request.
LIST_DUE_ORGANIZATIONS = RowStatement(
    "outbox.list_due_organizations",
    DueOrganization,
    select(upstreams.c.organization_id, upstreams.c.failures).where(
        upstreams.c.resume_at <= _at,
        select(queues.c.id).where(queues.c.organization_id == upstreams.c.organization_id, *_pending).exists(),
    ),
)
FIND_UPSTREAM = RowStatement(
    "outbox.find_upstream",
    StoredUpstream,
    select(upstreams.c.url, upstreams.c.organization, upstreams.c.sealed_token).where(
        upstreams.c.organization_id == _id("organization")
    ),
)
# One process at a time calls a failing upstream: the first that changes its resume_at.
CLAIM_UPSTREAM = Statement(
    "outbox.claim_upstream",
    update(upstreams)
    .values(resume_at=_until)
    .where(upstreams.c.organization_id == _id("organization"), upstreams.c.resume_at <= _at)
    .returning(upstreams.c.organization_id),
)
LIST_DUE_QUEUES = RowStatement(
    "outbox.list_due_queues",
    DueQueue,
    select(queues.c.id, queues.c.version, queues.c.last_deploy)
    .where(queues.c.organization_id == _id("organization"), *_pending)
    .order_by(queues.c.next_attempt_at, queues.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True),
)
FIND_FIRST_REQUEST = RowStatement(
    "outbox.find_first_request",
    StoredRequest,
    select(outbox.c.id, outbox.c.kind, outbox.c.body, outbox.c.attempts)
    .where(outbox.c.organization_id == _id("organization"), outbox.c.queue_id == _id("queue"))
    .order_by(outbox.c.id)
    .limit(1),
)
CLAIM_QUEUE = RowStatement(
    "outbox.claim_queue",
    Claim,
    update(queues)
    .values(next_attempt_at=_until, claim=queues.c.claim + 1, attempts=bindparam("attempts", type_=Integer))
    .where(queues.c.id == _id("queue"))
    .returning(queues.c.claim),
)
COUNT_ATTEMPT = Statement(
    "outbox.count_attempt", update(outbox).values(attempts=outbox.c.attempts + 1).where(outbox.c.id == _id("item"))
)
DELETE_REQUEST = Statement("outbox.delete_request", delete(outbox).where(outbox.c.id == _id("item")))
_is_own_claim = [queues.c.id == _id("queue"), queues.c.claim == bindparam("claim", type_=Integer)]
# Also locks the queue: a request that a writer adds meanwhile is found by FIND_FIRST_REQUEST, or wakes the queue afterwards.
MARK_QUEUE_SENT = RowStatement(
    "outbox.mark_queue_sent",
    LastDeploy,
    update(queues)
    .values(
        state=literal(UpstreamState.SENT.value),
        last_error=Null(),
        last_deploy=func.coalesce(bindparam("deploy", type_=queues.c.last_deploy.type), queues.c.last_deploy),
    )
    .where(*_is_own_claim)
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
    "outbox.postpone_queue", update(queues).values(next_attempt_at=_until, last_error=_error).where(*_is_own_claim)
)
MARK_QUEUE_FAILED = Statement(
    "outbox.mark_queue_failed",
    update(queues).values(state=literal(UpstreamState.FAILED.value), last_error=_error).where(*_is_own_claim),
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

DESCRIBE_UPSTREAM = RowStatement(
    "outbox.describe_upstream",
    UpstreamDescription,
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
LIST_REQUESTS = RowStatement(
    "outbox.list_requests",
    RequestDescription,
    select(queues.c.version, outbox.c.kind, queues.c.state, outbox.c.attempts, queues.c.next_attempt_at, queues.c.last_error)
    .join_from(outbox, queues, queues.c.id == outbox.c.queue_id)
    .where(outbox.c.organization_id == _id("organization"))
    .order_by(outbox.c.id),
)
LIST_FAILED_QUEUES = RowStatement(
    "outbox.list_failed_queues",
    FailedQueue,
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
# The errors were those of the previous upstream or its token.
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

_REPLACED = ("url", "organization", "sealed_token", "failures", "resume_at")


def _upsert_upstream(dialect: Dialect) -> Any:
    statement = dialect.insert(upstreams).values(bind_columns(upstreams, *(column.name for column in upstreams.c)))
    newer = {name: statement.excluded[name] for name in _REPLACED}
    return statement.on_conflict_do_update(index_elements=["organization_id"], set_=newer)


UPSERT_UPSTREAM = Statement("outbox.upsert_upstream", _upsert_upstream)


class OutboxStore:
    """The outbox in a database. A claim expires: a sender that was killed delays a release no longer than that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_due(self) -> list[tuple[int, bool]]:
        """Return the organizations with due requests, and whether their upstream answered the last one."""
        rows = await self._database.rows(LIST_DUE_ORGANIZATIONS, {"now": now()})
        return [(organization, failures == 0) for organization, failures in rows]

    async def claim(self, organization: int, limit: int, until: datetime, *, well: bool) -> list[Claimed]:
        """Claim the first requests of at most `limit` releases until a time.

        Where the upstream is not `well`, the limit is one release.
        """

        async def work(transaction: Transaction) -> list[Claimed]:
            times = {"organization": organization, "now": now(), "until": until}
            if not well and await transaction.fetch_one(CLAIM_UPSTREAM, times) is None:
                return []
            upstream = await _find_upstream(transaction, organization)
            if upstream is None:
                return []
            queues_due = await LIST_DUE_QUEUES.fetch_all(transaction, {**times, "limit": limit if well else 1})
            claims = [await _claim_queue(transaction, upstream, queue, until) for queue in queues_due]
            return [claim for claim in claims if claim]

        return await self._database.write(work)

    async def mark_sent(self, claimed: Claimed, until: datetime | None, deploy: str | None) -> Claimed | None:
        """Delete a request that has arrived, and claim the release's next one, unless `until` is None.

        `deploy`: the upstream's id of the deploy that the request created.
        """

        async def work(transaction: Transaction) -> Claimed | None:
            organization, queue, moment = claimed.upstream.organization_id, claimed.queue, now()
            await transaction.execute(CLEAR_FAILURES, {"organization": organization, "now": moment})
            values = {"queue": queue, "claim": claimed.claim, "deploy": deploy}
            marked = await MARK_QUEUE_SENT.fetch_one(transaction, values)
            await transaction.execute(DELETE_REQUEST, {"item": claimed.item})
            if marked is None:  # the lease has expired, and another sender has claimed the queue
                return None
            following = await FIND_FIRST_REQUEST.fetch_one(transaction, {"organization": organization, "queue": queue})
            if following is None and claimed.kind is Kind.DELETION:
                await transaction.execute(DELETE_QUEUE, {"queue": queue})
            if following is None:
                return None
            await transaction.execute(MARK_QUEUE_PENDING, {"queue": queue, "until": until or moment})
            upstream = await _find_upstream(transaction, organization)
            assert upstream
            if until is None:
                return None
            next_queue = DueQueue(queue, claimed.version, marked.last_deploy)
            return await _claim_queue(transaction, upstream, next_queue, until)

        return await self._database.write(work)

    async def postpone(self, claimed: Claimed, until: datetime, error: str, rest: datetime | None) -> None:
        """Retry a request at `until`; its upstream gets no request before `rest`."""

        async def work(transaction: Transaction) -> None:
            own_claim = {"queue": claimed.queue, "claim": claimed.claim}
            await transaction.execute(POSTPONE_QUEUE, {**own_claim, "until": until, "error": error})
            if rest:
                await transaction.execute(COUNT_FAILURE, {"organization": claimed.upstream.organization_id, "until": rest})

        await self._database.write(work)

    async def mark_refused(self, claimed: Claimed, error: str) -> None:
        """Mark a queue as failed because the upstream rejects its first request; the later ones wait."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(CLEAR_FAILURES, {"organization": claimed.upstream.organization_id, "now": now()})
            await transaction.execute(MARK_QUEUE_FAILED, {"queue": claimed.queue, "claim": claimed.claim, "error": error})

        await self._database.write(work)

    async def count_unsent(self) -> dict[str, int]:
        """Return how many releases of all organizations have pending or failed queues, by state."""
        rows = await self._database.rows(COUNT_UNSENT_QUEUES, {}, large=True)
        return {UpstreamState.PENDING.value: 0, UpstreamState.FAILED.value: 0, **dict(rows)}

    async def count_failures(self, organization: int) -> int:
        """Return how many attempts in a row an upstream has not answered."""
        rows = await self._database.rows(FIND_FAILURES, {"organization": organization})
        return Failures(*rows[0]).failures if rows else 0

    async def name_upstream(self, organization: int, url: str, slug: str, sealed: bytes) -> None:
        """Set or replace an organization's upstream; pending and failed requests are sent there at once."""

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
        """Return an organization's upstream without its token, and the number of releases by state; None for none."""

        async def work(transaction: Transaction) -> dict[str, Any] | None:
            where = {"organization": organization}
            upstream = await DESCRIBE_UPSTREAM.fetch_one(transaction, where)
            if upstream is None:
                return None
            return {**upstream._asdict(), "releases": dict(await transaction.fetch_all(COUNT_QUEUES, where))}

        return await self._database.read(work)

    async def remove_upstream(self, organization: int, *, discard: bool) -> int | None:
        """Delete an upstream with its queues; return how many requests are unsent, None where there is no upstream.

        Where some are unsent, nothing is deleted without `discard`.
        """

        async def work(transaction: Transaction) -> int | None:
            where = {"organization": organization}
            if await transaction.fetch_one(FIND_UPSTREAM, where) is None:
                return None
            [(unsent,)] = await transaction.fetch_all(COUNT_UNSENT_REQUESTS, where)
            if discard or not unsent:
                await transaction.execute(DELETE_UPSTREAM, where)
                await transaction.execute(DELETE_QUEUES, where)
            return int(unsent)

        return await self._database.write(work)

    async def list_outbox(self, organization: int) -> list[dict[str, Any]]:
        """Return the requests that are unsent, the oldest first."""

        async def work(transaction: Transaction) -> list[dict[str, Any]]:
            rows = await LIST_REQUESTS.fetch_all(transaction, {"organization": organization})
            return [row._asdict() for row in rows]

        return await self._database.read(work)

    async def retry(self, organization: int, version: str | None, *, skip: bool) -> int:
        """Retry the failed queues, or that of a version, and return their number; `skip` deletes the refused requests."""

        async def work(transaction: Transaction) -> int:
            failed = await LIST_FAILED_QUEUES.fetch_all(transaction, {"organization": organization})
            selected = [queue.id for queue in failed if version in (None, queue.version)]
            for queue in selected:
                request = await FIND_FIRST_REQUEST.fetch_one(transaction, {"organization": organization, "queue": queue})
                if skip and request:
                    await transaction.execute(DELETE_REQUEST, {"item": request.id})
                await transaction.execute(RETRY_QUEUE, {"queue": queue, "now": now()})
            return len(selected)

        return await self._database.write(work)


async def _find_upstream(transaction: Transaction, organization: int) -> Upstream | None:
    row = await FIND_UPSTREAM.fetch_one(transaction, {"organization": organization})
    return None if row is None else Upstream(organization, row.url, row.organization, bytes(row.sealed_token))


async def _claim_queue(transaction: Transaction, upstream: Upstream, queue: DueQueue, until: datetime) -> Claimed | None:
    """Claim the first request of a queue that no other sender has; None for an empty queue, which is marked as sent."""
    where = {"organization": upstream.organization_id, "queue": queue.id}
    request = await FIND_FIRST_REQUEST.fetch_one(transaction, where)
    if request is None:
        await transaction.execute(MARK_EMPTY_QUEUE_SENT, where)
        return None
    attempts = request.attempts + 1
    claim = await CLAIM_QUEUE.fetch_one(transaction, {**where, "until": until, "attempts": attempts})
    assert claim
    await transaction.execute(COUNT_ATTEMPT, {"item": request.id})
    return Claimed(
        upstream, queue.id, claim.claim, queue.version, request.id, Kind(request.kind), request.body, attempts,
        queue.last_deploy,
    )  # fmt: skip
