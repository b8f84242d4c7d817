"""Payloads of mutations: plans their selection and renders them from the mutation's result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLObjectType, get_named_type

from gql_releases.domain.errors import DomainError
from gql_releases.graphql_api.execution.collect_fields import Document
from gql_releases.graphql_api.execution.strawberry_adapter import read_python_name

Problems = list[dict[str, Any]]
MutationResult = Mapping[str, Any]
"""The attributes of a payload; `shown` is the view of the payload's object, by its keys."""


@dataclass(frozen=True, slots=True)
class PayloadField:
    """A field of a payload: its attribute, its key in the view, the fields that are selected of each user error."""

    name: str
    attribute: str
    shown: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    results: PayloadPlan | None = None


@dataclass(frozen=True, slots=True)
class PayloadPlan:
    """The selected fields of a payload, or of one of its `results`."""

    typename: str
    fields: tuple[PayloadField, ...]


@dataclass(slots=True)
class PayloadNode:
    """The selection of the payload's object, by keys that are unique in the payload, and the object's type."""

    nodes: dict[str, list[FieldNode]] = field(default_factory=dict)
    target: GraphQLObjectType | None = None


def plan_payload(
    document: Document, payload: GraphQLObjectType, nodes: list[FieldNode], shows: str | None
) -> tuple[PayloadPlan, PayloadNode]:
    """Return the plan of a payload and its object; `shows` is the Python name of the object's field."""
    shown = PayloadNode(target=_find_node_type(payload, shows))
    return _plan_fields(document, payload, nodes, shows, shown, ""), shown


def _find_node_type(payload: GraphQLObjectType, shows: str | None) -> GraphQLObjectType | None:
    """Return the type of the payload's object, whether it is selected or not."""
    for name, declared in payload.fields.items():
        attribute, below = read_python_name(declared, name), get_named_type(declared.type)
        if isinstance(below, GraphQLObjectType) and attribute in (shows, "results"):
            return below if attribute == shows else _find_node_type(below, shows)
    return None


def _plan_fields(
    document: Document,
    payload: GraphQLObjectType,
    nodes: list[FieldNode],
    shows: str | None,
    shown: PayloadNode,
    prefix: str,
) -> PayloadPlan:
    fields = []
    for name, below in document.collect_below(payload, nodes).items():
        field_name = below[0].name.value
        if field_name == "__typename":
            fields.append(PayloadField(name, field_name))
            continue
        declared = payload.fields[field_name]
        attribute, target = read_python_name(declared, field_name), get_named_type(declared.type)
        if attribute == shows:
            shown.nodes[prefix + name] = below
            fields.append(PayloadField(name, attribute, prefix + name))
        elif attribute == "user_errors":
            assert isinstance(target, GraphQLObjectType)
            selected = document.collect_below(target, below).items()
            fields.append(PayloadField(name, attribute, errors=tuple((key, below[0].name.value) for key, below in selected)))
        elif attribute == "results":
            assert isinstance(target, GraphQLObjectType)
            results = _plan_fields(document, target, below, shows, shown, f"{prefix}{name}.")
            fields.append(PayloadField(name, attribute, results=results))
        else:
            fields.append(PayloadField(name, attribute))
    return PayloadPlan(payload.name, tuple(fields))


def render_payload(
    plan: PayloadPlan, result: MutationResult, problems: Problems, explain: Callable[[DomainError], Problems | None]
) -> dict[str, Any]:
    """Return a payload; `explain` returns the user errors for the error of one of its `results`."""
    return {field.name: _render_field(plan, field, result, problems, explain) for field in plan.fields}


def _render_field(
    plan: PayloadPlan,
    field: PayloadField,
    result: MutationResult,
    problems: Problems,
    explain: Callable[[DomainError], Problems | None],
) -> Any:
    if field.attribute == "__typename":
        return plan.typename
    if field.attribute == "user_errors":
        typed = [{**problem, "__typename": "UserError"} for problem in problems]
        return [{name: problem[attribute] for name, attribute in field.errors} for problem in typed]
    if field.shown is not None:
        shown = result.get("shown")
        return None if shown is None else shown[field.shown]
    if field.results is not None:
        below, results = field.results, result.get("results", ())
        return [
            render_payload(below, {}, explain(item) or [], explain)
            if isinstance(item, DomainError)
            else render_payload(below, item, [], explain)
            for item in results
        ]
    return result.get(field.attribute, [] if field.attribute == "ignored_fields" else None)
