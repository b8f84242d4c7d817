"""The quota of an organization: bytes of blobs and chunks, summed now and then."""

from __future__ import annotations

import pytest

from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.errors import QuotaExceeded
from gql_releases.domain.principal import Principal
from gql_releases.rest_api.engine.errors import choose_status, render_error
from gql_releases.rest_api.loader import FIELD_NAMES
from gql_releases.services.file_quota import COUNT_LASTS_SECONDS, FileQuota
from gql_releases.storage.engine.statements import Transaction
from gql_releases.storage.files.blobs import record_blob
from tests.conftest import Harness

ACME, OTHER = Principal.operator(1, "acme"), Principal.operator(2, "other")


def blob(number: int, size: int) -> StoredBlob:
    return StoredBlob(f"{number:040x}", f"{number:064x}", size)


def test_uploads_over_the_quota_are_refused_until_files_are_deleted(harness: Harness) -> None:
    async def run() -> None:
        seconds = [0.0]
        quota = FileQuota(harness.store.file_usage, 100, lambda: seconds[0])
        await harness.store.chunks.record_chunks(ACME, [blob(1, 30)])

        async def work(transaction: Transaction) -> int:
            return await record_blob(transaction, 1, blob(1, 40))

        await harness.store._database.write(work)
        await quota.require_room(ACME, 30)
        with pytest.raises(QuotaExceeded):
            await quota.require_room(ACME, 1_000)
        await quota.require_room(OTHER, 100)
        with pytest.raises(QuotaExceeded):
            await quota.require_room(OTHER, 101)
        # Bytes that another process stored are seen after a while.
        await quota.require_room(ACME, 10)
        await harness.store.chunks.record_chunks(ACME, [blob(2, 25)])
        await quota.require_room(ACME, 20)
        seconds[0] += COUNT_LASTS_SECONDS
        with pytest.raises(QuotaExceeded):
            await quota.require_room(ACME, 6)
        harness.rows("DELETE FROM chunks WHERE size = 25")
        await quota.require_room(ACME, 30)
        with pytest.raises(QuotaExceeded):
            await quota.require_room(ACME, 1)

    harness.run(run())


def test_without_a_quota_nothing_is_summed(harness: Harness) -> None:
    summed: list[int] = []

    class Usage:
        async def sum_bytes(self, organization: int) -> int:
            summed.append(organization)
            return 0

    harness.run(FileQuota(Usage(), None).require_room(ACME, 10**15))
    assert summed == []
    harness.run(FileQuota(Usage(), 10**15).require_room(ACME, 1))
    assert summed == [ACME.organization_id]


def test_error_has_the_words_of_the_endpoints_of_files() -> None:
    error = QuotaExceeded()
    assert choose_status(error) == 413
    assert render_error(error, FIELD_NAMES) == {"error": "The organization's storage quota is used up"}
