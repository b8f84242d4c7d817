"""Sends the due requests of the outbox to upstreams: those of a release in order, several releases at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from gql_releases.domain.counters import RepeatedFailure, count_fall_back
from gql_releases.domain.dates import now
from gql_releases.domain.errors import Unavailable
from gql_releases.domain.forwarding import ERROR_LENGTH, METHODS, Claimed, Kind
from gql_releases.forwarding.client import ConnectionFailed, Connections, SentryClient
from gql_releases.forwarding.token_encryption import DecryptionFailed, TokenCipher
from gql_releases.forwarding.verdicts import (
    FIRST_RETRY_SECONDS,
    Delivered,
    Rejected,
    RetryLater,
    Verdict,
    classify_response,
    classify_timeout,
    matches_deploy,
    rest_after,
    wait_after,
)

logger = logging.getLogger(__name__)

PARALLEL_SENDS = 4
"""Releases that one process sends at a time."""
SHUTDOWN_GRACE_SECONDS = 5.0
"""Seconds that running requests have to end when the process stops."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits of the sender in seconds.

    `poll`: between two queries for due requests, each a read of an index. `first_wait`: before the second attempt, doubled
    before each further attempt. `margin`: added to the timeouts of an attempt's requests to get its lease.
    """

    poll: float = 0.5
    first_wait: float = FIRST_RETRY_SECONDS
    margin: float = 5.0


PACE = Pace()


class Outbox(Protocol):
    """The storage of requests to send."""

    async def list_due(self) -> list[tuple[int, bool]]: ...

    async def claim(self, organization: int, limit: int, until: datetime, *, well: bool) -> list[Claimed]: ...

    async def mark_sent(self, claimed: Claimed, until: datetime | None, deploy: str | None) -> Claimed | None: ...

    async def postpone(self, claimed: Claimed, until: datetime, error: str, rest: datetime | None) -> None: ...

    async def mark_refused(self, claimed: Claimed, error: str) -> None: ...

    async def count_failures(self, organization: int) -> int: ...


class Sender:
    """Sends requests until it is stopped. `seconds` is the timeout of one request."""

    def __init__(self, outbox: Outbox, cipher: TokenCipher | None, seconds: float, pace: Pace = PACE) -> None:
        self._outbox, self._cipher, self._pace = outbox, cipher, pace
        self._connections = Connections(seconds)
        self._lease = timedelta(seconds=3 * seconds + pace.margin)  # a retried deploy needs two more requests
        self._busy: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._failure = RepeatedFailure(logger, "the outbox cannot be read")
        self._polling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start polling the outbox on the running loop."""
        self._polling = asyncio.ensure_future(self._poll_outbox())

    async def stop(self) -> None:
        """Stop claiming, and wait SHUTDOWN_GRACE_SECONDS for running requests; other processes retry cancelled requests."""
        self._stopped.set()
        if self._polling:
            await self._polling
        if self._busy:
            _, late = await asyncio.wait(self._busy, timeout=SHUTDOWN_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._connections.close()

    async def _poll_outbox(self) -> None:
        while not self._stopped.is_set():
            try:
                await self._claim_due()
            except Unavailable as error:  # the next poll tries again
                count_fall_back("outbox")
                self._failure.report(error.message)
            except Exception:
                count_fall_back("outbox")
                logger.exception("polling the outbox failed")
            else:
                self._failure.end()
            try:
                async with asyncio.timeout(self._pace.poll):
                    await self._stopped.wait()
            except TimeoutError:
                continue

    async def _claim_due(self) -> None:
        """Claim as many requests as can be sent now, in equal shares for the organizations."""
        if len(self._busy) >= PARALLEL_SENDS:
            return
        due = await self._outbox.list_due()
        for index, (organization, is_healthy) in enumerate(due):
            free = PARALLEL_SENDS - len(self._busy)
            share = max(1, free // (len(due) - index))
            if free <= 0:
                return
            for claimed in await self._outbox.claim(organization, share, now() + self._lease, well=is_healthy):
                self._spawn(self._send_all(claimed))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _send_all(self, claimed: Claimed | None) -> None:
        """Send the requests of a release one after the other, until one is not delivered."""
        try:
            while claimed:
                claimed = await self._record_verdict(claimed, await self._send(claimed))
        except Unavailable:
            logger.warning("the outbox cannot be written: the last request is sent again after its lease has expired")
        except Exception:
            logger.exception("forwarding a release failed")

    async def _send(self, claimed: Claimed) -> Verdict:
        upstream = claimed.upstream
        if self._cipher is None:
            return RetryLater("GQL_RELEASES_SECRET_KEY is not set: the upstream's token cannot be decrypted", rest=True)
        try:
            token = self._cipher.decrypt(upstream.sealed, upstream.context)
        except DecryptionFailed:
            return RetryLater("the upstream's token was encrypted with another GQL_RELEASES_SECRET_KEY", rest=True)
        client = SentryClient(self._connections, upstream.url, upstream.organization, token)
        try:
            verdict = await self._request(client, claimed)
        except ConnectionFailed as error:
            verdict = classify_timeout(error)
        if isinstance(verdict, Delivered):
            return verdict
        message = client.hide(verdict.error)[:ERROR_LENGTH]
        return Rejected(message) if isinstance(verdict, Rejected) else RetryLater(message, verdict.rest, verdict.seconds)

    async def _request(self, client: SentryClient, claimed: Claimed) -> Verdict:
        release = ["releases", claimed.version]
        path = {Kind.CREATION: ["releases"], Kind.DEPLOY: [*release, "deploys"]}.get(claimed.kind, release)
        if claimed.kind is Kind.DEPLOY and claimed.attempts > 1:
            # Only a deploy is not idempotent: an earlier attempt without a response may have created it.
            delivered = await _find_deploy(client, claimed)
            if delivered:
                return delivered
        body = None if claimed.body is None else claimed.body.encode()
        return classify_response(claimed, await client.request(METHODS[claimed.kind], path, body))

    async def _record_verdict(self, claimed: Claimed, verdict: Verdict) -> Claimed | None:
        release_text = "release %r (organization %d): %s"
        organization = claimed.upstream.organization_id
        if isinstance(verdict, Delivered):
            next_lease = None if self._stopped.is_set() else now() + self._lease
            return await self._outbox.mark_sent(claimed, next_lease, verdict.deploy)
        if isinstance(verdict, Rejected):
            logger.warning(f"the upstream rejects {release_text}", claimed.version, organization, verdict.error)
            await self._outbox.mark_refused(claimed, verdict.error)
            return None
        level = logging.WARNING if claimed.attempts == 1 else logging.INFO
        logger.log(level, f"could not forward {release_text}", claimed.version, organization, verdict.error)
        first = self._pace.first_wait
        rest = rest_after(await self._outbox.count_failures(organization), verdict, first)
        pause = max(wait_after(claimed.attempts, verdict, first), rest or 0)
        until = None if rest is None else now() + timedelta(seconds=rest)
        await self._outbox.postpone(claimed, now() + timedelta(seconds=pause), verdict.error, until)
        return None


async def _find_deploy(client: SentryClient, claimed: Claimed) -> Verdict | None:
    """Return Delivered if the upstream has the deploy; None if it does not. Raises ConnectionFailed.

    A release has its last deploy; the list of deploys has the last deploy of each environment.
    Source: docs/sentry-contract.md#6-1-deploys.
    """
    body = orjson.loads(claimed.body or "{}")
    response = await client.request("GET", ["releases", claimed.version])
    if response.status == 404:
        return None
    if response.status != 200 or not isinstance(response.value, dict):
        verdict = classify_response(claimed, response)
        return (
            verdict if isinstance(verdict, RetryLater) else RetryLater("the release cannot be read to look for its deploy")
        )
    deploys: list[Any] = [response.value.get("lastDeploy")]
    if response.value.get("deployCount") and not matches_deploy(body, deploys[0], claimed.last_deploy):
        list_response = await client.request("GET", ["releases", claimed.version, "deploys"])
        deploys = list_response.value if list_response.status == 200 and isinstance(list_response.value, list) else []
    match = next((deploy for deploy in deploys if matches_deploy(body, deploy, claimed.last_deploy)), None)
    return None if match is None else Delivered(str(match["id"])[:64] if "id" in match else None)
