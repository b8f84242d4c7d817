"""Finds the public key of a DSN in a request."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Scope

from gql_releases.web.http import header

MAX_CACHED_LENGTH = 512
"""Characters of a header or a query whose keys are cached: an SDK sends the same ones with each request."""

is_key = re.compile("[0-9a-f]{32}").fullmatch
_SCHEME = re.compile(r"\s*Sentry\s+", re.IGNORECASE)


def list_keys(scope: Scope) -> tuple[str, ...]:
    """Return the different keys of the headers and the query; those that are not 32 lower-case hex digits are left out."""
    sent = header(scope, b"x-sentry-auth") or ""
    authorization = header(scope, b"authorization") or ""
    query = scope["query_string"].decode("latin-1")
    is_short = len(sent) + len(authorization) + len(query) <= MAX_CACHED_LENGTH
    return (_list_keys if is_short else _list_keys.__wrapped__)(sent, authorization, query)


@lru_cache(maxsize=1024)
def _list_keys(sent: str, authorization: str, query: str) -> tuple[str, ...]:
    keys = _list_header_keys(_SCHEME.sub("", sent, count=1))
    if _SCHEME.match(authorization):  # other schemes are not for the ingest endpoints
        keys += _list_header_keys(_SCHEME.sub("", authorization, count=1))
    if "sentry_key" in query:
        keys += [value for name, value in parse_qsl(query) if name == "sentry_key"]
    return tuple(dict.fromkeys(key for key in keys if is_key(key)))


def _list_header_keys(text: str) -> list[str]:
    pairs = (part.partition("=") for part in text.split(","))
    return [value.strip() for name, _, value in pairs if name.strip() == "sentry_key"]


def read_dsn(dsn: object) -> tuple[str, str] | None:
    """Return the key and the project id of a DSN, None if it is none."""
    if not isinstance(dsn, str):
        return None
    try:
        parts = urlsplit(dsn)
        key, project_id = parts.username, parts.path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return None
    if key is None or not is_key(key):
        return None
    return key, project_id
