"""Endpoints of debug files and ProGuard mappings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.assembly import AssemblyState
from gql_releases.domain.bundle import InvalidBundle
from gql_releases.domain.conditions import Conditions, build_search_condition
from gql_releases.domain.debug_file import (
    CONTENT_TYPES,
    MAX_RELEASE_NAME_LENGTH,
    DebugFileFormat,
    InvalidRequest,
    name_download,
    parse_requests,
    parse_uuid,
)
from gql_releases.domain.errors import Forbidden, ProjectNotFound
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.domain.validation import wrong_characters
from gql_releases.rest_api.engine.assembly_states import render_status
from gql_releases.rest_api.engine.json_bodies import read_json_body
from gql_releases.rest_api.engine.multipart import read_parts
from gql_releases.rest_api.engine.paged_selections import answer_page, date_field, paged_selection
from gql_releases.rest_api.engine.pagination import read_integer, read_page
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import PROJECT_PATH, QueryParameters, Routes
from gql_releases.rest_api.engine.streaming import StreamedBody, StreamingHandler
from gql_releases.services.debug_files import AssembledFile, DebugFileService, ProguardReleaseOutcome

PER_PAGE = 20
READ_BATCH = 100
MAX_JSON_BYTES = 32 * 1024 * 1024
MAX_ZIP_BYTES = 2 * 1024 * 1024 * 1024
NEWEST_ID_FIRST = Order("id", descending=True)
MAX_ID = 2**63 - 1


def render_headers(file_format: str) -> dict[str, str]:
    """Return the headers of a debug file."""
    return {"Content-Type": CONTENT_TYPES[DebugFileFormat(file_format)]}


DEBUG_FILE_SELECTION = s.Selection(
    "DebugFile",
    (
        s.Value("id", "id", str),
        s.Value("uuid", "debug_id", lambda debug_id: debug_id[:36]),
        s.Value("debugId", "debug_id"),
        s.Value("codeId", "code_id"),
        s.Value("cpuName", "cpu_name"),
        s.Value("objectName", "object_name"),
        s.Value("symbolType", "format"),
        s.Value("headers", "format", render_headers),
        s.Value("size", "size"),
        s.Value("sha1", "sha1"),
        date_field("dateCreated", "date_created"),
        s.Embedded("data", "", (s.Value("type", "kind"), s.Value("features", "features", orjson.loads))),
    ),
)
DEBUG_FILES = paged_selection("Project", "debug_files", DEBUG_FILE_SELECTION)
PROGUARD_RELEASES = paged_selection(
    "Project", "debug_files", s.Selection("DebugFile", (s.Value("releases", "proguard_releases", orjson.loads),))
)


async def assemble_debug_files(request: Request) -> Answer:
    """Return the state of each requested file, by its SHA-1; files whose chunks are all there are assembled."""
    service, project = await _open_project(request, is_write=True)
    try:
        requests = parse_requests(await read_json_body(request))
    except InvalidRequest as error:
        return Answer(400, {"error": str(error)})
    files = await service.assemble(request.principal, request.path[0], project, requests)
    rows = await _read_rows(request, project, [file.file for file in files.values() if file.file is not None])
    return Answer(200, {checksum: _render_assembled(file, rows) for checksum, file in files.items()})


def _render_assembled(file: AssembledFile, rows: dict[int, Any]) -> dict[str, Any]:
    body = render_status(file.status)
    if file.status.state is AssemblyState.OK and file.file in rows:
        body["dif"] = rows[file.file]
    return body


async def upload_zip(request: Request) -> Answer:
    """Add the debug files of a zip file, the part `file`; return those that are new."""
    service, project = await _open_project(request, is_write=True)
    ids: list[int] | None = None
    async for part in read_parts(request.stream):
        if part.name == "file" and ids is None:
            try:
                ids = await service.add_zip(request.principal, request.path[0], project, part)
            except InvalidBundle as error:
                return Answer(400, {"detail": f"Invalid zip file: {error.fault}"})
    if ids is None:
        return Answer(400, {"detail": "Missing uploaded file"})
    rows = await _read_rows(request, project, ids)
    return Answer(201, [rows[row_id] for row_id in ids if row_id in rows])


async def list_debug_files(request: Request) -> Answer:
    """Return a page of a project's debug files, the newest first; with `id` the bytes of a file."""
    if "id" in request.parameters:
        return await download_debug_file(request)
    _, project = await _open_project(request)
    page = read_page(request.parameters, NEWEST_ID_FIRST, read_filter(request), PER_PAGE)
    read = ObjectRead(PagedSelection(DEBUG_FILES, (page,)), (("id", project),))
    return await answer_page(request, read, page, ProjectNotFound())


def read_filter(request: Request) -> Conditions:
    """Return the conditions of `file_formats`, and of the first of `debug_id`, `code_id` and `query` that is set."""
    formats = request.parameters.get("file_formats")
    conditions: Conditions = (("formats", sorted(set(formats))),) if formats else ()
    if debug_id := request.last("debug_id"):
        return (*conditions, ("debug_id", normalize_debug_id(debug_id) or debug_id))
    if code_id := request.last("code_id"):
        return (*conditions, ("code_id", code_id.lower()))
    if query := request.last("query").strip():
        text = build_search_condition(normalize_debug_id(query) or query)
        types = sorted(name.value for name, content_type in CONTENT_TYPES.items() if query.lower() in content_type)
        return (*conditions, ("or", (text, ("formats", types))))
    return conditions


async def download_debug_file(request: Request) -> Answer:
    """Return the bytes of a debug file."""
    service, project = await _open_project(request)
    file = await service.find_download(request.principal, request.path[0], project, _read_id(request))
    if file is None:
        raise not_found()
    return Answer(
        200,
        StreamedBody(
            partial(service.stream, file),
            file.size,
            filename=name_download(file.debug_id, file.format, file.kind),
        ),
    )


async def delete_debug_file(request: Request) -> Answer:
    """Delete a debug file. The response is the same for a file that does not exist and for one that must not be deleted."""
    service, project = await _open_project(request)
    try:
        exists = await service.delete_from_project(request.principal, request.path[0], project, _read_id(request))
    except Forbidden:
        raise not_found() from None
    if not exists:
        raise not_found()
    return Answer(204)


async def list_unknown_checksums(request: Request) -> Answer:
    """Return those of `checksums` that no debug file of the project has."""
    service, project = await _open_project(request)
    checksums = request.parameters.get("checksums", [])
    storable = [checksum for checksum in checksums if not wrong_characters(checksum)]
    return Answer(200, {"missing": await service.find_missing(request.principal, request.path[0], project, storable)})


async def associate_debug_files(request: Request) -> Answer:
    """Return that nothing was associated: debug files are found by their ids."""
    await _open_project(request, is_write=True)
    return Answer(200, {"associatedDsymFiles": []})


async def reprocess(request: Request) -> Answer:
    """Do nothing: events are symbolicated when they arrive."""
    await _open_project(request, is_write=True)
    return Answer(200, {})


async def create_proguard_release(request: Request) -> Answer:
    """Associate a ProGuard mapping with a release."""
    service, project = await _open_project(request, is_write=True)
    body = request.body if isinstance(request.body, dict) else {}
    missing = [name for name in ("release_name", "proguard_uuid") if not body.get(name)]
    if missing:
        return Answer(400, {"error": f"Missing required fields: {', '.join(missing)}"})
    uuid, release = parse_uuid(body["proguard_uuid"]), body["release_name"]
    if uuid is None:
        return Answer(400, {"error": "Invalid proguard_uuid"})
    if not isinstance(release, str) or len(release) > MAX_RELEASE_NAME_LENGTH or wrong_characters(release):
        return Answer(400, {"error": "Invalid release_name"})
    outcome = await service.add_proguard_release(request.principal, request.path[0], project, uuid, release)
    if outcome is ProguardReleaseOutcome.NO_MAPPING:
        return Answer(400, {"error": "No matching proguard mapping file with this uuid found"})
    if outcome is ProguardReleaseOutcome.EXISTING:
        message = "Proguard artifact release with this name in this project already exists."
        return Answer(409, {"error": message})
    return Answer(201)


async def list_proguard_releases(request: Request) -> Answer:
    """Return the releases that a ProGuard mapping is associated with."""
    _, project = await _open_project(request)
    if not request.last("proguard_uuid"):
        return Answer(200, {"releases": None})
    uuid = parse_uuid(request.last("proguard_uuid"))
    if uuid is None:
        return Answer(400, {"error": "Invalid proguard_uuid"})
    conditions: Conditions = (("formats", [DebugFileFormat.PROGUARD.value]), ("debug_id", uuid))
    page = PageRequest(READ_BATCH, NEWEST_ID_FIRST, conditions=conditions)
    read = ObjectRead(PagedSelection(PROGUARD_RELEASES, (page,)), (("id", project),))
    tree = await request.services.reads.read(request.principal, read)
    if tree is None:
        raise ProjectNotFound
    return Answer(200, {"releases": [name for row in tree["rows"]["nodes"] for name in row["releases"]]})


async def _open_project(request: Request, *, is_write: bool = False) -> tuple[DebugFileService, int]:
    """Return the service and the id of the path's project. Raises DomainError."""
    service = request.services.require_files().debug_files
    service.require(request.principal, request.path[0], is_write=is_write)
    return service, await project_id(request)


async def _read_rows(request: Request, project: int, ids: Sequence[int]) -> dict[int, Any]:
    """Return debug files of a project as responses have them, by their ids."""
    rows: dict[int, Any] = {}
    for start in range(0, len(ids), READ_BATCH):
        page = PageRequest(READ_BATCH, NEWEST_ID_FIRST, conditions=(("ids", list(ids[start : start + READ_BATCH])),))
        read = ObjectRead(PagedSelection(DEBUG_FILES, (page,)), (("id", project),))
        tree = await request.services.reads.read(request.principal, read)
        if tree is not None:
            rows |= {int(row["id"]): row for row in tree["rows"]["nodes"]}
    return rows


def _read_id(request: Request) -> int:
    """Return the parameter `id`. Raises Refused (404) if it is no id."""
    try:
        row_id = read_integer(request.last("id"))
    except ValueError:
        raise not_found() from None
    if not 0 < row_id <= MAX_ID:
        raise not_found()
    return row_id


_FILES = (*PROJECT_PATH, "files")
_PROGUARD_RELEASES = (*_FILES, "proguard-artifact-releases")

ROUTES: Routes = {
    (*_FILES, "difs", "assemble"): {"POST": StreamingHandler(assemble_debug_files, MAX_JSON_BYTES)},
    (*_FILES, "dsyms"): {
        "GET": list_debug_files,
        "POST": StreamingHandler(upload_zip, MAX_ZIP_BYTES),
        "DELETE": delete_debug_file,
    },
    (*_FILES, "dsyms", "unknown"): {"GET": list_unknown_checksums},
    (*_FILES, "dsyms", "associate"): {"POST": StreamingHandler(associate_debug_files, MAX_JSON_BYTES)},
    _PROGUARD_RELEASES: {"GET": list_proguard_releases, "POST": create_proguard_release},
    (*PROJECT_PATH, "reprocessing"): {"POST": StreamingHandler(reprocess, MAX_JSON_BYTES)},
}
PARAMETERS: QueryParameters = {
    list_debug_files: ("id", "query", "debug_id", "code_id", "file_formats", "cursor"),
    delete_debug_file: ("id",),
    list_unknown_checksums: ("checksums",),
    list_proguard_releases: ("proguard_uuid",),
}
SLASH_OPTIONAL = frozenset({_PROGUARD_RELEASES})
