"""The ASGI application for `/api/{project id}/envelope/`, `/store/` and `/security/`.

An SDK sends an event once: a request that is answered with 200 was committed, and a full queue or an unavailable store
holds it for two seconds before it is refused.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from gql_releases.domain.client import WAIT_UNTIL_GONE
from gql_releases.domain.errors import Unavailable, shorten
from gql_releases.domain.events.ingest_request import (
    MAX_WAIT_SECONDS,
    IngestProject,
    IngestRequest,
    IngestSink,
    Overloaded,
    ProjectKeyLookup,
    QuotaExceeded,
)
from gql_releases.domain.events.json_text import InvalidEvent
from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeCount
from gql_releases.domain.incidents import Incident, explain_error
from gql_releases.ingest.bodies import MAX_BODY_BYTES, inflate
from gql_releases.ingest.csp_reports import build_csp_events
from gql_releases.ingest.envelope import MAX_ITEM_BYTES, EnvelopeReader, InvalidEnvelope
from gql_releases.ingest.items import SentItems, parse_payload, read_items
from gql_releases.ingest.keys import list_keys, read_dsn
from gql_releases.ingest.not_implemented import INGEST_NOT_IMPLEMENTED
from gql_releases.ingest.responses import (
    Refusal,
    refuse_overload,
    refuse_quota,
    refuse_unavailable,
    send_preflight,
    send_refusal,
    send_result,
)
from gql_releases.web.bodies import BrokenEncoding, UnsupportedEncoding
from gql_releases.web.body_streams import BodyStream
from gql_releases.web.http import BodyTooLarge, header
from gql_releases.web.ingest_paths import find_path
from gql_releases.web.request_record import current_record

MAX_ALL_HELD_BYTES = 64 * 1024 * 1024
"""Bytes that all requests of this process hold at once; above it only requests up to ALWAYS_HELD_BYTES are read."""
ALWAYS_HELD_BYTES = 64 * 1024
MAX_SESSION_BODY_BYTES = 4 * 1024
"""Bytes of a body that is read while the queue of events is full, as it may have sessions."""
RETRY_SECONDS = 0.2
"""Seconds between two attempts to store a request while the store is unavailable."""

MISSING_KEY = "The request has no valid DSN key."
WRONG_KEY = "The DSN key is not one of this project."
"""For an unknown key, a revoked one and one of another project: responses do not reveal which keys exist."""
DIFFERENT_KEYS = "The request has two different DSN keys."

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

_match_path = re.compile(r"/api/([0-9]{1,19})/([^/]+)(?:/(.*))?").fullmatch
_ENDPOINTS = {"envelope": "envelope", "store": "store", "security": "security", "csp-report": "security"}
"""Segment after the project's id -> endpoint."""


class _Reception:
    """The state of one request: the key and its project, what was read, and the bytes that are held for it."""

    __slots__ = ("body", "is_overloaded", "key", "project", "project_id", "size")

    def __init__(self, project_id: int, body: BodyStream) -> None:
        self.project_id, self.body = project_id, body
        self.key: str | None = None
        self.project: IngestProject | None = None
        self.is_overloaded = False
        self.size = 0


class IngestApi:
    """The ingest endpoints. Project ids begin at 1; `/api/0/` is the REST API."""

    def __init__(self, lookup: ProjectKeyLookup, sink: IngestSink, max_wait: float = MAX_WAIT_SECONDS) -> None:
        self._lookup, self._sink, self._max_wait = lookup, sink, max_wait
        self._held = 0
        self._incident = Incident("events refused, the store is unavailable")

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Handle a request and send its response."""
        record = current_record()
        record.api = "ingest"
        WAIT_UNTIL_GONE.set(None)  # waiting for the end of the connection would discard the body
        try:
            if scope["method"] == "OPTIONS":
                await send_preflight(scope, send_)
                return
            items = await self._handle(scope, receive)
        except Refusal as refusal:
            if refusal.code:
                record.add_codes([refusal.code])
            await send_refusal(send_, refusal)
        except ConnectionResetError:
            raise
        except Exception as error:  # logged and answered with 500, which a page must be able to read
            error_id = uuid.uuid4().hex
            logger.error("error %s in request %s", error_id, record.id, exc_info=error)
            record.codes.append("INTERNAL")
            await send_refusal(send_, Refusal(500, f"Internal Error {error_id}"))
        else:
            await send_result(send_, items.events[0].event_id if items.events else None, has_skipped=items.has_skipped)

    async def _handle(self, scope: Scope, receive: Receive) -> SentItems:
        """Store what a request has, and return it. Raises Refusal."""
        project_id, endpoint = _route(scope)
        reception = _Reception(project_id, BodyStream(scope, receive, MAX_BODY_BYTES))
        try:
            keys = list_keys(scope)
            if len(keys) > 1:
                raise Refusal(403, DIFFERENT_KEYS)
            if keys:
                await self._authorize(reception, keys[0])
            elif endpoint != "envelope":
                raise Refusal(401, MISSING_KEY)
            items = await self._read(scope, reception, endpoint)
            assert reception.project
            await self._store(reception.project, items, reception)
            return items
        except Refusal as refusal:
            if reception.project:
                self._note_rejected(reception.project, refusal)
            raise
        finally:
            self._held -= reception.size

    async def _authorize(self, reception: _Reception, key: str) -> None:
        """Find the project of a key, and wait while the queue of events is full. Raises Refusal."""
        project = await self._hold(lambda: self._lookup.find_project(key))
        if project is None or project.project_id != reception.project_id:
            raise Refusal(403, WRONG_KEY)
        reception.key, reception.project = key, project
        try:
            await self._sink.wait_for_space()
        except Overloaded:
            size = reception.body.declared_size
            if size is None or size > MAX_SESSION_BODY_BYTES:
                raise refuse_overload() from None
            reception.is_overloaded = True

    async def _read(self, scope: Scope, reception: _Reception, endpoint: str) -> SentItems:
        """Return the items of the body. Raises Refusal."""
        received = datetime.now(UTC)
        try:
            if endpoint == "envelope":
                return await self._read_envelope(reception, received)
            payload = await self._read_payload(reception)
            data = await parse_payload(payload)
        except (InvalidEnvelope, InvalidEvent, BrokenEncoding) as error:
            raise _refuse_body(str(error)) from None
        except UnsupportedEncoding as error:
            raise Refusal(415, str(error), reason="invalid_encoding") from None
        except BodyTooLarge as error:
            raise Refusal(413, "The body is too large.", [str(error)], reason="too_large") from None
        items = SentItems(received)
        if endpoint == "security":
            query = scope["query_string"].decode("latin-1")
            events = build_csp_events(data, query, header(scope, b"user-agent"))
        else:
            events = [data] if type(data) is dict else []
        if not events:
            raise _refuse_body("it is not an event")
        for event in events:
            items.add_event(event, len(payload))
        return items

    async def _read_envelope(self, reception: _Reception, received: datetime) -> SentItems:
        """Return the items of an envelope. Raises Refusal, InvalidEnvelope, BrokenEncoding, BodyTooLarge."""
        reader = EnvelopeReader()
        is_checked = False
        async for piece in inflate(reception.body):
            reader.feed(piece)
            self._count_held(reception, reader.held)
            if reader.header is not None and not is_checked:
                is_checked = True
                await self._check_dsn(reception, reader)
        reader.finish()
        if not is_checked:
            await self._check_dsn(reception, reader)
        items = await read_items(reader, received)
        if items.causes and not items.is_usable:
            if items.is_too_large:
                raise Refusal(413, "The event is too large.", items.causes, reason="too_large")
            raise _refuse_body(*items.causes)
        return items

    async def _check_dsn(self, reception: _Reception, reader: EnvelopeReader) -> None:
        """Compare the DSN of an envelope's header with the request. Raises Refusal."""
        assert reader.header is not None
        dsn = read_dsn(reader.header.get("dsn"))
        if dsn is None:
            if reception.key is None:
                raise Refusal(401, MISSING_KEY)
            return
        key, project_id = dsn
        if reception.key is None:
            await self._authorize(reception, key)
        elif key != reception.key:
            raise Refusal(403, DIFFERENT_KEYS)
        if project_id != str(reception.project_id):
            raise Refusal(403, WRONG_KEY)

    async def _read_payload(self, reception: _Reception) -> bytes:
        """Return a body that is one JSON text. Raises Refusal, BrokenEncoding, BodyTooLarge."""
        parts: list[bytes] = []
        size = 0
        async for piece in inflate(reception.body):
            size += len(piece)
            if size > MAX_ITEM_BYTES:
                raise BodyTooLarge(f"more than {MAX_ITEM_BYTES} plain bytes")
            parts.append(piece)
            self._count_held(reception, size)
        return b"".join(parts)

    def _count_held(self, reception: _Reception, size: int) -> None:
        """Count the bytes that are held for a request. Raises Refusal if all requests hold too many."""
        self._held += size - reception.size
        reception.size = size
        if self._held > MAX_ALL_HELD_BYTES and size > ALWAYS_HELD_BYTES:
            raise refuse_overload()

    async def _store(self, project: IngestProject, items: SentItems, reception: _Reception) -> None:
        """Submit a request. Raises Refusal if its events are not stored; sessions are stored even so."""
        request = items.build_request()
        refusal = refuse_overload() if reception.is_overloaded and request.events else None
        if refusal is None:
            try:
                await self._submit(project, request)
            except Overloaded:
                refusal = refuse_overload()
            except QuotaExceeded as error:
                refusal = refuse_quota(error.seconds)
        if refusal:
            self._note_rejected(project, refusal, len(request.events))
            await self._submit(project, replace(request, events=()))
            raise refusal

    async def _submit(self, project: IngestProject, request: IngestRequest) -> None:
        if request.events or request.sessions or request.aggregates or request.outcomes:
            await self._hold(lambda: self._sink.submit(project, request))
        if self._incident.is_open:
            self._incident.recover()

    async def _hold(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of `work`, which is repeated while the store is unavailable, up to the longest wait.

        Raises Refusal, and the other errors of `work`.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_wait
        while True:
            try:
                return await work()
            except Unavailable as error:
                if loop.time() + RETRY_SECONDS > end:
                    self._incident.report(explain_error(error))
                    raise refuse_unavailable() from None
            await asyncio.sleep(RETRY_SECONDS)

    def _note_rejected(self, project: IngestProject, refusal: Refusal, quantity: int = 1) -> None:
        """Count the events of a refused request, once."""
        if refusal.reason and quantity:
            self._sink.note_outcomes(project, [OutcomeCount(ItemOutcome.REJECTED, refusal.reason, "error", quantity)])
        refusal.reason = None


def _route(scope: Scope) -> tuple[int, str]:
    """Return the project's id and the endpoint of a request. Raises Refusal (404, 405, 501)."""
    path = find_path(scope.get("root_path", ""), scope["path"])
    match = _match_path(path)
    name = match[2] if match else ""
    record = current_record()
    if match and name in INGEST_NOT_IMPLEMENTED:
        record.route = f"/api/{{project}}/{name}/"
        raise Refusal(501, INGEST_NOT_IMPLEMENTED[name])
    if not match or name not in _ENDPOINTS or match[3]:
        raise Refusal(404, f"This server has no path {shorten(path, 200)}: see docs/sentry-compatibility.md.")
    record.route = f"/api/{{project}}/{name}/"
    if scope["method"] != "POST":
        raise Refusal(405, f'Method "{shorten(scope["method"])}" not allowed.')
    return int(match[1]), _ENDPOINTS[name]


def _refuse_body(*causes: str) -> Refusal:
    return Refusal(400, "The body is not valid.", causes, reason="invalid")
