"""The same graph by naive resolvers over ORM rows, run by graphql-core: slow, plain, and knowing nothing of plans."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, execute, parse
from sqlmodel import Session, SQLModel, col, select

from gql_releases.storage import tables as t

NODES: dict[str, type[SQLModel]] = {
    "Organization": t.OrganizationRow, "Project": t.ProjectRow, "Repository": t.RepositoryRow,
    "Environment": t.EnvironmentRow, "Release": t.ReleaseRow, "Commit": t.CommitRow,
    "CommitAuthor": t.CommitAuthorRow, "FileChange": t.FileChangeRow, "HeadCommit": t.HeadCommitRow,
    "Deploy": t.DeployRow, "Token": t.TokenRow,
}  # fmt: skip
NAMES = {row: name for name, row in NODES.items()}
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def cursor(field: str, key: Any, row_id: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([1, field, wire(key), row_id], separators=(",", ":")).encode()).decode()


def compare(one: Any, other: Any) -> int:
    return (one > other) - (one < other)


def global_id(row: Any) -> str:
    return base64.b64encode(f"{NAMES[type(row)]}:{row.id}".encode()).decode()


class Naive:
    """Resolves every field by itself, for one tenant."""

    def __init__(self, schema: GraphQLSchema, session: Session, token: int) -> None:
        self.schema, self.session = schema, session
        found = session.get(t.TokenRow, token)
        assert found
        self.token, self.organization = found, found.organization_id

    def answer(self, document: str, variables: dict[str, Any]) -> Any:
        result = execute(
            self.schema, parse(document), variable_values=variables,
            field_resolver=self.resolve, type_resolver=lambda value, info, abstract: NAMES[type(value)],
        )  # fmt: skip
        assert not result.errors, result.errors
        return result.data

    def resolve(self, source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
        parent, name = info.parent_type.name, info.field_name
        if parent == "Query":
            return getattr(self, f"root_{name}")(**args)
        if isinstance(source, dict):
            return source[name](**args) if callable(source[name]) else source[name]
        if name == "id":
            return global_id(source)
        list_method = getattr(self, f"list_{parent}_{name}", None)
        if list_method:
            return self.connection(*list_method(source), args)
        one_method: Callable[[Any], Any] | None = getattr(self, f"one_{name}", None)
        return one_method(source) if one_method else wire(getattr(source, re.sub("([A-Z])", r"_\1", name).lower()))

    # -- root fields

    def root_viewer(self) -> Any:
        return {"token": self.token, "organizations": self.root_organizations}

    def root_organizations(self, **args: Any) -> Any:
        return self.connection("slug", False, [self.session.get(t.OrganizationRow, self.organization)], args)

    def root_organization(self, slug: str) -> Any:
        found = self.session.get(t.OrganizationRow, self.organization)
        return found if found and found.slug == slug else None

    def root_release(self, by: dict[str, Any]) -> Any:
        if by.get("id") is not None:
            found = self.root_node(by["id"])
            return found if isinstance(found, t.ReleaseRow) else None
        if not self.root_organization(by["key"]["organization"]):
            return None
        return next((one for one in self.rows(t.ReleaseRow) if one.version == by["key"]["version"]), None)

    def root_node(self, id: str) -> Any:
        try:
            name, _, key = base64.b64decode(id).decode().partition(":")
            found: Any = self.session.get(NODES[name], int(key))
        except (KeyError, ValueError):
            return None
        if found is None:
            return None
        if isinstance(found, t.TokenRow) and found.id != self.token.id:
            return None
        owner = found.id if isinstance(found, t.OrganizationRow) else found.organization_id
        return found if owner == self.organization else None

    def root_nodes(self, ids: list[str]) -> Any:
        return [self.root_node(one) for one in ids]

    # -- to-one and computed fields

    def get(self, row: type[SQLModel], key: int | None) -> Any:
        return None if key is None else self.session.get(row, key)

    def one_organization(self, source: Any) -> Any:
        return self.get(t.OrganizationRow, source.organization_id)

    def one_lastCommit(self, source: Any) -> Any:
        return self.get(t.CommitRow, source.last_commit_id)

    def one_lastDeploy(self, source: Any) -> Any:
        return self.get(t.DeployRow, source.last_deploy_id)

    def one_repository(self, source: Any) -> Any:
        return self.get(t.RepositoryRow, source.repository_id)

    def one_author(self, source: Any) -> Any:
        return self.get(t.CommitAuthorRow, source.author_id)

    def one_commit(self, source: Any) -> Any:
        return self.get(t.CommitRow, source.commit_id)

    def one_release(self, source: Any) -> Any:
        return self.get(t.ReleaseRow, source.release_id)

    def one_environment(self, source: Any) -> Any:
        return self.get(t.EnvironmentRow, source.environment_id)

    def one_shortVersion(self, source: Any) -> Any:
        return source.version

    def one_scopes(self, source: Any) -> Any:
        return source.scopes.split()

    def one_versionInfo(self, source: Any) -> Any:
        if source.description is None:
            return None
        numbers = {
            one: None if getattr(source, one) is None else int(getattr(source, one)) for one in ("major", "minor", "patch")
        }
        version = {
            "raw": source.raw,
            **numbers,
            "pre": source.pre,
            "buildCode": source.build_code,
            "components": source.components,
        }
        return {
            "package": source.package,
            "version": version,
            "description": source.description,
            "buildHash": source.build_hash,
        }

    # -- lists: (order's field, descending, rows)

    def rows(self, row: Any, **equal: Any) -> list[Any]:
        asked = select(row).where(col(row.organization_id) == self.organization)
        for name, value in equal.items():
            asked = asked.where(col(getattr(row, name)) == value)
        return list(self.session.exec(asked).all())

    def linked(self, row: Any, link: Any, key: str, **equal: Any) -> list[Any]:
        return [self.get(row, getattr(one, key)) for one in self.rows(link, **equal)]

    def list_Organization_projects(self, source: Any) -> Any:
        return "slug", False, self.rows(t.ProjectRow)

    def list_Organization_repositories(self, source: Any) -> Any:
        return "name", False, self.rows(t.RepositoryRow)

    def list_Organization_environments(self, source: Any) -> Any:
        return "name", False, self.rows(t.EnvironmentRow)

    def list_Organization_releases(self, source: Any) -> Any:
        return "date_created", True, self.rows(t.ReleaseRow)

    def list_Project_releases(self, source: Any) -> Any:
        return "date_created", True, self.linked(t.ReleaseRow, t.ReleaseProjectRow, "release_id", project_id=source.id)

    def list_Release_projects(self, source: Any) -> Any:
        return "project_id", False, self.linked(t.ProjectRow, t.ReleaseProjectRow, "project_id", release_id=source.id)

    def list_Release_commits(self, source: Any) -> Any:
        links = sorted(self.rows(t.ReleaseCommitRow, release_id=source.id), key=lambda one: one.position)
        return "position", False, [self.get(t.CommitRow, one.commit_id) for one in links]

    def list_Release_authors(self, source: Any) -> Any:
        links = sorted(self.rows(t.ReleaseAuthorRow, release_id=source.id), key=lambda one: one.position)
        return "position", False, [self.get(t.CommitAuthorRow, one.author_id) for one in links]

    def list_Release_headCommits(self, source: Any) -> Any:
        return "id", False, self.rows(t.HeadCommitRow, release_id=source.id)

    def list_Release_deploys(self, source: Any) -> Any:
        return "date_finished", True, self.rows(t.DeployRow, release_id=source.id)

    def list_Commit_fileChanges(self, source: Any) -> Any:
        return "path", False, self.rows(t.FileChangeRow, commit_id=source.id)

    def list_Commit_releases(self, source: Any) -> Any:
        return "release_id", False, self.linked(t.ReleaseRow, t.ReleaseCommitRow, "release_id", commit_id=source.id)

    def list_Deploy_projects(self, source: Any) -> Any:
        return "project_id", False, self.linked(t.ProjectRow, t.DeployProjectRow, "project_id", deploy_id=source.id)

    def connection(self, field: str, descending: bool, rows: list[Any], args: dict[str, Any]) -> Any:
        rows = [one for one in rows if self.fits(one, args.get("filter") or {})]
        if args.get("orderBy"):
            named = {"DATE_CREATED": "date_created", "DATE_RELEASED": "release_order", "SEMVER": "semver_key"}
            field = named.get(args["orderBy"]["field"], "build_number")
            descending = args["orderBy"].get("direction", "DESC") == "DESC"
        if field == "position":
            keyed = list(enumerate(rows))
        else:
            keyed = sorted(
                ((self.key(one, field), one) for one in rows), key=lambda one: (one[0], one[1].id), reverse=descending
            )
        total = len(keyed)
        for side, sign in (("after", 1), ("before", -1)):
            if args.get(side) is not None:
                _, named, *place = json.loads(base64.urlsafe_b64decode(args[side]))
                assert named == field
                wanted = -sign if descending else sign
                unique = 1 if field == "position" else 2
                keyed = [one for one in keyed if compare([wire(one[0]), one[1].id][:unique], place[:unique]) == wanted]
        placed = [(cursor(field, key, one.id), one) for key, one in keyed]
        size = args["last"] if args.get("last") is not None else 20 if args.get("first") is None else args["first"]
        more = len(placed) > size
        if args.get("last") is not None:
            placed = placed[len(placed) - size :] if more else placed
            around = {"hasNextPage": args.get("before") is not None, "hasPreviousPage": more}
        else:
            placed = placed[:size]
            around = {"hasNextPage": more, "hasPreviousPage": args.get("after") is not None}
        ends = {"startCursor": placed[0][0] if placed else None, "endCursor": placed[-1][0] if placed else None}
        return {
            "nodes": [one for _, one in placed],
            "edges": [{"cursor": place, "node": one} for place, one in placed],
            "pageInfo": {**around, **ends},
            "totalCount": total,
        }

    def key(self, row: Any, field: str) -> Any:
        if field in ("project_id", "release_id"):
            return row.id
        if field == "release_order":
            return row.date_released or NEVER
        return getattr(row, field)

    def fits(self, row: Any, given: dict[str, Any]) -> bool:
        version = given.get("version") or {}
        slugs = {one.slug for one in self.list_Release_projects(row)[2]} if given.get("project") is not None else set()
        return (
            given.get("status") in (None, getattr(row, "status", None))
            and (given.get("project") is None or given["project"] in slugs)
            and (version.get("equals") is None or row.version == version["equals"])
            and (version.get("startsWith") is None or row.version.startswith(version["startsWith"]))
        )
