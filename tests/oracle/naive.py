"""The same graph with naive resolvers over ORM rows, executed by graphql-core: slow, simple and without query plans."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, execute_sync, parse
from sqlmodel import Session, SQLModel

from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.history import MESSAGES, CommitStatus
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    VersionArtifactsRow,
)
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow, HeadCommitRow
from gql_releases.storage.schema.tables.debug_file import DebugFileRow
from gql_releases.storage.schema.tables.deploy import CurrentDeployRow, DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.event import EventRow
from gql_releases.storage.schema.tables.issue import IssueRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.project_key import ProjectKeyRow
from gql_releases.storage.schema.tables.release import ReleaseAuthorRow, ReleaseCommitRow, ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow
from gql_releases.storage.schema.tables.repository import RepositoryRow
from gql_releases.storage.schema.tables.token import TokenRow
from gql_releases.storage.schema.tables.upstream import UpstreamReleaseRow
from tests.oracle.filtering import matches
from tests.oracle.naive_events import NaiveEvents
from tests.oracle.naive_rows import refusal, wire

NODES: dict[str, type[SQLModel]] = {
    "Organization": OrganizationRow, "Project": ProjectRow, "Repository": RepositoryRow,
    "Environment": EnvironmentRow, "Release": ReleaseRow, "Commit": CommitRow,
    "CommitAuthor": CommitAuthorRow, "FileChange": FileChangeRow, "HeadCommit": HeadCommitRow,
    "Deploy": DeployRow, "CurrentDeploy": CurrentDeployRow, "Token": TokenRow,
    "ReleaseFile": ReleaseFileRow, "ArtifactBundle": ArtifactBundleRow, "DebugFile": DebugFileRow,
    "Issue": IssueRow, "Event": EventRow, "ProjectKey": ProjectKeyRow,
}  # fmt: skip
NAMES = {row: name for name, row in NODES.items()}
SORTS = {"DATE_CREATED": "date_created", "DATE_RELEASED": "release_order", "SEMVER": "semver_key", "BUILD": "build_number"}
END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def cursor(field: str, key: Any, row_id: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([1, field, wire(key), row_id], separators=(",", ":")).encode()).decode()


def compare(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def global_id(row: Any) -> str:
    return base64.b64encode(f"{NAMES[type(row)]}:{row.id}".encode()).decode()


class Naive(NaiveEvents):
    """Resolves every field separately, for one tenant."""

    def __init__(self, schema: GraphQLSchema, session: Session, token: int) -> None:
        row = session.get(TokenRow, token)
        assert row
        super().__init__(session, row.organization_id)
        self.schema, self.token = schema, row

    def run(self, document: str, variables: dict[str, Any]) -> tuple[Any, list[tuple[Any, Any]]]:
        """Return the data and each error as (path, extensions)."""
        result = execute_sync(
            self.schema, parse(document), variable_values=variables,
            field_resolver=self.resolve, type_resolver=lambda value, info, abstract: NAMES[type(value)],
        )  # fmt: skip
        for error in result.errors or ():
            if not isinstance(error.original_error, GraphQLError):  # a field without a naive form
                raise error
        return result.data, [(tuple(error.path or ()), error.extensions) for error in result.errors or ()]

    def resolve(self, source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        parent, name = info.parent_type.name, info.field_name
        if parent == "Query":
            return getattr(self, f"root_{name}")(**args)
        if isinstance(source, dict):
            return source[name](**args) if callable(source[name]) else source[name]
        if name == "id":
            return global_id(source)
        pick: Callable[..., Any] | None = getattr(self, f"pick_{parent}_{name}", None)
        if pick:
            return pick(source, **args)
        list_method: Callable[[Any], tuple[str, bool, list[Any]]] | None = getattr(self, f"list_{parent}_{name}", None)
        if list_method:
            return self.connection(*list_method(source), args)
        to_one_method: Callable[[Any], Any] | None = getattr(self, f"one_{name}", None)
        return to_one_method(source) if to_one_method else wire(getattr(source, re.sub("([A-Z])", r"_\1", name).lower()))

    # -- root fields

    def root_viewer(self) -> Any:
        return {"token": self.token, "organizations": self.root_organizations}

    def root_organizations(self, **args: Any) -> Any:
        return self.connection("slug", False, [self.session.get(OrganizationRow, self.organization)], args)

    def root_release(self, by: dict[str, Any]) -> Any:
        if by.get("id") is not None:
            row = self.root_node(by["id"])
            return row if isinstance(row, ReleaseRow) else None
        if not self.root_organization(by["key"]["organization"]):
            return None
        return next((release for release in self.rows(ReleaseRow) if release.version == by["key"]["version"]), None)

    def root_node(self, id: str) -> Any:
        try:
            name, _, key = base64.b64decode(id).decode().partition(":")
            row: Any = self.session.get(NODES[name], int(key))
        except (KeyError, ValueError):
            return None
        if row is None:
            return None
        if isinstance(row, TokenRow) and row.id != self.token.id:
            return None
        owner = row.id if isinstance(row, OrganizationRow) else row.organization_id
        return row if owner == self.organization else None

    def root_nodes(self, ids: list[str]) -> Any:
        return [self.root_node(node_id) for node_id in ids]

    def root_artifact(self, organization: str, project: str, **args: Any) -> Any:
        debug_id = normalize_debug_id(args["debugId"])
        own = self.root_organization(organization)
        projects = self.rows(ProjectRow, slug=project) if own and debug_id else []
        links = [link for row in projects for link in self.rows(ArtifactBundleProjectRow, project_id=row.id)]
        links.sort(key=lambda link: (link.date_modified, link.artifact_bundle_id), reverse=True)
        files = [file for link in links for file in self.list_bundle_files(link) if file.debug_id == (debug_id or "")[:36]]
        artifacts = [file for file in files if file.type in ("minified_source", "source_map")]
        if not artifacts:
            return None
        bundle = self.get(ArtifactBundleRow, artifacts[0].artifact_bundle_id)
        sources = [file for file in self.list_bundle_files(artifacts[0]) if file.type == "source"]
        return {
            "debugId": artifacts[0].debug_id,
            "minifiedSource": next((file for file in artifacts if file.type == "minified_source"), None),
            "sourceMap": next((file for file in artifacts if file.type == "source_map"), None),
            "bundle": bundle,
            "sources": lambda **args: self.connection("id", False, sources, args),
        }

    # -- to-one and computed fields

    def one_organization(self, source: Any) -> Any:
        return self.get(OrganizationRow, source.organization_id)

    def one_lastCommit(self, source: Any) -> Any:
        return self.get(CommitRow, source.last_commit_id)

    def one_lastDeploy(self, source: Any) -> Any:
        return self.get(DeployRow, source.last_deploy_id)

    def one_repository(self, source: Any) -> Any:
        return self.get(RepositoryRow, source.repository_id)

    def one_author(self, source: Any) -> Any:
        return self.get(CommitAuthorRow, source.author_id)

    def one_commit(self, source: Any) -> Any:
        return self.get(CommitRow, source.commit_id)

    def one_release(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.release_id)

    def one_environment(self, source: Any) -> Any:
        return self.get(EnvironmentRow, source.environment_id)

    def one_previousRelease(self, source: Any) -> Any:
        return self.get(ReleaseRow, source.previous_release_id)

    def one_deploy(self, source: Any) -> Any:
        return self.get(DeployRow, source.deploy_id)

    def one_project(self, source: Any) -> Any:
        return self.get(ProjectRow, source.project_id)

    def one_dsn(self, source: Any) -> Any:
        return f"http://{source.public_key}@testserver/{source.project_id}"

    def one_defaultRepository(self, source: Any) -> Any:
        return self.get(RepositoryRow, source.default_repository_id)

    def one_dist(self, source: Any) -> Any:
        return source.dist or None

    def one_headers(self, source: Any) -> Any:
        return json.loads(source.headers)

    def one_features(self, source: Any) -> Any:
        return json.loads(source.features)

    def one_proguardReleases(self, source: Any) -> Any:
        return json.loads(source.proguard_releases)

    def one_format(self, source: Any) -> Any:
        return source.format.upper()

    def pick_ArtifactFile_type(self, source: Any) -> Any:
        return source.type.upper()

    def one_links(self, source: Any) -> Any:
        return json.loads(source.links)

    def one_metadata(self, source: Any) -> Any:
        return None if source.metadata_json is None else json.loads(source.metadata_json)

    def one_commitStatus(self, source: Any) -> Any:
        return {"code": source.commit_status, "message": MESSAGES[CommitStatus(source.commit_status)]}

    def one_notes(self, source: Any) -> Any:
        if source.notes is not None:
            return source.notes
        commits = self.list_Release_commits(source)[2]
        lines = []
        for commit in commits[:100]:
            subject = (commit.message or "").strip().split("\n")[0].strip()
            lines.append(f"- {subject} ({commit.sha[:7]})" if subject else f"- {commit.sha[:7]}")
        lines += [f"- and {len(commits) - 100} more"] if len(commits) > 100 else []
        return "\n".join(lines) or None

    # -- to-one by arguments

    def list_shown_releases(self, project: str) -> list[Any]:
        """Return a project's releases, ordered by their date."""
        projects = [row for row in self.rows(ProjectRow) if row.slug == project]
        releases = self.list_Project_releases(projects[0])[2] if projects else []
        return sorted(releases, key=lambda release: (release.date_released or release.date_created, release.id))

    def pick_Release_previous(self, source: Any, project: str) -> Any:
        self.require_name("project", project)
        releases = self.list_shown_releases(project)
        place = releases.index(source) if source in releases else 0
        return releases[place - 1] if place else None

    def pick_Release_upstream(self, source: Any) -> Any:
        return next(iter(self.rows(UpstreamReleaseRow, version=source.version)), None)

    def pick_Release_artifacts(self, source: Any) -> Any:
        return next(iter(self.rows(VersionArtifactsRow, version=source.version)), None)

    def pick_ArtifactBundleAssociation_release(self, source: Any) -> Any:
        return next(iter(self.rows(ReleaseRow, version=source.version)), None)

    def pick_Project_latestRelease(self, source: Any, environment: str | None = None) -> Any:
        self.require_name("environment", environment)
        if environment is None:
            return next(iter(reversed(self.list_shown_releases(source.slug))), None)
        deploys = [
            deploy
            for deploy in self.rows(DeployRow, status="SUCCEEDED")
            if self.one_environment(deploy).name == environment and source in self.list_Deploy_projects(deploy)[2]
        ]
        newest = max(deploys, key=lambda deploy: (deploy.finish_order, deploy.id), default=None)
        return newest and self.one_release(newest)

    def pick_Organization_releaseContaining(self, source: Any, commit: str, repository: str | None = None) -> Any:
        self.require_name("repository", repository)
        self.require_name("commit", commit)
        short = bool(re.fullmatch("[0-9a-f]{7,39}", commit))
        for release in sorted(self.rows(ReleaseRow), key=lambda row: row.id):
            for linked_commit in self.list_Release_commits(release)[2]:
                if (linked_commit.sha.startswith(commit) if short else linked_commit.sha == commit) and repository in (
                    None,
                    self.one_repository(linked_commit).name,
                ):
                    return release
        return None

    def pick_Organization_compare(self, source: Any, project: str, base: str, head: str) -> Any:
        releases = self.list_shown_releases(project)
        versions = [release.version for release in releases]
        self.require_name("project", project)
        if base not in versions or head not in versions:
            raise refusal("RELEASE_NOT_FOUND")
        if versions.index(base) > versions.index(head):
            raise refusal("INVALID_ARGUMENT")
        between = releases[versions.index(base) + 1 : versions.index(head) + 1]
        commits = {commit.id: commit for release in between for commit in self.list_Release_commits(release)[2]}
        authors = {commit.author_id: self.one_author(commit) for commit in commits.values() if commit.author_id is not None}
        changes = [change for commit in commits.values() for change in self.list_Commit_fileChanges(commit)[2]]
        deploys = [deploy for release in between for deploy in self.list_Release_deploys(release)[2]]

        def build_list(field: str, descending: bool, rows: Any) -> Any:
            return lambda **args: self.connection(field, descending, list(rows), args)

        return {
            "base": releases[versions.index(base)],
            "head": releases[versions.index(head)],
            "releases": build_list("date_shown", True, between),
            "commits": build_list("place", False, commits.values()),
            "authors": build_list("email", False, authors.values()),
            "fileChanges": build_list("path", False, changes),
            "deploys": build_list("finish_order", True, deploys),
        }

    def one_shortVersion(self, source: Any) -> Any:
        return source.version

    def one_scopes(self, source: Any) -> Any:
        return source.scopes.split()

    def one_versionInfo(self, source: Any) -> Any:
        if source.description is None:
            return None
        numbers = {
            part: None if getattr(source, part) is None else int(getattr(source, part))
            for part in ("major", "minor", "patch")
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

    def list_Organization_projects(self, source: Any) -> Any:
        return "slug", False, self.rows(ProjectRow)

    def list_Organization_repositories(self, source: Any) -> Any:
        return "name", False, self.rows(RepositoryRow)

    def list_Organization_environments(self, source: Any) -> Any:
        return "name", False, self.rows(EnvironmentRow)

    def list_Organization_releases(self, source: Any) -> Any:
        return "date_created", True, self.rows(ReleaseRow)

    def list_Project_keys(self, source: Any) -> Any:
        return "id", False, self.rows(ProjectKeyRow, project_id=source.id)

    def list_Project_releases(self, source: Any) -> Any:
        return "date_created", True, self.list_linked(ReleaseRow, ReleaseProjectRow, "release_id", project_id=source.id)

    def list_Release_projects(self, source: Any) -> Any:
        return "project_id", False, self.list_linked(ProjectRow, ReleaseProjectRow, "project_id", release_id=source.id)

    def list_Release_commits(self, source: Any) -> Any:
        links = sorted(self.rows(ReleaseCommitRow, release_id=source.id), key=lambda link: link.position)
        return "position", False, [self.get(CommitRow, link.commit_id) for link in links]

    def list_Release_authors(self, source: Any) -> Any:
        links = sorted(self.rows(ReleaseAuthorRow, release_id=source.id), key=lambda link: link.position)
        return "position", False, [self.get(CommitAuthorRow, link.author_id) for link in links]

    def list_Release_headCommits(self, source: Any) -> Any:
        return "id", False, self.rows(HeadCommitRow, release_id=source.id)

    def list_Release_deploys(self, source: Any) -> Any:
        return "finish_order", True, self.rows(DeployRow, release_id=source.id)

    def list_Environment_current(self, source: Any) -> Any:
        return "id", False, self.rows(CurrentDeployRow, environment_id=source.id)

    def list_Environment_deploys(self, source: Any) -> Any:
        return "finish_order", True, self.rows(DeployRow, environment_id=source.id)

    def list_Commit_fileChanges(self, source: Any) -> Any:
        return "path", False, self.rows(FileChangeRow, commit_id=source.id)

    def list_Commit_releases(self, source: Any) -> Any:
        return "release_id", False, self.list_linked(ReleaseRow, ReleaseCommitRow, "release_id", commit_id=source.id)

    def list_Deploy_projects(self, source: Any) -> Any:
        return "project_id", False, self.list_linked(ProjectRow, DeployProjectRow, "project_id", deploy_id=source.id)

    def connection(self, field: str, descending: bool, rows: list[Any], args: dict[str, Any]) -> Any:
        if any((args.get(name) or 0) > 100 for name in ("first", "last")):
            raise refusal("INVALID_ARGUMENT")
        if "" in (args.get("after"), args.get("before")):
            raise refusal("INVALID_CURSOR")
        self.require_names(args.get("filter") or {})
        if args.get("query") is not None:
            rows = [row for row in rows if self.is_found(row, args["query"])]
        rows = self.select_rows(rows, args.get("filter") or {})
        if args.get("orderBy"):
            field = SORTS.get(args["orderBy"]["field"], args["orderBy"]["field"].lower())
            descending = args["orderBy"].get("direction", "DESC") == "DESC"
        if field == "position":
            keyed = list(enumerate(rows))
        else:
            keyed = sorted(
                ((self.key(row, field), row) for row in rows), key=lambda pair: (pair[0], pair[1].id), reverse=descending
            )
        total = len(keyed)
        for side, sign in (("after", 1), ("before", -1)):
            if args.get(side) is not None:
                _, cursor_field, *position = json.loads(base64.urlsafe_b64decode(args[side]))
                assert cursor_field == field
                direction = -sign if descending else sign
                unique = 1 if field == "position" else 2
                keyed = [
                    pair for pair in keyed if compare([wire(pair[0]), pair[1].id][:unique], position[:unique]) == direction
                ]
        placed = [(cursor(field, key, row.id), row) for key, row in keyed]
        size = args["last"] if args.get("last") is not None else 20 if args.get("first") is None else args["first"]
        has_more = len(placed) > size
        if args.get("last") is not None:
            placed = placed[len(placed) - size :] if has_more else placed
            page_info = {"hasNextPage": args.get("before") is not None, "hasPreviousPage": has_more}
        else:
            placed = placed[:size]
            page_info = {"hasNextPage": has_more, "hasPreviousPage": args.get("after") is not None}
        cursors = {"startCursor": placed[0][0] if placed else None, "endCursor": placed[-1][0] if placed else None}
        return {
            "nodes": [row for _, row in placed],
            "edges": [{"cursor": row_cursor, "node": row} for row_cursor, row in placed],
            "pageInfo": {**page_info, **cursors},
            "totalCount": total,
        }

    def select_rows(self, rows: list[Any], conditions: dict[str, Any]) -> list[Any]:
        match rows:
            case [ReleaseFileRow() | DebugFileRow(), *_]:
                return self.select_files(rows, conditions)
            case [IssueRow() | SimpleNamespace(), *_]:
                return self.select_issues(rows, conditions)
            case [EventRow(), *_]:
                return self.select_stored_events(rows, conditions)
        return [row for row in rows if matches(row, conditions, self.list_related)]

    def key(self, row: Any, field: str) -> Any:
        if field in ("project_id", "release_id") and not isinstance(row, SimpleNamespace):
            return row.id
        if field == "place":
            position = min(link.position for link in self.rows(ReleaseCommitRow, commit_id=row.id))
            return f"{10**9 + position}{self.one_repository(row).name} {row.sha}"
        if field == "date_shown":
            return row.date_released or row.date_created
        if field == "release_order":
            return row.date_released or END_OF_TIME
        return getattr(row, field)

    def list_related(self, row: Any, name: str) -> set[Any]:
        commits = self.list_Release_commits(row)[2] if name in ("commit", "path") else []
        match name:
            case "project":
                return {project.slug for project in self.list_Release_projects(row)[2]}
            case "environment":
                return {self.one_environment(deploy).name for deploy in self.list_Release_deploys(row)[2]}
            case "author":
                return {author.email for author in self.list_Release_authors(row)[2]}
            case "commit":
                return {commit.sha for commit in commits}
            case _:
                return {change.path for commit in commits for change in self.list_Commit_fileChanges(commit)[2]}
