"""Readiness of the storage of files: checked now and then, with a limit of time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gql_releases.blobs.blob_store import open_blob_store
from gql_releases.domain.errors import NoSpaceLeft, Unavailable
from gql_releases.services.file_readiness import GOOD_SECONDS, FileReadiness


class CheckedBlobs:
    """A storage whose checks are counted, and end with an error or never."""

    def __init__(self) -> None:
        self.checks = 0
        self.error: Exception | None = None
        self.is_stuck = False

    async def check(self) -> None:
        self.checks += 1
        if self.is_stuck:
            await asyncio.sleep(60)
        if self.error:
            raise self.error


def test_check_that_succeeded_is_repeated_later_and_one_that_failed_at_once() -> None:
    async def main() -> None:
        blobs, seconds = CheckedBlobs(), [0.0]
        readiness = FileReadiness(blobs, 0.05, lambda: seconds[0])
        assert [await readiness.find_obstacles() for _ in range(3)] == [[], [], []]
        assert blobs.checks == 1
        seconds[0] = GOOD_SECONDS
        errors: list[tuple[Exception, str]] = [(NoSpaceLeft(), "is full"), (Unavailable(), "cannot be reached or written")]
        for error, text in errors:
            blobs.error = error
            assert await readiness.find_obstacles() == [f"The storage of files {text}."]
        blobs.is_stuck = True
        assert await readiness.find_obstacles() == ["The storage of files did not answer within 0.05 s."]
        blobs.is_stuck, blobs.error = False, None
        assert await readiness.find_obstacles() == []
        assert blobs.checks == 5

    asyncio.run(main())


def test_folder_that_cannot_be_written_is_an_obstacle(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "file").write_text("no folder")
        for name, obstacles in (("new", []), ("file", ["The storage of files cannot be reached or written."])):
            store = open_blob_store((tmp_path / name).as_uri())
            assert await FileReadiness(store).find_obstacles() == obstacles
            await store.close()

    asyncio.run(main())
