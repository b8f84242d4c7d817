"""Reads, the same for both doors: scopes first, then the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from gql_releases.domain import selection as s
from gql_releases.domain.conditions import Conditions, list_leaves
from gql_releases.domain.errors import DomainError, ErrorCode, Forbidden, PagesRefused
from gql_releases.domain.outcomes import Tree
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.domain.validation import wrong_characters


class ReadStore(Protocol):
    """Where reads are answered."""

    async def read(self, principal: Principal, read: ObjectRead) -> Tree | None: ...


class ReadService:
    """Answers reads."""

    def __init__(self, store: ReadStore) -> None:
        self._store = store

    async def read(self, principal: Principal, read: ObjectRead) -> Tree | None:
        """Read one object with all below it; None where it is not there or not visible.

        Raises Forbidden where the token lacks a scope that one of the entities needs, InvalidToken where it was revoked.
        """
        require_readable(principal, read.view)
        require_storable(read.conditions)
        return await self._store.read(principal, read)


def require_readable(principal: Principal, view: PagedSelection | None) -> None:
    """Refuse a view of anything that the principal's scopes do not open. Raises Forbidden, PagesRefused."""
    if view is None:
        return
    if not view.selection.entities <= principal.readable:
        slots = _find_unreadable(view.selection.fields, principal.readable)
        if slots is None or view.selection.entity not in principal.readable:
            raise Forbidden
        raise PagesRefused({slot: Forbidden() for slot in slots})
    for slot, page in enumerate(view.pages):
        if page.conditions:
            try:
                require_storable(page.conditions)
            except DomainError as error:
                raise PagesRefused({slot: error}) from None


def _find_unreadable(fields: Iterable[Any], readable: frozenset[str]) -> list[int] | None:
    """Return the slots of the outermost fields that lead to what is not readable; None where one of them has no slot."""
    slots: list[int] = []
    for field in fields:
        match field:
            case s.ToManyField(entity=entity, slot=slot) if entity not in readable:
                below: list[int] | None = [slot]
            case s.Embedded(slot=int(slot), entities=entities) if not readable.issuperset(entities):
                below = [slot]
            case s.ToOneField() | s.Nodes() | s.EdgeNode() if field.selection.entity not in readable:
                below = [field.slot] if isinstance(field, s.ToOneField) and field.slot is not None else None
            case s.ToOneField() | s.Nodes() | s.EdgeNode():
                below = _find_unreadable(field.selection.fields, readable)
            case s.ToManyField():
                below = _find_unreadable(field.parts, readable)
            case s.Embedded() | s.Edges():
                below = _find_unreadable(field.fields, readable)
            case _:
                below = []
        if below is None:
            return None
        slots += below
    return slots


def require_storable(conditions: Conditions) -> None:
    """Refuse texts to look for that no database takes. Raises DomainError(INVALID_ARGUMENT)."""
    for _, value in list_leaves(conditions):
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and (wrong := wrong_characters(text)):
                raise DomainError(ErrorCode.INVALID_ARGUMENT, wrong)
