"""Reads a bundle's manifest, and what the texts of its files say about their source maps."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from gql_releases.blobs.archive import MAX_FILE_BYTES, Archive, Member
from gql_releases.domain.artifact_bundle import BundleContents
from gql_releases.domain.bundle import (
    BundleFault,
    BundleFile,
    BundleManifest,
    FileType,
    InvalidBundle,
    normalize_uuid,
)

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 32 * 1024 * 1024
MAX_MANIFEST_VALUES = 2_000_000
"""Values of a manifest at most, by its punctuation: a file has about ten."""
MAX_TEXT = 8192
"""Characters of a name, URL or header value."""
MAX_HEADERS = 50
TAIL_BYTES = 1024
"""Comments of a minified file are looked for in its last bytes: bundlers write them at the end, in about 200."""
MAP_EDGE_BYTES = 4096
"""The field `file` of a source map is looked for in its first and its last bytes."""

_SOURCE_MAP_COMMENT = re.compile(rb"^[ \t]*//[#@][ \t]*sourceMappingURL=(\S+)[ \t]*\r?$", re.MULTILINE)
_MAP_FILE = re.compile(rb'(?<!\\)"file"\s*:\s*("(?:[^"\\]|\\.)*")')


def read_manifest(archive: Archive) -> BundleManifest:
    """Return the manifest of an artifact bundle, a release bundle or a source bundle. Raises InvalidBundle."""
    if MANIFEST not in archive.members:
        raise InvalidBundle(BundleFault.NO_MANIFEST)
    text = archive.read_member(MANIFEST, MAX_MANIFEST_BYTES)
    if sum(text.count(mark) for mark in (b",", b"[", b"{")) > MAX_MANIFEST_VALUES:
        raise InvalidBundle(BundleFault.BAD_MANIFEST)
    try:
        manifest = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidBundle(BundleFault.BAD_MANIFEST) from None
    files = _read_object(_expect_object(manifest), "files")
    debug_id = _read_text(manifest, "debug_id")
    return BundleManifest(
        files=tuple(_parse_file(archive, path, entry) for path, entry in files.items()),
        org=_read_text(manifest, "org"),
        project=_read_text(manifest, "project"),
        release=_read_text(manifest, "release") or None,
        dist=_read_text(manifest, "dist") or None,
        debug_id=normalize_uuid(debug_id) if debug_id else None,
        arch=_read_text(manifest, "arch"),
        object_name=_read_text(manifest, "object_name"),
        code_id=_read_text(manifest, "code_id"),
    )


def read_contents(file: BinaryIO, max_file_size: int = MAX_FILE_BYTES) -> BundleContents:
    """Return what is indexed of a bundle, after checks of all its files. Raises InvalidBundle."""
    archive = Archive(file, max_file_size)
    manifest = read_manifest(archive)
    for entry in manifest.files:
        for _ in archive.stream_member(entry.path):
            pass
    return BundleContents(manifest, {entry.path: name for entry, name in list_file_names(archive, manifest)})


class BundleReader:
    """A bundle whose files are read one after the other, in a thread at a time. Raises InvalidBundle."""

    def __init__(self, file: BinaryIO, max_file_size: int = MAX_FILE_BYTES) -> None:
        self._archive = Archive(file, max_file_size)
        self.manifest = read_manifest(self._archive)

    def stream_member(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file; raises InvalidBundle if they are not of the declared size and checksum."""
        return self._archive.stream_member(path)


def read_file(file: BinaryIO, path: str) -> Iterator[bytes]:
    """Return an iterator of the bytes of a bundle's file. It raises InvalidBundle."""
    return Archive(file).stream_member(path)


def read_source_map_comment(archive: Archive, path: str) -> str | None:
    """Return the reference in a minified file's last comment of a line of its own, or None. Raises InvalidBundle.

    Stricter than `find_source_map_reference`: the name of a file must not come from the text of a script.
    """
    _, tail = _read_edges(archive, path, TAIL_BYTES)
    references = _SOURCE_MAP_COMMENT.findall(tail)
    return references[-1].decode(errors="replace") if references else None


def list_file_names(archive: Archive, manifest: BundleManifest) -> Iterator[tuple[BundleFile, str]]:
    """Yield minified files with their real name, which their URL need not have. Raises InvalidBundle.

    It is that of the source map, without `.map`, in the comment of the minified file; else the field `file` of the map;
    else the name of the map in the headers. A file without any of them is left out.
    """
    maps_by_debug_id, maps_by_url = dict[str, BundleFile](), dict[str, BundleFile]()
    for file in manifest.files:
        if file.type is FileType.SOURCE_MAP:
            if file.debug_id:
                maps_by_debug_id.setdefault(file.debug_id, file)
            if file.url:
                maps_by_url.setdefault(file.url, file)
    for file in manifest.files:
        if file.type is not FileType.MINIFIED_SOURCE:
            continue
        comment = read_source_map_comment(archive, file.path)
        source_map = maps_by_debug_id.get(file.debug_id or "") or _find_map_by_url(maps_by_url, file, comment)
        name = _cut_map_name(comment) or _read_map_file(archive, source_map) or _cut_map_name(file.source_map)
        if name:
            yield file, name


def _parse_file(archive: Archive, path: str, entry: Any) -> BundleFile:
    member = _find_member(archive, path)
    headers = _parse_headers(_read_object(_expect_object(entry), "headers"))
    debug_id = headers.get("debug-id")
    return BundleFile(
        path=member.path,
        type=_parse_type(_read_text(entry, "type")),
        size=member.size,
        url=_read_text(entry, "url") or None,
        source_path=_read_text(entry, "path"),
        headers=headers or None,
        debug_id=normalize_uuid(debug_id) if debug_id else None,
        source_map=headers.get("sourcemap") or headers.get("x-sourcemap") or None,
    )


def _find_member(archive: Archive, path: str) -> Member:
    try:
        return archive.members[path]
    except KeyError:
        raise InvalidBundle(BundleFault.MISSING_FILE, path) from None


def _parse_headers(headers: dict[str, Any]) -> dict[str, str]:
    if len(headers) > MAX_HEADERS:
        raise InvalidBundle(BundleFault.BAD_MANIFEST)
    names = {name.lower(): _read_text(headers, name) for name in headers}
    return {name: value for name, value in names.items() if value is not None}


def _parse_type(text: str | None) -> FileType:
    try:
        return FileType(text or FileType.OTHER)
    except ValueError:
        return FileType.OTHER


def _expect_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidBundle(BundleFault.BAD_MANIFEST)
    return value


def _read_object(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return {} if value is None else _expect_object(value)


def _read_text(entry: dict[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT or len(name) > MAX_TEXT or "\0" in value or "\0" in name:
        raise InvalidBundle(BundleFault.BAD_MANIFEST)
    return value


def _find_map_by_url(maps: dict[str, BundleFile], file: BundleFile, comment: str | None) -> BundleFile | None:
    """Return the map of a bundle that a header or a comment of a minified file refers to, relative to its URL."""
    reference = file.source_map or comment
    if not reference or not file.url or reference.startswith("data:"):
        return None
    if "://" in reference or reference.startswith("~"):
        return maps.get(reference)
    scheme, separator, path = file.url.rpartition("://")
    if reference.startswith("/"):
        origin = path.partition("/")[0]
        return maps.get(f"{scheme}{separator}{origin}{reference}")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), reference))
    return maps.get(f"{scheme}{separator}{joined}")


def _read_map_file(archive: Archive, source_map: BundleFile | None) -> str | None:
    """Return the last part of the field `file` of a source map, which is not parsed."""
    if source_map is None:
        return None
    for edge in _read_edges(archive, source_map.path, MAP_EDGE_BYTES):
        for text in _MAP_FILE.findall(edge):
            try:
                name: str = orjson.loads(text).rpartition("/")[2]
            except orjson.JSONDecodeError:
                continue
            if name and "\0" not in name:
                return name
    return None


def _cut_map_name(reference: str | None) -> str | None:
    """Return the name of a minified file from the reference to its map: the last part, without query and `.map`."""
    if not reference or reference.startswith("data:"):
        return None
    name = re.split(r"[?#]", reference, maxsplit=1)[0].rpartition("/")[2].removesuffix(".map")
    return None if not name or "\0" in name else name


def _read_edges(archive: Archive, path: str, length: int) -> tuple[bytes, bytes]:
    """Return the first and the last bytes of a file."""
    head, tail = b"", b""
    for piece in archive.stream_member(path):
        if len(head) < length:
            head += piece[: length - len(head)]
        tail = (tail + piece)[-length:]
    return head, tail
