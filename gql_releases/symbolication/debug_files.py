"""Debug files and ProGuard mappings; runs in a worker, since a broken file may crash the library."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from symbolic.debuginfo import Archive, Object
from symbolic.exceptions import SymbolicError
from symbolic.proguard import ProguardMapper
from symbolic.symcache import SymCache

from gql_releases.domain.native_symbolication import DebugObject, JavaFrame, NativeFrame, UnreadableDebugFile
from gql_releases.domain.symbolication import InputFile
from gql_releases.symbolication.parsed_files import ParsedFiles

_UNSUPPORTED_FORMAT = "unsupported object file format"
_PARSED_PER_MAPPING_BYTE = 4
_HIGHEST_ADDRESS = 2**64 - 1


def list_objects(file: InputFile) -> list[DebugObject]:
    """Return the objects of a debug file. Raises UnreadableDebugFile, OSError."""
    with _open_archive(file) as archive:
        return [
            DebugObject(
                debug_id=debug_object.debug_id,
                code_id=debug_object.code_id,
                arch=debug_object.arch,
                kind=debug_object.kind,
                format=debug_object.file_format,
                features=tuple(sorted(debug_object.features)),
            )
            for debug_object in _iterate_objects(archive)
        ]


def create_symcache(file: InputFile, debug_id: str | None, output_path: str) -> int:
    """Write the symbols of an object, the first one without a debug id, for `look_up_addresses`; return the bytes written.

    Raises UnreadableDebugFile, OSError.
    """
    with _open_archive(file) as archive:
        objects = [item for item in _iterate_objects(archive) if debug_id is None or item.debug_id == debug_id]
        if not objects:
            raise UnreadableDebugFile("Invalid debug information file: no object has this debug id")
        try:
            symcache = objects[0].make_symcache()
        except SymbolicError as error:
            raise _unreadable(error) from error
        with open(output_path, "wb") as output:
            symcache.dump_into(output)
            return output.tell()


def look_up_addresses(kept: ParsedFiles, symcache: InputFile, addresses: Iterable[int]) -> list[list[NativeFrame]]:
    """Return the functions at each address, relative to the image: the innermost first, none if nothing is there.

    `symcache` is a file of `create_symcache`. Raises UnreadableDebugFile.
    """
    parsed = kept.get(("symcache", symcache.key), SymCache)
    if parsed is None:
        try:
            with _write_out(symcache) as path:
                parsed = kept.add(("symcache", symcache.key), lambda: SymCache.open(path), os.path.getsize(path))
        except SymbolicError as error:
            raise _unreadable(error) from error
    return [_look_up_address(parsed, address) for address in addresses]


def _look_up_address(symcache: SymCache, address: int) -> list[NativeFrame]:
    if not 0 <= address <= _HIGHEST_ADDRESS:
        return []
    return [
        NativeFrame(location.symbol, location.full_path, location.line or None, location.lang or None)
        for location in symcache.lookup(address)
    ]


def deobfuscate(kept: ParsedFiles, mapping: InputFile, frames: Iterable[JavaFrame]) -> list[list[JavaFrame]]:
    """Return the original frames of each obfuscated one: several if methods were inlined, none if its class is unknown.

    Raises UnreadableDebugFile.
    """
    mapper = kept.get(("proguard", mapping.key), ProguardMapper)
    if mapper is None:
        with _write_out(mapping) as path:
            size = _PARSED_PER_MAPPING_BYTE * os.path.getsize(path)
            try:
                mapper = kept.add(("proguard", mapping.key), lambda: ProguardMapper.open(path), size)
            except SymbolicError as error:
                raise _unreadable(error) from error
    return [_deobfuscate_frame(mapper, frame) for frame in frames]


def _deobfuscate_frame(mapper: ProguardMapper, frame: JavaFrame) -> list[JavaFrame]:
    line = frame.line if frame.line and 0 < frame.line < 2**31 else 0
    frames = [
        JavaFrame(item.class_name, item.method, item.line or None, item.file or None)
        for item in mapper.remap_frame(frame.class_name, frame.method, line)
    ]
    if frames:
        return frames
    if method := mapper.remap_method(frame.class_name, frame.method):
        return [JavaFrame(*method, frame.line)]
    class_name = mapper.remap_class(frame.class_name)
    return [JavaFrame(class_name, frame.method, frame.line)] if class_name else []


@contextmanager
def _open_archive(file: InputFile) -> Iterator[Archive]:
    with _write_out(file) as path:
        try:
            archive = Archive.open(path)
        except SymbolicError as error:
            raise _unreadable(error) from error
        yield archive


def _iterate_objects(archive: Archive) -> Iterator[Object]:
    for index in range(archive.object_count):
        try:
            yield archive._get_object(index)
        except SymbolicError as error:
            raise _unreadable(error) from error


def _unreadable(error: SymbolicError) -> UnreadableDebugFile:
    message = error.message.strip().partition("\n")[0]
    kind = "Unsupported" if message == _UNSUPPORTED_FORMAT else "Invalid"
    return UnreadableDebugFile(f"{kind} debug information file: {message}")


@contextmanager
def _write_out(file: InputFile) -> Iterator[str]:
    """Return the path of a file; content is written to a temporary one, since the library maps files into memory."""
    if file.path is not None:
        if not os.path.isfile(file.path):
            raise FileNotFoundError(file.path)
        yield file.path
        return
    with tempfile.NamedTemporaryFile() as temporary:
        temporary.write(file.content or b"")
        temporary.flush()
        yield temporary.name
