"""Keyset pagination: where a page begins, how large it is, in which order."""

from __future__ import annotations

from typing import NamedTuple

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.names import NameCheck

MAX_PAGE = 100
"""The largest page that a caller may ask for."""

DEFAULT_PAGE = 20
"""Rows of a page when the caller says nothing."""


class Order(NamedTuple):
    """A sort that a list offers, by name, and its direction."""

    field: str
    descending: bool = False


class Position(NamedTuple):
    """A place in a sorted list: the sort's name, its key there (str or int; dates in wire form), and the row's id."""

    field: str
    key: str | int
    id: int


WHOLE_LIST_SIZE = 1000
"""Size of the page that stands for a whole list, where lists are short: the projects of a release."""


class PageRequest(NamedTuple):
    """One page of a list.

    `order` None is the list's own order. `backward` takes the last `size` rows before `before` (or of the whole list).
    All of `conditions` must hold. What a to-one is picked by is asked for as a page of one, too. Where `names` do not hold,
    the page cannot be read.
    """

    size: int = DEFAULT_PAGE
    order: Order | None = None
    after: Position | None = None
    before: Position | None = None
    backward: bool = False
    conditions: Conditions = ()
    names: tuple[NameCheck, ...] = ()


KEY_TYPES = {
    "date_created": "date",
    "release_order": "date",
    "date_shown": "date",
    "finish_order": "date",
    "semver_key": "text",
    "slug": "text",
    "name": "text",
    "path": "text",
    "email": "text",
    "place": "text",
    "build_number": "number",
    "position": "number",
    "id": "number",
    "project_id": "number",
    "release_id": "number",
    "repository_id": "number",
}
"""Sort's name -> what its keys are, so that a door can check those that a cursor brings."""
