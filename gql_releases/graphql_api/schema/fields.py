"""Fields, inputs and payload parts that several nouns use."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    Input,
)
from gql_releases.graphql_api.execution.coercion import VALUE_CONVERTER
from gql_releases.graphql_api.execution.scalars import from_global_id


def given_arguments(*names: str) -> Callable[[Arguments], Conditions]:
    """Make the function that gives those of some arguments that say something, as conditions."""
    return lambda given: tuple((name, given[name]) for name in names if given.get(name) is not None)


def required_field(description: str, name: str | None = None, spelled: Callable[[Any], Any] | None = None) -> Any:
    """Declare a field that must be given; `spelled` makes of its value what the domain reads."""
    return strawberry.field(description=description, name=name, metadata={VALUE_CONVERTER: spelled} if spelled else None)


def optional_field(description: str, name: str | None = None) -> Any:
    """Declare a field that may be left out; left out is not null."""
    return strawberry.field(description=description, name=name, default=strawberry.UNSET)


@strawberry.enum(description="Whether something was made.")
class CreateOutcome(Enum):
    """The domain's outcome where nothing can be extended."""

    CREATED = strawberry.enum_value("CREATED", description="It is new.")
    EXISTING = strawberry.enum_value("EXISTING", description="It was there, and stays as it is.")


@strawberry.type(description="Why an input was refused.")
class UserError:
    """A problem of the input."""

    code: str = strawberry.field(description="The kind of problem, a word that stays; docs/errors.md lists them.")
    message: str = strawberry.field(description="The problem for people.")
    field: list[str] | None = strawberry.field(description="The path into the input, as commits, 0, sha.")


def errors_field() -> Any:
    """Return the field of a payload's validation errors."""
    return strawberry.field(description="Why nothing was done; empty when all was well.")


def node_field(what: str) -> Any:
    """Return the field of a payload's object."""
    return strawberry.field(description=f"The {what} as it is now; null when nothing was done.")


def drop_nulls(given: Input) -> Input:
    """Leave out what is null. Null says nothing in a creation: REST refuses null lists, as Sentry does."""
    return to_body_names({name: value for name, value in given.items() if value is not None})


def to_body_names(given: Input) -> Input:
    """Spell a status as bodies have it; null says nothing in a change, either."""
    status = given.get("status")
    rest = {name: value for name, value in given.items() if name != "status"}
    return rest if status is None else {**rest, "status": status.lower()}


def id_of_entity(entity: str, given: str) -> int:
    """Give the key in an id; -1, which nothing has, for an id of something else."""
    named, key = from_global_id(given) or ("", -1)
    return key if named == entity else -1
