"""Reads, shared by both APIs: checks scopes, then queries the store."""

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
    """Executes reads."""

    async def read(self, principal: Principal, read: ObjectRead) -> Tree | None: ...


class ReadService:
    """Checks and executes reads."""

    def __init__(self, store: ReadStore) -> None:
        self._store = store

    async def read(self, principal: Principal, read: ObjectRead) -> Tree | None:
        """Return the selected fields of one object; None if it does not exist or is not visible.

        Raises Forbidden if the token lacks a scope for one of the entities, InvalidToken if it was revoked.
        """
        require_readable(principal, read.view)
        require_storable(read.conditions)
        return await self._store.read(principal, read)


def require_readable(principal: Principal, view: PagedSelection | None) -> None:
    """Check that the principal may read all entities of a view. Raises Forbidden, PagesRefused."""
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
    """Return the slots of the outermost fields with unreadable entities; None if one of these fields has no slot."""
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
    """Check that texts in conditions have no characters that a database rejects. Raises DomainError(INVALID_ARGUMENT)."""
    for _, value in list_leaves(conditions):
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and (wrong := wrong_characters(text)):
                raise DomainError(ErrorCode.INVALID_ARGUMENT, wrong)
