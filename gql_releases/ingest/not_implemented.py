"""Endpoints of SDKs that are not implemented: they are answered with 501 and the reason."""

from __future__ import annotations

CRASHES = "This server does not keep minidumps and crash reports of game engines: send errors with an SDK (docs/ci.md)."
TRACES = "This server does not keep traces and logs: send errors and sessions with an SDK (docs/ci.md)."
CHECK_INS = "This server does not keep check-ins of monitors: send them to a server that keeps them (docs/ci.md)."
ATTACHMENTS = "This server does not keep attachments and network error reports: send errors with an SDK (docs/ci.md)."

INGEST_NOT_IMPLEMENTED: dict[str, str] = {
    **dict.fromkeys(("minidump", "unreal", "playstation"), CRASHES),
    **dict.fromkeys(("otlp", "integration"), TRACES),
    "cron": CHECK_INS,
    **dict.fromkeys(("attachments", "events", "nel", "upload"), ATTACHMENTS),
}
"""Segment after the project's id -> reason."""
