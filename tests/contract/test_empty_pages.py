"""A page of size 0 has no rows and no cursors, whatever is selected with it, and counts what it leaves out."""

from __future__ import annotations

import itertools

import pytest

from tests.client import Client
from tests.factories import release

PAGE_INFO = "pageInfo { startCursor endCursor hasNextPage hasPreviousPage }"
SELECTIONS = (
    "",
    "nodes { id }",
    "edges { cursor }",
    "totalCount",
    "nodes { id } totalCount",
    "nodes { defaultRepository { name } }",
)


@pytest.mark.parametrize(("side", "selection"), list(itertools.product(("first", "last"), SELECTIONS)))
def test_page_of_size_0(client: Client, side: str, selection: str) -> None:
    document = f"""{{ organization(slug: "acme") {{ projects({side}: 0) {{ {selection} {PAGE_INFO} }} }}
      viewer {{ organizations {{ nodes {{ projects({side}: 0) {{ {selection} {PAGE_INFO} }} }} }} }} }}"""
    data = client.graphql(document)["data"]
    is_first = side == "first"
    expected = {"startCursor": None, "endCursor": None, "hasNextPage": is_first, "hasPreviousPage": not is_first}
    for page in (data["organization"]["projects"], data["viewer"]["organizations"]["nodes"][0]["projects"]):
        assert page["pageInfo"] == expected
        assert not page.get("nodes")
        assert not page.get("edges")
        assert page.get("totalCount", 2) == 2


@pytest.mark.parametrize("side", ["first", "last"])
def test_page_of_size_0_of_a_releases_list(client: Client, side: str) -> None:
    assert client.rest("POST", "organizations/acme/releases/", release("web@1.0.0")).status == 201
    document = f"""{{ organization(slug: "acme") {{ releases(first: 1) {{ nodes {{
      projects({side}: 0) {{ nodes {{ id slug }} {PAGE_INFO} }} }} }} }} }}"""
    [node] = client.graphql(document)["data"]["organization"]["releases"]["nodes"]
    assert node["projects"]["nodes"] == []
    assert (node["projects"]["pageInfo"]["startCursor"], node["projects"]["pageInfo"]["endCursor"]) == (None, None)
