"""Puts what was written into the outbox, in the writer's own transaction, where the organization has an upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from gql_releases.storage.engine.statements import Statement, Transaction
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


def _bind(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


# The one look-up that a write costs where there is no upstream. PostgreSQL keeps the row from being taken away meanwhile.
LOCK_UPSTREAM_AND_FIND_QUEUE = Statement(
    "outbox.lock_upstream_and_find_queue",
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
# A release that waits goes on waiting for its turn; one that was refused is tried again, for what refused it may be gone.
WAKE_QUEUE = Statement(
    "outbox.wake_queue",
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
    outbox.insert().values(bind_columns(outbox, *(one.name for one in outbox.c if one.name != "id"))),
)


def filter_by_release(target: Any) -> list[ColumnElement[bool]]:
    """Return the conditions for the rows of one release."""
    return [
        target.c.organization_id == bindparam("organization", type_=Id),
        target.c.release_id == bindparam("release", type_=Id),
    ]


LIST_PROJECT_SLUGS = Statement(
    "outbox.list_project_slugs",
    select(projects.c.slug)
    .join_from(links, projects, projects.c.id == links.c.project_id)
    .where(*filter_by_release(links))
    .order_by(projects.c.id),
)
FORWARDED_FIELDS = [field for field in RELEASE_FIELDS if field.is_in_sentry]
FIND_RELEASE = Statement(
    "outbox.find_release",
    select(releases.c.version, *(releases.c[field.column] for field in FORWARDED_FIELDS)).where(
        releases.c.organization_id == bindparam("organization", type_=Id), releases.c.id == bindparam("release", type_=Id)
    ),
)
LIST_COMMITS = Statement("outbox.list_commits", 
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
LIST_FILE_CHANGES = Statement(
    "outbox.list_file_changes",
    select(changes.c.commit_id, changes.c.path, changes.c.type)
    .where(
        changes.c.organization_id == bindparam("organization", type_=Id),
        changes.c.commit_id.in_(select(commit_links.c.commit_id).where(*filter_by_release(commit_links))),
    )
    .order_by(changes.c.commit_id, changes.c.path),
)
FIND_DEPLOY = Statement("outbox.find_deploy", 
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
LIST_DEPLOY_SLUGS = Statement(
    "outbox.list_deploy_slugs",
    select(projects.c.slug)
    .join_from(deploy_projects, projects, projects.c.id == deploy_projects.c.project_id)
    .where(
        deploy_projects.c.organization_id == bindparam("organization", type_=Id),
        deploy_projects.c.deploy_id == bindparam("deploy", type_=Id),
    )
    .order_by(projects.c.id),
)


@dataclass(frozen=True, slots=True)
class _Queue:
    """A release's queue; `id` is None where nothing of the release was ever sent on."""

    id: int | None


async def forward_creation(
    transaction: Transaction, principal: Principal, release: int, new: NewRelease, *, known: bool
) -> None:
    """Send a creation on; `known`: the release was there already."""
    queue = await _find_queue(transaction, principal, new.version)
    if queue:
        slugs = await _list_slugs(transaction, principal, release)
        request = (Kind.CREATION, creation_body(new, slugs, sort_commits(new.commits)))
        await _put_requests(transaction, principal, queue, new.version, release if known else None, [request])


async def forward_change(
    transaction: Transaction,
    principal: Principal,
    found: ReleaseHandle,
    values: Mapping[str, Any],
    commits: Sequence[NewCommit] | None = None,
    refs: Sequence[Ref] | None = None,
    only_repository: str | None = None,
) -> None:
    """Send a change on: facts, commits, refs. Sentry replaces all commits, so those of one repository become all."""
    queue = await _find_queue(transaction, principal, found.version)
    if queue is None:
        return
    requests: Requests = []
    if only_repository is not None:
        commits = await _load_commits(transaction, principal, found.id)
    elif commits is not None:
        commits = sort_commits(commits)
    facts = {name: value for name, value in values.items() if name != "status"}
    if body := change_body(facts, commits, refs):
        requests.append((Kind.CHANGE, body))
    status: Status | None = values.get("status")
    if status:
        slugs = await _list_slugs(transaction, principal, found.id)
        requests.append((Kind.CREATION, status_body(found.version, slugs, status)))
    if requests:
        await _put_requests(transaction, principal, queue, found.version, found.id, requests)


async def forward_deletion(transaction: Transaction, principal: Principal, version: str) -> None:
    """Send a deletion on."""
    queue = await _find_queue(transaction, principal, version)
    if queue:
        await _put_requests(transaction, principal, queue, version, None, [(Kind.DELETION, None)])


async def forward_deploy(transaction: Transaction, principal: Principal, deploy: int) -> None:
    """Send on a deploy that has succeeded; Sentry has none of any other kind."""
    if not principal.forwards:
        return
    where = {"organization": principal.organization_id, "deploy": deploy}
    row = await transaction.fetch_one(FIND_DEPLOY, where)
    assert row
    version, release, environment, name, url, started, finished, external_id = row
    queue = await _find_queue(transaction, principal, version)
    if queue:
        slugs = [one[0] for one in await transaction.fetch_all(LIST_DEPLOY_SLUGS, where)]
        body = deploy_body(environment, name, url, to_datetime(started), to_datetime(finished), slugs)
        if external_id is not None:  # Sentry does not know it; an upstream that does keeps it
            body["externalId"] = external_id
        await _put_requests(transaction, principal, queue, version, release, [(Kind.DEPLOY, body)])


async def _find_queue(transaction: Transaction, principal: Principal, version: str) -> _Queue | None:
    if not principal.forwards:
        return None
    row = await transaction.fetch_one(
        LOCK_UPSTREAM_AND_FIND_QUEUE, {"organization": principal.organization_id, "version": version}
    )
    return None if row is None else _Queue(row[1])


async def _put_requests(
    transaction: Transaction,
    principal: Principal,
    queue: _Queue,
    version: str,
    known: int | None,
    requests: Requests,
) -> None:
    """Put requests at the end of a release's queue; before the first ones of a `known` release stands its creation."""
    organization, moment = principal.organization_id, now()
    number = queue.id
    # The queue of a release that is gone goes with the deletion's arrival, which may be now.
    if number is None or await transaction.fetch_one(WAKE_QUEUE, {"queue": number, "now": moment}) is None:
        row = {
            "organization_id": organization, "version": version, "state": UpstreamState.PENDING, "attempts": 0,
            "last_error": None, "next_attempt_at": moment, "claim": 0, "last_deploy": None,
        }  # fmt: skip
        [(number,)] = await transaction.fetch_many(INSERT_QUEUE, [row])
        if known is not None:
            requests = [(Kind.CREATION, await _load_creation(transaction, principal, known)), *requests]
    common = {"organization_id": organization, "queue_id": number, "attempts": 0, "date_created": moment}
    rows = [
        {**common, "kind": kind, "body": None if body is None else orjson.dumps(body).decode()} for kind, body in requests
    ]
    await transaction.execute_many(INSERT_REQUEST, rows)


async def _load_creation(transaction: Transaction, principal: Principal, release: int) -> Body:
    """Spell the creation of a release as it stands in the store."""
    row = await transaction.fetch_one(FIND_RELEASE, {"organization": principal.organization_id, "release": release})
    assert row
    version, *values = row
    # The store's own rules may have been others when it was written: nothing of it is read anew.
    facts = {field.name: value for field, value in zip(FORWARDED_FIELDS, values, strict=True)}
    facts["date_released"] = to_datetime(facts["date_released"])
    facts["status"] = Status.ARCHIVED if facts["status"] == Status.ARCHIVED else None
    found = await _load_commits(transaction, principal, release)
    slugs = await _list_slugs(transaction, principal, release)
    return {"version": version, "projects": slugs, **change_body(facts, found or None, None)}


async def _list_slugs(transaction: Transaction, principal: Principal, release: int) -> list[str]:
    rows = await transaction.fetch_all(LIST_PROJECT_SLUGS, {"organization": principal.organization_id, "release": release})
    return [row[0] for row in rows]


async def _load_commits(transaction: Transaction, principal: Principal, release: int) -> list[NewCommit]:
    where = {"organization": principal.organization_id, "release": release}
    touched: dict[int, list[FileChange]] = {}
    for commit, path, kind in await transaction.fetch_all(LIST_FILE_CHANGES, where):
        touched.setdefault(commit, []).append(FileChange(path, ChangeType(kind)))
    unnamed = f"organization-{principal.organization_id}"
    return [
        NewCommit(
            sha,
            None if repository == unnamed else repository,
            message,
            None if email is None else Author(email, name),
            to_datetime(timestamp),
            tuple(touched.get(row_id, ())),
        )
        for row_id, sha, repository, message, email, name, timestamp in await transaction.fetch_all(LIST_COMMITS, where)
    ]
