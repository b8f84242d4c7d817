"""Rows of uploaded files, as uploads write them: bundles, release files and debug files of both tenants."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import create_engine
from sqlmodel import Session, select

from gql_releases.storage.schema.tables.artifact_bundle import (
    ArtifactBundleAssociationRow,
    ArtifactBundleProjectRow,
    ArtifactBundleRow,
    ArtifactBundleVersionRow,
    ArtifactFileRow,
    VersionArtifactsRow,
)
from gql_releases.storage.schema.tables.blob import BlobRow
from gql_releases.storage.schema.tables.debug_file import DebugFileRow
from gql_releases.storage.schema.tables.organization import OrganizationRow
from gql_releases.storage.schema.tables.project import ProjectRow
from gql_releases.storage.schema.tables.release import ReleaseRow
from gql_releases.storage.schema.tables.release_file import ReleaseFileRow
from tests.conftest import Harness

UPLOADED = datetime(2026, 11, 20, 10, tzinfo=UTC)
FORMATS = (
    "elf",
    "macho",
    "pe",
    "pdb",
    "portablepdb",
    "breakpad",
    "wasm",
    "sourcebundle",
    "proguard",
    "bcsymbolmap",
    "uuidmap",
    "il2cpp",
)


def debug_id(number: int) -> str:
    """Return the debug id of a number, which is the same in both organizations."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"debug id {number}"))


def sha1(number: int) -> str:
    """Return the SHA-1 of a number, which is the same in both organizations."""
    return f"{number:040x}"


def insert_files(harness: Harness, organization: str, versions: Sequence[str], count: int = 6, first: int = 0) -> None:
    """Insert `count` bundles, release files and debug files: ids, hashes and names are the same in each organization.

    Their numbers begin with `first`. Each debug id is in two bundles, a bundle has one or two projects and versions, some of which are no releases.
    """
    engine = create_engine(harness.databases.engine_url(harness.url))
    with Session(engine) as session:
        owner = session.exec(select(OrganizationRow.id).where(OrganizationRow.slug == organization)).one()
        assert owner is not None
        projects = session.exec(select(ProjectRow.id).where(ProjectRow.organization_id == owner).order_by(ProjectRow.slug))
        project_ids = [project for project in reversed(list(projects)) if project is not None]
        blobs = [BlobRow(organization_id=owner, sha1=sha1(n), sha256="b" * 64, size=100 + n, date_stored=UPLOADED)
                 for n in range(first, first + count)]  # fmt: skip
        session.add_all(blobs)
        session.flush()
        for number, blob in enumerate(blobs, first):
            assert blob.id is not None
            _insert_bundle(session, owner, project_ids, number, blob.id, versions)
            _insert_debug_file(session, owner, project_ids[number % len(project_ids)], number, blob.id)
        for number, version in enumerate(versions[::2]):
            row = VersionArtifactsRow(
                organization_id=owner, version=version, total=number + 2, with_debug_ids=number, last_uploaded=UPLOADED
            )
            session.add(row)
        _insert_release_files(session, owner, [blob.id or 0 for blob in blobs], count)
        session.commit()
    engine.dispose()


def _insert_bundle(
    session: Session, owner: int, projects: list[int], number: int, blob: int, versions: Sequence[str]
) -> None:
    modified = UPLOADED + timedelta(hours=number // 2)
    dates: dict[str, Any] = {"date_uploaded": UPLOADED, "date_modified": modified, "date_used": UPLOADED}
    bundle = ArtifactBundleRow(
        organization_id=owner, bundle_id=debug_id(1000 + number), blob_id=blob, size=100 + number, file_count=4, **dates
    )
    session.add(bundle)
    session.flush()
    owned: dict[str, Any] = {"organization_id": owner, "artifact_bundle_id": bundle.id}
    for project in projects if number % 3 == 0 else projects[:1]:
        session.add(ArtifactBundleProjectRow(project_id=project, date_modified=modified, **owned))
    associated = sorted({versions[number % len(versions)], versions[0], f"absent@{number}"})[: 1 + number % 3]
    for version in associated:
        session.add(ArtifactBundleVersionRow(version=version, date_modified=modified, **owned))
        for dist in ("", "7")[: 1 + number % 2]:
            session.add(ArtifactBundleAssociationRow(version=version, dist=dist, **owned))
    shared = debug_id(number // 2)  # each in two bundles
    for name, kind in (
        ("app.js", "minified_source"),
        ("app.js.map", "source_map"),
        ("src/app.ts", "source"),
        ("x", "other"),
    ):
        has_id = kind in ("minified_source", "source_map") and not (number % 4 == 3 and kind == "minified_source")
        headers = {"debug-id": shared, "by": str(owner)} if has_id else {"by": str(owner)}
        file = ArtifactFileRow(
            path=f"files/_/_/{number}/{name}",
            url=None if kind == "other" else f"~/{number}/{name}",
            type=kind,
            debug_id=shared if has_id else None,
            source_map="app.js.map" if kind == "minified_source" else None,
            file_name="app.js" if kind == "minified_source" else None,
            headers=json.dumps(headers, separators=(",", ":")),
            size=10 + number,
            **owned,
        )
        session.add(file)
        session.flush()


def _insert_debug_file(session: Session, owner: int, project: int, number: int, blob: int) -> None:
    kind = FORMATS[number % len(FORMATS)]
    file = DebugFileRow(
        organization_id=owner,
        project_id=project,
        debug_id=debug_id(number // 2),
        code_id=None if number % 3 == 0 else f"{number:016x}",
        object_name=f"lib{owner}-Ä{number}.so",
        cpu_name="any" if kind == "proguard" else "x86_64",
        format=kind,
        kind=None if kind == "proguard" else "exe",
        features='["mapping"]' if kind == "proguard" else '["debug","symtab"]',
        proguard_releases='["com.example@1.0+7"]' if kind == "proguard" else "[]",
        blob_id=blob,
        size=100 + number,
        sha1=sha1(number),
        date_created=UPLOADED,
        date_used=UPLOADED,
    )
    session.add(file)


def _insert_release_files(session: Session, owner: int, blobs: Sequence[int], count: int) -> None:
    releases = session.exec(select(ReleaseRow.id).where(ReleaseRow.organization_id == owner).order_by(ReleaseRow.version))
    filled = set(session.exec(select(ReleaseFileRow.release_id)).all())
    for release in [release for release in releases if release and release not in filled][:count]:
        for number, (name, dist) in enumerate((("~/a.js", ""), ("~/a.js", "7"), ("~/a.js.map", ""))):
            blob, headers = number % len(blobs), json.dumps({"Sourcemap": "a.js.map", "by": str(owner)})
            session.add(
                ReleaseFileRow(
                    organization_id=owner, release_id=release, name=name, dist=dist, headers=headers, blob_id=blobs[blob],
                    size=100 + blob, sha1=sha1(blob), date_created=UPLOADED,
                )
            )  # fmt: skip
