"""Parses large bodies in a thread of their own, without blocking other requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import orjson

from gql_releases.domain.numbers import WrittenNumber, read_integer
from gql_releases.domain.switching import short_switch_interval
from gql_releases.web.http import NEGATIVE_ZERO, NotJson, decode_text, refuse_constant

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LARGE_BODY_BYTES = 256 * 1024
"""Bytes of a body above which it is parsed in a thread: a smaller body takes a few milliseconds."""
MAX_UNINTERRUPTED_JSON_BYTES = 4 * 1024 * 1024
"""Bytes of JSON that are parsed without a pause, at most."""
JSON_MAXIMA = {"jsonValues": 300_000, "jsonContainers": 150_000}
"""Limit -> maximum in a body: commas, and objects and lists. A release of 10,000 commits with 100,000 changes fits.

Reason: a body of 32 MiB can hold 15 million empty lists, which take seconds and a gigabyte to parse.
"""

_thread = ThreadPoolExecutor(1, "large-bodies")  # one: the event loop competes with every thread


class TooManyValues(Exception):
    """A body has more JSON values than a limit allows."""

    def __init__(self, name: str, value: int, maximum: int) -> None:
        super().__init__(f"The limit {name} is {maximum}; this request has {value}.")
        self.name, self.value = name, value


def check_json(body: bytes, times: int = 1) -> None:
    """Check the number of JSON values in a body; `times` multiplies the limits. Raises TooManyValues.

    Characters inside of strings are counted, too.
    """
    for (name, maximum), signs in zip(JSON_MAXIMA.items(), ((b",",), (b"[", b"{")), strict=True):
        limit = maximum * times
        if len(body) > limit:  # a shorter body cannot exceed it
            count = sum(_count(body, sign) for sign in signs)
            if count > limit:
                raise TooManyValues(name, count, limit)


def _count(body: bytes, sign: bytes) -> int:
    """Count a character. If it is rare, as in one long string, `find` is seven times as fast as `count`."""
    count, at = 0, body.find(sign)
    while at >= 0 and count < 1_000:
        count, at = count + 1, body.find(sign, at + 1)
    return count if at < 0 else count + body.count(sign, at)


def parse_large_json(body: bytes, times: int = 1) -> Any:
    """Parse JSON as parse_json does; a very large body at a third of its speed, while other threads can run.

    orjson holds the interpreter's lock until it returns: 10 ms for each MB. A very large body has numbers with their text.
    Raises NotJson, TooManyValues.
    """
    check_json(body, times)
    try:
        if len(body) <= MAX_UNINTERRUPTED_JSON_BYTES and not NEGATIVE_ZERO.search(body):
            with contextlib.suppress(orjson.JSONDecodeError):
                return orjson.loads(body)
        # The hook is Python code, between whose instructions the interpreter switches threads.
        return json.loads(
            decode_text(body),
            object_hook=lambda value: value,
            parse_int=read_integer,
            parse_float=WrittenNumber,
            parse_constant=refuse_constant,
        )
    except RecursionError:
        raise NotJson("nested too deeply", is_syntax=False) from None
    except ValueError as error:
        raise NotJson(str(error)) from None


async def run_in_thread(work: Callable[Arguments, Result], *args: Arguments.args, **more: Arguments.kwargs) -> Result:
    """Run a long function in the thread for large bodies, one at a time, and return its result."""
    with short_switch_interval():
        return await asyncio.get_running_loop().run_in_executor(_thread, lambda: work(*args, **more))


def clear_gradually(value: Any) -> None:
    """Clear a parsed JSON value container by container. Freeing 100,000s of objects at once blocks every thread."""
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        container = waiting.pop()
        children = container.values() if isinstance(container, dict) else container
        waiting += [child for child in children if type(child) is dict or type(child) is list]
        container.clear()
