"""Keyset pagination: position, size and order of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.names import NameCheck

MAX_PAGE = 100
"""Maximum size of a page."""

DEFAULT_PAGE = 20
"""Default size of a page."""

WHOLE_LIST_SIZE = 1000
"""Size of a page that has a whole list, for short lists: the projects of a release."""


class Order(NamedTuple):
    """The name of a sort of a list, and its direction."""

    field: str
    descending: bool = False


class Position(NamedTuple):
    """A place in a sorted list: the sort's name, its key there (str or int; dates in wire form), and the row's id."""

    field: str
    key: str | int
    id: int


class PageRequest(NamedTuple):
    """One page of a list.

    `order` None is the list's own order. `backward` takes the last `size` rows before `before` (or of the whole list).
    All of `conditions` must hold. A computed reference is also requested as a page, of one row. If a check of `names` fails,
    the page cannot be read.
    """

    size: int = DEFAULT_PAGE
    order: Order | None = None
    after: Position | None = None
    before: Position | None = None
    backward: bool = False
    conditions: Conditions = ()
    names: tuple[NameCheck, ...] = ()


KeyType = Literal["date", "text", "number"]

KEY_TYPES: Mapping[str, KeyType] = {
    "date_created": "date",
    "date_modified": "date",
    "release_order": "date",
    "date_shown": "date",
    "finish_order": "date",
    "first_seen": "date",
    "last_seen": "date",
    "timestamp": "date",
    "semver_key": "text",
    "slug": "text",
    "name": "text",
    "path": "text",
    "email": "text",
    "place": "text",
    "build_number": "number",
    "position": "number",
    "times": "number",
    "id": "number",
    "project_id": "number",
    "release_id": "number",
    "artifact_bundle_id": "number",
    "repository_id": "number",
}
"""Sort's name -> type of its keys, by which an API checks the keys of a cursor."""
