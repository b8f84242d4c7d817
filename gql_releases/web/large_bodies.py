"""Large bodies are read in a thread of their own, and all that is done for them lets others have their turns."""

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
"""Bytes of a body beyond which it is read apart: less is read in a few milliseconds."""
MAX_UNINTERRUPTED_JSON_BYTES = 4 * 1024 * 1024
"""Bytes of JSON that are read without a pause, at most."""
JSON_MAXIMA = {"jsonValues": 300_000, "jsonContainers": 150_000}
"""Limit -> the most of it in a body: commas, and objects and lists. A release of 10,000 commits with 100,000 changes fits.

Source: a body of 32 MiB can hold 15 million empty lists, which take seconds and a gigabyte to read.
"""

_thread = ThreadPoolExecutor(1, "large-bodies")  # one: with many of them at work, the event loop would be one of many


class TooManyValues(Exception):
    """A body has more JSON values than a limit allows."""

    def __init__(self, name: str, value: int, maximum: int) -> None:
        super().__init__(f"The limit {name} is {maximum}; this request has {value}.")
        self.name, self.value = name, value


def check_json(body: bytes, times: int = 1) -> None:
    """Refuse a body with more JSON values than the limits, a number of times over. Raises TooManyValues.

    What stands in texts is counted, too.
    """
    for (name, maximum), signs in zip(JSON_MAXIMA.items(), ((b",",), (b"[", b"{")), strict=True):
        most = maximum * times
        if len(body) > most:  # else it cannot have so many
            count = sum(_count(body, sign) for sign in signs)
            if count > most:
                raise TooManyValues(name, count, most)


def _count(body: bytes, sign: bytes) -> int:
    """Count a sign. Where it is rare, as in one long text, to find it is seven times as fast as to count it."""
    count, at = 0, body.find(sign)
    while at >= 0 and count < 1_000:
        count, at = count + 1, body.find(sign, at + 1)
    return count if at < 0 else count + body.count(sign, at)


def parse_large_json(body: bytes, times: int = 1) -> Any:
    """Read JSON as parse_json does; what is very large at a third of its speed, in steps between which other threads run.

    orjson lets none run until it is done: 10 ms for each MB. What is very large has its numbers as they were written.
    Raises NotJson, TooManyValues.
    """
    check_json(body, times)
    try:
        if len(body) <= MAX_UNINTERRUPTED_JSON_BYTES and not NEGATIVE_ZERO.search(body):
            with contextlib.suppress(orjson.JSONDecodeError):
                return orjson.loads(body)
        # The hook is what makes steps: it is Python, which looks whether others wait.
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
    """Run something that takes long in the thread for large bodies, one after another."""
    with short_switch_interval():
        return await asyncio.get_running_loop().run_in_executor(_thread, lambda: work(*args, **more))


def clear_gradually(value: Any) -> None:
    """Empty what JSON gave, piece by piece. Freed at once, hundreds of thousands of objects hold up every thread."""
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        container = waiting.pop()
        children = container.values() if isinstance(container, dict) else container
        waiting += [child for child in children if type(child) is dict or type(child) is list]
        container.clear()
