"""A filter that is slow on purpose: `contains` counts to tens of millions before it holds for every release."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, literal_column

from gql_releases.storage.entities.release import RELEASE_FILTERS

COUNTED = 30_000_000
"""Some seconds on either database, so that a test of code that ends nothing fails, and does not hang."""
SLOW_SQL = f"""(WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {COUNTED})
  SELECT count(*) FROM numbers)"""

DOCUMENT = """query ($text: String!) { organization(slug: "acme") { slug
  releases(first: 1, filter: {version: {contains: $text}}) { nodes { version } } } }"""
SLOW_GRAPHQL = {"query": DOCUMENT, "variables": {"text": "a"}}
SLOW_REST = "organizations/acme/releases/?query=a"
POINT = {"query": '{ organization(slug: "acme") { slug } }'}


def slow_contains(rows: Any, name: str, dialect: Any) -> ColumnElement[bool]:
    """Hold for every row, after a long time."""
    return literal_column(f"{SLOW_SQL} > 0")


@pytest.fixture
def slow_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `contains` slow."""
    monkeypatch.setitem(RELEASE_FILTERS, "version_contains", slow_contains)
