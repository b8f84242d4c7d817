"""What became of the events that SDKs sent for a project."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, bindparam, cast, func, select

from gql_releases.storage.engine.dialects import Dialect
from gql_releases.storage.reading.aliases import get_alias
from gql_releases.storage.reading.entity import ComputedColumn
from gql_releases.storage.schema.tables.event import OutcomeRow

MAX_OUTCOMES = 500
"""Outcomes of a project at most, by reason, category and value; the most frequent ones."""


def select_outcomes(rows: FromClause, binds: Mapping[str, str], dialect: Dialect) -> ColumnElement[str]:
    """Select a project's outcomes in the last hours, a JSON array of [outcome, reason, category, value, quantity, bytes]."""
    outcomes = get_alias(OutcomeRow, "select_outcomes outcomes")
    names = [outcomes.c.outcome, outcomes.c.reason, outcomes.c.category, outcomes.c.value]
    quantity = cast(func.sum(outcomes.c.quantity), BigInteger).label("total")
    size = cast(func.sum(outcomes.c.bytes), BigInteger).label("size")
    since = dialect.current_hour() - bindparam(binds["hours"], type_=Integer)
    counted = (
        select(*names, quantity, size)
        .where(
            outcomes.c.organization_id == rows.c.organization_id,
            outcomes.c.project_id == rows.c.id,
            outcomes.c.hour > since,
        )
        .group_by(*names)
        .order_by(quantity.desc(), *names)
        .limit(MAX_OUTCOMES)
        .correlate(rows)
        .subquery()
    )
    return select(dialect.pack_rows(list(counted.c))).correlate(rows).scalar_subquery()


COLUMNS = {"Project": {"outcomes": ComputedColumn(select_outcomes, nullable=False)}}
