"""JSON of items: what is wrong in a character or a number costs that, never the event."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gql_releases.domain.events.json_text import MAX_DEPTH, InvalidEvent, parse_json


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (rb'{"a":"\ud800"}', {"a": "\ufffd"}),
        (rb'{"a":"\uDC00\ud800x"}', {"a": "\ufffd\ufffdx"}),
        (rb'{"a":"\ud83d\ude00 \ud83d"}', {"a": "\U0001f600 \ufffd"}),
        (rb'{"a":"\ud83d\ud83d\ude00\ude00"}', {"a": "\ufffd\U0001f600\ufffd"}),
        (rb'{"a":"\\ud800 \ud800"}', {"a": "\\ud800 \ufffd"}),
        (rb'{"a":"\u0000b\u0000"}', {"a": "b"}),
        (rb'{"a":"\\u0000"}', {"a": "\\u0000"}),
        (rb'{"\u0000a":"\\\u0000"}', {"a": "\\"}),
        (b'{"a":"b\x00c\nd"}', {"a": "bc d"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a":1e999}', {"a": math.inf}),
        (b'{"a":-Infinity}', {"a": -math.inf}),
        (b'{"release":123456789012345678901234567890}', {"release": 123456789012345678901234567890}),
        (b'{"attrs":{"release":123456789012345678901234567890}}', {"attrs": {"release": 123456789012345678901234567890}}),
        (b'{"release":1.5}', {"release": 1.5}),
        (b'{"a":' + b"1" * 5_000 + b"}", {"a": "1" * 5_000}),
        ('{"a":"é\U0001f600"}'.encode(), {"a": "é\U0001f600"}),
        (b" [1] ", [1]),
    ],
)
def test_what_is_wrong_in_a_text_is_replaced(payload: bytes, value: Any) -> None:
    assert parse_json(payload) == value


def test_nan() -> None:
    assert math.isnan(parse_json(b'{"a":NaN}')["a"])


@pytest.mark.parametrize(
    "payload", [b"", b"{", b'{"a"}', b"{}{}", b"\x00", b"[1,]", b"{'a':1}", b'{"a":"\\x"}', b'"', b"nan"]
)
def test_other_texts_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_json(payload)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_values_are_refused(opening: bytes, closing: bytes) -> None:
    def nest(depth: int) -> bytes:
        inner = b'"[\\"{\\\\"' if depth % 2 else b"NaN"
        return opening * depth + inner + closing * depth

    parse_json(nest(MAX_DEPTH))
    parse_json(nest(MAX_DEPTH - 1))
    parse_json(b"[" + b"{}," * MAX_DEPTH + nest(MAX_DEPTH - 1) + b"]")
    with pytest.raises(InvalidEvent, match="deep"):
        parse_json(b"[" + b"{}," * MAX_DEPTH + nest(MAX_DEPTH) + b"]")
    for depth in (MAX_DEPTH + 1, MAX_DEPTH + 2, 100_000):
        with pytest.raises(InvalidEvent, match=r"deep|objects and lists"):
            parse_json(nest(depth))


def test_brackets_in_strings_are_no_depth() -> None:
    brackets = "[{" * 1_000
    assert parse_json(b'["' + brackets.encode() + b'","\\"' + brackets.encode() + b'\\\\"]')[0] == brackets
    siblings = b"[" + b"[{}]," * 1_000 + b"1]"
    assert len(parse_json(siblings)) == 1_001
