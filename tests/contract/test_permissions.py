"""Every mutation is refused to tokens without a scope for it, of another organization, or revoked meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from gql_releases.domain.principal import Scope
from tests.client import Client
from tests.conftest import Harness
from tests.storage.all_requests import MUTATIONS


def run(client: Client, name: str, token: str) -> Any:
    """Return the response to a mutation with the input of MUTATIONS, which is valid."""
    document = (
        f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
    )
    variables = {"token": "VG9rZW46MQ=="} if name == "revokeToken" else MUTATIONS[name][1]
    return client.graphql(document, {"input": variables}, token=token)


def count_rows(harness: Harness) -> Any:
    tables = ("releases", "deploys", "projects", "repositories", "environments", "tokens")
    return [harness.rows(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.mark.parametrize("name", MUTATIONS)
def test_token_that_only_reads_is_forbidden_to_write(harness: Harness, name: str) -> None:
    response = run(harness.client, name, harness.token("project:read", "org:read"))
    assert [error["extensions"]["code"] for error in response["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_token_of_another_organization_changes_nothing(harness: Harness, name: str) -> None:
    before = count_rows(harness)
    errors = run(harness.client, name, harness.tokens["other"])["data"][name]["userErrors"]
    assert errors[0]["code"].endswith("_NOT_FOUND")
    assert count_rows(harness) == before


@pytest.mark.parametrize("name", MUTATIONS)
def test_token_revoked_after_its_authentication_changes_nothing(harness: Harness, name: str) -> None:
    token = harness.token(*Scope)
    viewer = harness.client.graphql("{viewer {token {id}}}", token=token)
    assert "errors" not in viewer
    harness.rows("UPDATE tokens SET revoked_at = '2026-01-01T00:00:00.000000Z' WHERE id = (SELECT max(id) FROM tokens)")
    before = count_rows(harness)
    response = run(harness.client, name, token)
    assert [error["extensions"]["code"] for error in response["errors"]] == ["INVALID_TOKEN"]
    assert count_rows(harness) == before
