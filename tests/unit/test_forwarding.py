"""What is sent on in Sentry's words, what answers mean, and the seal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_releases.domain.commit import sort_commits
from gql_releases.domain.errors import InvalidInput
from gql_releases.domain.forwarding import (
    Claimed,
    Kind,
    Upstream,
    change_body,
    creation_body,
    parse_new_upstream,
    render_commits,
)
from gql_releases.domain.release import parse_new_release, parse_release_change
from gql_releases.forwarding.client import ConnectionFailed, UpstreamResponse
from gql_releases.forwarding.token_encryption import DecryptionFailed, TokenCipher
from gql_releases.forwarding.verdicts import (
    MAX_REST_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    MAX_RETRY_SECONDS,
    Delivered,
    Rejected,
    RetryLater,
    classify_response,
    classify_timeout,
    matches_deploy,
    rest_after,
    wait_after,
)
from gql_releases.rest_api.releases import CREATION_FIELDS
from tests.factories import commit, release


def build_claimed(kind: Kind) -> Claimed:
    return Claimed(Upstream(1, "http://h", "acme", b""), 1, 1, "web@1", 1, kind, "{}", 1, None)


def test_creation_that_is_sent_on_reads_as_the_one_that_was_sent() -> None:
    refs = [{"repository": "acme/web", "commit": "a..b"}]
    body = release(commits=[commit(1), commit(2)], refs=refs, ref="main", url="https://h.example", status="archived")
    new = parse_new_release(CREATION_FIELDS.to_domain(body | {"dateReleased": "2026-01-01T00:00:00.5+01:00"}))
    spelled = creation_body(new, ["web"], sort_commits(new.commits))
    assert spelled["dateReleased"] == "2025-12-31T23:00:00.500000Z"
    again = parse_new_release(CREATION_FIELDS.to_domain(spelled))
    assert again == new


def test_change_leaves_out_what_sentry_has_no_words_for() -> None:
    change = parse_release_change({"ref": None, "url": "", "notes": "n", "metadata": {"a": 1}, "date_released": None})
    assert change_body(change.values, change.commits, change.refs) == {}
    assert change_body({}, (), None) == {"refs": []}
    assert change_body({}, None, ()) == {"refs": []}


def test_times_are_left_out_where_some_commits_have_none() -> None:
    body = release(commits=[commit(1), commit(2, timestamp=None), commit(3, author_name=None, author_email=None)])
    commits = parse_new_release(CREATION_FIELDS.to_domain(body)).commits
    assert ["timestamp" in render_commit for render_commit in render_commits(commits)] == [False, False, False]
    assert ["timestamp" in render_commit for render_commit in render_commits(commits[::2])] == [True, True]
    assert ["author_email" in render_commit for render_commit in render_commits(commits)] == [True, True, False]


@pytest.mark.parametrize(
    ("kind", "status", "value", "verdict"),
    [
        (Kind.CREATION, 201, {"version": "web@1"}, Delivered),
        (Kind.CREATION, 208, {"version": "web@1"}, Delivered),
        (Kind.CREATION, 200, {"version": "another"}, RetryLater),
        (Kind.CREATION, 200, None, RetryLater),
        (Kind.DEPLOY, 201, {"id": "7", "environment": "production"}, Delivered),
        (Kind.DEPLOY, 201, [], RetryLater),
        (Kind.DELETION, 204, None, Delivered),
        (Kind.DELETION, 404, {"detail": "x"}, Delivered),
        (Kind.DELETION, 404, None, RetryLater),
        (Kind.DELETION, 200, None, RetryLater),
        (Kind.CHANGE, 301, None, RetryLater),
        (Kind.CHANGE, 308, {"version": "web@1"}, RetryLater),
        (Kind.CHANGE, 400, {"ref": ["x"]}, Rejected),
        (Kind.CHANGE, 404, {"detail": "x"}, Rejected),
        (Kind.CHANGE, 404, None, RetryLater),
        (Kind.CHANGE, 401, {"detail": "x"}, RetryLater),
        (Kind.CHANGE, 403, {"detail": "x"}, RetryLater),
        (Kind.CHANGE, 409, {"detail": "x"}, RetryLater),
        (Kind.CHANGE, 429, "x", RetryLater),
        (Kind.CHANGE, 500, {"detail": "x"}, RetryLater),
        (Kind.CHANGE, 503, {"detail": "x"}, RetryLater),
    ],
)
def test_answer_means(kind: Kind, status: int, value: Any, verdict: type) -> None:
    assert isinstance(classify_response(build_claimed(kind), UpstreamResponse(status, {}, value)), verdict)


def test_waits_grow_to_a_bound_and_what_is_asked_for_is_obeyed_within_one() -> None:
    own, away = RetryLater("x"), classify_timeout(ConnectionFailed("x"))
    assert wait_after(1, own) <= 0.5
    assert 2 <= wait_after(3, own, first=1.0) <= 4
    assert 2 <= (rest_after(2, away, first=1.0) or 0) <= 4
    assert MAX_RETRY_SECONDS / 2 <= wait_after(10**6, own) <= MAX_RETRY_SECONDS
    assert MAX_REST_SECONDS / 2 <= wait_after(10**6, away) <= MAX_REST_SECONDS
    assert rest_after(10**6, own) is None
    assert MAX_REST_SECONDS / 2 <= (rest_after(10**6, away) or 0) <= MAX_REST_SECONDS
    requests = classify_response(build_claimed(Kind.CHANGE), UpstreamResponse(429, {"retry-after": "17"}, "slow down"))
    assert isinstance(requests, RetryLater)
    assert rest_after(0, requests) == 17
    endless = classify_response(build_claimed(Kind.CHANGE), UpstreamResponse(503, {"retry-after": "999999"}, {}))
    assert isinstance(endless, RetryLater)
    assert rest_after(0, endless) == MAX_RETRY_AFTER_SECONDS
    for text in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "inf", "x"):
        assert UpstreamResponse(429, {"retry-after": text}, "").retry_after is None


def test_deploy_is_told_from_others_by_all_that_is_shown_and_by_what_is_known() -> None:
    body = {
        "environment": "p",
        "name": None,
        "url": None,
        "dateStarted": None,
        "dateFinished": "2026-01-01T00:00:00.000000Z",
    }
    result = {**body, "id": "7", "dateFinished": "2026-01-01T00:00:00Z"}
    assert matches_deploy(body, result, None)
    assert matches_deploy(body, result, "6")
    assert not matches_deploy(body, result, "7")
    for name, value in (("environment", "q"), ("name", "n"), ("url", "u"), ("dateFinished", "2026-01-01T00:00:01Z")):
        assert not matches_deploy(body, {**result, name: value}, None)
    assert not matches_deploy(body, None, None)


@given(st.text(min_size=32), st.text(), st.binary())
def test_seal_opens_what_it_closed_and_under_nothing_else(secret: str, token: str, context: bytes) -> None:
    try:
        secret.encode(), token.encode()
    except UnicodeEncodeError:
        return
    sealed = TokenCipher(secret).encrypt(token, context)
    assert TokenCipher(secret).decrypt(sealed, context) == token
    assert TokenCipher(secret).encrypt(token, context) != sealed
    for other, changed, bound in (
        (secret + "x", sealed, context),
        (secret, sealed, context + b"x"),
        (secret, sealed[:-1], context),
        (secret, sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:], context),
        (secret, b"", context),
    ):
        with pytest.raises(DecryptionFailed):
            TokenCipher(other).decrypt(changed, bound)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h", "h", "http://", "http:///x", "https://h/sentry", "https://h?x", "https://h#x", "https://user:secret@h",
        "https://h:99999", "https://h:0", "https://h\\x", "https://h x", "javascript:alert(1)", "", None, 7, "file:///etc/x",
    ],
)  # fmt: skip
def test_upstream_is_an_origin_and_nothing_more(url: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_new_upstream({"url": url, "organization": "acme", "token": "the-secret"})
    assert "the-secret" not in str(caught.value) + repr(caught.value.problems)


def test_upstream_is_read_with_its_names() -> None:
    named = parse_new_upstream({"url": "https://Sentry.example.com:8443/", "organization": "acme", "token": "the-secret"})
    assert (named.url, named.organization) == ("https://Sentry.example.com:8443", "acme")
    assert "the-secret" not in repr(named)
    for organization in ("a/b", "..", "", "a b"):
        with pytest.raises(InvalidInput):
            parse_new_upstream({"url": "https://h", "organization": organization, "token": "t"})
    for token in ("", "a b", "a\nb", "ä"):
        with pytest.raises(InvalidInput):
            parse_new_upstream({"url": "https://h", "organization": "acme", "token": token})


def test_dates_of_a_deploy_compare_as_moments() -> None:
    body = {"environment": "p", "dateFinished": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}
    assert matches_deploy(body, {"environment": "p", "dateFinished": "2026-01-01T01:00:00+01:00", "id": "1"}, None)
