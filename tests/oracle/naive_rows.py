"""The rows of one tenant, by table and equal columns, and the names in arguments and filters in their naive form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError
from sqlmodel import Session, SQLModel, col, select

from gql_releases.storage.schema.tables.commit import CommitRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow

NAMED = {
    "project": "project", "environment": "environment", "commit": "commit", "release": "release", "introducedIn": "release",
}  # fmt: skip
"""Field of a filter -> the kind of its name."""


def wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def refusal(code: str) -> GraphQLError:
    return GraphQLError("refused", extensions={"code": code})


class NaiveRows:
    """Reads rows of one tenant and refuses unknown names."""

    def __init__(self, session: Session, organization: int) -> None:
        self.session, self.organization = session, organization

    def get(self, row: type[SQLModel], key: int | None) -> Any:
        return None if key is None else self.session.get(row, key)

    def rows(self, table: Any, **equal: Any) -> list[Any]:
        query = select(table).where(col(table.organization_id) == self.organization)
        for name, value in equal.items():
            query = query.where(col(getattr(table, name)) == value)
        return list(self.session.exec(query).all())

    def list_linked(self, table: Any, link_table: Any, key: str, **equal: Any) -> list[Any]:
        return [self.get(table, getattr(link, key)) for link in self.rows(link_table, **equal)]

    def root_organization(self, slug: str) -> Any:
        row = self.session.get(OrganizationRow, self.organization)
        return row if row and row.slug == slug else None

    def require_names(self, conditions: dict[str, Any]) -> None:
        """Refuse unknown names in a filter and abbreviated shas of several commits."""
        names: dict[str, list[str]] = {}
        pending = [conditions]
        while pending:
            for name, value in (pending.pop(0) or {}).items():
                if name in ("and", "or"):
                    pending += value or []
                elif name == "not":
                    pending.append(value)
                elif name in NAMED and value is not None:
                    names.setdefault(NAMED[name], []).append(value)
        problems = {self.find_problem(name, value) for name, values in names.items() for value in values} - {None}
        if problems:
            raise refusal("|".join(sorted(problems)))  # type: ignore[arg-type]

    def find_problem(self, kind: str, value: str) -> str | None:
        if kind == "commit":
            shas = {commit.sha for commit in self.rows(CommitRow) if commit.sha.startswith(value)}
            return (
                "AMBIGUOUS_SHA"
                if re.fullmatch("[0-9a-f]{7,39}", value) and len(shas - {value}) > 1 and value not in shas
                else None
            )
        table, column = {
            "project": (ProjectRow, "slug"),
            "environment": (EnvironmentRow, "name"),
            "release": (ReleaseRow, "version"),
            "repository": (RepositoryRow, "name"),
        }[kind]
        return None if any(getattr(row, column) == value for row in self.rows(table)) else f"{kind.upper()}_NOT_FOUND"

    def require_name(self, kind: str, value: str | None) -> None:
        if value is not None and (code := self.find_problem(kind, value)):
            raise refusal(code)
