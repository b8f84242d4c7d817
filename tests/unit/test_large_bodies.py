"""JSON that is read in steps is what JSON read at once is."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

from gql_releases.domain.switching import SWITCH_INTERVAL_SECONDS, short_switch_interval
from gql_releases.web.http import NotJson, parse_exact_json, parse_json
from gql_releases.web.large_bodies import (
    JSON_MAXIMA,
    MAX_UNINTERRUPTED_JSON_BYTES,
    TooManyValues,
    clear_gradually,
    parse_large_json,
    run_in_thread,
)

GOOD = [
    b'{"a": [1, -2, 0.5, 1e3, true, false, null, "\xc3\xa9 \\u00e9 \\n", {}, []]}',
    b"[9223372036854775807, -9223372036854775808, 18446744073709551615]",
    b"[18446744073709551616, -9223372036854775809, 123456789012345678901234567890]",
    b'{"twice": 1, "twice": {"b": 2}}',
    b'"\\ud800"',
    b" 0 ",
]
BAD = [b"", b"{", b"[1,]", b"NaN", b"[Infinity]", b"\xff", b"1" * 5000 + b"x", b"[" * 100_000]


@pytest.mark.parametrize("body", GOOD)
def test_what_is_read_in_steps_is_the_same(body: bytes) -> None:
    for filled in (body, b" " * MAX_UNINTERRUPTED_JSON_BYTES + body):
        assert repr(parse_large_json(filled)) == repr(parse_json(body) if filled is body else parse_exact_json(body))


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_what_is_no_json_is_refused_both_ways(body: bytes) -> None:
    for parse in (parse_json, parse_large_json):
        with pytest.raises(NotJson):
            parse(body)
    with pytest.raises(NotJson):
        parse_large_json(b" " * MAX_UNINTERRUPTED_JSON_BYTES + body)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("jsonValues", b"[1" + b",1" * (JSON_MAXIMA["jsonValues"] + 1) + b"]"),
        (
            "jsonContainers",
            b'{"a":' * (JSON_MAXIMA["jsonContainers"] // 2) + b"[" * (JSON_MAXIMA["jsonContainers"] // 2 + 1),
        ),
    ],
)
def test_too_many_values_are_refused_before_they_are_read(name: str, body: bytes) -> None:
    with pytest.raises(TooManyValues) as refused:
        parse_large_json(body)
    assert (refused.value.name, refused.value.value) == (name, JSON_MAXIMA[name] + 1)


def test_large_work_has_a_thread_of_its_own_and_short_turns() -> None:
    usual = sys.getswitchinterval()

    async def ask(value: Any) -> tuple[str, float, Any]:
        with short_switch_interval():
            return await run_in_thread(lambda: (threading.current_thread().name, sys.getswitchinterval(), value))

    async def both() -> list[tuple[str, float, Any]]:
        return list(await asyncio.gather(ask(1), ask(2)))

    result = asyncio.run(both())
    assert [value for _, _, value in result] == [1, 2]
    assert len({name for name, _, _ in result}) == 1
    assert result[0][0] != threading.current_thread().name
    assert result[0][1] == pytest.approx(SWITCH_INTERVAL_SECONDS)
    assert sys.getswitchinterval() == usual


def test_what_is_let_go_is_empty() -> None:
    inner: list[Any] = [1, {"b": []}]
    value = {"a": inner}
    clear_gradually(value)
    assert (value, inner) == ({}, [])
