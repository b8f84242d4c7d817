"""Requests that are made to hurt: each limit at its worst, within what a body may have. Used by a test and a benchmark."""

from __future__ import annotations

import json


def _body(query: str, variables: bytes = b"{}") -> bytes:
    return b'{"query":' + json.dumps(query).encode() + b',"variables":' + variables + b"}"


def _chain(length: int) -> str:
    """Fragments that each spread the next one twice: 2 ** length fields."""
    links = (f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(length))
    return "{ ...F0 } " + " ".join(links) + f" fragment F{length} on Query {{ __typename }}"


def _deep(depth: int) -> str:
    return "{ organizations { nodes { " + "projects { nodes { organization { " * depth + "id" + " } } }" * depth + " } } }"


MIB = 1024 * 1024

HOSTILE: dict[str, tuple[bytes, str]] = {
    "fragments that double 120 times": (_body(_chain(120)), "fields"),
    "fragments that spread each other in circles": (
        _body("{ ...A } " + " ".join(f"fragment {a} on Query {{ ...{b} ...{b} }}" for a, b in ("AB", "BC", "CA"))), "",
    ),
    "1,300 aliases of one field": (_body("{" + " ".join(f"a{n}: __typename" for n in range(1_300)) + "}"), "rootFields"),
    "1,200 aliases in a list": (
        _body("{ organizations { nodes { " + " ".join(f"a{n}: id" for n in range(1_200)) + " } } }"), "aliases",
    ),
    "3,900 times one field": (_body("{ viewer { token { " + "id " * 3_900 + "} } }"), "equalFields"),
    "1,950 directives": (_body("{ __typename " + "@a " * 1_950 + "}"), "directives"),
    "950 variables": (_body("query (" + " ".join(f"$v{n}: Int" for n in range(950)) + ") { __typename }"), "variables"),
    "a literal list of 30,000 items": (_body('{ nodes(ids: [' + '"x" ' * 30_000 + "]) { id } }"), "tokens"),
    "a literal nested 1,900 times": (_body("{ nodes(ids: " + "[" * 1_900 + "]" * 1_900 + ") { id } }"), ""),
    "a list of 8 million items in the variables": (
        _body("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", b'{"ids":[' + b"1," * (8 * MIB) + b"1]}"), "jsonValues",
    ),
    "a list of 299,000 items in the variables": (
        _body("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", b'{"ids":[' + b"1," * 299_000 + b"1]}"), "listLength",
    ),
    "8 million empty lists in the variables": (_body("{ __typename }", b'{"a":[' + b"[]," * (8 * MIB) + b"1]}"), "jsonValues"),
    "150,000 lists in the variables": (
        _body("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", b'{"ids":[' + b"[[],[]]," * 49_000 + b"1]}"), "listLength",
    ),
    "a document of 30 MiB": (_body("{ " + "x" * (30 * MIB) + " }"), "documentBytes"),
    "fields nested 200 deep": (_body(_deep(65)), "depth"),
    "60 operations": (_body(" ".join(f"query Q{n} {{ __typename }}" for n in range(60))), "operations"),
    "400 fragments": (
        _body("{ __typename } " + " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(400))), "fragments",
    ),
    "lists of 100 in lists of 100, four deep": (
        _body("{ organizations(first: 100) { nodes { releases(first: 100) { nodes { commits(first: 100) { nodes { "
              "releases(first: 100) { nodes { id } } } } } } } } }"), "cost",
    ),
    "26,000 block strings that do not end": (_body("{a" + '"""\n\\' * 26_000), ""),
    "65,000 quotation marks, all escaped": (_body('{a"' + '\\"' * 65_000), ""),
    "25,000 nulls where none may be": (
        _body("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", b'{"ids":[' + b"null," * 24_999 + b"null]}"), "",
    ),
    "140,000 wrong commits of 700 releases": (
        _body(
            "mutation ($input: CreateReleasesInput!) { createReleases(input: $input) { userErrors { code } } }",
            b'{"input":{"organization":"acme","releases":['
            + b",".join([b'{"version":"1","projects":[],"commits":[' + b",".join([b'{"x":1}'] * 200) + b"]}"] * 700)
            + b"]}}",
        ),
        "",
    ),
    "290,000 unknown fields of an input": (
        _body(
            "query ($by: ReleaseBy!) { release(by: $by) { id } }",
            b'{"by":{' + b",".join(b'"x%d":1' % n for n in range(290_000)) + b"}}",
        ),
        "",
    ),
    "1,300 unknown fields": (_body("{ viewer { " + " ".join(f"x{n}" for n in range(1_300)) + " } }"), ""),
}  # fmt: skip
"""Name -> the body, and the limit that refuses it; "" for one that a rule of GraphQL refuses."""
