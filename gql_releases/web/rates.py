"""How many requests a token may make in a minute: a fixed window, in the memory of one process."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gql_releases.web.http import Headers

WINDOW = 60
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request is answered, the headers that tell what its token has left, and the message of a refusal."""

    allowed: bool
    headers: Headers
    message: str = ""


class RateLimit:
    """Counts the requests of each token; without a limit it counts none."""

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.time) -> None:
        self._limit, self._clock = limit, clock
        self._window, self._counts = 0, Counter[int | None]()

    def take(self, token: int | None) -> Taken:
        """Count a request. The headers are Sentry's; a refused request gets Retry-After with them."""
        if self._limit is None:
            return Taken(True, [])
        moment = self._clock()
        window = int(moment // WINDOW)
        if window != self._window:
            self._window, self._counts = window, Counter()
        self._counts[token] += 1
        left, reset = self._limit - self._counts[token], (window + 1) * WINDOW
        headers = [
            (b"x-sentry-rate-limit-limit", b"%d" % self._limit),
            (b"x-sentry-rate-limit-remaining", b"%d" % max(left, 0)),
            (b"x-sentry-rate-limit-reset", b"%d" % reset),
        ]
        if left >= 0:
            return Taken(True, headers)
        headers.append((b"retry-after", b"%d" % math.ceil(reset - moment)))
        message = (
            f"You are attempting to use this endpoint too frequently. Limit is {self._limit} requests in {WINDOW} seconds"
        )
        return Taken(False, headers, message)
