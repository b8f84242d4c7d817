"""Classifies an upstream's response to a request: delivered, to be retried later, or rejected."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gql_releases.domain.dates import parse_date
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.forwarding import ERROR_LENGTH, Claimed, Kind
from gql_releases.forwarding.client import ConnectionFailed, UpstreamResponse

FIRST_RETRY_SECONDS = 0.5
"""Seconds before the second attempt, doubled before each further attempt."""
MAX_RETRY_SECONDS, MAX_REST_SECONDS = 600.0, 60.0
"""Seconds at most between two attempts of a request, and between two attempts at an unavailable upstream."""
MAX_RETRY_AFTER_SECONDS = 3600.0
"""Maximum of an upstream's Retry-After."""

PERMANENT_STATUSES = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451})
"""Statuses that a retry would get again. 401 and 403 are not among them: the token can be replaced."""
RETRY_STATUSES = frozenset({401, 403, 429, 502, 503, 504})
"""Statuses that do not depend on the request: other requests would get them, too."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The upstream has accepted it; `deploy` is the upstream's id of a deploy."""

    deploy: str | None = None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It is to be retried. `rest`: all requests to the upstream pause, for `seconds` if it sent Retry-After."""

    error: str
    rest: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The upstream rejects it permanently."""

    error: str


Verdict = Delivered | RetryLater | Rejected


def classify_response(claimed: Claimed, response: UpstreamResponse) -> Verdict:
    """Classify a response. Redirects are not followed: their target is not the configured upstream."""
    status, value = response.status, response.value
    if 200 <= status < 300:
        if _is_confirmed(claimed, response):
            return Delivered(str(value["id"])[:64] if claimed.kind is Kind.DEPLOY and "id" in value else None)
        return RetryLater(f"HTTP {status}, but the response is not Sentry's", rest=True)
    if claimed.kind is Kind.DELETION and status == 404 and isinstance(value, dict):
        return Delivered()
    message = f"HTTP {status}{_response_detail(value)}"
    if 300 <= status < 400:
        return RetryLater(f"HTTP {status}: redirects are not followed", rest=True)
    if status in PERMANENT_STATUSES and value is not None:  # errors of Sentry are JSON, those of a proxy are not
        return Rejected(message)
    return RetryLater(message, rest=status in RETRY_STATUSES or value is None, seconds=response.retry_after)


def classify_timeout(error: ConnectionFailed) -> RetryLater:
    """Classify a request without a response."""
    return RetryLater(str(error)[:ERROR_LENGTH], rest=True)


def wait_after(attempts: int, later: RetryLater, first: float = FIRST_RETRY_SECONDS) -> float:
    """Return the seconds before the next attempt: exponential backoff with jitter."""
    return _add_jitter(min(first * 2 ** min(attempts - 1, 20), MAX_REST_SECONDS if later.rest else MAX_RETRY_SECONDS))


def rest_after(failures: int, later: RetryLater, first: float = FIRST_RETRY_SECONDS) -> float | None:
    """Return the seconds for which requests to an upstream pause; `failures` is the number of failures in a row before."""
    if later.seconds is not None:
        return min(later.seconds, MAX_RETRY_AFTER_SECONDS)
    return _add_jitter(min(first * 2 ** min(failures, 20), MAX_REST_SECONDS)) if later.rest else None


def matches_deploy(body: Mapping[str, Any], deploy: Any, acknowledged_id: str | None) -> bool:
    """Return whether a deploy at the upstream is the one in `body`: all fields are equal, and it is new."""
    if not isinstance(deploy, dict) or (acknowledged_id is not None and str(deploy.get("id")) == acknowledged_id):
        return False
    names = ("environment", "name", "url")
    dates = ("dateStarted", "dateFinished")
    return all(deploy.get(name) == body.get(name) for name in names) and all(
        _parse_moment(deploy.get(name)) == _parse_moment(body.get(name)) for name in dates
    )


def _parse_moment(text: Any) -> Any:
    try:
        return parse_date(text) if isinstance(text, str) else text
    except InvalidInput:
        return text


def _is_confirmed(claimed: Claimed, response: UpstreamResponse) -> bool:
    """Return whether a successful response is Sentry's: a proxy may respond to all requests with 200."""
    value = response.value
    if claimed.kind is Kind.DELETION:
        return response.status == 204
    name = "environment" if claimed.kind is Kind.DEPLOY else "version"
    return isinstance(value, dict) and name in value and (name != "version" or value[name] == claimed.version)


def _response_detail(value: Any) -> str:
    if value is None:
        return ""
    text = value["detail"] if isinstance(value, dict) and isinstance(value.get("detail"), str) else json.dumps(value)
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return f": {printable}"[:300]


def _add_jitter(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
