"""Limits of a document, checked in one pass over it before graphql-core's rules run.

Each fragment is measured once and its size is added where it is spread: the time is linear in the document's text, however
large the document is when expanded. The limits bound the time of the standard rules and of planning, which are not linear.
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
"""Limit -> the highest value that is allowed.

`depth`, `rootFields`, `aliases` and `fields` count a fragment's content each time that the fragment is spread. `equalFields`
are pairs of fields with one response name anywhere in the document: the rule that such fields can be merged compares pairs.
`conditions` are those of all lists, counted each time that a list is written or spread: they are parts of statements.
Parsing takes about 12 us for each token, and 0.6 us for each escaped character of a text; a creation with many commits has
them in its variables.
"""

_MAX_COUNT = 10**9
_TOKEN_PATTERN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?|"(?:[^"\\\n]|\\.)*+"?|#[^\n\r]*|\.\.\.|[A-Za-z_][A-Za-z_0-9]*|-?[0-9][0-9A-Za-z.+-]*|[^\s,\ufeff]',
    re.DOTALL,
)
"""An unterminated text is one token up to the end: to match again after its quotation mark would take quadratic time."""


def limit_error(name: str, value: int, maximum: int | None = None) -> GraphQLError:
    """Return the error of a value above a limit; it names the limit and the value."""
    limit = MAXIMA[name] if maximum is None else maximum
    extensions = {"code": LIMIT_EXCEEDED, "limit": name, "maximum": limit, "value": value}
    return GraphQLError(f"The limit {name} is {limit}; this request has {value}.", extensions=extensions)


def require(name: str, value: int) -> None:
    """Raise GraphQLError if a value is above a limit."""
    if value > MAXIMA[name]:
        raise limit_error(name, value)


def check_text(text: str) -> None:
    """Raise GraphQLError if a document, which is not parsed yet, has too many bytes or tokens."""
    require("documentBytes", len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))
    if len(text) > MAXIMA["tokens"]:  # a shorter text cannot have more tokens
        require("tokens", sum(1 for token in _TOKEN_PATTERN.findall(text) if not token.startswith("#")))


@dataclass(slots=True)
class DocumentSize:
    """The size of a selection set with all its fragments spread."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0

    def add(self, other: DocumentSize, deeper: int) -> None:
        """Add the size of a selection set in this one, `deeper` levels below."""
        self.depth = max(self.depth, other.depth + deeper)
        self.fields = min(self.fields + other.fields, _MAX_COUNT)
        self.aliases = min(self.aliases + other.aliases, _MAX_COUNT)


@dataclass(slots=True)
class DocumentMeasurer:
    """Counts fields, depth, aliases and directives of a document."""

    fragments: dict[str, FragmentDefinitionNode]
    names: Counter[str] = field(default_factory=Counter)
    directives: int = 0
    sizes: dict[str, DocumentSize] = field(default_factory=dict)

    def measure_fragment(self, name: str) -> DocumentSize:
        """Return the size of a fragment; an empty one if the document does not define it."""
        if name not in self.sizes:
            self.sizes[name] = DocumentSize()  # the standard rules report a fragment that spreads itself
            definition = self.fragments.get(name)
            if definition:
                self.directives += len(definition.directives or ())
                self.sizes[name] = self.measure_selections(definition.selection_set)
        return self.sizes[name]

    def measure_selections(self, selections: SelectionSetNode) -> DocumentSize:
        """Return the size of a selection set."""
        size = DocumentSize()
        for node in selections.selections:
            self.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self.names[node.alias.value if node.alias else node.name.value] += 1
                size.add(DocumentSize(1, 1, 1 if node.alias else 0), 0)
                if node.selection_set:
                    size.add(self.measure_selections(node.selection_set), 1)
            elif isinstance(node, FragmentSpreadNode):
                size.add(self.measure_fragment(node.name.value), 0)
            else:
                size.add(self.measure_selections(node.selection_set), 0)  # type: ignore[attr-defined]
        return size


def check_document(document: DocumentNode) -> None:
    """Raise GraphQLError for the first limit that a document exceeds."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    require("operations", len(operations))
    require("fragments", len(fragments))
    measurer = DocumentMeasurer(fragments)
    for operation in operations:
        require("variables", len(operation.variable_definitions or ()))
        measurer.directives += len(operation.directives or ())
        size = measurer.measure_selections(operation.selection_set)
        require("rootFields", _count_root_fields(operation, fragments))
        require("depth", size.depth)
        require("aliases", size.aliases)
        require("fields", size.fields)
    for name in fragments:
        measurer.measure_fragment(name)
    require("directives", measurer.directives)
    require("equalFields", sum(count * (count - 1) // 2 for count in measurer.names.values()))


def _count_root_fields(operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Count the root fields; a fragment that is spread twice at the root is merged and counts once."""
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
