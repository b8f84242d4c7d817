"""Limits the requests of a token, and the refusals of an address, in a fixed window; counted by each process."""

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
MAX_COUNTED_TOKENS = 10_000
"""Tokens whose requests are counted at once; above that the count of the first token of the window is dropped."""
MAX_COUNTED_ADDRESSES = 10_000
"""Addresses whose refusals are counted at once; above that the count that is unchanged for longest is dropped."""


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request is allowed, the headers with the rest of the limit, and the message of a refusal."""

    allowed: bool
    headers: Headers
    message: str = ""


UNCOUNTED = RateDecision(True, [])


class RateLimit:
    """Counts the requests of each token; without a limit all are allowed."""

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.time) -> None:
        self._limit, self._clock = limit, clock
        self._window, self._counts = 0, Counter[int | None]()

    def take(self, token: int | None) -> RateDecision:
        """Count a request and return the decision. The headers are Sentry's; a refusal has also Retry-After."""
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


class TooManyRefusals(Exception):
    """An address has sent too many requests that were refused; `retry_after` is in seconds."""

    message = "Too many requests without a valid token came from this address."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.headers: Headers = [(b"retry-after", b"%d" % retry_after)]


class RefusalLimit:
    """Counts refused requests (401) by address in a fixed window, for at most MAX_COUNTED_ADDRESSES."""

    def __init__(self, limit: int, proxies: TrustedProxies, clock: Callable[[], float] = time.time) -> None:
        self._limit, self._proxies, self._clock = limit, proxies, clock
        self._window, self._counts = 0, OrderedDict[str, int]()

    def check(self, scope: Scope) -> None:
        """Check that the address of a request is below the limit. Raises TooManyRefusals."""
        window = self._update_window()
        if self._counts and self._counts.get(self._address(scope), 0) >= self._limit:
            raise TooManyRefusals(math.ceil((window + 1) * WINDOW_SECONDS - self._clock()))

    def count(self, scope: Scope) -> None:
        """Count a refused request."""
        self._update_window()
        address = self._address(scope)
        self._counts[address] = self._counts.get(address, 0) + 1
        self._counts.move_to_end(address)
        if len(self._counts) > MAX_COUNTED_ADDRESSES:
            self._counts.popitem(last=False)

    def _update_window(self) -> int:
        window = int(self._clock() // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._counts.clear()
        return window

    def _address(self, scope: Scope) -> str:
        return counted_address(self._proxies.client_address(scope))
