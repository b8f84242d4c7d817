"""CORS: all headers that a preflight requests are allowed, since requests are authorized by tokens, not by cookies."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

LOCAL_ORIGINS = "http://localhost:*"
"""Value of the setting that allows all origins of this machine."""
REQUESTED, PRIVATE_NETWORK = b"access-control-request-headers", b"access-control-request-private-network"
MAX_AGE_SECONDS = 600
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name. Source: RFC 9110 section 5.6.2."""


class Cors(CORSMiddleware):
    """Starlette's middleware, which reflects the requested headers and ignores the request for a private network."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...], exposed: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=[origin for origin in origins if origin != LOCAL_ORIGINS],
            allow_origin_regex=r"http://(localhost|127\.0\.0\.1)(:[0-9]+)?" if LOCAL_ORIGINS in origins else None,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=exposed,
            max_age=MAX_AGE_SECONDS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Respond to a preflight; only valid header names are reflected."""
        kept = [pair for pair in request_headers.raw if pair[0] not in (REQUESTED, PRIVATE_NETWORK)]
        requested = ",".join(request_headers.getlist("access-control-request-headers"))
        names = [name.strip() for name in requested.split(",")]
        reflected = ", ".join(name for name in names if _TOKEN.fullmatch(name))
        if reflected:
            kept.append((REQUESTED, reflected.encode()))
        return super().preflight_response(Headers(raw=kept))
