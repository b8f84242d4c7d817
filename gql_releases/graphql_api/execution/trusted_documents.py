"""Trusted documents: operations that frontends were built with, sent by their ids alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError

PREFIX = "sha256:"
"""What an id may begin with, as the draft of GraphQL over HTTP has it."""


class WrongManifest(ValueError):
    """A file or folder of trusted documents cannot be used."""


def read_documents(path: Path) -> dict[str, str]:
    """Read trusted documents, by id: from a manifest, or from a folder of manifests and `<id>.graphql` files.

    A manifest is a JSON object of ids and texts, as graphql-codegen's client preset (`persisted-documents.json`) and
    relay-compiler (`persistConfig.file`) write it, or Apollo's with a list of `operations`. Raises WrongManifest.
    """
    if not path.exists():
        raise WrongManifest(f"There are no trusted documents at {path}.")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found: dict[str, str] = {}
    for file in files:
        if file.suffix == ".json":
            found |= _manifest(file)
        elif file.suffix in (".graphql", ".gql"):
            found[file.stem] = file.read_text()
    return {name.removeprefix(PREFIX): text for name, text in found.items()}


def _manifest(file: Path) -> dict[str, str]:
    try:
        said: Any = json.loads(file.read_bytes())
    except ValueError as error:
        raise WrongManifest(f"{file} is not JSON: {error}.") from None
    if isinstance(said, dict) and isinstance(said.get("operations"), list):
        said = {one.get("id"): one.get("body") for one in said["operations"] if isinstance(one, dict)}
    if not isinstance(said, dict) or not all(isinstance(one, str) for pair in said.items() for one in pair):
        raise WrongManifest(f"{file} is not a manifest: it must be an object of ids and documents.")
    return said


class TrustedDocuments:
    """Documents by id. `only`: no other document is executed."""

    def __init__(self, documents: Mapping[str, str], *, only: bool = False) -> None:
        self.documents, self._only = documents, only
        self._texts = frozenset(documents.values())

    def has_text(self, text: str) -> bool:
        """Say whether a text is a trusted document's."""
        return text in self._texts

    def text_of(self, query: str | None, document_id: str | None) -> str:
        """Give the document that a request means. Raises GraphQLError: unknown, not trusted, or another one's hash."""
        if document_id is not None:
            known = self.documents.get(document_id.removeprefix(PREFIX))
            if known is not None:
                return known
            if query is None:
                # Apollo's clients know this text, and send the document itself.
                raise _error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
            if hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest() != document_id.removeprefix(PREFIX):
                raise _error("The documentId is not the document's SHA-256.", "PERSISTED_QUERY_MISMATCH")
        assert query is not None
        if self._only and query not in self._texts:
            raise _error("Only trusted documents are executed here.", "UNTRUSTED_DOCUMENT")
        return query


def _error(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
