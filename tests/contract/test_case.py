"""Text operators that the documentation promises to be blind to case are so for all letters, on both databases alike."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gql_releases.domain.versions.version import fold_case
from tests.client import Client
from tests.factories import release

VERSIONS = [
    "x-ÉTÉ", "x-été2", "straße", "STRASSE", "STRAẞE", "İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "ΣΊΣΥΦΟΣ", "σίσυφος",
    "Привет", "ПРИВЕТ", "ﬁn", "FIN", "É-decomposed".replace("É", "E\u0301"), "plain", "PLAIN",
]  # fmt: skip
TEXTS = [
    "x-étÉ", "ÉTÉ", "strasse", "straße", "STRAẞE", "ß", "i̇stanbul", "İ", "istanbul", "i", "ıs", "σ", "Σ", "ς", "приВЕТ", "fi", "ﬁ",
    "e\u0301", "É", "plAIN", "none",
]  # fmt: skip


@pytest.fixture
def filled_store(client: Client) -> Client:
    for version in VERSIONS:
        assert client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    return client


@pytest.mark.parametrize("text", TEXTS)
def test_case_plays_no_part(filled_store: Client, text: str) -> None:
    expected = {version for version in VERSIONS if fold_case(text) in fold_case(version)}
    answer = filled_store.rest("GET", f"organizations/acme/releases/?per_page=100&query={quote(text)}")
    assert {row["version"] for row in answer.json} == expected
    document = 'query ($t: String!) {organization(slug: "acme") {releases(first: 100, filter: {version: {contains: $t}}) {totalCount nodes {version}}}}'
    data = filled_store.graphql(document, {"t": text})["data"]["organization"]["releases"]
    assert {node["version"] for node in data["nodes"]} == expected
    assert data["totalCount"] == len(expected)


def test_what_folding_means() -> None:
    """What docs/sentry-compatibility.md says of ß, İ and accents."""
    assert fold_case("ß") == fold_case("ẞ") == "ss"
    assert fold_case("İ") == "i\u0307" != fold_case("i")
    assert fold_case("ı") == "ı" != fold_case("I")
    assert fold_case("É") == "é" != fold_case("E\u0301")
