"""Statuses and headers on which SDKs act: nothing that makes them stop altogether, and no page that cannot read the response."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from gql_releases.ingest import endpoint
from gql_releases.ingest.not_implemented import INGEST_NOT_IMPLEMENTED
from tests.ingest.receiver import CORS, EVENT_ID, KEY, UNKNOWN_KEY, Receiver, envelope, event_item, item

SESSION = item("session", {"sid": EVENT_ID, "attrs": {"release": "1.0"}})
LIMITS = "x-sentry-rate-limits"
OVERLOAD = "60:error;default:project:overload"


@pytest.mark.parametrize("path", ["envelope/", "store", "security/", "minidump/", "nothing/"])
def test_preflight_allows_the_headers_that_are_requested(receiver: Receiver, path: str) -> None:
    headers = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    response = receiver.request("OPTIONS", f"/api/7/{path}?sentry_key={UNKNOWN_KEY}", headers=headers)
    assert (response.status, response.body) == (200, b"")
    assert "access-control-allow-headers" not in response.headers
    headers["access-control-request-headers"] = "x-sentry-auth, Content-Type,bad name,x\u00e9, baggage"
    response = receiver.request("OPTIONS", f"/api/7/{path}", headers=headers)
    expected = {
        "access-control-allow-headers": "x-sentry-auth, Content-Type, baggage",
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-max-age": "3600",
    }
    assert (CORS | expected).items() <= response.headers.items()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "BREW"])
def test_other_methods_are_a_405(receiver: Receiver, method: str) -> None:
    response = receiver.request(method, f"/api/7/envelope/?sentry_key={KEY}")
    assert (response.status, response.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize(
    "path", ["/api/7/", "/api/7/nothing/", "/api/7/envelope/x", "/api/7/envelope//", "/api/7777777777777777777777/store/"]
)
def test_other_paths_are_a_404_that_names_them(receiver: Receiver, path: str) -> None:
    response = receiver.post(b"{}", path)
    detail = f"This server has no path {path}: see docs/sentry-compatibility.md."
    assert (response.status, response.json) == (404, {"detail": detail})


def test_reason_in_a_header_is_printable(receiver: Receiver) -> None:
    response = receiver.post(b"{}", "/api/7/a\r\nx: \u00e9\u20ac/")
    assert re.fullmatch("[ -~]+", response.headers["x-sentry-error"])
    assert "a??x: ??" in response.headers["x-sentry-error"]


@pytest.mark.parametrize("name", INGEST_NOT_IMPLEMENTED)
@pytest.mark.parametrize("end", ["", "/", "/v1/traces/"])
def test_what_is_not_kept_is_a_501_that_says_so(receiver: Receiver, name: str, end: str) -> None:
    response = receiver.post(b"x", f"/api/7/{name}{end}", headers={})
    assert (response.status, list(response.json)) == (501, ["detail"])
    assert re.fullmatch(r"This server does not keep .+: .+ \(docs/ci\.md\)\.", response.json["detail"])
    assert response.read == 0


def test_full_queue_refuses_events_and_stores_sessions(receiver: Receiver) -> None:
    receiver.sink.is_full = True
    response = receiver.post(envelope(event_item(), SESSION, event_item()))
    assert (response.status, response.headers[LIMITS]) == (429, OVERLOAD)
    assert [len(request.sessions) for request in receiver.sink.requests] == [1]
    assert receiver.sink.list_outcomes() == [("refused", "overload", "error", 2)]
    response = receiver.post(envelope(SESSION))
    assert response.status == 200
    assert len(receiver.sink.requests) == 2


def test_full_queue_refuses_bodies_that_are_no_session_before_they_are_read(receiver: Receiver) -> None:
    receiver.sink.is_full = True
    for body in (envelope(event_item(message="x" * 5000)), [envelope(event_item())]):
        response = receiver.post(body)
        assert (response.status, response.headers[LIMITS], response.read) == (429, OVERLOAD, 0)
    response = receiver.post(envelope(event_item(m="x" * 5000), dsn=f"http://{KEY}@x/7"), "/api/7/envelope/", headers={})
    assert (response.status, response.headers[LIMITS]) == (429, OVERLOAD)
    assert not receiver.sink.requests
    assert receiver.sink.list_outcomes() == [("refused", "overload", "error", 1)] * 3


def test_queue_that_fills_up_meanwhile(receiver: Receiver) -> None:
    async def wait_for_space() -> None:
        receiver.sink.is_full = True

    receiver.sink.wait_for_space = wait_for_space  # type: ignore[method-assign]
    assert receiver.post(envelope(event_item())).headers[LIMITS] == OVERLOAD
    assert not receiver.sink.requests


def test_quota_names_the_rest_of_the_hour(receiver: Receiver) -> None:
    receiver.sink.quota_seconds = 1234
    response = receiver.post(envelope(event_item(), SESSION))
    assert (response.status, response.headers[LIMITS]) == (429, "1234:error;default:project:quota")
    assert [len(request.sessions) for request in receiver.sink.requests] == [1]
    assert receiver.sink.list_outcomes() == [("refused", "quota", "error", 1)]
    receiver.sink.quota_seconds = 0
    assert receiver.post(envelope(event_item())).headers[LIMITS].startswith("1:")


def test_store_that_is_available_again_within_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRY_SECONDS", 0.001)
    receiver = Receiver(max_wait=10)
    receiver.lookup.failures = receiver.sink.unavailable = 3
    assert receiver.post(envelope(event_item(message="m"))).status == 200
    assert receiver.sink.events == [{"message": "m"}]


def test_unavailable_store_is_a_429_and_a_warning_a_minute(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    receiver.sink.unavailable = 9
    responses = [receiver.post(envelope(event_item(), SESSION)) for _ in range(3)]
    receiver.lookup.failures = 1
    responses.append(receiver.post(envelope(SESSION)))
    for response in responses:
        limit = response.headers[LIMITS]
        assert (response.status, limit) == (429, "10:error;default;session:organization:unavailable")
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings[0].startswith("events refused, the store is unavailable: the disk is full")
    assert len(warnings) == 2, "one for each reason"


def test_unavailable_store_while_the_queue_is_full(receiver: Receiver) -> None:
    receiver.sink.is_full, receiver.sink.unavailable = True, 1
    response = receiver.post(envelope(event_item(), SESSION))
    assert (response.status, response.headers[LIMITS]) == (429, "10:error;default;session:organization:unavailable")


def test_fault_of_the_program_is_a_500_that_a_page_can_read(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.sink.error = RuntimeError("a secret")
    response = receiver.post(envelope(event_item()))
    assert (response.status, b"secret" in response.body) == (500, False)
    error_id = response.json["detail"].split()[-1]
    assert any(error_id in record.getMessage() for record in caplog.records)


def test_nothing_is_answered_before_the_commit(receiver: Receiver) -> None:
    async def run() -> None:
        gate = asyncio.Event()
        submit = receiver.sink.submit

        async def wait_and_submit(*args: object) -> None:
            await gate.wait()
            await submit(*args)  # type: ignore[arg-type]

        receiver.sink.submit = wait_and_submit  # type: ignore[method-assign, assignment]
        path = f"/api/7/envelope/?sentry_key={KEY}"
        answering = asyncio.ensure_future(receiver.send("POST", path, envelope(event_item())))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not answering.done()
        gate.set()
        assert (await answering).status == 200

    asyncio.run(run())


def test_key_is_not_in_the_logs(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def run() -> None:
        for key in (KEY, UNKNOWN_KEY):
            await receiver.send("POST", f"/api/7/envelope/?sentry_key={key}", envelope(event_item()))
        receiver.sink.error = RuntimeError("x")
        await receiver.send("POST", f"/api/7/envelope/?sentry_key={KEY}", envelope(event_item()))
        await asyncio.sleep(0.1)

    asyncio.run(run())
    assert "/api/7/envelope/" in caplog.text
    assert "status=403" in caplog.text
    assert not re.search(f"{KEY}|{UNKNOWN_KEY}|sentry_key", caplog.text)
