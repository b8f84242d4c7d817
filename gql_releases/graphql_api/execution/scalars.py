"""Scalars and global ids: the functions that the schema and the plans share."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, IntValueNode, ObjectValueNode, StringValueNode, ValueNode

from gql_releases.domain.dates import format_date, parse_date
from gql_releases.domain.errors import DomainError
from gql_releases.domain.selection import Base64
from gql_releases.graphql_api.execution.strawberry_adapter import ScalarMap

BigInt = NewType("BigInt", int)
JSONObject = NewType("JSONObject", dict)  # type: ignore[type-arg]

NO_DATE_TEXT = "DateTime must be a string such as 2026-11-20T10:00:00Z."
NO_DATE = "DateTime must be an ISO 8601 date such as 2026-11-20T10:00:00Z."
NO_OBJECT = "JSONObject must be an object."
NO_INTEGER = "BigInt must be an integer."


class ScalarError(GraphQLError):
    """A value that does not fit a custom scalar, with the literal if it is one."""


def _parse_date_time(value: Any, node: ValueNode | None = None) -> datetime:
    if not isinstance(value, str):
        raise ScalarError(NO_DATE_TEXT, node)
    try:
        return parse_date(value)
    except DomainError as error:
        raise ScalarError(NO_DATE, node) from error


def _parse_date_time_literal(node: ValueNode, variables: Any = None) -> datetime:
    return _parse_date_time(node.value if isinstance(node, StringValueNode) else None, node)


def _parse_big_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScalarError(NO_INTEGER)
    return value


def _parse_big_int_literal(node: ValueNode, variables: Any = None) -> int:
    """Check a literal. The coercer reads it: it may have more digits than Python parses."""
    if not isinstance(node, IntValueNode):
        raise ScalarError(NO_INTEGER, node)
    return 0


def _parse_json_object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ScalarError(NO_OBJECT)
    return value


def _parse_json_literal(node: ValueNode, variables: Any = None) -> Any:
    """Check a literal. The coercer reads it, with the text of its numbers."""
    if not isinstance(node, ObjectValueNode):
        raise ScalarError(NO_OBJECT, node)
    return {}


SCALARS: ScalarMap = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "A time as in RFC 3339, in UTC with microseconds, such as `2026-11-20T10:00:00.000000Z`. Inputs may "
            "be any ISO 8601 date; without an offset it is in UTC."
        ),
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=format_date,
        parse_value=_parse_date_time,
        parse_literal=_parse_date_time_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "An integer of up to 64 bits, 0 to 18446744073709551615, for version numbers such as 20261119001. "
            "JavaScript numbers are exact up to 2^53 - 1."
        ),
        specified_by_url="https://json-schema.org/understanding-json-schema/reference/numeric#integer",
        serialize=int,
        parse_value=_parse_big_int,
        parse_literal=_parse_big_int_literal,
    ),
    JSONObject: strawberry.scalar(
        name="JSONObject",
        description='A JSON object with fields of the client\'s choice, such as {"pipeline": 4711}.',
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=dict,
        parse_value=_parse_json_object,
        parse_literal=_parse_json_literal,
    ),
}


def to_global_id(entity: str, key: int) -> str:
    """Return a node's id: opaque to clients, base64 of `Entity:key` as in Relay's libraries."""
    return base64.b64encode(f"{build_id_form(entity).prefix}{key}".encode()).decode()


def build_id_form(entity: str) -> Base64:
    """Return the form of the ids of an entity's nodes."""
    return Base64(f"{entity}:")


def from_global_id(text: str) -> tuple[str, int] | None:
    """Return the (entity, key) of a node's id; None for an invalid id."""
    try:
        entity, _, key = base64.b64decode(text, validate=True).decode().partition(":")
        number = int(key) if key.isascii() and key.isdigit() else -1
    except (binascii.Error, ValueError):
        return None
    return (entity, number) if 0 <= number < 2**63 else None
