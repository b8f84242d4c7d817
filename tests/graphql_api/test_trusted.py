"""Trusted documents, sent by their ids; and the status codes of the draft."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gql_releases.graphql_api.execution.trusted_documents import WrongManifest, read_documents
from tests.conftest import Harness, Template

VIEWER = "query Viewer { viewer { token { name } } }"
TWO = "query A { __typename } query B { viewer { token { name } } }"
HASH = hashlib.sha256(VIEWER.encode()).hexdigest()
NAMED = {"data": {"viewer": {"token": {"name": "all"}}}}


def house_with(template: Template, folder: Path, documents: Any, **settings: Any) -> Harness:
    file = folder / "persisted-documents.json"
    file.write_text(json.dumps(documents))
    return Harness(template, folder, trusted_documents=file, **settings)


def ask(harness: Harness, **body: Any) -> Any:
    return harness.client.request("POST", "/graphql", body).json


@pytest.mark.parametrize(
    "body",
    [{HASH: VIEWER, "two": TWO}, {f"sha256:{HASH}": VIEWER, "sha256:two": TWO},
     {"format": "apollo-persisted-query-manifest", "version": 1,
      "operations": [{"id": HASH, "body": VIEWER, "name": "Viewer", "type": "query"}, {"id": "two", "body": TWO}]}],
)  # fmt: skip
def test_document_is_known_by_its_id_alone(template: Template, tmp_path: Path, body: Any) -> None:
    harness = house_with(template, tmp_path, body)
    assert ask(harness, documentId=HASH) == NAMED
    assert ask(harness, documentId=f"sha256:{HASH}", operationName="Viewer") == NAMED
    assert ask(harness, extensions={"persistedQuery": {"version": 1, "sha256Hash": HASH}}) == NAMED
    assert ask(harness, documentId="two", operationName="B") == NAMED
    assert harness.client.request("GET", f"/graphql?documentId={HASH}").json == NAMED
    unknown = ask(harness, extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})
    assert unknown["errors"] == [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    assert ask(harness, query="{ __typename }") == {"data": {"__typename": "Query"}}
    retried = hashlib.sha256(b"{ __typename }").hexdigest()
    assert ask(harness, query="{ __typename }", documentId=retried) == {"data": {"__typename": "Query"}}
    other = ask(harness, query="{ __typename }", documentId="0" * 64)
    assert other["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_MISMATCH"
    harness.close()


def test_only_trusted_documents_are_executed_where_a_setting_says_so(template: Template, tmp_path: Path) -> None:
    harness = house_with(template, tmp_path, {HASH: VIEWER}, trusted_only=True)
    assert ask(harness, documentId=HASH) == ask(harness, query=VIEWER) == NAMED
    for query in ("{ __typename }", "{ __schema { queryType { name } } }", VIEWER + " "):
        assert ask(harness, query=query)["errors"][0]["extensions"]["code"] == "UNTRUSTED_DOCUMENT"
    harness.close()


def test_folder_of_documents_is_read(template: Template, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    (folder / "web").mkdir(parents=True)
    (folder / "viewer.graphql").write_text(VIEWER)
    (folder / "web" / "persisted.json").write_text(json.dumps({"two": TWO}))
    (folder / "README.txt").write_text("not a document")
    assert read_documents(folder) == {"viewer": VIEWER, "two": TWO}
    harness = Harness(template, tmp_path, trusted_documents=folder)
    assert ask(harness, documentId="viewer") == NAMED
    harness.close()


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"operations": [{"id": "a"}]}'])
def test_manifest_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "m.json"
    file.write_text(text)
    with pytest.raises(WrongManifest, match=r"m\.json"):
        read_documents(file)
    with pytest.raises(WrongManifest, match="nowhere"):
        read_documents(tmp_path / "nowhere")


def test_trusted_document_that_does_not_fit_stops_the_start(template: Template, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="abc cannot be executed: Cannot query field 'nothing'"):
        house_with(template, tmp_path, {"abc": "{ nothing }"})


PARTIAL = "{ __typename a: viewer { token { id } } b: organizations(first: 101) { nodes { id } } }"
STATUS: list[tuple[dict[str, Any], int, int]] = [
    ({"query": "{"}, 400, 400), ({"query": "{ nothing }"}, 400, 422),
    ({"query": "query ($a: Int!) { __typename @skip(if: $a) }"}, 400, 422),
    ({"query": "query ($a: Boolean!) { __typename @skip(if: $a) }"}, 400, 422),
    ({"query": "query A { __typename } query B { __typename }"}, 400, 422),
    ({"query": PARTIAL}, 200, 294), ({"query": "{ __typename }"}, 200, 200), ({"variables": {}}, 400, 400),
]  # fmt: skip


@pytest.mark.parametrize("draft", [False, True])
def test_status_is_the_audits_or_the_drafts(template: Template, tmp_path: Path, draft: bool) -> None:
    harness = Harness(template, tmp_path, draft_status=draft)
    for body, usual, newest in STATUS:
        headers = {"accept": "application/graphql-response+json"}
        answer = harness.client.request("POST", "/graphql", body, headers=headers)
        assert answer.status == (newest if draft else usual), body
        old = harness.client.request("POST", "/graphql", body, headers={"accept": "application/json"})
        assert old.status == (200 if "query" in body else 400), body
    wrong = harness.client.request("POST", "/graphql", b"query=x", headers={"content-type": "text/plain"})
    assert wrong.status == 415
    harness.close()
