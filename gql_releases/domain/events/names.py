"""Names in events and sessions: release, environment and dist. An invalid name is left out, and the event is kept."""

from __future__ import annotations

import re
from typing import Any

from gql_releases.domain.events.fields import clean_text, read_text
from gql_releases.domain.versions.version import MAX_BYTES, check_version

MAX_ENVIRONMENT_LENGTH = 64

_DIST = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOT_IN_ENVIRONMENT = re.compile(r"[/\r\n\f\t]")


def read_release(raw: Any) -> tuple[str | None, str | None]:
    """Return the release of an event, trimmed, or the text of an invalid one, cut to MAX_BYTES characters.

    An integer is a release, a number with a point or an exponent is invalid. A value that is no text or number is absent:
    (None, None).
    """
    if type(raw) is not str:
        text = None if type(raw) is bool else read_text(raw, MAX_BYTES + 1)
        if text is None or type(raw) is float:
            return None, text
        raw = text
    bare = raw.strip()
    if len(bare) > MAX_BYTES:
        return None, clean_text(bare[:MAX_BYTES])
    bare = clean_text(bare).strip()
    if len(bare.encode()) > MAX_BYTES or check_version(bare) is not None:
        return None, bare
    return bare, None


def read_environment(raw: Any) -> str | None:
    """Return an environment, trimmed; None if it is blank, `none`, too long, or has a slash or newline."""
    if type(raw) is not str or len(raw) > 4 * MAX_ENVIRONMENT_LENGTH:
        return None
    bare = clean_text(raw).strip()
    if not bare or len(bare) > MAX_ENVIRONMENT_LENGTH or bare.lower() == "none" or _NOT_IN_ENVIRONMENT.search(bare):
        return None
    return bare


def read_dist(raw: Any) -> str | None:
    """Return a dist, trimmed: at most 64 letters, digits, dots, underscores and hyphens; None for others."""
    text = None if type(raw) is bool or type(raw) is float else read_text(raw, 256)
    if text is None:
        return None
    bare = text.strip()
    return bare if _DIST.fullmatch(bare) else None
