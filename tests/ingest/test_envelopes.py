"""What is stored of an envelope and what is counted; a broken item costs itself, not those before it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gql_releases.ingest.envelope import EnvelopeReader
from tests.ingest.receiver import EVENT_ID, KEY, Receiver, envelope, event_item, item

NOT_STORED = (
    "3600:transaction;span;log_item;trace_metric;replay;profile;profile_chunk;monitor;feedback;attachment:project:not_stored"
)
SESSION = {"sid": EVENT_ID, "init": True, "status": "ok", "errors": 0, "attrs": {"release": "1.0"}}
ODD_BYTES = b'\x00\xff\n{"type":"event"}\n{}\n' * 3


def test_event_is_stored_with_its_id_and_the_time_of_the_envelope(receiver: Receiver) -> None:
    dashed = "ABABABAB-abab-abab-abab-abababababab"
    response = receiver.post(envelope(event_item(event_id=dashed, message="m"), sent_at="2026-12-01T01:02:03.5Z"))
    assert (response.status, response.json) == (200, {"id": EVENT_ID})
    (request,) = receiver.sink.requests
    assert request.sent_at == datetime(2026, 12, 1, 1, 2, 3, 500_000, UTC)
    assert abs((datetime.now(UTC) - request.received).total_seconds()) < 10
    (event,) = request.events
    assert (event.event_id, event.size) == (EVENT_ID, len(json.dumps({"event_id": dashed, "message": "m"})))
    assert "x-sentry-rate-limits" not in response.headers


@pytest.mark.parametrize(
    ("sent", "header", "expected"),
    [("cd" * 16, EVENT_ID, "cd" * 16), (None, EVENT_ID, EVENT_ID), ("nonsense", EVENT_ID, EVENT_ID), (7, "x", None)],
)
def test_id_is_that_of_the_item_else_of_the_header_else_new(
    receiver: Receiver, sent: Any, header: Any, expected: str | None
) -> None:
    response = receiver.post(envelope(event_item(event_id=sent), event_item(), event_id=header))
    ids = [event.event_id for event in receiver.sink.requests[0].events]
    assert response.json["id"] == ids[0]
    assert expected in (None, ids[0])
    assert len(set(ids)) == 2
    assert all(len(event_id) == 32 for event_id in ids)


@pytest.mark.parametrize("sent_at", [None, "", "yesterday", 7, "2026-12-01", "x" * 1000, "0001-01-01T00:00:00+23:59"])
def test_odd_time_of_the_envelope_is_no_time_or_a_time(receiver: Receiver, sent_at: Any) -> None:
    assert receiver.post(envelope(event_item(), sent_at=sent_at)).status == 200


def test_items_without_a_length_end_with_their_line(receiver: Receiver) -> None:
    body = envelope(*(item("event", {"n": n}, length=None) for n in range(3)))
    blank = body.replace(b'\n{"type', b'\n\n \r\n{"type')
    for sent in (body, body.rstrip(b"\n"), blank, body.replace(b"\n", b"\r\n")):
        assert receiver.post(sent).status == 200
        assert receiver.sink.events == [{"n": 0}, {"n": 1}, {"n": 2}]
        receiver.sink.requests.clear()


def test_attachment_of_any_bytes_is_skipped_and_counted(receiver: Receiver) -> None:
    body = envelope(
        item("attachment", ODD_BYTES, filename="x"),
        event_item(message="m"),
        item("attachment", b""),
        item("attachment", b"\n"),
    )
    response = receiver.post(body)
    assert (response.status, receiver.sink.events) == (200, [{"message": "m"}])
    assert response.headers["x-sentry-rate-limits"] == NOT_STORED
    (request,) = receiver.sink.requests
    (count,) = request.outcomes
    assert (count.reason, count.category, count.quantity, count.size) == ("not_stored", "attachment", 3, len(ODD_BYTES) + 1)


def test_each_kind_that_is_not_stored_is_counted_by_its_category(receiver: Receiver) -> None:
    kinds = {
        "transaction": "transaction", "span": "span", "log": "log_item", "trace_metric": "trace_metric",
        "replay_event": "replay", "replay_recording": "replay", "profile": "profile", "profile_chunk": "profile_chunk",
        "check_in": "monitor", "feedback": "feedback", "user_report": "feedback", "statsd": "metric_bucket",
        "anything": "unknown",
    }  # fmt: skip
    response = receiver.post(envelope(*(item(kind, b"[[[", item_count=5 if kind == "log" else None) for kind in kinds)))
    assert (response.status, response.json) == (200, {})
    assert response.headers["x-sentry-rate-limits"] == NOT_STORED
    quantities = {category: list(kinds.values()).count(category) for category in kinds.values()} | {"log_item": 5}
    assert sorted(receiver.sink.list_outcomes()) == sorted(
        ("dropped", "not_stored", category, quantity) for category, quantity in quantities.items()
    )


def test_sessions_are_parsed_and_those_without_a_release_are_counted(receiver: Receiver) -> None:
    aggregates = {"aggregates": [{"started": "2026-12-01T00:00:00Z", "exited": 2}], "attrs": {"release": "1.0"}}
    response = receiver.post(
        envelope(item("session", SESSION), item("sessions", aggregates), item("session", {**SESSION, "attrs": {}}))
    )
    assert (response.status, response.json) == (200, {})
    (request,) = receiver.sink.requests
    assert [session.sid for session in request.sessions] == [EVENT_ID]
    assert [aggregate.exited for aggregate in request.aggregates] == [2]
    assert receiver.sink.list_outcomes() == [("dropped", "no_release", "session", 1)]
    assert "x-sentry-rate-limits" not in response.headers


def test_client_report_is_counted_by_names_that_are_known(receiver: Receiver) -> None:
    rows = [
        {"reason": "before_send", "category": "error", "quantity": 3},
        {"reason": "x" * 1000, "category": "../etc", "quantity": 10**12},
        {"reason": None, "category": [], "quantity": 1},
        {"reason": "sample_rate", "category": "transaction", "quantity": 0},
        {"reason": "sample_rate", "category": "transaction", "quantity": "7"},
        None,
    ]
    response = receiver.post(envelope(item("client_report", {"timestamp": 1, "discarded_events": rows})))
    assert (response.status, response.json) == (200, {})
    assert receiver.sink.list_outcomes() == [
        ("client_discard", "before_send", "error", 3),
        ("client_discard", "other", "other", 1_000_001),
    ]


WHOLE = envelope(event_item(message="m"))
BROKEN_ENDS = {
    "payload cut off": b'{"type":"event","length":100}\n{"message"',
    "header cut off": b'{"type":"ev',
    "header is a list": b"[]\n{}\n",
    "header without a type": b'{"length":2}\n{}\n',
    "type is a number": b'{"type":1}\n{}\n',
    "length is negative": b'{"type":"event","length":-1}\n{}\n',
    "length is a text": b'{"type":"event","length":"2"}\n{}\n',
    "length is too small": b'{"type":"event","length":1}\n{}\n',
    "length is huge": b'{"type":"event","length":99999999999999999999}\n{}\n',
    "header is long": b'{"type":"event","x":"' + b"x" * 70_000 + b'"}\n{}\n',
    "not JSON": b'{"type":"event"}\n{"message\n',
    "not an object": b'{"type":"event"}\n[1]\n',
    "nested deeply": b'{"type":"event"}\n' + b'{"a":' * 101 + b"1" + b"}" * 101 + b"\n",
    "empty": b'{"type":"event","length":0}\n\n',
}


@pytest.mark.parametrize("name", BROKEN_ENDS)
def test_broken_item_is_lost_alone(receiver: Receiver, name: str) -> None:
    response = receiver.post(WHOLE + BROKEN_ENDS[name])
    assert (response.status, receiver.sink.events) == (200, [{"message": "m"}])
    assert [outcome for outcome, *_ in receiver.sink.list_outcomes()] == ["dropped"]


@pytest.mark.parametrize("name", BROKEN_ENDS)
def test_envelope_of_which_nothing_is_read_is_a_400_that_says_why(receiver: Receiver, name: str) -> None:
    response = receiver.post(b"{}\n" + BROKEN_ENDS[name])
    assert (response.status, response.json["detail"]) == (400, "The body is not valid.")
    assert len(response.json["causes"]) == 1
    assert not receiver.sink.requests
    assert receiver.sink.list_outcomes() == [("refused", "invalid", "error", 1)]


@pytest.mark.parametrize("body", [b"", b"\n", b"{", b"null\n", b"[]\n", b"\xff\n", b"{" * 3000 + b"\n", b"\x1f\x8b"])
def test_body_without_a_header_is_a_400(receiver: Receiver, body: bytes) -> None:
    assert receiver.post(body).status == 400


@pytest.mark.parametrize("body", [b"{}", b"{}\n", b'{"event_id":"x"}\n\n\n', b'\xef\xbb\xbf{"a":"\\ud800"}\n'])
def test_envelope_without_items_is_accepted(receiver: Receiver, body: bytes) -> None:
    response = receiver.post(body)
    assert (response.status, response.json, receiver.sink.requests) == (200, {}, [])


def test_event_that_json_does_not_allow_is_stored(receiver: Receiver) -> None:
    payload = b'{"message":"a\\ud800b\\u0000","extra":{"n":NaN,"big":' + b"9" * 5000 + b"}}"
    assert receiver.post(envelope(item("event", payload))).status == 200
    assert receiver.sink.events[0]["message"] == "a\ufffdb"


def test_event_that_is_too_large_is_a_413_alone_and_is_counted_beside_others(receiver: Receiver) -> None:
    large = json.dumps({"message": "x" * (1 << 20)}).encode()
    for length in ({}, {"length": None}):
        response = receiver.post(envelope(item("event", large, **length)))
        assert (response.status, response.json["detail"]) == (413, "The event is too large.")
        assert receiver.sink.list_outcomes() == [("refused", "too_large", "error", 1)]
        receiver.sink.noted.clear()
        response = receiver.post(envelope(item("event", large, **length), item("session", SESSION), event_item(n=1)))
        assert (response.status, receiver.sink.events) == (200, [{"n": 1}])
        assert receiver.sink.list_outcomes() == [("dropped", "too_large", "error", 1)]
        receiver.sink.requests.clear()


def test_at_most_four_mebibytes_of_an_envelope_are_held(receiver: Receiver) -> None:
    payload = json.dumps({"message": "x" * 900_000}).encode()
    for length in ({}, {"length": None}):
        assert receiver.post(envelope(*[item("event", payload, **length)] * 8)).status == 200
        assert len(receiver.sink.events) == 4
        assert receiver.sink.list_outcomes() == [("dropped", "too_large", "error", 4)]
        receiver.sink.requests.clear()


def test_bytes_of_an_item_that_turns_out_too_large_are_free_again(receiver: Receiver) -> None:
    large = item("event", b'{"message":"' + b"x" * (1 << 20) + b'"}', length=None)
    whole = item("event", {"message": "x" * 900_000})
    reader = EnvelopeReader()
    body = envelope(*[large] * 4, *[whole] * 4)
    for start in range(0, len(body), 65536):
        reader.feed(body[start : start + 65536])
    reader.finish()
    assert len(reader.items) == 4
    assert reader.held == 4 * len(whole[1])


def test_item_whose_length_is_wrong_ends_the_envelope(receiver: Receiver) -> None:
    body = envelope(event_item(n=1), item("attachment", b"abcdef", length=3), event_item(n=2))
    assert receiver.post(body).status == 200
    assert receiver.sink.events == [{"n": 1}]
    assert receiver.sink.list_outcomes() == [("dropped", "invalid_envelope", "default", 1)]


def test_number_of_items_and_events_is_bounded(receiver: Receiver) -> None:
    response = receiver.post(envelope(*[item("x")] * 1001))
    assert (response.status, response.json["causes"]) == (400, ["the envelope has more than 1000 items"])
    assert receiver.post(envelope(*[event_item()] * 1000)).status == 200
    assert len(receiver.sink.events) == 100
    assert sum(quantity for _, reason, _, quantity in receiver.sink.list_outcomes() if reason == "too_many") == 900


@pytest.mark.parametrize("size", [1, 2, 3, 5, 17])
def test_pieces_of_any_size_are_framed_alike(size: int) -> None:
    body = envelope(
        event_item(n=1),
        item("attachment", ODD_BYTES),
        item("session", SESSION, length=None),
        item("event", b""),
        item("transaction", {"a": 1}, length=None),
        event_item(n=2),
        event_id=EVENT_ID,
    )
    whole, pieces = EnvelopeReader(), EnvelopeReader()
    whole.feed(body)
    for start in range(0, len(body), size):
        pieces.feed(body[start : start + size])
    for reader in (whole, pieces):
        reader.finish()
    assert (whole.header, whole.items, whole.skipped, whole.fault) == (
        pieces.header, pieces.items, pieces.skipped, pieces.fault,
    )  # fmt: skip
    assert [(held.kind, len(held.payload)) for held in whole.items] == [
        ("event", 8), ("session", len(json.dumps(SESSION))), ("event", 0), ("event", 8),
    ]  # fmt: skip
    assert whole.held == pieces.held == sum(len(held.payload) for held in whole.items)


def test_store_takes_one_event(receiver: Receiver) -> None:
    response = receiver.post(json.dumps({"event_id": EVENT_ID, "message": "m"}).encode(), "/api/7/store/")
    assert (response.status, response.json) == (200, {"id": EVENT_ID})
    assert receiver.sink.requests[0].sent_at is None
    for body in (b"", b"[]", b"null", b"{", b"\xff", b"{" * 200, b'{"a":' * 101 + b"1" + b"}" * 101):
        assert receiver.post(body, "/api/7/store").status == 400, body
    assert receiver.post(b'{"a":"' + b"x" * (1 << 20) + b'"}', "/api/7/store/").status == 413
    assert len(receiver.sink.requests) == 1


def test_csp_reports_are_events(receiver: Receiver) -> None:
    path = f"/api/7/security/?sentry_key={KEY}&sentry_release=1.0&sentry_environment=production"
    report = {
        "document-uri": "https://shop.example/",
        "blocked-uri": "https://x.example/a.js",
        "effective-directive": "img-src",
    }
    violation = {"type": "csp-violation", "body": {"effectiveDirective": "img-src", "blockedURL": "https://x.example/a.js"}}
    for body in ({"csp-report": report}, [violation, {"type": "deprecation", "body": {}}]):
        response = receiver.post(json.dumps(body).encode(), path, headers={"user-agent": "Mozilla/5.0"})
        assert response.status == 200
        assert response.json["id"]
    first, second = receiver.sink.events
    assert (first["release"], first["environment"], first["csp"]) == ("1.0", "production", report)
    assert second["csp"] == {"effective_directive": "img-src", "blocked_uri": "https://x.example/a.js"}
    others: list[Any] = [{}, {"csp-report": {}}, {"csp-report": 1}, [], [1], 7, [{"type": "csp-violation", "body": None}]]
    for other in others:
        assert receiver.post(json.dumps(other).encode(), path).status == 400
