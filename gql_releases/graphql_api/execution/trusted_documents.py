"""Trusted documents: the operations of known frontends, which send only a document's id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError

ID_PREFIX = "sha256:"
"""Optional prefix of an id. Source: draft of GraphQL over HTTP."""


class WrongManifest(ValueError):
    """A file or folder of trusted documents cannot be used."""


def read_documents(path: Path) -> dict[str, str]:
    """Return trusted documents by id, from a manifest or from a folder of manifests and `<id>.graphql` files.

    A manifest is a JSON object of ids and texts, as graphql-codegen's client preset (`persisted-documents.json`) and
    relay-compiler (`persistConfig.file`) write it, or Apollo's with a list of `operations`. Raises WrongManifest.
    """
    if not path.exists():
        raise WrongManifest(f"There are no trusted documents at {path}.")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    documents: dict[str, str] = {}
    for file in files:
        if file.suffix == ".json":
            documents |= _read_manifest(file)
        elif file.suffix in (".graphql", ".gql"):
            documents[file.stem] = file.read_text()
    return {name.removeprefix(ID_PREFIX): text for name, text in documents.items()}


def _read_manifest(file: Path) -> dict[str, str]:
    try:
        content: Any = json.loads(file.read_bytes())
    except ValueError as error:
        raise WrongManifest(f"{file} is not JSON: {error}.") from None
    if isinstance(content, dict) and isinstance(content.get("operations"), list):
        operations = [operation for operation in content["operations"] if isinstance(operation, dict)]
        content = {operation.get("id"): operation.get("body") for operation in operations}
    if not isinstance(content, dict) or not all(isinstance(text, str) for pair in content.items() for text in pair):
        raise WrongManifest(f"{file} is not a manifest: it must be an object of ids and documents.")
    return content


class TrustedDocuments:
    """Documents by id. `only`: other documents are not executed."""

    def __init__(self, documents: Mapping[str, str], *, only: bool = False) -> None:
        self.documents, self._only = documents, only
        self._texts = frozenset(documents.values())

    def has_text(self, text: str) -> bool:
        """Return whether a text is that of a trusted document."""
        return text in self._texts

    def find_text(self, query: str | None, document_id: str | None) -> str:
        """Return the text of a request's document. Raises GraphQLError: unknown id, not trusted, or not the text's hash."""
        if document_id is not None:
            text = self.documents.get(document_id.removeprefix(ID_PREFIX))
            if text is not None:
                return text
            if query is None:
                # Apollo's clients then repeat the request with the document itself.
                raise _error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
            if hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest() != document_id.removeprefix(ID_PREFIX):
                raise _error("The documentId is not the document's SHA-256.", "PERSISTED_QUERY_MISMATCH")
        assert query is not None
        if self._only and query not in self._texts:
            raise _error("Only trusted documents are executed here.", "UNTRUSTED_DOCUMENT")
        return query


def _error(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
