"""Reads, the same for both doors: scopes first, then the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from gql_releases.domain.conditions import leaves
from gql_releases.domain.errors import DomainError, ErrorCode, PagesRefused
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import Read, View
from gql_releases.domain.validation import wrong_characters


class ReadStore(Protocol):
    """Where reads are answered."""

    async def read(self, principal: Principal, read: Read) -> Tree | None: ...


class ReadService:
    """Answers reads."""

    def __init__(self, store: ReadStore) -> None:
        self._store = store

    async def read(self, principal: Principal, read: Read) -> Tree | None:
        """Read one object with all below it; None where it is not there or not visible.

        Raises Forbidden where the token lacks a scope that one of the entities needs, InvalidToken where it was revoked.
        """
        require_readable(principal, read.view)
        require_storable(read.conditions)
        return await self._store.read(principal, read)


def require_readable(principal: Principal, view: View | None) -> None:
    """Refuse a view of anything that the principal's scopes do not open. Raises Forbidden, PagesRefused."""
    if view is None:
        return
    principal.require_readable(view.selection.entities)
    for slot, page in enumerate(view.pages):
        if page.conditions:
            try:
                require_storable(page.conditions)
            except DomainError as error:
                raise PagesRefused({slot: error}) from None


def require_storable(conditions: Iterable[tuple[str, Any]]) -> None:
    """Refuse texts to look for that no database takes. Raises DomainError(INVALID_ARGUMENT)."""
    for _, value in leaves(tuple(conditions)):
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and (wrong := wrong_characters(text)):
                raise DomainError(ErrorCode.INVALID_ARGUMENT, wrong)
