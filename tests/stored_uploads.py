"""Uploaded files for tests: bundles, release files and debug files, with their bytes in a store of blobs."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine
from sqlmodel import Session, select

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.domain.blob import BlobKind
from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
)
from gql_releases.storage.schema.tables.blob import BlobRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow
from tests.client import Client
from tests.conftest import Harness, Template

FIRST_UPLOAD = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class BundleFile:
    """A file of a bundle, and what its manifest says about it."""

    content: bytes
    type: str = "minified_source"
    url: str | None = None
    debug_id: str | None = None
    source_map: str | None = None
    file_name: str | None = None
    size: int | None = None


@dataclass
class Uploads:
    """Uploads files of an organization, each an hour after the one before, and an application that reads them."""

    harness: Harness
    blobs: BlobStore
    organization: str = "acme"
    count: int = field(default=0)

    @classmethod
    def open(cls, template: Template, folder: Path) -> Uploads:
        """Open a store of blobs and an application over it."""
        url = (folder / "blobs").as_uri()
        return cls(Harness(template, folder, files=url), open_blob_store(url))

    @property
    def client(self) -> Client:
        """The client of the application."""
        return self.harness.client

    def bundle(
        self,
        files: Mapping[str, BundleFile],
        projects: Iterable[str] = ("web",),
        versions: Iterable[tuple[str, str]] = (),
        used: datetime | None = None,
    ) -> int:
        """Upload a bundle for projects, and for versions with a dist; return its id."""
        content = make_bundle(files)
        digest = self._store(content)
        self.count += 1
        date = FIRST_UPLOAD + timedelta(hours=self.count)
        with Session(self._engine()) as session:
            owner, blob = self._insert_blob(session, digest, len(content))
            bundle = ArtifactBundleRow(
                organization_id=owner, bundle_id=f"{self.count:036}", blob_id=blob, size=len(content), file_count=len(files),
                date_uploaded=date, date_modified=date, date_used=used or datetime.now(UTC),
            )  # fmt: skip
            session.add(bundle)
            session.flush()
            owned: dict[str, Any] = {"organization_id": owner, "artifact_bundle_id": bundle.id}
            for slug in projects:
                own = (ProjectRow.organization_id == owner, ProjectRow.slug == slug)
                project = session.exec(select(ProjectRow.id).where(*own)).one() or 0
                session.add(ArtifactBundleProjectRow(project_id=project, date_modified=date, **owned))
            for version in sorted({version for version, _ in versions}):
                session.add(ArtifactBundleVersionRow(version=version, date_modified=date, **owned))
            for version, dist in versions:
                session.add(ArtifactBundleAssociationRow(version=version, dist=dist, **owned))
            for path, file in files.items():
                row = ArtifactFileRow(
                    path=path, url=file.url, type=file.type, debug_id=file.debug_id, source_map=file.source_map,
                    file_name=file.file_name, headers="{}", size=len(file.content) if file.size is None else file.size,
                    **owned,
                )  # fmt: skip
                session.add(row)
            session.commit()
            assert bundle.id is not None
            return bundle.id

    def release_file(
        self, version: str, name: str, content: bytes, dist: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Upload a file of a release that exists."""
        digest = self._store(content)
        with Session(self._engine()) as session:
            owner, blob = self._insert_blob(session, digest, len(content))
            own = (ReleaseRow.organization_id == owner, ReleaseRow.version == version)
            row = ReleaseFileRow(
                organization_id=owner, release_id=session.exec(select(ReleaseRow.id).where(*own)).one() or 0, name=name,
                dist=dist, headers=json.dumps(dict(headers or {})), blob_id=blob, size=len(content), sha1=digest,
                date_created=FIRST_UPLOAD,
            )  # fmt: skip
            session.add(row)
            session.commit()

    def close(self) -> None:
        """Close the store of blobs and the application."""
        self.harness.run(self.blobs.close())
        self.harness.close()

    def _engine(self) -> Any:
        return create_engine(self.harness.databases.engine_url(self.harness.url), poolclass=NullPool)

    def _store(self, content: bytes) -> str:
        async def work() -> str:
            writer = await self.blobs.begin(BlobKind.BLOB)
            await writer.write(content)
            return (await writer.commit()).sha1

        return str(self.harness.run(work()))

    def _insert_blob(self, session: Session, digest: str, size: int) -> tuple[int, int]:
        """Return the ids of the organization and of its row of a blob."""
        owner = session.exec(select(OrganizationRow.id).where(OrganizationRow.slug == self.organization)).one()
        assert owner is not None
        own = (BlobRow.organization_id == owner, BlobRow.sha1 == digest)
        blob = session.exec(select(BlobRow).where(*own)).first() or BlobRow(
            organization_id=owner, sha1=digest, sha256="0" * 64, size=size, date_stored=FIRST_UPLOAD
        )
        session.add(blob)
        session.flush()
        assert blob.id is not None
        return owner, blob.id


def make_bundle(files: Mapping[str, BundleFile]) -> bytes:
    """Return a bundle as sentry-cli makes it: a prefix, and a zip."""
    output = io.BytesIO(b"SYSB\x02\0\0\0")
    output.seek(0, io.SEEK_END)
    manifest: dict[str, Any] = {"files": {}}
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, file in files.items():
            archive.writestr(path, file.content)
            manifest["files"][path] = {"type": file.type, "url": file.url}
        archive.writestr("manifest.json", json.dumps(manifest))
    return output.getvalue()


def digest(content: bytes) -> str:
    """Return the SHA-1 of a content."""
    return hashlib.sha1(content).hexdigest()
