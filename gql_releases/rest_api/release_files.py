"""Endpoints of the files of a release, below an organization and below a project.

Source: docs/sentry-contract.md#6-5-files.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from functools import partial

import orjson

from gql_releases.domain import selection as s
from gql_releases.domain.artifact_bundle import CHECKSUM_RULES, InvalidUpload, check_fields
from gql_releases.domain.blob import BlobKind, StoredBlob
from gql_releases.domain.conditions import MAX_CONDITIONS, Condition, Conditions, build_search_condition
from gql_releases.domain.errors import DomainError, ErrorCode, ProjectNotFound, ReleaseNotFound
from gql_releases.domain.numbers import parse_row_id
from gql_releases.domain.paging import Order, PageRequest
from gql_releases.domain.principal import READ_RELEASES, WRITE_RELEASES, Scope
from gql_releases.domain.release import ReleaseKey
from gql_releases.domain.release_file import NewReleaseFile, parse_rename, read_dist, read_headers, read_name
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.artifact_bundles import MAX_JSON_BYTES
from gql_releases.rest_api.engine.assembly_states import render_status
from gql_releases.rest_api.engine.field_names import FieldNames, same_names
from gql_releases.rest_api.engine.json_bodies import read_json_body
from gql_releases.rest_api.engine.multipart import MultipartLimits, read_parts
from gql_releases.rest_api.engine.paged_selections import Tree, answer_page, date_field, paged_selection
from gql_releases.rest_api.engine.pagination import read_page, render_cursor
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS, PROJECT_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import project_condition, release_key
from gql_releases.rest_api.engine.release_reads import read_release, release_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, PROJECT_PATH, QueryParameters, Routes, release_routes
from gql_releases.rest_api.engine.services import Services
from gql_releases.rest_api.engine.streaming import OCTETS, StreamedBody, StreamingHandler
from gql_releases.services.release_files import ReleaseFileService

MAX_HEADERS = 50
FORM_BYTES = 1024 * 1024
"""Bytes of an upload's body beside those of the file."""
_UPLOAD_LIMITS = MultipartLimits(parts=MAX_HEADERS + 10)

FILE_SELECTION = s.Selection(
    "ReleaseFile",
    (
        s.Value("id", "id", str),
        s.Value("name", "name"),
        s.Value("dist", "dist", lambda dist: dist or None),
        s.Value("headers", "headers", orjson.loads),
        s.Value("size", "size"),
        s.Value("sha1", "sha1"),
        date_field("dateCreated", "date_created"),
    ),
)
FILE_VIEW = PagedSelection(FILE_SELECTION)
RELEASE_FILES = paged_selection("Release", "files", FILE_SELECTION)

BY_NAME = Order("name")
RELEASES_PER_PAGE = 10
RELEASES_WITH_FILES = paged_selection(
    "Project",
    "releases",
    s.Selection(
        "Release",
        (
            s.Constant("type", "release"),
            s.Value("id", "id"),
            s.Value("name", "version"),
            date_field("date", "date_created"),
            s.ToManyField("fileCount", "files", "ReleaseFile", 1, (s.TotalCount("total"),), render_cursor, bare=True),
        ),
    ),
)


async def upload_file(request: Request) -> Answer:
    """Store a file of a release (201). A file of the same name and dist is a 409."""
    service = request.services.require_files().release_files
    request.principal.require(WRITE_RELEASES)
    await release_id(request)  # before the body is read
    await service.require_upload(request.principal)
    form = await _read_form(request, service)
    if form.blob is None:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, "Missing uploaded file")
    name = read_name(form.fields.get("name", [form.filename or ""])[-1])
    headers = read_headers(form.content_type, form.fields.get("header", []))
    new = NewReleaseFile(name, read_dist(form.fields.get("dist", [""])[-1]), form.blob, headers)
    tree = await service.create_file(request.principal, release_key(request), new, FILE_VIEW)
    assert tree is not None
    return Answer(201, tree)


@dataclass(slots=True)
class _Form:
    """The fields of an upload, and the file that was stored while it was read."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    blob: StoredBlob | None = None
    filename: str | None = None
    content_type: str | None = None


async def _read_form(request: Request, service: ReleaseFileService) -> _Form:
    form = _Form()
    async for part in read_parts(request.stream, _UPLOAD_LIMITS):
        if part.name == "file" and part.filename is not None:
            form.blob = await service.store_bytes(part)
            form.filename = part.filename.replace("\\", "/").rsplit("/", 1)[-1]
            form.content_type = part.headers.get("content-type")
        elif part.name in ("name", "dist", "header"):
            form.fields.setdefault(part.name, []).append(await part.text())
    return form


async def list_files(request: Request) -> Answer:
    """Return a page of a release's files by name. `query`: parts of the name, of which one matches; `checksum`: SHA-1s."""
    release, _ = await read_release(request)
    page = read_page(request.parameters, BY_NAME, tuple(_read_filters(request)))
    read = ObjectRead(PagedSelection(RELEASE_FILES, (page,)), release)
    return await answer_page(request, read, page, ReleaseNotFound())


def _read_filters(request: Request) -> list[Condition]:
    queries = tuple(build_search_condition(text) for text in request.parameters.get("query", ()) if text)
    checksums = [text for text in request.parameters.get("checksum", ()) if text]
    if len(queries) > MAX_CONDITIONS:
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"These are more than {MAX_CONDITIONS} conditions.")
    conditions: list[Condition] = [("or", queries)] if queries else []
    return conditions + ([("checksums", checksums)] if checksums else [])


async def get_file(request: Request) -> Answer:
    """Return a file of a release; with `download` its bytes, which needs the scope project:write."""
    file_id = _read_file_id(request)
    release, _ = await read_release(_cut_path(request))
    if "download" in request.parameters:
        request.principal.require(frozenset({Scope.PROJECT_WRITE}))
    tree = await _read_file(request, release, file_id)
    if "download" not in request.parameters:
        return Answer(200, tree)
    content_type = tree["headers"].get("Content-Type", "").encode("ascii", "ignore") or OCTETS
    name = " ".join(posixpath.basename(tree["name"]).split())
    open_range = partial(request.services.require_files().blobs.stream, BlobKind.BLOB, tree["sha1"])
    return Answer(200, StreamedBody(open_range, tree["size"], content_type, name))


async def rename_file(request: Request) -> Answer:
    """Rename a file of a release."""
    file_id = _read_file_id(request, "Can only update release files with integer IDs")
    name = read_name(parse_rename(request.body))
    tree = await request.services.require_files().release_files.rename_file(
        request.principal, release_key(_cut_path(request)), file_id, name, FILE_VIEW
    )
    if tree is None:
        raise not_found()
    return Answer(200, tree)


async def delete_file(request: Request) -> Answer:
    """Delete a file of a release."""
    file_id = _read_file_id(request)
    key = release_key(_cut_path(request))
    if not await request.services.require_files().release_files.delete_files(request.principal, key, [file_id]):
        raise not_found()
    return Answer(204)


async def delete_source_maps(request: Request) -> Answer:
    """Delete all files of the release `name` of a project (204). Artifact bundles stay."""
    organization, project = request.path
    key = ReleaseKey(organization=organization, version=request.last("name"), project=project, needs_project=False)
    await request.services.require_files().release_files.delete_files(request.principal, key, None)
    return Answer(204)


async def list_releases_with_files(request: Request) -> Answer:
    """Return a page of a project's releases, each with the number of its files. `query`: a part of the version."""
    request.principal.require(READ_RELEASES)
    request.principal.require_organization(request.path[0])
    sort = request.last("sortBy", "-date_added")
    if sort not in ("date_added", "-date_added"):
        raise DomainError(ErrorCode.INVALID_ARGUMENT, f"Invalid sortBy {sort}: it must be date_added or -date_added.")
    query = request.last("query")
    conditions: Conditions = (("version_has", build_search_condition(query)[1]),) if query else ()
    order = Order("date_created", descending=sort.startswith("-"))
    page = read_page(request.parameters, order, conditions, RELEASES_PER_PAGE)
    read = ObjectRead(PagedSelection(RELEASES_WITH_FILES, (page, PageRequest(1))), (project_condition(request.path[1]),))
    return await answer_page(request, read, page, ProjectNotFound())


async def assemble_bundle(request: Request) -> Answer:
    """Return the state of a release bundle, or begin to assemble it: its files become files of the release."""
    request.principal.require(WRITE_RELEASES)
    service = request.services.require_files().release_files
    release = await release_id(request)
    try:
        body = check_fields(await read_json_body(request), CHECKSUM_RULES, {})
    except InvalidUpload as error:
        return Answer(400, {"error": str(error)})
    version, chunks = request.path[-1], tuple(body["chunks"])
    return Answer(200, render_status(await service.assemble(request.principal, release, version, body["checksum"], chunks)))


def find_upload_limit(services: Services) -> int:
    """Return the maximum size of an upload's body."""
    return FORM_BYTES + (services.files.release_files.max_file_size if services.files else 0)


def _cut_path(request: Request) -> Request:
    """Return a request for the release of a path that ends in a file's id."""
    return replace(request, path=request.path[:-1])


def _read_file_id(request: Request, message: str | None = None) -> int:
    """Return the id of the path's file. Raises Refused (404), or DomainError with a message."""
    file_id = parse_row_id(request.path[-1])
    if file_id is not None:
        return file_id
    raise not_found() if message is None else DomainError(ErrorCode.INVALID_ARGUMENT, message)


async def _read_file(request: Request, release: Conditions, file_id: int) -> Tree:
    """Return a file of the release that the conditions select. Raises Refused (404)."""
    page = PageRequest(1, BY_NAME, conditions=(("id", file_id),))
    tree = await request.services.reads.read(request.principal, ObjectRead(PagedSelection(RELEASE_FILES, (page,)), release))
    nodes: list[Tree] = tree["rows"]["nodes"] if tree else []
    if not nodes:
        raise not_found()
    return nodes[0]


_FILE_FIELDS = FieldNames(same_names("name"))
FIELDS = _FILE_FIELDS
ROUTES: Routes = {
    **release_routes("files", {"GET": list_files, "POST": StreamingHandler(upload_file, find_upload_limit)}),
    **{
        (*owner, "releases", "*", "files", "*"): {"GET": get_file, "PUT": rename_file, "DELETE": delete_file}
        for owner in (ORGANIZATION_PATH, PROJECT_PATH)
    },
    (*ORGANIZATION_PATH, "releases", "*", "assemble"): {"POST": StreamingHandler(assemble_bundle, MAX_JSON_BYTES)},
    (*PROJECT_PATH, "files", "source-maps"): {"GET": list_releases_with_files, "DELETE": delete_source_maps},
}
PARAMETERS: QueryParameters = {
    list_files: (*PROJECT_PARAMETERS, *PAGE_PARAMETERS, "query", "checksum"),
    get_file: (*PROJECT_PARAMETERS, "download"),
    list_releases_with_files: (*PAGE_PARAMETERS, "query", "sortBy"),
    delete_source_maps: ("name",),
}
