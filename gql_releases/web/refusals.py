"""Logs requests that are refused before they are complete, and connections that are closed."""

from __future__ import annotations

import logging

logger = logging.getLogger("gql_releases.requests")


def log_refusal(client: str, status: int, reason: str) -> None:
    """Log a request that was refused before it was complete. `client` is the address of the peer, "-" if it has none."""
    fields = {"client": client, "status": status, "errors": 1, "codes": [f"HTTP_{status}"], "reason": reason}
    text = '%s - - token=- status=%d errors=1 codes=HTTP_%d reason="%s"'
    logger.info(text, client, status, status, reason, extra={"fields": fields})


def log_closed(count: int, maximum: int) -> None:
    """Log that waiting connections were closed for new connections."""
    logger.warning("closed %d waiting connections to let new ones in: %d are open, which is the limit", count, maximum)
