"""Parses Sentry's search language: splits a query into terms with their positions.

A query consists of words. `key:value` is a filter, negated by a `!` before it; a value is a word, a quoted text, a
list `[a, b]`, or a comparison such as `>=1.2`. All other words are free text. Source: docs/sentry-contract.md#5-lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from gql_releases.domain.cache_budget import BoundedCache
from gql_releases.domain.errors import DomainError, ErrorCode, shorten

MAX_LENGTH = 2000
"""Characters of a query."""
QUERY_CHARACTER_BYTES = 150
"""Bytes of a query's terms for each of its characters, at most: `a:b ` is a filter."""

# `(?<!\S)` and `(?!\S)`: the beginning and the end of a word. A version may contain a colon and brackets. Keys have Sentry's
# syntax, with tags and hyphens, so that an unsupported key is not treated as text.
_GRAMMAR = r"""
start: (filter | text | bare | boolean)*
filter: KEY (comparison | _value | list)
comparison: SIGN _value
list: "[" _item ("," _item)* "]"
_value: QUOTED | WORD
_item: QUOTED | ITEM
text: QUOTED | TEXT
bare: BARE_KEY
boolean: BOOLEAN

KEY.4: /(?<!\S)!*[A-Za-z_][A-Za-z0-9_.-]*(\[[^\s\]]*\])?:(?=\S)/
BARE_KEY.4: /(?<!\S)!*[A-Za-z_][A-Za-z0-9_.-]*(\[[^\s\]]*\])?:(?!\S)/
BOOLEAN.3: /(?<!\S)(AND|OR)(?!\S)/i
SIGN.2: />=|<=|>|</
QUOTED: /"(?:[^"\\]|\\.)*"/s
WORD: /[^\s"\[]\S*/
ITEM: /[^\s",\[\]]+(?:[ ]+[^\s",\[\]]+)*/
TEXT: /(?<!\S)[^\s"]\S*/
%ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr", lexer="contextual")
_GROUP_START = re.compile(r"(?<!\S)!*\([!(]*[A-Za-z_][A-Za-z0-9_.-]*:\S")
"""Matches a bracket that opens before a filter."""


@dataclass(frozen=True, slots=True)
class Word:
    """A value: its text without quotation marks, split at each `*`, and its position in the query.

    `parts` are the texts between the stars: a single text if there is none.
    """

    parts: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """The value with its stars."""
        return "*".join(self.parts)


@dataclass(frozen=True, slots=True)
class Filter:
    """`key:value`. `sign` is that of a comparison, or ""; only a list has several `values`."""

    key: str
    negated: bool
    sign: str
    values: tuple[Word, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """Adjacent words that are not filters."""

    text: str
    at: int


_CACHE: BoundedCache[str, tuple[Filter | Text, ...]] = BoundedCache("searches")


def parse_query(query: str) -> tuple[Filter | Text, ...]:
    """Return the terms of a query; they are cached.

    Raises DomainError(INVALID_ARGUMENT), whose message has the position of the error.
    """
    terms = _CACHE.get(query)
    return _CACHE.put(query, _parse(query), QUERY_CHARACTER_BYTES * len(query)) if terms is None else terms


def _parse(query: str) -> tuple[Filter | Text, ...]:
    if len(query) > MAX_LENGTH:
        refuse(f"it has more than {MAX_LENGTH} characters", MAX_LENGTH)
    try:
        tree = _PARSER.parse(query)
    except UnexpectedInput as error:
        _refuse_input(query, error)
    terms: list[Filter | Text] = []
    previous: Token | None = None
    for child in tree.children:
        assert isinstance(child, Tree)
        token = child.children[0]
        assert isinstance(token, Token)
        if child.data == "filter":
            terms.append(_build_filter(child))
        elif child.data == "bare":
            refuse(f"{shorten(token)} needs a value right after its colon", _position(token))
        elif child.data == "boolean":
            refuse(f"{shorten(token)} is not supported; quote it if it is part of a version", _position(token))
        elif token.type == "TEXT" and previous is not None:  # with the blanks between the words
            terms[-1] = Text(query[terms[-1].at : token.end_pos], terms[-1].at)
        else:
            terms.append(Text(str(token) if token.type == "TEXT" else _unquote(token).text, _position(token)))
        previous = token if token.type == "TEXT" else None
    for term in terms:
        if isinstance(term, Text) and query[term.at] != '"':
            _check_bare(term.text, term.at, _GROUP_START.search(term.text))
    return tuple(terms)


def refuse(reason: str, at: int) -> NoReturn:
    """Raise DomainError(INVALID_ARGUMENT) with the reason and a position, which is counted from 0."""
    raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid query, at character {at + 1}: {reason}.")


def _build_filter(tree: Tree[Token]) -> Filter:
    key, *rest = tree.children
    assert isinstance(key, Token)
    sign = ""
    if isinstance(rest[0], Tree):
        tokens = [token for token in rest[0].children if isinstance(token, Token)]
        if rest[0].data == "comparison":
            sign, tokens = str(tokens[0]), tokens[1:]
    else:
        tokens = [token for token in rest if isinstance(token, Token)]
    name = key.removesuffix(":")
    if name.startswith("!!"):
        refuse("a filter is negated by one !", _position(key))
    return Filter(name.removeprefix("!"), name.startswith("!"), sign, tuple(map(_unquote, tokens)), _position(key))


def _unquote(token: Token) -> Word:
    """Return a word without quotation marks and backslashes, split at stars that are neither quoted nor escaped."""
    at, text = _position(token), str(token)
    quoted = token.type == "QUOTED"
    if not quoted:
        _check_bare(text, at, re.match(r"\(", text))
    parts, escaped = [""], False
    for character in text[1:-1] if quoted else text:
        if character == "\\" and not escaped:
            escaped = True
        elif character == "*" and not quoted and not escaped:
            parts.append("")
        else:
            parts[-1] += character
            escaped = False
    if escaped:
        refuse("this backslash escapes nothing", at + len(text) - 1)
    return Word(tuple(parts), at)


def _check_bare(text: str, at: int, group: re.Match[str] | None) -> None:
    """Refuse groups, unbalanced brackets and unbalanced quotation marks in an unquoted text.

    Sentry's language has groups, which are not supported. A version with brackets can be quoted. A quotation mark inside
    of a word is text, and so is a second one at its end; a single one at the end is refused.
    """
    quote = "quote it if it is text"
    if group:
        refuse(f"groups in brackets are not supported; {quote}", at + group.start())
    opened: list[int] = []
    for match in re.finditer(r'\\.|[()"]', text, re.DOTALL):
        if match[0] == '"':
            begin = max(text.rfind(" ", 0, match.start()), 0)
            ends = match.end() == len(text) or text[match.end()].isspace()
            if ends and text.count('"', begin, match.end()) % 2:
                refuse("a quotation mark must enclose a value, or be escaped by a \\ inside of one", at + match.start())
        elif match[0] == "(":
            opened.append(match.start())
        elif match[0] == ")" and not opened:
            refuse(f"this bracket closes nothing; {quote}", at + match.start())
        elif match[0] == ")":
            opened.pop()
    if opened:
        refuse(f"this bracket is not closed; {quote}", at + opened[-1])


def _position(token: Token) -> int:
    assert token.start_pos is not None
    return token.start_pos


def _refuse_input(query: str, error: UnexpectedInput) -> NoReturn:
    """Raise the error for input that the parser refuses."""
    at = error.pos_in_stream if isinstance(error, UnexpectedCharacters) else len(query)
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        at = _position(error.token)
    if isinstance(error, UnexpectedEOF) or at is None or at >= len(query):
        refuse("it ends where a value, a comma or a ] must follow", len(query))
    if query[at] == '"' and isinstance(error, UnexpectedToken):
        refuse("a quotation mark must enclose a value, or be escaped by a \\ inside of one", at)
    if query[at] == '"':
        refuse("this quotation mark is not closed", at)
    refuse(f'"{query[at]}" is not allowed here', at)
