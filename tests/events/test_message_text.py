"""Normalized texts: what varies between two messages of one cause has a mark."""

from __future__ import annotations

import pytest

from gql_releases.domain.events.message_text import first_line, normalize_text


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("GET https://x.example/a?b=1 failed", "GET <url> failed"),
        ("open (file:///srv/a.txt)", "open (<url>)"),
        ("postgresql://u:p@h:5432/db", "<url>"),
        ("mail to a.b+c@shop.example, now", "mail to <email>, now"),
        ("id 6ba09a7c-5323-5ee8-a8fa-5ee4c1ca8ca8", "id <uuid>"),
        ("at 2026-11-30", "at <date>"),
        ("at 2026-11-30 12:00:00,123", "at <date>"),
        ("at 2026-11-30T12:00:00.123+01:00 x", "at <date> x"),
        ("host 10.0.0.7:8080 is away.", "host <ip>:<n> is away."),
        ("from 10.0.0.7.", "from <ip>."),
        ("object at 0x7fbed7932c10>", "object at <hex>>"),
        ("sha 6ba09a7c53235ee8a8fa", "sha <hex>"),
        ("deadbeefdeadbeefdead", "deadbeefdeadbeefdead"),
        ("-3.5% of 1,000.25, +7", "<n>% of <n>, <n>"),
        ("items.5 and [3]", "items.<n> and [<n>]"),
        ("v1.2.3 q1 utf8 4xx 1.2.3rc1", "v1.2.3 q1 utf8 4xx 1.2.3rc1"),
        ("a1b 2_c _3", "a1b 2_c _3"),
        ("version 1.2.3.4.5", "version <n>"),
        ("ключ5 и 5", "ключ5 и <n>"),
        (" a \t b \n\n\n  c\nd", "a b\nc"),
        ("", ""),
        (" \n ", ""),
        ("x" * 600, "x" * 512),
    ],
)
def test_texts(text: str, normalized: str) -> None:
    assert normalize_text(text) == normalized


def test_the_first_line() -> None:
    assert first_line("\n  a b \nc") == "a b"
    assert first_line("") == ""
