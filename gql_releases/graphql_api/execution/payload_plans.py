"""Payloads of mutations: planned from what is selected, put together from what was done."""

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
"""What was done, by the payload's attributes; `shown` is the view of the shown object, by its keys."""


@dataclass(frozen=True, slots=True)
class PayloadField:
    """A field of a payload: the attribute that it shows, its key in the view, what is selected of each user error."""

    name: str
    attribute: str
    shown: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    results: PayloadPlan | None = None


@dataclass(frozen=True, slots=True)
class PayloadPlan:
    """What is selected of a payload, or of one of its `results`."""

    typename: str
    fields: tuple[PayloadField, ...]


@dataclass(slots=True)
class PayloadNode:
    """What is selected of the shown object, by keys that are unique in the payload, and its type."""

    nodes: dict[str, list[FieldNode]] = field(default_factory=dict)
    target: GraphQLObjectType | None = None


def plan_payload(
    document: Document, payload: GraphQLObjectType, nodes: list[FieldNode], shows: str | None
) -> tuple[PayloadPlan, PayloadNode]:
    """Plan a payload; `shows` is the Python name of the field with the shown object."""
    shown = PayloadNode(target=_target(payload, shows))
    return _plan(document, payload, nodes, shows, shown, ""), shown


def _target(payload: GraphQLObjectType, shows: str | None) -> GraphQLObjectType | None:
    """Give the type of the shown object, whether it is selected or not."""
    for name, declared in payload.fields.items():
        attribute, below = read_python_name(declared, name), get_named_type(declared.type)
        if isinstance(below, GraphQLObjectType) and attribute in (shows, "results"):
            return below if attribute == shows else _target(below, shows)
    return None


def _plan(
    document: Document,
    payload: GraphQLObjectType,
    nodes: list[FieldNode],
    shows: str | None,
    shown: PayloadNode,
    prefix: str,
) -> PayloadPlan:
    fields = []
    for name, below in document.below(payload, nodes).items():
        asked = below[0].name.value
        if asked == "__typename":
            fields.append(PayloadField(name, asked))
            continue
        declared = payload.fields[asked]
        attribute, target = read_python_name(declared, asked), get_named_type(declared.type)
        if attribute == shows:
            shown.nodes[prefix + name] = below
            fields.append(PayloadField(name, attribute, prefix + name))
        elif attribute == "user_errors":
            assert isinstance(target, GraphQLObjectType)
            selected = document.below(target, below).items()
            fields.append(PayloadField(name, attribute, errors=tuple((one, f[0].name.value) for one, f in selected)))
        elif attribute == "results":
            assert isinstance(target, GraphQLObjectType)
            results = _plan(document, target, below, shows, shown, f"{prefix}{name}.")
            fields.append(PayloadField(name, attribute, results=results))
        else:
            fields.append(PayloadField(name, attribute))
    return PayloadPlan(payload.name, tuple(fields))


def render_payload(
    plan: PayloadPlan, done: MutationResult, problems: Problems, explain: Callable[[DomainError], Problems | None]
) -> dict[str, Any]:
    """Put a payload together; `explain` words what refused one of its `results`."""
    return {one.name: _field(plan, one, done, problems, explain) for one in plan.fields}


def _field(
    plan: PayloadPlan,
    one: PayloadField,
    done: MutationResult,
    problems: Problems,
    explain: Callable[[DomainError], Problems | None],
) -> Any:
    if one.attribute == "__typename":
        return plan.typename
    if one.attribute == "user_errors":
        typed = [{**problem, "__typename": "UserError"} for problem in problems]
        return [{name: problem[attribute] for name, attribute in one.errors} for problem in typed]
    if one.shown is not None:
        shown = done.get("shown")
        return None if shown is None else shown[one.shown]
    if one.results is not None:
        below, results = one.results, done.get("results", ())
        return [
            render_payload(below, {}, explain(result) or [], explain)
            if isinstance(result, DomainError)
            else render_payload(below, result, [], explain)
            for result in results
        ]
    return done.get(one.attribute, [] if one.attribute == "ignored_fields" else None)
