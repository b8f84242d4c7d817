"""How many requests a token may make in a minute: a fixed window, in the memory of one process."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

from gql_releases.web.http import Headers
from gql_releases.web.proxies import TrustedProxies, counted_address

WINDOW_SECONDS = 60
"""Seconds."""
MAX_COUNTED_TOKENS = 10_000
"""Tokens whose requests are counted at once; of more, the one that came first in this minute is counted anew."""


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request is answered, the headers that tell what its token has left, and the message of a refusal."""

    allowed: bool
    headers: Headers
    message: str = ""


UNCOUNTED = RateDecision(True, [])


class RateLimit:
    """Counts the requests of each token; without a limit it counts none."""

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.time) -> None:
        self._limit, self._clock = limit, clock
        self._window, self._counts = 0, Counter[int | None]()

    def take(self, token: int | None) -> RateDecision:
        """Count a request. The headers are Sentry's; a refused request gets Retry-After with them."""
        if self._limit is None:
            return UNCOUNTED
        moment = self._clock()
        window = int(moment // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._counts = window, Counter()
        self._counts[token] += 1
        if len(self._counts) > MAX_COUNTED_TOKENS:
            del self._counts[next(iter(self._counts))]
        left, reset = self._limit - self._counts[token], (window + 1) * WINDOW_SECONDS
        headers = [
            (b"x-sentry-rate-limit-limit", b"%d" % self._limit),
            (b"x-sentry-rate-limit-remaining", b"%d" % max(left, 0)),
            (b"x-sentry-rate-limit-reset", b"%d" % reset),
        ]
        if left >= 0:
            return RateDecision(True, headers)
        headers.append((b"retry-after", b"%d" % math.ceil(reset - moment)))
        limit = f"{self._limit} requests in {WINDOW_SECONDS} seconds"
        message = f"You are attempting to use this endpoint too frequently. Limit is {limit}"
        return RateDecision(False, headers, message)


MAX_COUNTED_ADDRESSES = 10_000


class TooManyRefusals(Exception):
    """An address has sent too many requests that were refused; `retry_after` is in seconds."""

    message = "Too many requests without a valid token came from this address."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.headers: Headers = [(b"retry-after", b"%d" % retry_after)]


class RefusalLimit:
    """Counts refused requests (401) by address in a fixed window, of as many addresses as are bounded."""

    def __init__(self, limit: int, proxies: TrustedProxies, clock: Callable[[], float] = time.time) -> None:
        self._limit, self._proxies, self._clock = limit, proxies, clock
        self._window, self._counts = 0, OrderedDict[str, int]()

    def check(self, scope: Scope) -> None:
        """Refuse a request whose address is above the limit. Raises TooManyRefusals."""
        window = self._current()
        if self._counts and self._counts.get(self._address(scope), 0) >= self._limit:
            raise TooManyRefusals(math.ceil((window + 1) * WINDOW_SECONDS - self._clock()))

    def count(self, scope: Scope) -> None:
        """Count a refused request."""
        self._current()
        address = self._address(scope)
        self._counts[address] = self._counts.get(address, 0) + 1
        self._counts.move_to_end(address)
        if len(self._counts) > MAX_COUNTED_ADDRESSES:
            self._counts.popitem(last=False)

    def _current(self) -> int:
        window = int(self._clock() // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._counts.clear()
        return window

    def _address(self, scope: Scope) -> str:
        return counted_address(self._proxies.client_address(scope))
