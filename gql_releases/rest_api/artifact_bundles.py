"""Endpoints of artifact bundles.

Source: docs/sentry-contract.md#6-7-assembly.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.artifact_bundle import ArtifactLookup, FileBytes, InvalidUpload, parse_bundle_request
from gql_releases.domain.bundle import normalize_uuid
from gql_releases.domain.conditions import Conditions
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import DOWNLOAD_FILES, READ_RELEASES
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.domain.validation import wrong_characters
from gql_releases.rest_api.engine.assembly_states import render_status
from gql_releases.rest_api.engine.json_bodies import read_json_body
from gql_releases.rest_api.engine.paged_selections import (
    ID_FIELD,
    WHOLE_LIST,
    answer_page,
    date_field,
    list_field,
    paged_selection,
)
from gql_releases.rest_api.engine.pagination import link_header, read_page
from gql_releases.rest_api.engine.parameters import invalid_parameter
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.engine.streaming import StreamedBody, StreamingHandler

MAX_JSON_BYTES = 8 * 1024 * 1024
PER_PAGE = 10
FILES_PER_PAGE = 100
ORDERS = {"date_added": "artifact_bundle_id", "date_modified": "date_modified"}
"""Value of `sortBy` -> order. Ids of bundles have the order of their first upload."""
FILE_TYPES = {"other": 0, "source": 1, "minified_source": 2, "source_map": 3, "indexed_ram_bundle": 4}
BUNDLE_DOWNLOAD, FILE_DOWNLOAD = "artifact_bundle", "release_file"

ASSOCIATION_SELECTION = s.Selection(
    "ArtifactBundleAssociation", (s.Value("release", "version"), s.Value("dist", "dist", lambda dist: dist or None))
)
BUNDLE_FIELDS = (
    s.Value("bundleId", "bundle_id"),
    date_field("date", "date_uploaded"),
    date_field("dateModified", "date_modified"),
    s.Value("fileCount", "file_count"),
    list_field("associations", "associations", 1, ASSOCIATION_SELECTION),
)
BUNDLES = paged_selection("Project", "artifact_bundles", s.Selection("ArtifactBundle", BUNDLE_FIELDS))
FILE_SELECTION = s.Selection(
    "ArtifactFile",
    (
        s.Value("id", "path", lambda path: base64.urlsafe_b64encode(path.encode()).decode()),
        s.Value("filePath", "url", otherwise="path"),
        s.Value("fileType", "type", FILE_TYPES.__getitem__),
        s.Value("debugId", "debug_id"),
        s.Value("fileSize", "size"),
        s.Value("sourcemap", "source_map"),
    ),
)
FILES = s.Selection(
    "ArtifactBundle",
    (
        *BUNDLE_FIELDS,
        *paged_selection("ArtifactBundle", "files", FILE_SELECTION).fields,
        list_field("projects", "projects", 2, s.Selection("Project", (ID_FIELD,)), as_objects=True),
    ),
)
PROJECT_LIST = s.Selection("Project", (ID_FIELD,))
BUNDLE_OF_PROJECTS = s.Selection(
    "ArtifactBundle", (ID_FIELD, list_field("projects", "projects", 0, PROJECT_LIST, as_objects=True))
)


async def assemble_bundle(request: Request) -> Answer:
    """Return the state of a bundle, or begin to assemble it if its chunks are there."""
    service = request.services.require_files().artifact_bundles
    service.require_upload(request.principal, request.path[0])
    try:
        bundle = parse_bundle_request(await read_json_body(request))
        status = await service.assemble(request.principal, request.path[0], bundle)
    except InvalidUpload as error:
        return Answer(400, {"error": str(error)})
    return Answer(200, render_status(status))


async def list_bundles(request: Request) -> Answer:
    """Return a page of a project's bundles, those that were uploaded last first."""
    _require_read(request)
    sort = request.last("sortBy", "-date_added")
    name = sort.removeprefix("-")
    if name not in ORDERS:
        message = "You can either sort via 'date_added' or '-date_added'"
        return Answer(400, {"detail": {"code": "invalid_sort_by_parameter", "message": message, "extra": {}}})
    project = await project_id(request)
    page = read_page(request.parameters, Order(ORDERS[name], sort.startswith("-")), _read_query(request), PER_PAGE)
    read = ObjectRead(PagedSelection(BUNDLES, (page, WHOLE_LIST)), (("id", project),))
    return await answer_page(request, read, page, ProjectNotFound())


async def delete_bundle(request: Request) -> Answer:
    """Take a bundle from a project, and delete it with its last project."""
    service = request.services.require_files().artifact_bundles
    service.require_deletion(request.principal, request.path[0])
    project = await project_id(request)
    bundle_id = request.last("bundleId")
    bundle = await _find_bundle(request, bundle_id) if bundle_id else None
    if bundle is None:
        return Answer(404, {"error": f"Supplied an invalid bundle_id {bundle_id or None}"})
    if not await service.delete_bundle(request.principal, request.path[0], bundle["id"], project):
        message = f"Artifact bundle with {bundle_id} found but it is not connected to project {project}"
        return Answer(404, {"error": message})
    return Answer(204)


async def list_files(request: Request) -> Answer:
    """Return a bundle of a project with a page of its files."""
    _require_read(request)
    project, bundle_id = await project_id(request), request.path[2]
    page = read_page(request.parameters, Order("id"), _read_query(request), FILES_PER_PAGE)
    read = ObjectRead(PagedSelection(FILES, (page, WHOLE_LIST, WHOLE_LIST)), (("bundle_id", bundle_id),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        return Answer(404, {"error": f"The artifact bundle with {bundle_id} does not exist"})
    if project not in [row["id"] for row in tree.pop("projects")]:
        return Answer(400, {"error": f"The artifact bundle with {bundle_id} is not bound to this project"})
    rows = tree.pop("rows")
    link = link_header(request.origin, request.raw_path, request.query, page.size, rows["info"])
    return Answer(200, {**tree, "files": rows["nodes"]}, [link])


async def download_file(request: Request) -> Answer:
    """Return the bytes of a bundle's file."""
    service = request.services.require_files().artifact_bundles
    _require_read(request)
    request.principal.require(DOWNLOAD_FILES)
    project, path = await project_id(request), _decode_path(request.path[3])
    file = await service.find_member(request.principal, project, request.path[2], path)
    if file is None:
        raise not_found()
    name = path.rpartition("/")[2]
    return Answer(200, StreamedBody(partial(service.stream_member, file), file.size, filename=name))


async def look_up(request: Request) -> Answer:
    """Return bundles and release files by debug id, or by release and URL; or the bytes of one of them."""
    service = request.services.require_files().artifact_bundles
    _require_read(request)
    if "download" in request.parameters:
        return await _download(request, request.last("download"))
    project = await project_id(request)
    debug_id = request.last("debug_id")
    texts = [request.last(name) for name in ("url", "release", "dist")]
    if any(map(wrong_characters, texts)):
        raise invalid_parameter("Null characters are not allowed.")
    url, release, dist = texts
    lookup = ArtifactLookup(normalize_uuid(debug_id), url or None, release or None, dist)
    artifacts = await service.find_artifacts(request.principal, project, lookup)
    rows = [
        {"id": f"{BUNDLE_DOWNLOAD}/{bundle}", "type": "bundle", "resolved_with": artifacts.way}
        for bundle in sorted(artifacts.bundles)
    ] + [
        {
            "id": f"{FILE_DOWNLOAD}/{file.id}", "type": "file", "abs_path": file.name, "headers": file.headers,
            "resolved_with": artifacts.way,
        }
        for file in artifacts.files
    ]  # fmt: skip
    base = f"{request.origin}{request.raw_path}?download="
    return Answer(200, [{**row, "url": f"{base}{row['id']}"} for row in rows])


async def _download(request: Request, artifact: str) -> Answer:
    service = request.services.require_files().artifact_bundles
    request.principal.require(DOWNLOAD_FILES)
    project = await project_id(request)
    kind, _, digits = artifact.partition("/")
    row_id = parse_row_id(digits)
    if row_id is None:
        raise not_found()
    file: FileBytes | None = None
    if kind == BUNDLE_DOWNLOAD:
        file = await service.find_bundle(request.principal, project, row_id)
    elif kind == FILE_DOWNLOAD:
        file = await service.find_release_file(request.principal, project, row_id)
    if file is None:
        raise not_found()
    name = f"{file.name}.zip" if kind == BUNDLE_DOWNLOAD else file.name.rpartition("/")[2]
    return Answer(200, StreamedBody(partial(service.stream, file), file.size, filename=name))


async def _find_bundle(request: Request, bundle_id: str) -> dict[str, Any] | None:
    read = ObjectRead(PagedSelection(BUNDLE_OF_PROJECTS, (WHOLE_LIST,)), (("bundle_id", bundle_id),))
    return await request.services.reads.read(request.principal, read)


def _require_read(request: Request) -> None:
    """Raise Forbidden without a scope that reads releases, OrganizationNotFound for another organization."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])


def _read_query(request: Request) -> Conditions:
    query = request.last("query").strip()
    return (("query", query.lower()),) if query else ()


def _decode_path(text: str) -> str:
    """Return the path of a file from its id. Raises Refused (404)."""
    try:
        path = base64.b64decode(text.encode(), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise not_found() from None
    if wrong_characters(path):
        raise not_found()
    return path


_BUNDLE_FILES = (*PROJECT_PATH, "artifact-bundles", "*", "files")
ROUTES: Routes = {
    (*ORGANIZATION_PATH, "artifactbundle", "assemble"): {"POST": StreamingHandler(assemble_bundle, MAX_JSON_BYTES)},
    (*PROJECT_PATH, "files", "artifact-bundles"): {"GET": list_bundles, "DELETE": delete_bundle},
    _BUNDLE_FILES: {"GET": list_files},
    (*_BUNDLE_FILES, "*"): {"GET": download_file},
    (*PROJECT_PATH, "artifact-lookup"): {"GET": look_up},
}
PARAMETERS: QueryParameters = {
    list_bundles: ("query", "sortBy", "per_page", "cursor"),
    delete_bundle: ("bundleId",),
    list_files: ("query", "per_page", "cursor"),
    look_up: ("debug_id", "url", "release", "dist", "download"),
}
