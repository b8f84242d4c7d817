"""Coercion of input values with a coercer that is compiled once for each input type.

A coercer accepts what GraphQL's rules accept and returns plain values: dicts with Python names, lists, enum names and
datetimes. It raises at the first error; graphql-core, which is slower (a creation: 167 us instead of 27 us), then reports
all errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
)
from graphql.pyutils import print_path_list

from gql_releases.domain.dates import parse_date
from gql_releases.domain.errors import DomainError, ErrorCode, shorten
from gql_releases.domain.numbers import WrittenNumber, read_integer
from gql_releases.graphql_api.execution.limits import require
from gql_releases.graphql_api.execution.messages import show_value
from gql_releases.graphql_api.execution.scalars import NO_DATE, NO_DATE_TEXT, NO_INTEGER, NO_OBJECT
from gql_releases.graphql_api.execution.strawberry_adapter import read_metadata, read_python_name

Coerce = Callable[[Any], Any]
Variables = Mapping[str, Any]
Evaluate = Callable[[Variables], Any]
MISSING: Any = object()
"""Value of an argument that is absent."""
VALUE_CONVERTER = "value_converter"
"""Key in a field's metadata for a function that converts the field's value for the domain."""
MAX_DIGITS = 4_000
"""Digits of an integer that Python parses and prints."""
CHECKED_VALUES = 2_000
"""Values of variables that graphql-core may check in order to report all errors: about 10 us for each value."""


class CoercionError(Exception):
    """A value does not fit its type. `path` leads to the value, the last step first.

    `needs_exact`: the value is a float, and whether it fits depends on its text.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.path: list[str | int] = []
        self.needs_exact = False

    def __str__(self) -> str:
        """Return the variable, the path in it and the message as graphql-core writes them."""
        if not self.path:
            return self.message
        name, *steps = [step if isinstance(step, int) else shorten(step) for step in reversed(self.path)]
        return f"Variable '${name}' has invalid value{print_path_list(steps)}: {self.message}"


def null_error(where: str) -> DomainError:
    """Return the error of an argument, or of a field in an argument, that must not be null.

    Source: GraphQL specification, sections 6.4.1 (CoerceArgumentValues) and 3.10 (input objects).
    """
    return DomainError(ErrorCode.INVALID_ARGUMENT, f"Argument {where} must not be null.")


def is_large(value: Any) -> bool:
    """Return whether a value contains more values than graphql-core may check."""
    count, waiting = 0, [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict | list):
            count += len(current)
            if count > CHECKED_VALUES:
                return True
            waiting.extend(current.values() if isinstance(current, dict) else current)
    return False


def _convert_value(find: Callable[[Any], Any], field: Any) -> Callable[[Any], Any]:
    """Return `find` for an input field with its value converter applied, if the field has one."""
    convert: Any = read_metadata(field, VALUE_CONVERTER)

    def find_converted(source: Any) -> Any:
        value = find(source)
        return value if value is None or value is MISSING else convert(value)

    return find_converted if convert else find


def compile_coercer(declared: GraphQLInputType) -> Coerce:
    """Return the coercer of an input type; it raises CoercionError."""
    if isinstance(declared, GraphQLNonNull):
        return _compile_non_null(declared.of_type)
    inner = _compile_non_null(declared)
    return lambda value: None if value is None else inner(value)


def _compile_non_null(declared: Any) -> Coerce:
    """Return the coercer of a type for values that are not null."""
    if isinstance(declared, GraphQLList):
        return _compile_list(declared)
    if isinstance(declared, GraphQLInputObjectType):
        return _compile_object(declared)
    if isinstance(declared, GraphQLEnumType):
        return _compile_enum(declared)
    assert isinstance(declared, GraphQLScalarType)
    return _SCALARS[declared.name]


def _non_null_error(declared: object) -> CoercionError:
    return CoercionError(f"Expected value of non-null type '{declared}!' not to be None.")


def _type_error(declared: str, expected: str, value: Any) -> CoercionError:
    """Return the error of a scalar with graphql-core's message."""
    if value is None:
        return _non_null_error(declared)
    return CoercionError(f"{declared} cannot represent {expected}: {show_value(value)}")


def _compile_enum(declared: GraphQLEnumType) -> Coerce:
    names: dict[str, str] = {name: name for name in declared.values}

    def coerce(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return names[value]
        if value is None:
            raise _non_null_error(declared)
        if isinstance(value, str):
            raise CoercionError(f"Value '{shorten(value)}' does not exist in '{declared}' enum.")
        raise CoercionError(f"Enum '{declared}' cannot represent non-string value: {show_value(value)}.")

    return coerce


def _compile_list(declared: GraphQLList[Any]) -> Coerce:
    item = compile_coercer(declared.of_type)

    def coerce(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            if value is None:
                raise _non_null_error(declared)
            return [item(value)]
        require("listLength", len(value))
        coerced: list[Any] = []
        try:
            for element in value:
                coerced.append(item(element))
        except CoercionError as error:
            error.path.append(len(coerced))
            raise
        return coerced

    return coerce


@lru_cache(maxsize=256)
def _compile_object(declared: GraphQLInputObjectType) -> Coerce:
    fields: dict[str, tuple[str, Coerce]] = {}
    defaults: dict[str, Any] = {}
    required: list[tuple[str, str]] = []
    one_of = declared.is_one_of

    def compile_fields() -> None:
        for name, field in declared.fields.items():
            python = read_python_name(field, name)
            fields[name] = python, _convert_value(compile_coercer(field.type), field)
            if field.default_value is not Undefined:
                defaults[python] = _read_default(field.default_value)
            elif isinstance(field.type, GraphQLNonNull):
                required.append((python, name))

    def coerce(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            if value is None:
                raise _non_null_error(declared)
            raise CoercionError(f"Expected value of type '{declared}' to be an object, found: {show_value(value)}.")
        if not fields:
            compile_fields()
        coerced = dict(defaults)
        for name, field_value in value.items():
            field = fields.get(name)
            if field is None:
                unknown = f"not to include unknown field '{shorten(name)}'"
                raise CoercionError(f"Expected value of type '{declared}' {unknown}.")
            try:
                coerced[field[0]] = field[1](field_value)
            except CoercionError as error:
                error.path.append(name)
                raise
        for python, name in required:
            if python not in coerced:
                raise CoercionError(f"Expected value of type '{declared}' to include required field '{name}'.")
        if one_of and (len(value) != 1 or None in coerced.values()):
            exactly = "Exactly one key must be specified and must not be null."
            raise CoercionError(f"{exactly} '{declared}' is a OneOf input object.")
        return coerced

    return coerce


def _read_default(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


def _coerce_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _type_error("String", "a non string value", value)
    return value


def _coerce_id(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, WrittenNumber) and value.is_written_as_integer:
        return value.text
    if isinstance(value, bool) or not isinstance(value, int):
        if value is None:
            raise _non_null_error("ID")
        raise _require_exact(CoercionError(f"ID cannot represent {show_value(value)}: send a string or an integer."), value)
    return str(value)


def _require_exact(error: CoercionError, value: Any) -> CoercionError:
    """Return an error, marked as depending on the text of the number if the value is a float."""
    error.needs_exact = type(value) is float
    return error


def _coerce_int(value: Any) -> int:
    if isinstance(value, float):
        number = value.to_integer() if isinstance(value, WrittenNumber) else None
        if number is None:
            raise _require_exact(_type_error("Int", "non-integer value", value), value)
        value = number
    if isinstance(value, bool) or not isinstance(value, int):
        raise _type_error("Int", "non-integer value", value)
    if not -(2**31) <= value < 2**31:
        raise _type_error("Int", "non 32-bit signed integer value", value)
    return value


def _coerce_big_int(value: Any) -> int:
    if isinstance(value, WrittenNumber) and value.is_written_as_integer and len(value.text) < MAX_DIGITS:
        return int(value.text)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _require_exact(CoercionError(NO_INTEGER), value) if value is not None else _non_null_error("BigInt")
    return value


def _coerce_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _type_error("Float", "non numeric value", value)
    number = float(value)
    if not math.isfinite(number) or (isinstance(value, int) and int(number) != value):
        raise _type_error("Float", "this number exactly", value)
    return number


def _coerce_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _type_error("Boolean", "a non boolean value", value)
    return value


def _coerce_date_time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise CoercionError(NO_DATE_TEXT) if value is not None else _non_null_error("DateTime")
    try:
        return parse_date(value)
    except DomainError:
        raise CoercionError(NO_DATE) from None


def _coerce_json_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CoercionError(NO_OBJECT) if value is not None else _non_null_error("JSONObject")
    if _has_float(value):
        raise _require_exact(CoercionError(NO_OBJECT), 0.0)
    return value


def _has_float(value: Any) -> bool:
    """Return whether a JSON value contains a float without its text."""
    waiting = [value]
    while waiting:
        values = waiting.pop()
        for below in values.values() if isinstance(values, dict) else values:
            if isinstance(below, dict | list):
                waiting.append(below)
            elif type(below) is float:
                return True
    return False


_SCALARS: dict[str, Coerce] = {
    "String": _coerce_text,
    "ID": _coerce_id,
    "Int": _coerce_int,
    "BigInt": _coerce_big_int,
    "Float": _coerce_float,
    "Boolean": _coerce_boolean,
    "DateTime": _coerce_date_time,
    "JSONObject": _coerce_json_object,
}


def compile_evaluator(
    node: ValueNode, declared: GraphQLInputType, where: str = "", *, has_default: bool = False
) -> Evaluate:
    """Return the function from coerced variables to the value of a literal with variables; it may return MISSING.

    `where` is the path of the literal, such as `by.key.version`; `has_default`: a default replaces an absent variable. The
    function raises DomainError for a variable that must not be null and is.
    """
    required = isinstance(declared, GraphQLNonNull)
    if isinstance(node, VariableNode):
        return _evaluate_variable(node.name.value, where if required else None, has_default)
    if not has_variable(node):
        constant = compile_coercer(declared)(read_literal(node, {}))
        return lambda variables: constant
    inner = declared.of_type if required else declared  # type: ignore[union-attr]
    if isinstance(inner, GraphQLList):
        if not isinstance(node, ListValueNode):
            item = compile_evaluator(node, inner.of_type, where)
            return lambda variables: [item(variables)]
        items = [compile_evaluator(value, inner.of_type, f"{where}[{index}]") for index, value in enumerate(node.values)]
        return lambda variables: [None if (value := item(variables)) is MISSING else value for item in items]
    if isinstance(inner, GraphQLScalarType):  # a JSON object with variables in it
        return lambda variables: read_literal(node, variables)
    assert isinstance(inner, GraphQLInputObjectType)
    assert isinstance(node, ObjectValueNode)
    return _evaluate_object(node, inner, where)


def _evaluate_variable(name: str, required_at: str | None, has_default: bool) -> Evaluate:
    """Return the function to the value of a variable; `required_at` is the variable's path if it must not be null."""
    if required_at is None:
        return lambda variables: variables.get(name, MISSING)

    def find(variables: Variables) -> Any:
        value = variables.get(name)
        if value is None:
            if has_default and name not in variables:
                return MISSING
            raise null_error(required_at)
        return value

    return find


def _evaluate_object(node: ObjectValueNode, declared: GraphQLInputObjectType, where: str) -> Evaluate:
    defaults = {
        read_python_name(field, name): _read_default(field.default_value)
        for name, field in declared.fields.items()
        if field.default_value is not Undefined
    }
    finders = []
    for item in node.fields:
        name = item.name.value
        field = declared.fields[name]
        field_type = GraphQLNonNull(get_nullable_type(field.type)) if declared.is_one_of else field.type
        find = compile_evaluator(item.value, field_type, f"{where}.{name}", has_default=field.default_value is not Undefined)
        finders.append((read_python_name(field, name), _convert_value(find, field)))

    def evaluate(variables: Variables) -> dict[str, Any]:
        values = dict(defaults)
        for name, find in finders:
            value = find(variables)
            if value is not MISSING:
                values[name] = value
        return values

    return evaluate


def read_literal(node: ValueNode, variables: Variables) -> Any:
    """Return the JSON value of a literal, with numbers as in its text; a field whose variable is absent is omitted."""
    match node:
        case IntValueNode():
            return read_integer(node.value)
        case FloatValueNode():
            return WrittenNumber(node.value)
        case NullValueNode():
            return None
        case ListValueNode():
            return [read_literal(item, variables) for item in node.values]
        case ObjectValueNode():
            return {
                item.name.value: read_literal(item.value, variables)
                for item in node.fields
                if not isinstance(item.value, VariableNode) or item.value.name.value in variables
            }
        case VariableNode():
            return variables.get(node.name.value)
    return node.value  # type: ignore[attr-defined]


def has_variable(node: ValueNode) -> bool:
    """Return whether a literal contains a variable."""
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(map(has_variable, node.values))
    if isinstance(node, ObjectValueNode):
        return any(has_variable(field.value) for field in node.fields)
    return False
