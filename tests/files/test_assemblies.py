"""Assembling of chunks: states, errors, and what happens if a process ends in between."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.domain.assembly import (
    AssembleFailed,
    AssemblyKind,
    AssemblyRequest,
    AssemblyState,
    AssemblyStatus,
)
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.errors import InvalidToken, NoSpaceLeft, Unavailable
from gql_releases.domain.principal import Principal
from gql_releases.services.assemblies import Assembler
from gql_releases.storage.engine.statements import Transaction
from gql_releases.storage.files.assemblies import list_parameters, note_assembled
from gql_releases.storage.files.blobs import find_blob, record_blob
from tests.conftest import Harness

ACME, OTHER = Principal.operator(1, "acme"), Principal.operator(2, "other")
MIB = 1024 * 1024
MAX_FILE_SIZE = 20 * MIB
OK, ERROR, NOT_FOUND = AssemblyState.OK, AssemblyState.ERROR, AssemblyState.NOT_FOUND
CREATED, ASSEMBLING = AssemblyState.CREATED, AssemblyState.ASSEMBLING


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class Workshop:
    """An assembler with a builder that records blobs, and fails as told."""

    def __init__(self, harness: Harness, folder: Path) -> None:
        self.harness, self.database = harness, harness.store._database
        self.blobs: BlobStore = open_blob_store(folder.as_uri())
        self.failure: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.built: list[tuple[AssemblyRequest, StoredBlob]] = []
        self.confirmed: list[tuple[Mapping[str, Any], Mapping[str, Any] | None]] = []
        self.parameters: list[Mapping[str, Any]] = []
        self.is_result_there = True
        self.assembler = self.create_assembler()

    def create_assembler(self) -> Assembler:
        assembler = Assembler(self.harness.store.assemblies, self.blobs, MAX_FILE_SIZE)
        assembler.register(AssemblyKind.ARTIFACT_BUNDLE, self.build, self.confirm)
        return assembler

    async def build(self, principal: Principal, request: AssemblyRequest, blob: StoredBlob) -> None:
        self.built.append((request, blob))
        if self.hold:
            await self.hold.wait()
        if self.failure:
            raise self.failure

        async def work(transaction: Transaction) -> None:
            self.parameters = await list_parameters(transaction, principal, request)
            await record_blob(transaction, principal.organization_id, blob)
            await note_assembled(transaction, principal, request, {"size": blob.size})

        await self.database.write(work)

    async def confirm(self, principal: Principal, request: AssemblyRequest, result: Mapping[str, Any] | None) -> bool:
        self.confirmed.append((request.parameters, result))
        return self.is_result_there

    async def upload(self, *chunks: bytes, principal: Principal = ACME) -> None:
        stored = []
        for chunk in chunks:
            writer = await self.blobs.begin(BlobKind.CHUNK)
            await writer.write(chunk)
            stored.append(await writer.commit(sha1(chunk)))
        await self.harness.store.chunks.record_chunks(principal, stored)

    def describe(self, *chunks: bytes, checksum: str = "", **parameters: Any) -> AssemblyRequest:
        checksum = checksum or sha1(b"".join(chunks))
        return AssemblyRequest(
            AssemblyKind.ARTIFACT_BUNDLE, "", checksum, tuple(sha1(chunk) for chunk in chunks), parameters
        )

    async def request(self, *chunks: bytes, principal: Principal = ACME, **more: Any) -> AssemblyStatus:
        return await self.assembler.request(principal, self.describe(*chunks, **more))

    async def create_assembler_and_resume(self) -> None:
        """Do as the next process does."""
        self.assembler = self.create_assembler()
        await self.assembler.resume()

    def states(self) -> list[tuple[str, str | None]]:
        return [(state, detail) for state, detail in self.harness.rows("SELECT state, detail FROM assemblies ORDER BY id")]

    async def age(self, minutes: int) -> None:
        """Make all states older."""
        await asyncio.sleep(0.01)  # reads of one turn of the loop share a snapshot
        [(date,)] = self.harness.rows("SELECT min(date_updated) FROM assemblies")
        moment = date if not isinstance(date, str) else datetime.fromisoformat(date)
        older = (moment - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.harness.rows(f"UPDATE assemblies SET date_updated = '{older}'")

    def set_owner(self, owner: str) -> None:
        """Make a process the owner of all unfinished states."""
        self.harness.rows(f"""UPDATE assemblies SET request = replace(request, '"owner":null', '"owner":"{owner}"')""")


@pytest.fixture
def shop(harness: Harness, tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(harness, tmp_path / "blobs")
    yield workshop
    harness.run(workshop.assembler.close())
    harness.run(workshop.blobs.close())


def test_chunks_in_order_become_a_blob(shop: Workshop) -> None:
    first, second = b"a" * 1000, b"b" * 2000

    async def work() -> None:
        status = await shop.request(first, second, first)
        assert status == AssemblyStatus(NOT_FOUND, missing_chunks=(sha1(first), sha1(second)))
        await shop.upload(second)
        assert (await shop.request(first, second, first)).missing_chunks == (sha1(first),)
        await shop.upload(first)
        assert (await shop.request(first, second, first)).state is OK
        [(_, blob)] = shop.built
        assert blob.size == 4000
        pieces = [piece async for piece in shop.blobs.stream(BlobKind.BLOB, blob.sha1)]
        assert b"".join(pieces) == first + second + first
        row = await shop.database.read(lambda transaction: find_blob(transaction, 1, blob.sha1))
        assert row is not None
        assert (row.sha256, row.size) == (hashlib.sha256(first + second + first).hexdigest(), 4000)
        assert await shop.database.read(lambda transaction: find_blob(transaction, 2, blob.sha1)) is None

    shop.harness.run(work())


def test_known_file_is_not_assembled_again(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        assert (await shop.request(b"x", dist="1")).state is OK
        again = await shop.request(b"x", dist="2")
        assert (again.state, again.result, again.detail) == (OK, {"size": 1}, None)
        assert len(shop.built) == 1
        assert shop.confirmed == [({"dist": "2"}, {"size": 1})]
        poll = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", sha1(b"x"), ())
        assert (await shop.assembler.request(ACME, poll)).state is OK

    shop.harness.run(work())


def test_known_file_whose_chunks_were_collected_is_known(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        await shop.request(b"x")
        await asyncio.sleep(0.01)
        shop.harness.rows("DELETE FROM chunks")
        assert (await shop.request(b"x")).state is OK
        shop.is_result_there = False
        assert (await shop.request(b"x")).state is NOT_FOUND
        await shop.upload(b"x")
        assert (await shop.request(b"x")).state is OK
        assert len(shop.built) == 2

    shop.harness.run(work())


def test_poll_of_an_unknown_file_begins_nothing(shop: Workshop) -> None:
    poll = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", sha1(b""), ())
    assert shop.harness.run(shop.assembler.request(ACME, poll)) == AssemblyStatus(NOT_FOUND)
    assert shop.states() == []


def test_chunk_of_another_organization_is_missing(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"secret", principal=OTHER)
        assert (await shop.request(b"secret", principal=OTHER)).state is OK
        assert (await shop.request(b"secret")).missing_chunks == (sha1(b"secret"),)
        assert shop.built[0][0].checksum == sha1(b"secret")
        assert len(shop.built) == 1

    shop.harness.run(work())


def test_wrong_checksum_is_an_error_for_ten_minutes(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        checksum = sha1(b"y")
        for _ in range(2):
            status = await shop.request(b"x", checksum=checksum)
            assert (status.state, status.detail) == (ERROR, "Reported checksum mismatch")
        assert shop.built == []
        await shop.age(11)
        await shop.upload(b"y")
        assert (await shop.request(b"y", checksum=checksum)).state is OK

    shop.harness.run(work())


def test_error_is_known_and_not_built_again(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = AssembleFailed("the bundle is invalid")
        for _ in range(2):
            status = await shop.request(b"x")
            assert (status.state, status.detail) == (ERROR, "the bundle is invalid")
        assert len(shop.built) == 1
        await shop.age(11)
        shop.failure = None
        assert (await shop.request(b"x")).state is OK

    shop.harness.run(work())


def test_error_without_its_chunks_is_begun_anew(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        assert await shop.blobs.delete(BlobKind.CHUNK, sha1(b"x"))
        status = await shop.request(b"x")
        assert (status.state, status.detail) == (ERROR, "Not all chunks available for assembling")
        assert (await shop.request(b"x")).missing_chunks == (sha1(b"x"),)
        assert shop.states() == []
        await shop.upload(b"x")
        assert (await shop.request(b"x")).state is OK

    shop.harness.run(work())


def test_unexpected_error_is_internal(shop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = RuntimeError("broken")
        status = await shop.request(b"x")
        assert (status.state, status.detail) == (ERROR, "internal server error")

    with caplog.at_level(logging.ERROR):
        shop.harness.run(work())
    assert "broken" in caplog.text


def test_file_over_the_maximum_size_is_an_error(shop: Workshop) -> None:
    async def work() -> None:
        chunk = bytes(5 * MIB)
        await shop.upload(chunk)
        status = await shop.request(chunk, chunk, chunk, chunk, b"x", name="a.zip")
        assert status.missing_chunks == (sha1(b"x"),)
        await shop.upload(b"x")
        await shop.request(chunk, chunk, chunk, chunk, b"x", name="a.zip")
        detail = await wait_for_end(shop, (chunk, chunk, chunk, chunk, b"x"))
        assert detail.detail == f"File a.zip exceeds maximum size ({20 * MIB + 1} > {20 * MIB})"

    shop.harness.run(work())


async def wait_for_end(shop: Workshop, chunks: tuple[bytes, ...]) -> AssemblyStatus:
    for _ in range(500):
        poll = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", sha1(b"".join(chunks)), ())
        status = await shop.assembler.request(ACME, poll)
        if not status.state.is_unfinished:
            return status
        await asyncio.sleep(0.01)
    raise AssertionError(status)


def test_large_file_is_assembled_after_the_response(shop: Workshop) -> None:
    async def work() -> None:
        chunk = bytes(5 * MIB)
        await shop.upload(chunk)
        shop.hold = asyncio.Event()
        status = await shop.request(chunk, chunk)
        assert status == AssemblyStatus(CREATED, is_new=True)
        status = await shop.request(chunk, chunk)
        assert status.state.is_unfinished
        assert not status.is_new
        shop.hold.set()
        assert (await wait_for_end(shop, (chunk, chunk))).state is OK
        assert len(shop.built) == 1

    shop.harness.run(work())


def test_requests_at_the_same_time_build_once_with_all_parameters(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        shop.hold = asyncio.Event()
        requests = [asyncio.ensure_future(shop.request(b"x", dist=str(number))) for number in (1, 2, 3, 1)]
        for _ in range(500):
            if shop.harness.rows('SELECT 1 FROM assemblies WHERE request LIKE \'%"dist":"3"%\''):
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        shop.hold.set()
        assert {status.state for status in await asyncio.gather(*requests)} == {OK}
        assert len(shop.built) == 1
        dists = {parameters["dist"] for parameters in shop.parameters}
        assert dists == {"1", "2", "3"}

    shop.harness.run(work())


def test_refusal_is_raised_before_anything_is_stored(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        with pytest.raises(ValueError, match="no"):
            await shop.assembler.request(ACME, shop.describe(b"x"), ValueError("no"))
        assert shop.states() == []
        await shop.request(b"x")
        assert (await shop.assembler.request(ACME, shop.describe(b"x"), ValueError("no"))).state is OK

    shop.harness.run(work())


@pytest.mark.parametrize("error", [NoSpaceLeft(), Unavailable()])
def test_unavailable_storage_is_tried_again(shop: Workshop, error: Exception) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = error
        with pytest.raises(type(error)):
            await shop.request(b"x")
        assert shop.states() == [("created", None)]
        shop.failure = None
        assert (await shop.request(b"x")).state is OK

    shop.harness.run(work())


@pytest.mark.parametrize(
    "owner, minutes, is_taken",
    [
        ("elsewhere/1/-/x", 9, False),
        ("elsewhere/1/-/x", 11, True),
        ("{host}/999999999/-/x", 0, True),
        ("{host}/{pid}/another boot.1/x", 0, True),
        ("{host}/{pid}/{start}/x", 0, False),
    ],
    ids=["alive elsewhere", "silent for long", "ended", "its id is used by another", "alive here"],
)
def test_work_of_a_process_that_ended_is_begun_anew(shop: Workshop, owner: str, minutes: int, is_taken: bool) -> None:
    host, pid, start, _ = shop.assembler._owner.rsplit("/", 3)
    owner = owner.format(host=host, pid=pid, start=start)

    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = Unavailable()
        with pytest.raises(Unavailable):
            await shop.request(b"x", dist="1")
        shop.failure = None
        shop.set_owner(owner)
        await shop.age(minutes)
        poll = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", sha1(b"x"), ())
        if is_taken:
            await shop.create_assembler_and_resume()
            assert (await wait_for_end(shop, (b"x",))).state is OK
            assert shop.parameters == [{"dist": "1"}]
        else:
            await shop.create_assembler_and_resume()
            assert (await shop.assembler.request(ACME, poll)).state is CREATED
            assert len(shop.built) == 1
        shop.built.clear()

    shop.harness.run(work())


def test_next_request_takes_over_what_ended(shop: Workshop) -> None:
    """Also a poll, which names no chunks."""

    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = Unavailable()
        with pytest.raises(Unavailable):
            await shop.request(b"x", dist="1")
        shop.failure = None
        poll = AssemblyRequest(AssemblyKind.ARTIFACT_BUNDLE, "", sha1(b"x"), ())
        assert (await shop.assembler.request(ACME, poll)).state is OK
        assert shop.parameters == [{"dist": "1"}]

    shop.harness.run(work())


def test_work_begun_anew_has_the_parameters_of_all_requests(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        shop.failure = Unavailable()
        for dist in "12":
            with pytest.raises(Unavailable):
                await shop.request(b"x", dist=dist)
        shop.failure = None
        assert (await shop.request(b"x", dist="3")).state is OK
        assert {parameters["dist"] for parameters in shop.parameters} == {"1", "2", "3"}

    shop.harness.run(work())


def test_closing_leaves_work_to_the_next_process(shop: Workshop) -> None:
    async def work() -> None:
        chunk = bytes(5 * MIB)
        await shop.upload(chunk)
        shop.hold = asyncio.Event()
        assert (await shop.request(chunk, chunk)).state is CREATED
        for _ in range(500):
            if shop.built:
                break
            await asyncio.sleep(0.01)
        await shop.assembler.close()
        assert shop.states() == [("created", None)]
        shop.hold = None
        await shop.create_assembler_and_resume()
        assert (await wait_for_end(shop, (chunk, chunk))).state is OK

    shop.harness.run(work())


def test_revoked_token_begins_nothing(shop: Workshop) -> None:
    async def work() -> None:
        await shop.upload(b"x")
        revoked = Principal(999, 1, "acme", ACME.scopes)
        with pytest.raises(InvalidToken):
            await shop.request(b"x", principal=revoked)

    shop.harness.run(work())
