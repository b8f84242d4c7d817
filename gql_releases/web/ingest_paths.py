"""Which requests are for the ingest endpoints, and the CORS headers of all responses to them.

SDKs run in pages of any origin, and a browser's SDK stops for a minute if it cannot read a response.
"""

from __future__ import annotations

import re

from gql_releases.web.http import Headers

INGEST_CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"),
]
RATE_LIMITS = b"x-sentry-rate-limits"
OVERLOAD_LIMIT = (RATE_LIMITS, b"60:error;default:project:overload")
"""An SDK that gets a 429 without this header sends nothing at all for a minute, sessions included."""

is_ingest_path = re.compile(r"/api/(?!0/)[0-9]+/").match
"""Tests a path: the ids of projects begin at 1, and `/api/0/` is the REST API."""
is_ingest_target = re.compile(rb"[^?]*/api/(?!0/)[0-9]+/").match
"""Tests the target of a request before its root path is known."""


def find_path(root_path: str, path: str) -> str:
    """Return a path without the application's root path. Source: ASGI, HTTP connection scope."""
    return path.removeprefix(root_path) if root_path else path
