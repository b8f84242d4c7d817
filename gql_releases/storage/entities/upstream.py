"""Upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import FromClause, Select, select

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import Entity
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.upstream import UpstreamReleaseRow


def select_upstream(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> Select[Any]:
    """Select the queue of a release by its version: a release that was deleted and created again has the same queue."""
    queues = get_alias(UpstreamReleaseRow, "select_upstream queues")
    return select(queues.c.id).where(queues.c.organization_id == rows.c.organization_id, queues.c.version == rows.c.version)


ENTITIES = {"Upstream": Entity(table(UpstreamReleaseRow))}
