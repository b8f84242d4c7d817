"""The log lines of what is refused before a request is whole."""

from __future__ import annotations

import logging

logger = logging.getLogger("gql_releases.requests")


def log_refusal(client: str, status: int, reason: str) -> None:
    """Log a request that was refused before it was whole. `client` is the peer's address, "-" where it has none."""
    logger.info("refused client=%s status=%d reason=%s", client, status, reason)


def log_closed(count: int, maximum: int) -> None:
    """Log connections that were closed to let new ones in."""
    logger.warning("closed %d waiting connections to let new ones in: %d are open, which is the limit", count, maximum)
