"""Source maps for tests: an encoder of mappings, and a script with its map."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

Token = tuple[int, int, int, int, int | None]
"""Minified column, index of the source, line, column and index of the name; counted from 0."""

ORIGINAL = """function checkout(cart) {
  if (!cart.length) {
    throw new Error("empty")
  }
  return cart
}
checkout([])
"""
SCRIPT = b'function c(a){if(!a.length){throw new Error("empty")}return a}c([]);\n//# sourceMappingURL=cart.min.js.map\n'
"""The minified form of ORIGINAL: line 1, column 29 is the `throw`, column 63 the call of `checkout`."""
_TOKENS: list[Token] = [
    (0, 0, 0, 0, None),
    (9, 0, 0, 9, 0),
    (14, 0, 1, 2, None),
    (28, 0, 2, 4, None),
    (53, 0, 4, 2, None),
    (62, 0, 6, 0, 0),
]


def encode_number(number: int) -> str:
    """Return a number as base64 digits of five bits, the sign in the lowest one."""
    number = -number << 1 | 1 if number < 0 else number << 1
    text = ""
    while True:
        text, number = text + _DIGITS[number & 31 | (32 if number > 31 else 0)], number >> 5
        if not number:
            return text


def encode_mappings(lines: Iterable[Sequence[Token]]) -> str:
    """Return the `mappings` of the lines of a minified file."""
    source = line = column = name = 0
    encoded = []
    for tokens in lines:
        minified_column = 0
        segments = []
        for token in tokens:
            text = "".join(
                map(encode_number, (token[0] - minified_column, token[1] - source, token[2] - line, token[3] - column))
            )
            minified_column, source, line, column = token[:4]
            if token[4] is not None:
                text, name = text + encode_number(token[4] - name), token[4]
            segments.append(text)
        encoded.append(",".join(segments))
    return ";".join(encoded)


def make_map(tokens: Iterable[Sequence[Token]] = (_TOKENS,), **members: Any) -> dict[str, Any]:
    """Return a source map, by default that of SCRIPT; members that are None are left out."""
    source_map = {
        "version": 3,
        "file": "cart.min.js",
        "sources": ["../src/cart.js"],
        "sourcesContent": [ORIGINAL],
        "names": ["checkout"],
        "mappings": encode_mappings(tokens),
        **members,
    }
    return {name: value for name, value in source_map.items() if value is not None}


def dump_map(**members: Any) -> bytes:
    """Return the source map of SCRIPT as a file, with other members."""
    return json.dumps(make_map(**members)).encode()
