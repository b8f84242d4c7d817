"""The key of a DSN: in the header, the query or the header of the envelope; 401 without it, 403 for a wrong one."""

from __future__ import annotations

import pytest

from tests.ingest.receiver import KEY, OTHER_KEY, UNKNOWN_KEY, Receiver, envelope, event_item

HEADER = f"Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/2.75.0"
QUERY = f"?sentry_version=7&sentry_key={KEY}&sentry_client=sentry.javascript.node%2F11.12.0"
DSN = f"https://{KEY}@sentry.example/7"
ENVELOPE = envelope(event_item(message="m"))


@pytest.mark.parametrize(
    ("path", "headers", "header"),
    [
        ("/api/7/envelope/", {"x-sentry-auth": HEADER}, {}),
        ("/api/7/envelope/", {"x-sentry-auth": f"sentry  sentry_version=7,sentry_key={KEY}"}, {}),
        ("/api/7/envelope/", {"authorization": HEADER}, {}),
        ("/api/7/envelope/" + QUERY, {}, {}),
        ("/api/7/envelope" + QUERY, {}, {}),
        ("/api/7/envelope/", {}, {"dsn": DSN}),
        ("/api/7/envelope/", {}, {"dsn": f"http://{KEY}:secret@sentry.example:9000/prefix/7"}),
        ("/api/7/envelope/" + QUERY, {"x-sentry-auth": HEADER, "authorization": HEADER}, {"dsn": DSN}),
        ("/api/7/envelope/" + QUERY, {"authorization": "Bearer x", "x-sentry-auth": "Sentry sentry_key=short"}, {}),
        ("/api/7/envelope/" + QUERY, {}, {"dsn": "//[/7"}),
    ],
)
def test_key_is_found(receiver: Receiver, path: str, headers: dict[str, str], header: dict[str, str]) -> None:
    response = receiver.post(envelope(event_item(message="m"), **header), path, headers=headers)
    assert (response.status, receiver.sink.events) == (200, [{"message": "m"}])


@pytest.mark.parametrize("path", ["/api/7/envelope/", "/api/7/store/", "/api/7/security/"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("?sentry_key=", {}),
        (f"?sentry_key={KEY[:-1]}", {}),
        (f"?sentry_key={KEY}0", {}),
        ("?sentry_key=" + "G" * 32, {}),
        ("", {"x-sentry-auth": "Sentry sentry_version=7"}),
        ("", {"authorization": f"Bearer sentry_key={KEY}"}),
        ("", {"authorization": f"Bearer x, sentry_key={KEY}"}),
    ],
)
def test_request_without_a_key_is_a_401(receiver: Receiver, path: str, query: str, headers: dict[str, str]) -> None:
    response = receiver.post(ENVELOPE, path + query, headers=headers)
    assert (response.status, response.headers["x-sentry-error"]) == (401, "The request has no valid DSN key.")
    assert not receiver.sink.requests


def test_unknown_key_and_another_projects_get_the_same_403(receiver: Receiver) -> None:
    paths = [f"/api/7/envelope/?sentry_key={key}" for key in (UNKNOWN_KEY, OTHER_KEY)]
    paths += [f"/api/{project}/envelope/?sentry_key={KEY}" for project in (8, 9, 70, "00", "9" * 19)]
    responses = [receiver.post(ENVELOPE, path) for path in paths]
    responses += [
        receiver.post(envelope(event_item(), dsn=dsn), "/api/7/envelope/", headers={})
        for dsn in (f"https://{UNKNOWN_KEY}@sentry.example/7", f"https://{KEY}@sentry.example/8")
    ]
    assert {(response.status, response.body) for response in responses} == {
        (403, b'{"detail":"The DSN key is not one of this project."}')
    }
    assert not receiver.sink.requests
    assert all(response.read == 0 for response in responses[:-2]), "the body is not read"


@pytest.mark.parametrize(
    ("query", "headers", "header"),
    [
        (QUERY, {"x-sentry-auth": HEADER.replace(KEY, OTHER_KEY)}, {}),
        (f"{QUERY}&sentry_key={UNKNOWN_KEY}", {}, {}),
        (QUERY, {}, {"dsn": DSN.replace(KEY, OTHER_KEY)}),
        ("", {"x-sentry-auth": HEADER}, {"dsn": DSN.replace(KEY, UNKNOWN_KEY)}),
    ],
)
def test_two_different_keys_are_a_403(
    receiver: Receiver, query: str, headers: dict[str, str], header: dict[str, str]
) -> None:
    response = receiver.post(envelope(event_item(), **header), "/api/7/envelope/" + query, headers=headers)
    assert (response.status, response.json) == (403, {"detail": "The request has two different DSN keys."})
    assert not receiver.sink.requests


def test_root_path_is_not_a_part_of_the_path(receiver: Receiver) -> None:
    assert receiver.post(ENVELOPE, "/sentry/api/7/envelope/" + QUERY, root_path="/sentry").status == 200
    assert receiver.post(ENVELOPE, "/sentry/api/7/envelope/" + QUERY).status == 404


def test_body_without_a_key_is_read_up_to_the_line_with_the_dsn(receiver: Receiver) -> None:
    chunks = [b'{"dsn":"x"}\n', *[b"x" * 1000] * 100]
    response = receiver.post(chunks, "/api/7/envelope/", headers={})
    assert (response.status, response.read) == (401, len(chunks[0]))
    response = receiver.post([b" " * 10_000] * 100, "/api/7/envelope/", headers={})
    assert (response.status, response.read) == (400, 70_000)
