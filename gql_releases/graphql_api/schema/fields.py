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
    """Return a function that turns the named arguments into conditions; arguments that are null are left out."""
    return lambda values: tuple((name, values[name]) for name in names if values.get(name) is not None)


def required_field(description: str, name: str | None = None, spelled: Callable[[Any], Any] | None = None) -> Any:
    """Declare a required input field; `spelled` converts its value for the domain."""
    return strawberry.field(description=description, name=name, metadata={VALUE_CONVERTER: spelled} if spelled else None)


def optional_field(description: str, name: str | None = None) -> Any:
    """Declare an optional input field, which distinguishes absent from null."""
    return strawberry.field(description=description, name=name, default=strawberry.UNSET)


@strawberry.enum(description="Whether a creation created something or found it.")
class CreateOutcome(Enum):
    """The outcome of a creation that cannot extend what exists."""

    CREATED = strawberry.enum_value("CREATED", description="It was created.")
    EXISTING = strawberry.enum_value("EXISTING", description="It existed already, and is unchanged.")


@strawberry.type(
    description="A validation error of a mutation: something in the input is wrong, and the mutation changed nothing."
)
class UserError:
    """A validation error of an input."""

    code: str = strawberry.field(
        description="The kind of error, such as `UNKNOWN_PROJECT`. Codes are stable; docs/errors.md lists them."
    )
    message: str = strawberry.field(
        description=(
            'A sentence to show to people, such as `No project "shop" in acme.` It may change: test the code instead.'
        )
    )
    field: list[str] | None = strawberry.field(
        description=(
            'The path to the wrong field of the input, such as ["commits", "0", "sha"]; null if the error '
            "concerns the whole input."
        )
    )


def errors_field() -> Any:
    """Declare the payload field with the validation errors."""
    return strawberry.field(
        description="Validation errors of the input; if there are any, nothing was changed. Empty on success."
    )


def node_field(what: str) -> Any:
    """Declare the payload field with the object that was written."""
    return strawberry.field(description=f"The {what} after the mutation; null if there are user errors.")


def drop_nulls(values: Input) -> Input:
    """Leave out null fields: in a creation, null means absent. The REST API refuses null lists, as Sentry does."""
    return to_body_names({name: value for name, value in values.items() if value is not None})


def to_body_names(values: Input) -> Input:
    """Write a status in lower case, as REST bodies have it; a null status means no change."""
    status = values.get("status")
    rest = {name: value for name, value in values.items() if name != "status"}
    return rest if status is None else {**rest, "status": status.lower()}


def null_if_empty(text: str) -> str | None:
    """Return a text of the store in which "" means that there is none."""
    return text or None


def id_of_entity(entity: str, global_id: str) -> int:
    """Return the key in a global id; -1, which no row has, for an invalid id or one of another type."""
    named, key = from_global_id(global_id) or ("", -1)
    return key if named == entity else -1
