"""Adds requests for an organization's upstream to the outbox, in the transaction of the write that they forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, case, literal, select, update
from sqlalchemy.sql.elements import Null

from gql_releases.domain.commit import Author, ChangeType, FileChange, NewCommit, sort_commits
from gql_releases.domain.dates import now
from gql_releases.domain.forwarding import Body, Kind, UpstreamState, change_body, creation_body, deploy_body, status_body
from gql_releases.domain.principal import Principal
from gql_releases.domain.ref import Ref
from gql_releases.domain.release import RELEASE_FIELDS, NewRelease, Status
from gql_releases.storage.engine.natural_keys import bind_columns, insert_returning
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, to_datetime
from gql_releases.storage.lookup import ReleaseHandle
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.commit import CommitAuthorRow, CommitRow, FileChangeRow
from gql_releases.storage.schema.tables.deploy import DeployProjectRow, DeployRow
from gql_releases.storage.schema.tables.environment import EnvironmentRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseCommitRow, ReleaseProjectRow, ReleaseRow
from gql_releases.storage.schema.tables.repository import RepositoryRow
from gql_releases.storage.schema.tables.upstream import OutboxRow, UpstreamReleaseRow, UpstreamRow

upstreams, queues, outbox = table(UpstreamRow), table(UpstreamReleaseRow), table(OutboxRow)
releases, links, projects = table(ReleaseRow), table(ReleaseProjectRow), table(ProjectRow)
commits, commit_links, changes = table(CommitRow), table(ReleaseCommitRow), table(FileChangeRow)
repositories, authors = table(RepositoryRow), table(CommitAuthorRow)
deploys, deploy_projects, environments = table(DeployRow), table(DeployProjectRow), table(EnvironmentRow)

Requests = list[tuple[Kind, Body | None]]
FORWARDED_FIELDS = [field for field in RELEASE_FIELDS if field.is_in_sentry]


class Queue(NamedTuple):
    """A release's queue; `id` is None where no request about the release was ever added."""

    organization_id: int
    id: int | None


class Slug(NamedTuple):
    """A project's slug."""

    slug: str


class StoredChange(NamedTuple):
    """A file change of a commit of a release."""

    commit_id: int
    path: str
    type: str


class StoredCommit(NamedTuple):
    """A commit of a release."""

    id: int
    sha: str
    repository: str
    message: str | None
    email: str | None
    author_name: str | None
    timestamp: datetime | str | None


class StoredDeploy(NamedTuple):
    """A deploy, with the version of its release and the name of its environment."""

    version: str
    release_id: int
    environment: str
    deploy_name: str | None
    url: str | None
    date_started: datetime | str | None
    date_finished: datetime | str | None
    external_id: str | None


def _bind(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


# The only statement of a write without an upstream. PostgreSQL locks the row against deletion.
LOCK_UPSTREAM_AND_FIND_QUEUE = RowStatement(
    "outbox.lock_upstream_and_find_queue",
    Queue,
    select(upstreams.c.organization_id, queues.c.id)
    .select_from(
        upstreams.outerjoin(
            queues,
            and_(
                queues.c.organization_id == upstreams.c.organization_id,
                queues.c.version == _bind(queues.c.version, "version"),
            ),
        )
    )
    .where(upstreams.c.organization_id == bindparam("organization", type_=Id))
    .with_for_update(read=True, key_share=True, of=upstreams),
)
INSERT_QUEUE = insert_returning("outbox.insert_queue", queues, *(column.name for column in queues.c if column.name != "id"))
_waiting = queues.c.state == UpstreamState.PENDING.value
# A pending queue keeps its next attempt; a failed one is retried, because its cause may be gone.
WAKE_QUEUE = RowStatement(
    "outbox.wake_queue",
    IdRow,
    update(queues)
    .values(
        state=literal(UpstreamState.PENDING.value),
        next_attempt_at=case((_waiting, queues.c.next_attempt_at), else_=_bind(queues.c.next_attempt_at, "now")),
        attempts=case((_waiting, queues.c.attempts), else_=0),
        last_error=case((_waiting, queues.c.last_error), else_=Null()),
    )
    .where(queues.c.id == bindparam("queue", type_=Id))
    .returning(queues.c.id),
)
INSERT_REQUEST = Statement(
    "outbox.insert_request",
    outbox.insert().values(bind_columns(outbox, *(column.name for column in outbox.c if column.name != "id"))),
)


def filter_by_release(target: Any) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of one release."""
    return [
        target.c.organization_id == bindparam("organization", type_=Id),
        target.c.release_id == bindparam("release", type_=Id),
    ]


LIST_PROJECT_SLUGS = RowStatement(
    "outbox.list_project_slugs",
    Slug,
    select(projects.c.slug)
    .join_from(links, projects, projects.c.id == links.c.project_id)
    .where(*filter_by_release(links))
    .order_by(projects.c.id),
)
FIND_RELEASE = Statement(
    "outbox.find_release",
    select(releases.c.version, *(releases.c[field.column] for field in FORWARDED_FIELDS)).where(
        releases.c.organization_id == bindparam("organization", type_=Id), releases.c.id == bindparam("release", type_=Id)
    ),
)
LIST_COMMITS = RowStatement("outbox.list_commits", StoredCommit,
    select(
        commits.c.id, commits.c.sha, repositories.c.name, commits.c.message, authors.c.email, authors.c.name,
        commits.c.timestamp,
    )
    .select_from(
        commit_links.join(commits, commits.c.id == commit_links.c.commit_id)
        .join(repositories, repositories.c.id == commits.c.repository_id)
        .outerjoin(authors, authors.c.id == commits.c.author_id)
    )
    .where(*filter_by_release(commit_links))
    .order_by(commit_links.c.position)
)  # fmt: skip
LIST_FILE_CHANGES = RowStatement(
    "outbox.list_file_changes",
    StoredChange,
    select(changes.c.commit_id, changes.c.path, changes.c.type)
    .where(
        changes.c.organization_id == bindparam("organization", type_=Id),
        changes.c.commit_id.in_(select(commit_links.c.commit_id).where(*filter_by_release(commit_links))),
    )
    .order_by(changes.c.commit_id, changes.c.path),
)
FIND_DEPLOY = RowStatement("outbox.find_deploy", StoredDeploy,
    select(
        releases.c.version, deploys.c.release_id, environments.c.name, deploys.c.name, deploys.c.url,
        deploys.c.date_started, deploys.c.date_finished, deploys.c.external_id,
    )
    .select_from(
        deploys.join(releases, releases.c.id == deploys.c.release_id).join(
            environments, environments.c.id == deploys.c.environment_id
        )
    )
    .where(deploys.c.organization_id == bindparam("organization", type_=Id), deploys.c.id == bindparam("deploy", type_=Id))
)  # fmt: skip
LIST_DEPLOY_SLUGS = RowStatement(
    "outbox.list_deploy_slugs",
    Slug,
    select(projects.c.slug)
    .join_from(deploy_projects, projects, projects.c.id == deploy_projects.c.project_id)
    .where(
        deploy_projects.c.organization_id == bindparam("organization", type_=Id),
        deploy_projects.c.deploy_id == bindparam("deploy", type_=Id),
    )
    .order_by(projects.c.id),
)


async def forward_creation(
    transaction: Transaction, principal: Principal, release: int, new: NewRelease, *, is_existing: bool
) -> None:
    """Forward a creation; `is_existing`: the release existed before it."""
    queue = await _find_queue(transaction, principal, new.version)
    if queue:
        slugs = await _list_slugs(transaction, principal, release)
        request = (Kind.CREATION, creation_body(new, slugs, sort_commits(new.commits)))
        existing = release if is_existing else None
        await _add_requests(transaction, principal, queue, new.version, existing, [request])


async def forward_change(
    transaction: Transaction,
    principal: Principal,
    release: ReleaseHandle,
    values: Mapping[str, Any],
    commits: Sequence[NewCommit] | None = None,
    refs: Sequence[Ref] | None = None,
    only_repository: str | None = None,
) -> None:
    """Forward a change of columns, commits or refs.

    Sentry replaces all commits of a release: where those of one repository change, all are sent.
    """
    queue = await _find_queue(transaction, principal, release.version)
    if queue is None:
        return
    requests: Requests = []
    if only_repository is not None:
        commits = await _load_commits(transaction, principal, release.id)
    elif commits is not None:
        commits = sort_commits(commits)
    facts = {name: value for name, value in values.items() if name != "status"}
    if body := change_body(facts, commits, refs):
        requests.append((Kind.CHANGE, body))
    status: Status | None = values.get("status")
    if status:
        slugs = await _list_slugs(transaction, principal, release.id)
        requests.append((Kind.CREATION, status_body(release.version, slugs, status)))
    if requests:
        await _add_requests(transaction, principal, queue, release.version, release.id, requests)


async def forward_deletion(transaction: Transaction, principal: Principal, version: str) -> None:
    """Forward a deletion."""
    queue = await _find_queue(transaction, principal, version)
    if queue:
        await _add_requests(transaction, principal, queue, version, None, [(Kind.DELETION, None)])


async def forward_deploy(transaction: Transaction, principal: Principal, deploy: int) -> None:
    """Forward a deploy that has succeeded; Sentry knows no other status."""
    if not principal.forwards:
        return
    where = {"organization": principal.organization_id, "deploy": deploy}
    row = await FIND_DEPLOY.fetch_one(transaction, where)
    assert row
    queue = await _find_queue(transaction, principal, row.version)
    if queue:
        slugs = [project.slug for project in await LIST_DEPLOY_SLUGS.fetch_all(transaction, where)]
        dates = to_datetime(row.date_started), to_datetime(row.date_finished)
        body = deploy_body(row.environment, row.deploy_name, row.url, *dates, slugs)
        if row.external_id is not None:  # Sentry ignores it; another gateway as upstream stores it
            body["externalId"] = row.external_id
        await _add_requests(transaction, principal, queue, row.version, row.release_id, [(Kind.DEPLOY, body)])


async def _find_queue(transaction: Transaction, principal: Principal, version: str) -> Queue | None:
    if not principal.forwards:
        return None
    values = {"organization": principal.organization_id, "version": version}
    return await LOCK_UPSTREAM_AND_FIND_QUEUE.fetch_one(transaction, values)


async def _add_requests(
    transaction: Transaction,
    principal: Principal,
    queue: Queue,
    version: str,
    existing: int | None,
    requests: Requests,
) -> None:
    """Append requests to a release's queue; in a new queue of an `existing` release its creation comes first."""
    organization, moment = principal.organization_id, now()
    number = queue.id
    # The queue of a deleted release is deleted when the deletion was sent, which may be now.
    if number is None or await WAKE_QUEUE.fetch_one(transaction, {"queue": number, "now": moment}) is None:
        row = {
            "organization_id": organization, "version": version, "state": UpstreamState.PENDING, "attempts": 0,
            "last_error": None, "next_attempt_at": moment, "claim": 0, "last_deploy": None,
        }  # fmt: skip
        [(number,)] = await transaction.fetch_many(INSERT_QUEUE, [row])
        if existing is not None:
            requests = [(Kind.CREATION, await _load_creation(transaction, principal, existing)), *requests]
    common = {"organization_id": organization, "queue_id": number, "attempts": 0, "date_created": moment}
    rows = [
        {**common, "kind": kind, "body": None if body is None else orjson.dumps(body).decode()} for kind, body in requests
    ]
    await transaction.execute_many(INSERT_REQUEST, rows)


async def _load_creation(transaction: Transaction, principal: Principal, release: int) -> Body:
    """Return the body that creates a release as it is stored."""
    row = await transaction.fetch_one(FIND_RELEASE, {"organization": principal.organization_id, "release": release})
    assert row
    version, *values = row
    # The values are not validated again: the rules may have been others when they were written.
    facts = {field.name: value for field, value in zip(FORWARDED_FIELDS, values, strict=True)}
    facts["date_released"] = to_datetime(facts["date_released"])
    facts["status"] = Status.ARCHIVED if facts["status"] == Status.ARCHIVED else None
    commits = await _load_commits(transaction, principal, release)
    slugs = await _list_slugs(transaction, principal, release)
    return {"version": version, "projects": slugs, **change_body(facts, commits or None, None)}


async def _list_slugs(transaction: Transaction, principal: Principal, release: int) -> list[str]:
    values = {"organization": principal.organization_id, "release": release}
    return [project.slug for project in await LIST_PROJECT_SLUGS.fetch_all(transaction, values)]


async def _load_commits(transaction: Transaction, principal: Principal, release: int) -> list[NewCommit]:
    where = {"organization": principal.organization_id, "release": release}
    changes_by_commit: dict[int, list[FileChange]] = {}
    for change in await LIST_FILE_CHANGES.fetch_all(transaction, where):
        changes_by_commit.setdefault(change.commit_id, []).append(FileChange(change.path, ChangeType(change.type)))
    default_repository = f"organization-{principal.organization_id}"
    return [
        NewCommit(
            row.sha,
            None if row.repository == default_repository else row.repository,
            row.message,
            None if row.email is None else Author(row.email, row.author_name),
            to_datetime(row.timestamp),
            tuple(changes_by_commit.get(row.id, ())),
        )
        for row in await LIST_COMMITS.fetch_all(transaction, where)
    ]
