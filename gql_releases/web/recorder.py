"""The outermost application: records every request, and responds with 500 to unhandled errors."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.web.http import COMMON, send
from gql_releases.web.request_log import RequestLog
from gql_releases.web.request_record import RequestIds, RequestRecord, set_current_record

logger = logging.getLogger(__name__)

Observer = Callable[[RequestRecord], None]


class Recorder:
    """Records each request of the wrapped application, logs it and passes the record to the observers."""

    def __init__(self, app: ASGIApp, log: RequestLog, observers: Sequence[Observer] = ()) -> None:
        self._app, self._ids = app, RequestIds()
        self._note, self._observers = log.note, tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Handle one request, and record it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send_)
            return
        record = RequestRecord(scope, send_, self._ids.choose(scope))
        set_current_record(record)
        try:
            await self._app(scope, receive, record.send)
        except ConnectionResetError:
            pass  # the client is gone
        except Exception as error:  # noqa: BLE001 - logged, and the response is a 500
            await _answer_error(record, error)
        finally:
            record.finish()
            self._note(record)
            for observe in self._observers:
                observe(record)


async def _answer_error(record: RequestRecord, error: Exception) -> None:
    """Log an unhandled error under an id, and send the id with status 500 if no response has begun."""
    error_id = uuid.uuid4().hex
    logger.error("error %s in request %s", error_id, record.id, exc_info=error)
    record.codes.append("INTERNAL")
    if not record.status:
        body = {"detail": "Internal Error", "errorId": error_id, "requestId": record.id}
        await send(record.send, 500, orjson.dumps(body), COMMON)
