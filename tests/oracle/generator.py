"""Draws operations with variables, fragments, aliases, directives, nested lists and cursors of earlier responses."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from gql_releases.graphql_api.execution.bindings import ComputedBinding, ListOf, read_binding
from gql_releases.graphql_api.execution.limits import check_text
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema

QUERY = core_schema(build_schema()).query_type
assert QUERY
COMPUTED = {name for name, declared in QUERY.fields.items() if isinstance(read_binding(declared), ComputedBinding)}
"""Queries that services compute, with tests of their own (tests/files)."""
MOVING = ("lastUsedAt",)
"""Fields that a request changes."""
LISTED = ("checksums", "formats")
"""Fields of the filters of files that are lists."""
PROJECTS = ("web", "api")
ENVIRONMENTS = ("production", "staging", "none")
REPOSITORIES = ("acme/web", "acme/api", "none")
RANGES = (">=1.0", "<2", ">=1.0 <1.10", "^1.2", "~1.2", ">1.2.0-rc.1", "<=1.2.0", "1.2.0", ">=1.2.0-alpha <=2.0.0-beta")
SORT_OF = {
    "DATE_CREATED": "date_created", "DATE_RELEASED": "release_order", "SEMVER": "semver_key", "BUILD": "build_number",
}  # fmt: skip
ISSUE_SORT_OF = {"TIMES": "times", "LAST_SEEN": "last_seen", "FIRST_SEEN": "first_seen"}
SORTS = {
    ("Query", "organizations"): "slug",
    **{
        (parent.name, name): binding.order.field
        for parent in core_schema(build_schema()).type_map.values()
        if isinstance(parent, GraphQLObjectType)
        for name, declared in parent.fields.items()
        if isinstance(binding := read_binding(declared), ListOf)
    },
}
"""List -> the sort of its cursors."""


AIMED = 0.8
"""Share of the choices that lead to a missing field, where there is one."""
MAX_AIMED_DEPTH = 8
MAX_ALIASES = 200
"""Aliases of an operation, beyond which no nested objects are drawn unless a type has nothing else: its tokens are limited."""
MAX_DISTANCE = 99


def list_argument_inputs(field: str, declared: Any) -> set[str]:
    """Return the arguments of a field, the fields of their inputs and the values of their enums."""
    inputs = {f"{field}({argument}:)" for argument in declared.args}
    pending = [get_named_type(argument.type) for argument in declared.args.values()]
    seen: set[str] = set()
    while pending:
        kind = pending.pop()
        if kind.name in seen:
            continue
        seen.add(kind.name)
        if isinstance(kind, GraphQLEnumType):
            inputs.update(f"{kind.name}.{value}" for value in kind.values)
        elif isinstance(kind, GraphQLInputObjectType):
            inputs.update(f"{kind.name}.{name}" for name in kind.fields)
            pending += [get_named_type(input_field.type) for input_field in kind.fields.values()]
    return inputs


@dataclass
class SampleValues:
    """Values for arguments; cursors by their sort are collected from responses."""

    ids: list[str]
    versions: list[str]
    slugs: list[str]
    shas: list[str]
    emails: list[str]
    paths: list[str]
    dates: list[str]
    columns: dict[str, list[Any]]
    """Values of each filter by the exact value of a column."""
    files: dict[str, list[Any]] = field(default_factory=dict)
    """Values of the fields of the filters of files, of searches and of debug ids."""
    cursors: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Operation:
    document: str
    variables: dict[str, Any]


class Generator:
    """Draws valid operations and counts their features."""

    def __init__(self, schema: GraphQLSchema, seed: int, samples: SampleValues) -> None:
        self.schema, self.random, self.samples = schema, random.Random(seed), samples
        self.features: Counter[str] = Counter()
        self.fields: set[str] = set()
        self.drawn_inputs: Counter[str] = Counter()
        self.inputs_of_fields = {
            f"{parent.name}.{name}": frozenset(list_argument_inputs(f"{parent.name}.{name}", declared))
            for parent in schema.type_map.values()
            if isinstance(parent, GraphQLObjectType)
            for name, declared in parent.fields.items()
        }
        self.parents: dict[str, set[str]] = {}
        for place in self.inputs_of_fields:
            parent, _, name = place.partition(".")
            declared: Any = schema.type_map[parent]
            self.parents.setdefault(get_named_type(declared.fields[name].type).name, set()).add(parent)
        self.missing: set[str] = set()
        """Fields that are to be drawn, or whose arguments are."""
        self.distances: dict[str, int] = {}
        """Type -> how many fields are between it and a type with a missing field."""

    def aim_at(self, missing: set[str]) -> None:
        """Draw fields that are missing, or that have missing arguments, more often than others."""
        self.missing = {
            field for field, inputs in self.inputs_of_fields.items() if field in missing or not missing.isdisjoint(inputs)
        }
        self.distances = dict.fromkeys((field.partition(".")[0] for field in sorted(self.missing)), 0)
        pending = [*self.distances]
        while pending:
            target = pending.pop(0)
            for parent in sorted(self.parents.get(target, ())):
                if parent not in self.distances:
                    self.distances[parent] = self.distances[target] + 1
                    pending.append(parent)

    def steps_to_missing(self, parent: Any) -> list[str]:
        """Return the fields of a type that are missing, else those that lead to missing ones on the shortest way."""
        direct = [name for name in parent.fields if f"{parent.name}.{name}" in self.missing]
        if direct or parent.name not in self.distances:
            return direct
        targets = {name: get_named_type(declared.type).name for name, declared in parent.fields.items()}
        return [
            name
            for name, target in targets.items()
            if self.distances.get(target, MAX_DISTANCE) < self.distances[parent.name] and name not in COMPUTED
        ]

    def chance(self, share: float, feature: str = "") -> bool:
        hit = self.random.random() < share
        if hit and feature:
            self.features[feature] += 1
        return hit

    def draw_operation(self) -> Operation:
        """Return an operation within the limits of a document's size: what was drawn of a larger one does not count."""
        while True:
            drawn = self.features.copy(), self.fields.copy(), self.drawn_inputs.copy()
            operation = self._draw_any_operation()
            try:
                check_text(operation.document)
            except GraphQLError:
                self.features, self.fields, self.drawn_inputs = drawn
                continue
            return operation

    def _draw_any_operation(self) -> Operation:
        self.variables: dict[str, tuple[str, Any]] = {}
        self.fragments: dict[str, str] = {}
        self.serial = 0
        query = self.schema.query_type
        assert query
        names = [self.draw_root_field(query) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        body = " ".join(self.field(query, name, 0) for name in names)
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self.variables.items())
        head = f"query Q({declared})" if declared else "query Q" if self.chance(0.5) else ""
        document = f"{head} {{ {body} }} " + " ".join(self.fragments.values())
        return Operation(document, {name: value for name, (_, value) in self.variables.items()})

    def alias(self) -> str:
        self.serial += 1
        return f"x{self.serial}"

    def draw_root_field(self, query: Any) -> str:
        steps = self.steps_to_missing(query)
        if steps and self.chance(AIMED):
            return self.random.choice(steps)
        return self.random.choice([name for name in query.fields if name not in COMPUTED])

    def selection(self, parent: Any, depth: int, aliased: bool = False) -> str:
        leaves = [
            name
            for name, declared in parent.fields.items()
            if is_leaf_type(get_named_type(declared.type)) and name not in MOVING
        ]
        nested = [name for name, declared in parent.fields.items() if not is_leaf_type(get_named_type(declared.type))]
        chosen = self.random.sample(leaves, min(len(leaves), self.random.randint(1, 4))) if leaves else []
        if nested and ((depth < 7 and self.serial < MAX_ALIASES) or not leaves):
            few = min(len(nested), self.random.choice((1, 1, 2)) if depth < 5 or not leaves else 1)
            chosen += self.random.sample(nested, few)
        steps = [name for name in self.steps_to_missing(parent) if name not in MOVING and name not in chosen]
        if steps and depth < MAX_AIMED_DEPTH and self.serial < MAX_ALIASES and self.chance(AIMED):
            chosen.append(self.random.choice(steps))
        if not chosen or self.chance(0.15, "__typename"):
            chosen.append("__typename")
        self.random.shuffle(chosen)
        return " ".join(self.wrap(parent, self.field(parent, name, depth, aliased)) for name in chosen)

    def wrap(self, parent: Any, text: str) -> str:
        """Return a field inside a fragment, with a directive, or unchanged."""
        if self.chance(0.08, "inline fragment"):
            condition = self.random.choice((f" on {parent.name}", ""))
            interfaces = [interface.name for interface in getattr(parent, "interfaces", ())]
            if interfaces and self.chance(0.3, "fragment on an interface") and text.strip() in ("id", "__typename"):
                condition = f" on {interfaces[0]}"
            return f"...{condition} {self.directive(0.4)} {{ {text} }}"
        if self.chance(0.08, "fragment spread"):
            name = f"F{len(self.fragments)}"
            self.fragments[name] = f"fragment {name} on {parent.name} {{ {text} }}"
            return f"...{name} {self.directive(0.4)}"
        return text

    def directive(self, share: float) -> str:
        if not self.chance(share):
            return ""
        name, value = self.random.choice(("skip", "include")), self.chance(0.7)
        value = value if name == "include" else not value
        self.features[f"@{name}"] += 1
        if self.chance(0.6, "Boolean variable"):
            return f"@{name}(if: {self.variable('Boolean!', value)})"
        return f"@{name}(if: {json.dumps(value)})"

    def variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = kind, value
        return f"${name}"

    def field(self, parent: Any, name: str, depth: int, aliased: bool = False) -> str:
        if name == "__typename":
            return name
        declared = parent.fields[name]
        self.fields.add(f"{parent.name}.{name}")
        target = get_named_type(declared.type)
        alias = ""
        if declared.args or not is_leaf_type(target) or aliased or self.chance(0.2):
            alias = f"{self.alias()}: "
            self.features["alias"] += 1
        text = f"{alias}{name}{self.arguments(declared, parent.name, name)} {self.directive(0.06)}"
        if is_leaf_type(target):
            return text
        if is_abstract_type(target):
            return f"{text} {{ {self.abstract(depth)} }}"
        if target.name.endswith("Connection"):
            self.features["list"] += 1
        body = self.selection(target, depth + 1)
        if self.chance(0.08, "merged selections"):
            return f"{text} {{ {body} }} {text} {{ {self.selection(target, depth + 1)} }}"
        return f"{text} {{ {body} }}"

    def abstract(self, depth: int) -> str:
        node: Any = self.schema.type_map["Node"]
        parts = ["id", "__typename"]
        for concrete in self.random.sample(list(self.schema.get_possible_types(node)), 4):
            self.features["type condition"] += 1
            parts.append(f"... on {concrete.name} {{ {self.selection(concrete, depth + 2, aliased=True)} }}")
        return " ".join(parts)

    def arguments(self, declared: Any, parent: str, field_name: str) -> str:
        arguments = self.values(declared, SORTS.get((parent, field_name)))
        parts = []
        for name, value in arguments.items():
            kind = declared.args[name].type
            self.note(f"{parent}.{field_name}({name}:)", kind, value)
            if self.chance(0.4, "variable"):
                parts.append(f"{name}: {self.variable(str(kind), value)}")
            else:
                parts.append(f"{name}: {self.literal(kind, value)}")
        return f"({', '.join(parts)})" if parts else ""

    def note(self, place: str, kind: Any, value: Any) -> None:
        """Count drawn arguments, fields of inputs and values of enums."""
        self.drawn_inputs[place] += 1
        named_type = get_named_type(kind)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(named_type, GraphQLEnumType) and item is not None:
                self.drawn_inputs[f"{named_type.name}.{item}"] += 1
            elif isinstance(named_type, GraphQLInputObjectType) and item is not None:
                for name, field_value in item.items():
                    self.note(f"{named_type.name}.{name}", named_type.fields[name].type, field_value)

    def values(self, declared: Any, sort: str | None) -> dict[str, Any]:
        names = declared.args
        if "debugId" in names:
            slug = self.random.choice(self.samples.slugs[:2] if self.chance(0.7) else self.samples.slugs)
            debug_id = self.random.choice(self.samples.files["debugId"])
            return {"organization": slug, "project": self.random.choice((*PROJECTS, "none")), "debugId": debug_id}
        if "slug" in names:
            return {"slug": self.random.choice(self.samples.slugs)}
        if "base" in names:
            versions = sorted(self.random.choices(self.samples.versions[:5], k=2), key=self.samples.versions.index)
            return {"project": self.random.choice((*PROJECTS, "none")), "base": versions[0], "head": versions[1]}
        if "commit" in names:
            arguments = {"repository": self.random.choice(REPOSITORIES)} if self.chance(0.3) else {}
            return {"commit": self.random.choice((*self.samples.shas, self.abbreviate_sha())), **arguments}
        if "hours" in names:
            return {"hours": self.random.choice((1, 4, 100, None))} if self.chance(0.6) else {}
        if "shortId" in names:
            issue = {"shortId": self.random.choice(self.samples.files["shortId"])}
            return {"organization": self.random.choice(self.samples.slugs[:2])} | issue
        if "environment" in names:
            arguments = {"environment": self.random.choice(ENVIRONMENTS)} if self.chance(0.6) else {}
            if "project" in names and self.chance(0.5):
                arguments["project"] = self.random.choice((*PROJECTS, "none"))
            return arguments
        if "project" in names:
            return {"project": self.random.choice((*PROJECTS, "none"))}
        if "id" in names:
            return {"id": self.random.choice(self.samples.ids)}
        if "ids" in names:
            self.features["nodes"] += 1
            return {"ids": self.random.choices(self.samples.ids, k=self.random.randint(0, 6))}
        if "by" in names:
            if self.chance(0.4):
                return {"by": {"id": self.random.choice(self.samples.ids)}}
            version = self.random.choice(self.samples.versions)
            return {"by": {"key": {"organization": self.random.choice(self.samples.slugs), "version": version}}}
        if "first" in names:
            return self.page(declared, sort)
        return {}

    def abbreviate_sha(self) -> str:
        """Draw a prefix of a sha, of one commit or of several."""
        return self.random.choice(self.samples.shas)[: self.random.choice((7, 38, 39))]

    def page(self, declared: Any, sort: str | None) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        backward = self.chance(0.25, "last")
        if backward or self.chance(0.8):
            arguments["last" if backward else "first"] = self.random.choice((0, 1, 1, 2, 3, 5, 100))
        if "orderBy" in declared.args and self.chance(0.5, "orderBy"):
            order: Any = get_named_type(declared.args["orderBy"].type)
            chosen = self.random.choice(list(get_named_type(order.fields["field"].type).values))
            self.features[chosen] += 1
            arguments["orderBy"] = {"field": chosen}
            if self.chance(0.7):
                arguments["orderBy"]["direction"] = self.random.choice(("ASC", "DESC"))
            sort = (SORT_OF | ISSUE_SORT_OF)[chosen]
        if "filter" in declared.args and self.chance(0.75, "filter"):
            kind = get_named_type(declared.args["filter"].type)
            arguments["filter"] = self.filter(0) if kind.name == "ReleaseFilter" else self.file_filter(kind)
        if "query" in declared.args and self.chance(0.4, "query"):
            arguments["query"] = self.draw_search()
        for side in ("after", "before"):
            if sort and self.samples.cursors.get(sort) and self.chance(0.25, side):
                arguments[side] = self.random.choice(self.samples.cursors[sort])
        if self.chance(0.03, "refused argument"):
            arguments |= self.random.choice(({"last" if backward else "first": 101}, {"after": ""}))
        return arguments

    def file_filter(self, kind: Any) -> dict[str, Any]:
        """Draw a filter of files, of issues or of events."""
        chosen = self.random.sample(list(kind.fields), self.random.choice((0, 1, 1, 2)))
        return {name: None if self.chance(0.05, "filter null") else self.draw_file_value(name) for name in chosen}

    def draw_file_value(self, name: str) -> Any:
        if name == "query":
            return self.draw_search()
        values = self.samples.files[name]
        return self.random.choices(values, k=self.random.randint(0, 6)) if name in LISTED else self.random.choice(values)

    def draw_search(self) -> str:
        """Draw a part of a text of a file, in any case."""
        text: str = self.random.choice(self.samples.files["query"])
        part = text[self.random.randint(0, 2) : self.random.choice((3, 8, 40))]
        return self.random.choice((part, part.upper()))

    def filter(self, depth: int) -> dict[str, Any]:
        """Draw a filter, nested or flat, which mostly matches some release."""
        names = [*self.samples.columns, "project", "version", "environment", "released", "dateCreated", "dateReleased"]
        names += ["author", "commit", "path", *(("and", "or", "not") if depth < 2 else ())]
        names += ["version"] if self.chance(0.5) else []
        chosen = list(dict.fromkeys(self.random.sample(names, self.random.choice((0, 1, 1, 1, 2)))))
        for name in chosen:
            self.features[f"filter {name}"] += 1
        return {name: self.filter_value(name, depth) for name in chosen}

    def filter_value(self, name: str, depth: int) -> Any:
        draw, samples = self.random.choice, self.samples
        if self.chance(0.05, "filter null"):
            return None
        match name:
            case "and" | "or":
                return [self.filter(depth + 1) for _ in range(draw((0, 1, 2, 2, 3)))]
            case "not":
                return self.filter(depth + 1)
            case "version":
                return self.version_filter()
            case "released":
                return draw((True, False))
            case "dateCreated" | "dateReleased":
                return {side: draw(samples.dates) for side in self.random.sample(("from", "before"), draw((0, 1, 1, 2)))}
        values = {
            **samples.columns, "project": (*PROJECTS, "none"), "environment": ENVIRONMENTS,
            "author": samples.emails, "commit": (*samples.shas, self.abbreviate_sha()), "path": samples.paths,
        }  # fmt: skip
        return draw(values[name])

    def version_filter(self) -> dict[str, Any]:
        draw, version = self.random.choice, self.random.choice(self.samples.versions)
        name = draw(("equals", "in", "startsWith", "contains", "semver", ""))
        self.features[f"filter version.{name}"] += 1
        package = {"package": draw(("web", "api", None))} if self.chance(0.5) else {}
        values = {
            "equals": version, "in": self.random.choices(self.samples.versions, k=draw((0, 1, 3))),
            "startsWith": version[: len(version) // 2], "contains": draw((version[2:5].upper(), "RC", "b", "")),
            "semver": {"range": draw(RANGES), **package},
        }  # fmt: skip
        return {name: values[name]} if name else {}

    def literal(self, kind: Any, value: Any) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self.literal(kind.of_type, value)
        if value is None:
            return "null"
        if isinstance(kind, GraphQLList):
            return "[" + ", ".join(self.literal(kind.of_type, item) for item in value) + "]"
        if isinstance(kind, GraphQLInputObjectType):
            parts = []
            for name, field_value in value.items():
                field_type = kind.fields[name].type
                if (
                    field_value is not None
                    and not isinstance(field_value, dict)
                    and self.chance(0.2, "variable in an object")
                ):
                    nonnull = (
                        field_type
                        if isinstance(field_type, GraphQLNonNull) or not kind.is_one_of
                        else GraphQLNonNull(field_type)
                    )
                    parts.append(f"{name}: {self.variable(str(nonnull), field_value)}")
                else:
                    parts.append(f"{name}: {self.literal(field_type, field_value)}")
            return "{" + ", ".join(parts) + "}"
        return value if isinstance(kind, GraphQLEnumType) else json.dumps(value)
