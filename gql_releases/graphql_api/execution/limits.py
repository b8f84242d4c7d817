"""Bounds of a document, found before graphql-core's rules run: each is checked in one pass over the document.

Fragments are measured once each and their sizes added up where they are spread, so that a document that would expand
without end costs no more than its text. The bounds keep the standard rules and planning, which are not linear, short.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gql_releases.web.large_bodies import JSON_MAXIMA

LIMIT_EXCEEDED = "LIMIT_EXCEEDED"

MAXIMA = {
    "documentBytes": 128 * 1024,
    "tokens": 4_000,
    "operations": 50,
    "fragments": 300,
    "variables": 200,
    "directives": 300,
    "depth": 30,
    "rootFields": 50,
    "aliases": 1_000,
    "fields": 20_000,
    "equalFields": 10_000,
    "listLength": 25_000,
    "conditions": 200,
    **JSON_MAXIMA,
}
"""Limit -> the most that is allowed.

`depth`, `rootFields`, `aliases` and `fields` count what fragments bring each time that they are spread. `equalFields` are
pairs of fields with one response name anywhere in the document: the rule that such fields must be mergeable compares pairs.
`conditions` are those of all lists, each time that a list is written or spread: they are parts of statements.
Parsing takes some 12 us a token, and 0.6 us for each character that is escaped in a text; a creation with many commits sends
them as variables.
"""

_SATURATED = 10**9


def limit_error(name: str, value: int, maximum: int | None = None) -> GraphQLError:
    """Make the error that names a limit and what was found."""
    most = MAXIMA[name] if maximum is None else maximum
    extensions = {"code": LIMIT_EXCEEDED, "limit": name, "maximum": most, "value": value}
    return GraphQLError(f"The limit {name} is {most}; this request has {value}.", extensions=extensions)


def require(name: str, value: int) -> None:
    """Refuse more than a limit allows. Raises GraphQLError."""
    if value > MAXIMA[name]:
        raise limit_error(name, value)


_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?|"(?:[^"\\\n]|\\.)*+"?|#[^\n\r]*|\.\.\.|[A-Za-z_][A-Za-z_0-9]*|-?[0-9][0-9A-Za-z.+-]*|[^\s,\ufeff]',
    re.DOTALL,
)
"""A text that does not end is one token, to the end: to look behind its quotation mark again would take quadratic time."""


def check_text(text: str) -> None:
    """Refuse a document by its length or its tokens, before it is parsed. Raises GraphQLError."""
    require("documentBytes", len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))
    if len(text) > MAXIMA["tokens"]:  # else it cannot have so many
        require("tokens", sum(1 for token in _TOKEN.findall(text) if not token.startswith("#")))


@dataclass(slots=True)
class DocumentSize:
    """What a selection set has with all its fragments spread."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0

    def add(self, other: DocumentSize, deeper: int) -> None:
        """Add what stands in this set, `deeper` levels below."""
        self.depth = max(self.depth, other.depth + deeper)
        self.fields = min(self.fields + other.fields, _SATURATED)
        self.aliases = min(self.aliases + other.aliases, _SATURATED)


@dataclass(slots=True)
class DocumentMeasurer:
    """Counts what a document has: fields, depth, aliases, fragments."""

    fragments: dict[str, FragmentDefinitionNode]
    names: Counter[str] = field(default_factory=Counter)
    directives: int = 0
    known: dict[str, DocumentSize] = field(default_factory=dict)

    def fragment(self, name: str) -> DocumentSize:
        if name not in self.known:
            self.known[name] = DocumentSize()  # a fragment that spreads itself is the standard rules' business
            definition = self.fragments.get(name)
            if definition:
                self.directives += len(definition.directives or ())
                self.known[name] = self.selections(definition.selection_set)
        return self.known[name]

    def selections(self, selections: SelectionSetNode) -> DocumentSize:
        size = DocumentSize()
        for node in selections.selections:
            self.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self.names[node.alias.value if node.alias else node.name.value] += 1
                size.add(DocumentSize(1, 1, 1 if node.alias else 0), 0)
                if node.selection_set:
                    size.add(self.selections(node.selection_set), 1)
            elif isinstance(node, FragmentSpreadNode):
                size.add(self.fragment(node.name.value), 0)
            else:
                size.add(self.selections(node.selection_set), 0)  # type: ignore[attr-defined]
        return size


def check_document(document: DocumentNode) -> None:
    """Refuse a document that is larger than a limit allows. Raises GraphQLError: one, of the first limit."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    require("operations", len(operations))
    require("fragments", len(fragments))
    measuring = DocumentMeasurer(fragments)
    for operation in operations:
        require("variables", len(operation.variable_definitions or ()))
        measuring.directives += len(operation.directives or ())
        size = measuring.selections(operation.selection_set)
        require("rootFields", _root_fields(operation, fragments))
        require("depth", size.depth)
        require("aliases", size.aliases)
        require("fields", size.fields)
    for name in fragments:
        measuring.fragment(name)
    require("directives", measuring.directives)
    require("equalFields", sum(count * (count - 1) // 2 for count in measuring.names.values()))


def _root_fields(operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Count the fields at the root; a fragment spread twice there is merged, and counts once."""
    seen: set[str] = set()
    count, waiting = 0, [operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                count += 1
            elif not isinstance(node, FragmentSpreadNode):
                waiting.append(node.selection_set)  # type: ignore[attr-defined]
            elif node.name.value not in seen:
                seen.add(node.name.value)
                if node.name.value in fragments:
                    waiting.append(fragments[node.name.value].selection_set)
    return count
