"""Services refuse before the store is asked, and hand on what they were given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gql_releases.domain.errors import DomainError, Forbidden, OrganizationNotFound, PagesRefused
from gql_releases.domain.outcomes import CreateResult
from gql_releases.domain.principal import READ_SCOPES, Principal, Scope
from gql_releases.domain.release import NewRelease, Outcome, ReleaseChange, ReleaseKey
from gql_releases.domain.selection import ObjectRead, PagedSelection, Selection, ToManyField, TotalCount, Value
from gql_releases.services.reads import ReadService
from gql_releases.services.releases import ReleaseService
from gql_releases.storage.entities import CATALOGUE

VIEW = PagedSelection(Selection("Release", (Value("version", "version"),)))
KEY = ReleaseKey(organization="acme", version="1")


class FakeStore:
    """Remembers what it was asked, and does nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        async def respond(*words: Any, **more: Any) -> Any:
            self.asked.append((name, words))
            return CreateResult(Outcome.CREATED, 1) if name == "create_release" else 1 if name == "delete_release" else {}

        return respond


def principal(*scopes: Scope) -> Principal:
    return Principal(1, 7, "acme", frozenset(scopes))


def call(service: ReleaseService, name: str, who: Principal, key: ReleaseKey) -> Any:
    calls: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "create_release": lambda: service.create_release(who, key.organization or "", NewRelease("1", ()), VIEW),
        "update_release": lambda: service.update_release(who, key, ReleaseChange(), VIEW),
        "finalize_release": lambda: service.finalize_release(who, key, None, VIEW),
        "set_commits": lambda: service.set_commits(who, key, (), None, VIEW),
        "set_refs": lambda: service.set_refs(who, key, (), VIEW),
        "delete_release": lambda: service.delete_release(who, key),
    }
    return asyncio.run(calls[name]())


WRITES = ("create_release", "update_release", "finalize_release", "set_commits", "set_refs", "delete_release")


@pytest.mark.parametrize("name", WRITES)
def test_write_asks_the_store_once_where_scope_and_organization_are_right(name: str) -> None:
    store = FakeStore()
    for key in (KEY, ReleaseKey(organization="7", version="1"), ReleaseKey(organization="acme", id=5)):
        call(ReleaseService(store), name, principal(Scope.PROJECT_RELEASES), key)
    assert [requests for requests, _ in store.asked] == [name] * 3


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    ("who", "key", "error"),
    [
        (principal(Scope.PROJECT_READ, Scope.ORG_ADMIN), KEY, Forbidden),
        (principal(Scope.PROJECT_ADMIN), ReleaseKey(organization="other", version="1"), OrganizationNotFound),
        (principal(Scope.PROJECT_READ), ReleaseKey(organization="other", version="1"), Forbidden),
    ],
)
def test_write_is_refused_before_the_store_is_asked(
    name: str, who: Principal, key: ReleaseKey, error: type[DomainError]
) -> None:
    store = FakeStore()
    with pytest.raises(error):
        call(ReleaseService(store), name, who, key)
    assert store.asked == []


def test_read_needs_a_scope_of_every_entity_even_of_one_that_is_only_counted() -> None:
    store = FakeStore()
    counted = Selection("Organization", (ToManyField("r", "releases", "Release", 0, (TotalCount("n"),), str),))
    with pytest.raises(PagesRefused) as refused:
        asyncio.run(ReadService(store).read(principal(Scope.ORG_READ), ObjectRead(PagedSelection(counted))))
    assert [type(error) for error in refused.value.refusals.values()] == [Forbidden]
    assert store.asked == []
    asyncio.run(ReadService(store).read(principal(Scope.PROJECT_READ), ObjectRead(PagedSelection(counted))))
    assert len(store.asked) == 1


def test_every_entity_of_the_catalogue_says_which_scopes_open_it() -> None:
    assert set(READ_SCOPES) == set(CATALOGUE.entities)
