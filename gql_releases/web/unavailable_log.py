"""Logs responses with status 503: the reason once a minute, and a line when requests succeed again."""

from __future__ import annotations

from gql_releases.domain.incidents import Incident, explain_error
from gql_releases.web.request_record import RequestRecord

READING = ("GET", "HEAD", "OPTIONS")


class UnavailableLog:
    """Observes request records; reads and writes separately, since a full disk affects only writes."""

    def __init__(self) -> None:
        self._reads, self._writes = Incident("503 to reads"), Incident("503 to writes")

    def note(self, record: RequestRecord) -> None:
        """Observe the record of a request that has ended."""
        if record.unavailable is None and not self._reads.is_open and not self._writes.is_open:
            return
        is_read = not record.is_mutation if record.api == "graphql" else record.scope["method"] in READING
        incident = self._reads if is_read else self._writes
        if record.unavailable is not None:
            incident.report(explain_error(record.unavailable))
        elif record.status < 400 and record.token is not None and not record.codes:
            incident.recover()
