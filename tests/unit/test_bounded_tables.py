"""Tables in memory that are keyed by what clients send: each has a bound."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gql_releases.auth import authenticator as authenticating
from gql_releases.auth.authenticator import MAX_CACHED_PRINCIPALS, MAX_KEPT_HEADER, Authenticator
from gql_releases.auth.token_format import digest_token
from gql_releases.domain.commit import MAX_KEPT_AUTHOR, _choose_author, choose_author
from gql_releases.domain.errors import InvalidToken
from gql_releases.domain.principal import Principal, Scope
from gql_releases.web.http import MAX_KEPT_HEADER as MAX_KEPT_NEGOTIATION
from gql_releases.web.http import _media_type, _negotiate, media_type, negotiate
from gql_releases.web.rate_limit import MAX_COUNTED_TOKENS, RateLimit


def token(number: int) -> str:
    return f"gqlr_{number:064x}"


class Tokens:
    """A store in which every token is known."""

    def __init__(self) -> None:
        self.noted: list[int] = []

    async def find_principal(self, digest: bytes) -> Principal | None:
        return Principal(int.from_bytes(digest[:6], "big"), 1, "acme", frozenset(Scope))

    async def note_use(self, token: int) -> None:
        self.noted.append(token)


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Tokens:
    monkeypatch.setattr(authenticating, "looks_like_token", lambda text: True)
    return Tokens()


def test_tokens_that_were_used_are_noted_in_a_bounded_table(tokens: Tokens) -> None:
    async def work() -> Authenticator:
        authenticator = Authenticator(tokens)
        for number in range(3 * MAX_CACHED_PRINCIPALS):
            principal = await authenticator.authenticate(f"Bearer {token(number)}")
            authenticator.note_use(principal)
            authenticator.note_use(principal)
        await asyncio.sleep(0)
        return authenticator

    authenticator = asyncio.run(work())
    assert len(tokens.noted) == len(set(tokens.noted)) == 3 * MAX_CACHED_PRINCIPALS
    assert len(authenticator._noted) == len(authenticator._kept) == MAX_CACHED_PRINCIPALS
    assert authenticator._noting == set()


def test_header_of_any_length_is_not_kept(tokens: Tokens) -> None:
    authenticator = Authenticator(tokens)
    asyncio.run(authenticator.authenticate(f"Bearer {' ' * MAX_KEPT_HEADER}{token(1)}"))
    assert not authenticator._kept
    with pytest.raises(InvalidToken):
        asyncio.run(authenticator.authenticate("Bearer a b"))
    assert digest_token(token(1)) != digest_token(token(2))


def test_requests_are_counted_of_a_bounded_number_of_tokens() -> None:
    rates = RateLimit(5, lambda: 0.0)
    for number in range(2 * MAX_COUNTED_TOKENS):
        assert rates.take(number).allowed
    assert len(rates._counts) == MAX_COUNTED_TOKENS
    assert [rates.take(-1).allowed for _ in range(7)] == [True] * 5 + [False] * 2


def count_kept(function: Any) -> int:
    entries: int = function.cache_info().currsize
    return entries


def test_long_texts_are_not_kept() -> None:
    for function, cached, limit in (
        (media_type, _media_type, MAX_KEPT_NEGOTIATION),
        (lambda text: negotiate(text, ("a/b",)), _negotiate, MAX_KEPT_NEGOTIATION),
        (lambda text: choose_author(text, None), _choose_author, MAX_KEPT_AUTHOR),
    ):
        cached.cache_clear()
        assert function("a/b" + " " * limit) is not None
        assert count_kept(cached) == 0
        assert function("a/b") is not None
        assert count_kept(cached) == 1
