"""Writes the states of assemblies: requests for files, kept until they are finished, also if their process ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, or_, select, update

from gql_releases.domain.assembly import AssemblyKind, AssemblyRequest, AssemblyState, StoredAssembly
from gql_releases.domain.dates import now, parse_date
from gql_releases.domain.principal import Principal
from gql_releases.storage.engine.database import Database
from gql_releases.storage.engine.natural_keys import bind_columns, match_ids
from gql_releases.storage.engine.statements import IdRow, RowStatement, Statement, Transaction
from gql_releases.storage.engine.types import Id, UtcDateTime
from gql_releases.storage.files.chunks import DELETE_CHUNK, find_chunk_sizes
from gql_releases.storage.lookup import require_active_token
from gql_releases.storage.schema.columns import table
from gql_releases.storage.schema.tables.blob import AssemblyRow
from gql_releases.storage.schema.tables.organization import OrganizationRow

assemblies, organizations = table(AssemblyRow), table(OrganizationRow)

MAX_FURTHER_REQUESTS = 1_000
"""Requests for one file with other parameters that are kept while it is assembled."""
MAX_RESUMED = 200

_KEY = ("kind", "subject", "checksum")
_IS_UNFINISHED = or_(*(assemblies.c.state == state.value for state in AssemblyState if state.is_unfinished))


class AssemblyColumns(NamedTuple):
    """The columns of an assembly, and its organization's slug."""

    id: int
    organization_id: int
    slug: str
    kind: str
    subject: str
    checksum: str
    state: str
    detail: str | None
    request: str
    date_updated: Any


_SELECT_ASSEMBLIES = select(
    assemblies.c.id,
    assemblies.c.organization_id,
    organizations.c.slug,
    *(assemblies.c[name] for name in _KEY),
    assemblies.c.state,
    assemblies.c.detail,
    assemblies.c.request,
    assemblies.c.date_updated,
).join_from(assemblies, organizations)
_MATCH_KEY = [
    *match_ids(assemblies, "organization_id"),
    *(assemblies.c[name] == bindparam(name, type_=assemblies.c[name].type) for name in _KEY),
]
FIND_ASSEMBLY = RowStatement("assemblies.find", AssemblyColumns, _SELECT_ASSEMBLIES.where(*_MATCH_KEY))
LOCK_ASSEMBLY = RowStatement(
    "assemblies.find_and_lock", AssemblyColumns, _SELECT_ASSEMBLIES.where(*_MATCH_KEY).with_for_update(of=assemblies)
)
LIST_UNFINISHED = RowStatement(
    "assemblies.list_unfinished",
    AssemblyColumns,
    _SELECT_ASSEMBLIES.where(_IS_UNFINISHED).order_by(assemblies.c.date_updated, assemblies.c.id).limit(MAX_RESUMED),
)
INSERT_ASSEMBLY = RowStatement(
    "assemblies.insert",
    IdRow,
    lambda dialect: (
        dialect.insert(assemblies)
        .values(
            bind_columns(assemblies, "organization_id", *_KEY, "state", "detail", "request", "date_created", "date_updated")
        )
        .on_conflict_do_nothing()
        .returning(assemblies.c.id)
    ),
)
_MATCH_ID = assemblies.c.id == bindparam("assembly", type_=Id)
CLAIM_ASSEMBLY = RowStatement(
    "assemblies.claim",
    IdRow,
    update(assemblies)
    .values(bind_columns(assemblies, "state", "detail", "request", "date_updated"))
    .where(_MATCH_ID, assemblies.c.date_updated == bindparam("expected_date", type_=UtcDateTime))
    .returning(assemblies.c.id),
)
UPDATE_ASSEMBLY = Statement(
    "assemblies.update",
    update(assemblies).values(bind_columns(assemblies, "state", "detail", "request", "date_updated")).where(_MATCH_ID),
)
RENEW_ASSEMBLY = Statement(
    "assemblies.renew",
    update(assemblies).values(bind_columns(assemblies, "state", "date_updated")).where(_MATCH_ID, _IS_UNFINISHED),
)
DELETE_ASSEMBLY = Statement(
    "assemblies.delete",
    delete(assemblies).where(_MATCH_ID, assemblies.c.date_updated == bindparam("expected_date", type_=UtcDateTime)),
)


FORGET_ASSEMBLY = Statement("assemblies.forget", delete(assemblies).where(*_MATCH_KEY))


async def note_assembled(
    transaction: Transaction, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None = None
) -> None:
    """Set the state ok, in the transaction that stores what was made of the file. `result` is kept, in JSON's types."""
    row = await LOCK_ASSEMBLY.fetch_one(transaction, _bind_key(principal.organization_id, request))
    if row is not None:
        text = _write_request(request, owner=None, result=result)
        await transaction.execute(UPDATE_ASSEMBLY, _bind_state(row.id, AssemblyState.OK, None, text))


async def forget_assembly(
    transaction: Transaction, organization: int, kind: AssemblyKind, subject: str, checksum: str
) -> None:
    """Delete a state, in the transaction that deletes what was made of the file: it can be uploaded again."""
    values = {"organization_id": organization, "kind": kind.value, "subject": subject, "checksum": checksum}
    await transaction.execute(FORGET_ASSEMBLY, values)


async def list_parameters(
    transaction: Transaction, principal: Principal, request: AssemblyRequest
) -> list[Mapping[str, Any]]:
    """Return the parameters of a request, and of others for the same file that came meanwhile.

    To be called in the transaction that sets the state: no other request is added in between.
    """
    row = await LOCK_ASSEMBLY.fetch_one(transaction, _bind_key(principal.organization_id, request))
    further = _parse_row(row).further_parameters if row else ()
    return [request.parameters, *(parameters for parameters in further if parameters != request.parameters)]


class AssemblyStore:
    """States of assemblies in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look_up(self, principal: Principal, request: AssemblyRequest) -> tuple[StoredAssembly | None, dict[str, int]]:
        """Return the state of a request, None if there is none, and the sizes of those chunks that are there, by SHA-1.

        Raises InvalidToken.
        """
        organization = principal.organization_id

        async def work(transaction: Transaction) -> tuple[StoredAssembly | None, dict[str, int]]:
            await require_active_token(transaction, principal)
            row = await FIND_ASSEMBLY.fetch_one(transaction, _bind_key(organization, request))
            sizes = await find_chunk_sizes(transaction, organization, request.chunks)
            return _parse_row(row) if row else None, sizes

        return await self._database.read(work)

    async def create(self, principal: Principal, request: AssemblyRequest, state: AssemblyState, owner: str) -> int | None:
        """Insert a state and return its id; None if there is one. Raises InvalidToken."""
        moment = now()
        values = {
            **_bind_key(principal.organization_id, request), "state": state.value, "detail": None,
            "request": _write_request(request, owner=owner), "date_created": moment, "date_updated": moment,
        }  # fmt: skip

        async def work(transaction: Transaction) -> int | None:
            await require_active_token(transaction, principal)
            row = await INSERT_ASSEMBLY.fetch_one(transaction, values)
            return row.id if row else None

        return await self._database.write(work)

    async def claim(self, assembly: StoredAssembly, request: AssemblyRequest, state: AssemblyState, owner: str) -> bool:
        """Begin an assembly anew; return False if another process changed it since it was read."""
        text = _write_request(request, owner=owner, further=_list_further(assembly, request))
        values = {**_bind_state(assembly.id, state, None, text), "expected_date": assembly.date_updated}

        async def work(transaction: Transaction) -> bool:
            return await CLAIM_ASSEMBLY.fetch_one(transaction, values) is not None

        return await self._database.write(work)

    async def add_parameters(self, principal: Principal, request: AssemblyRequest) -> bool:
        """Keep the parameters of a request for a file that is being assembled; return False if it no longer is."""

        async def work(transaction: Transaction) -> bool:
            await require_active_token(transaction, principal)
            row = await LOCK_ASSEMBLY.fetch_one(transaction, _bind_key(principal.organization_id, request))
            if row is None or not AssemblyState(row.state).is_unfinished:
                return False
            stored = _parse_row(row)
            further = stored.further_parameters
            if request.parameters != stored.request.parameters and request.parameters not in further:
                further = (*further, dict(request.parameters))[:MAX_FURTHER_REQUESTS]
                text = _write_request(stored.request, owner=stored.owner, further=further)
                await transaction.execute(UPDATE_ASSEMBLY, _bind_state(stored.id, stored.state, None, text))
            return True

        return await self._database.write(work)

    async def renew(self, assembly_id: int) -> None:
        """Note that a process works on an assembly now."""
        values = {"assembly": assembly_id, "state": AssemblyState.ASSEMBLING.value, "date_updated": now()}

        async def work(transaction: Transaction) -> None:
            await transaction.execute(RENEW_ASSEMBLY, values)

        await self._database.write(work)

    async def fail(self, principal: Principal, request: AssemblyRequest, detail: str) -> None:
        """Set the state error."""
        await self._finish(principal, request, AssemblyState.ERROR, detail)

    async def release(self, principal: Principal, request: AssemblyRequest) -> None:
        """Note that no process works on an unfinished assembly: the next one begins it anew."""
        await self._finish(principal, request, AssemblyState.CREATED, None)

    async def forget(self, assembly: StoredAssembly) -> None:
        """Delete a state unless another process changed it since it was read."""
        values = {"assembly": assembly.id, "expected_date": assembly.date_updated}

        async def work(transaction: Transaction) -> None:
            await transaction.execute(DELETE_ASSEMBLY, values)

        await self._database.write(work)

    async def forget_chunk(self, organization: int, sha1: str) -> None:
        """Delete the row of a chunk whose bytes are gone, so that clients upload it again."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute(DELETE_CHUNK, {"organization": organization, "chunk": sha1})

        await self._database.write(work)

    async def list_unfinished(self) -> list[StoredAssembly]:
        """Return unfinished assemblies of all organizations, those that were not worked on for longest first."""

        async def work(transaction: Transaction) -> list[StoredAssembly]:
            return [_parse_row(row) for row in await LIST_UNFINISHED.fetch_all(transaction, {})]

        return await self._database.read(work)

    async def _finish(
        self, principal: Principal, request: AssemblyRequest, state: AssemblyState, detail: str | None
    ) -> None:
        async def work(transaction: Transaction) -> None:
            row = await LOCK_ASSEMBLY.fetch_one(transaction, _bind_key(principal.organization_id, request))
            if row is None or not AssemblyState(row.state).is_unfinished:
                return
            further = _parse_row(row).further_parameters if state.is_unfinished else ()
            text = _write_request(request, owner=None, further=further)
            await transaction.execute(UPDATE_ASSEMBLY, _bind_state(row.id, state, detail, text))

        await self._database.write(work)


def _list_further(assembly: StoredAssembly, request: AssemblyRequest) -> list[Mapping[str, Any]]:
    """Return the parameters of unfinished requests beside those of the request that is begun."""
    if not assembly.state.is_unfinished:
        return []
    parameters = (assembly.request.parameters, *assembly.further_parameters)
    return [further for further in parameters if further != request.parameters]


def _bind_key(organization: int, request: AssemblyRequest) -> dict[str, Any]:
    kind, subject, checksum = request.key
    return {"organization_id": organization, "kind": kind, "subject": subject, "checksum": checksum}


def _bind_state(assembly_id: int, state: AssemblyState, detail: str | None, request: str) -> dict[str, Any]:
    return {
        "assembly": assembly_id, "state": state.value, "detail": detail, "request": request, "date_updated": now(),
    }  # fmt: skip


def _write_request(
    request: AssemblyRequest,
    *,
    owner: str | None,
    result: Mapping[str, Any] | None = None,
    further: Sequence[Mapping[str, Any]] = (),
) -> str:
    value: dict[str, Any] = {"chunks": request.chunks, "parameters": dict(request.parameters)}
    value |= {"owner": owner, "result": result and dict(result), "further": [dict(parameters) for parameters in further]}
    return orjson.dumps(value).decode()


def _parse_row(row: AssemblyColumns) -> StoredAssembly:
    value = orjson.loads(row.request)
    kind = AssemblyKind(row.kind)
    date: datetime = parse_date(row.date_updated) if isinstance(row.date_updated, str) else row.date_updated
    return StoredAssembly(
        id=row.id,
        organization_id=row.organization_id,
        organization_slug=row.slug,
        request=AssemblyRequest(kind, row.subject, row.checksum, tuple(value["chunks"]), value["parameters"]),
        state=AssemblyState(row.state),
        detail=row.detail,
        owner=value.get("owner"),
        result=value.get("result"),
        further_parameters=tuple(value.get("further", ())),
        date_updated=date,
    )
