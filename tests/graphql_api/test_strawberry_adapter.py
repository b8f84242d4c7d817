"""Strawberry has the internals that strawberry_adapter.py uses, and no other module uses any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, get_named_type, print_type
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.lazy_type import LazyType
from strawberry.types.scalar import ScalarDefinition

from gql_releases.graphql_api.execution.scalars import SCALARS
from gql_releases.graphql_api.execution.strawberry_adapter import (
    DEFINITION,
    build_argument,
    core_schema,
    declare_field,
    has_behaviour,
    lazy_type,
    mark_one_of_inputs,
    read_metadata,
    read_python_name,
)

ROOT = Path(__file__).parents[2]
ADAPTER = ROOT / "gql_releases/graphql_api/execution/strawberry_adapter.py"
PUBLIC_MODULES = {"strawberry.tools", "strawberry.schema.config"}
INTERNAL_ATTRIBUTES = {
    "base_resolver",
    "permission_classes",
    "python_name",
    "__strawberry_definition__",
    "DEFINITION_BACKREF",
}


class Permission(strawberry.BasePermission):
    """A permission that is always granted."""

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return True


@strawberry.input(one_of=True)
class Choice:
    """An input of which one field is set."""

    first_field: int | None = strawberry.UNSET
    second_field: int | None = strawberry.UNSET


@strawberry.type
class Query:
    """Fields as the schema declares them, and those that a plan would skip."""

    plain: str = strawberry.field(description="A field.", metadata={"key": "value"})
    two_words: str = declare_field(
        "A field with an argument.",
        {"key": "another"},
        [build_argument("by_choice", Annotated[Choice | None, strawberry.argument(description="A choice.")])],
    )

    @strawberry.field
    def own_resolver(self) -> str:
        return ""

    permitted: str = strawberry.field(permission_classes=[Permission])
    extended: str = strawberry.field(extensions=[FieldExtension()])


@pytest.fixture
def schema() -> GraphQLSchema:
    return core_schema(strawberry.Schema(Query))


@pytest.fixture
def query(schema: GraphQLSchema) -> GraphQLObjectType:
    assert schema.query_type
    return schema.query_type


def test_schema_attribute_is_the_schema_of_graphql_core() -> None:
    assert isinstance(strawberry.Schema(Query)._schema, GraphQLSchema)


def test_definition_backref_is_the_key_of_definitions(query: GraphQLObjectType) -> None:
    assert GraphQLCoreConverter.DEFINITION_BACKREF == DEFINITION
    assert query.extensions[DEFINITION].origin is Query
    assert query.fields["plain"].extensions[DEFINITION].metadata == {"key": "value"}


def test_metadata_of_fields(query: GraphQLObjectType) -> None:
    assert read_metadata(query.fields["plain"], "key") == "value"
    assert read_metadata(query.fields["twoWords"], "key") == "another"
    assert read_metadata(query.fields["plain"], "unknown") is None


def test_python_name_of_fields_input_fields_and_arguments(schema: GraphQLSchema, query: GraphQLObjectType) -> None:
    field: Any = query.fields["twoWords"]
    choice: Any = schema.type_map["Choice"]
    assert read_python_name(field, "twoWords") == "two_words"
    assert read_python_name(field.args["byChoice"], "byChoice") == "by_choice"
    assert read_python_name(choice.fields["firstField"], "firstField") == "first_field"


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("ownResolver", "base_resolver"), ("permitted", "extensions"), ("extended", "extensions")],
)
def test_behaviour_of_fields(query: GraphQLObjectType, name: str, attribute: str) -> None:
    for field in ("plain", "twoWords"):
        assert not getattr(query.fields[field].extensions[DEFINITION], attribute)
        assert not has_behaviour(query.fields[field])
    assert getattr(query.fields[name].extensions[DEFINITION], attribute)
    assert has_behaviour(query.fields[name])


def test_strawberry_argument_and_annotation_declare_an_argument(query: GraphQLObjectType) -> None:
    argument = build_argument("by_choice", int | None)
    assert isinstance(argument, StrawberryArgument)
    assert isinstance(argument.type_annotation, StrawberryAnnotation)
    declared = query.fields["twoWords"].args["byChoice"]
    assert declared.description == "A choice."
    assert get_named_type(declared.type).name == "Choice"


def test_is_one_of_is_in_the_definition_of_an_input(schema: GraphQLSchema) -> None:
    choice = schema.type_map["Choice"]
    assert isinstance(choice, GraphQLInputObjectType)
    assert choice.extensions[DEFINITION].is_one_of is True
    mark_one_of_inputs(schema)
    assert choice.is_one_of
    assert "@oneOf" in print_type(choice)


def test_lazy_type_is_resolved_by_name_and_module() -> None:
    lazy = lazy_type("Commit", "commit")
    assert isinstance(lazy, LazyType)
    assert lazy.resolve_type().__module__ == "gql_releases.graphql_api.schema.commit"


def test_scalars_are_scalar_definitions() -> None:
    assert all(isinstance(scalar, ScalarDefinition) for scalar in SCALARS.values())
    assert StrawberryConfig(scalar_map=SCALARS).scalar_map == SCALARS


def is_public(name: str) -> bool:
    """Return whether modules may use a name of the package `strawberry`."""
    return name in strawberry.__all__ and name != "LazyType"


def list_internals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Return line and name of each use of Strawberry's internals."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    if alias.name.startswith("strawberry.") or (alias.name == "strawberry" and alias.asname):
                        yield node.lineno, alias.name
            case ast.ImportFrom(module="strawberry", names=aliases):
                for alias in aliases:
                    if not is_public(alias.name):
                        yield node.lineno, f"strawberry.{alias.name}"
            case ast.ImportFrom(module=str(module)):
                if module.split(".")[0] == "strawberry" and module not in PUBLIC_MODULES:
                    yield node.lineno, module
            case ast.Attribute(value=ast.Name(id="strawberry"), attr=name):
                if not is_public(name):
                    yield node.lineno, f"strawberry.{name}"
            case ast.Attribute(value=ast.Name(id="self"), attr="_schema"):
                pass
            case ast.Attribute(attr=name):
                if name in INTERNAL_ATTRIBUTES or name == "_schema":
                    yield node.lineno, name
            case ast.Constant(value="strawberry-definition"):
                yield node.lineno, "strawberry-definition"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import strawberry.types.field", "strawberry.types.field"),
        ("import strawberry as s", "strawberry"),
        ("from strawberry import annotation", "strawberry.annotation"),
        ("from strawberry.types.arguments import StrawberryArgument", "strawberry.types.arguments"),
        ("strawberry.schema.Schema", "strawberry.schema"),
        ("strawberry.LazyType", "strawberry.LazyType"),
        ("schema._schema", "_schema"),
        ("definition.base_resolver", "base_resolver"),
        ("field.extensions['strawberry-definition']", "strawberry-definition"),
    ],
)
def test_uses_of_internals_are_seen(text: str, name: str) -> None:
    assert list(list_internals(ast.parse(text))) == [(1, name)]


def test_public_names_are_no_internals() -> None:
    text = "from strawberry import Schema\nfrom strawberry.tools import merge_types\nstrawberry.field(name=strawberry.UNSET)\nself._schema"
    assert list(list_internals(ast.parse(text))) == []


def test_only_the_adapter_uses_strawberrys_internals() -> None:
    uses = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / "gql_releases").rglob("*.py"))
        if path != ADAPTER
        for line, name in list_internals(ast.parse(path.read_text()))
    ]
    assert uses == []
    assert len(list(list_internals(ast.parse(ADAPTER.read_text())))) >= 5
