"""Any bytes as the body of any endpoint give 200 or 4xx, and what is stored of them is bounded."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import brotli
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.receiver import KEY, Receiver
from tests.scale import scale

ENCODERS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}
KINDS = ["event", "session", "sessions", "client_report", "attachment", "transaction", "log", "x"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KINDS),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "event_id", "release", "timestamp", "sid", "attrs", "aggregates", "discarded_events", "quantity", "reason", "exception",
    "values", "csp-report", "sent_at", "dsn", "type", "length", "item_count", "init", "status", "exited", "started",
]  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5)
HEADERS = st.builds(
    lambda kind, length, more: {**more, "type": kind, **length},
    st.sampled_from(KINDS) | JSON,
    st.just({}) | st.builds(lambda length: {"length": length}, st.integers(-1, 40) | JSON),
    OBJECTS,
)
LINES = st.one_of(
    HEADERS.map(lambda value: json.dumps(value).encode()),
    OBJECTS.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
)
BODIES = st.binary(max_size=200) | st.lists(LINES, max_size=12).map(b"\n".join)


@settings(max_examples=scale(300, 20_000), deadline=2_000)
@given(
    body=BODIES,
    coding=st.sampled_from(sorted(ENCODERS)),
    is_encoded=st.sampled_from([True, True, True, False]),
    name=st.sampled_from(["envelope", "envelope", "store", "security"]),
    step=st.sampled_from([1, 7, 1000]),
)
def test_any_body_is_stored_or_refused(body: bytes, coding: str, is_encoded: bool, name: str, step: int) -> None:
    receiver = Receiver()
    sent = ENCODERS[coding](body) if is_encoded else body
    chunks = [sent[start : start + step] for start in range(0, len(sent), step)]
    headers = {"content-encoding": coding} if coding else {}
    response = receiver.post(chunks, f"/api/7/{name}/?sentry_key={KEY}", headers=headers)
    assert response.status == 200 or 400 <= response.status < 500
    assert len(receiver.sink.requests) <= (response.status == 200)
    assert all(type(event) is dict for event in receiver.sink.events)
    assert len(receiver.sink.events) <= 100
    if response.status == 200:
        assert ("id" in response.json) == bool(receiver.sink.events)
    else:
        assert receiver.sink.noted


@settings(max_examples=scale(100, 5_000), deadline=2_000)
@given(header=st.text(max_size=60), query=st.text(max_size=60), dsn=JSON)
def test_any_key_is_refused(header: str, query: str, dsn: Any) -> None:
    receiver = Receiver()
    headers = {
        "x-sentry-auth": header.encode().decode("latin-1"),
        "authorization": "Sentry " + header.encode().decode("latin-1"),
    }
    body = json.dumps({"dsn": dsn}).encode() + b'\n{"type":"event"}\n{}\n'
    path = f"/api/7/envelope/?sentry_key={query.encode().hex()}&{header.encode().hex()}"
    assert receiver.post(body, path, headers=headers).status in (401, 403)
    assert not receiver.sink.requests
