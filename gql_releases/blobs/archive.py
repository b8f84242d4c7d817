"""Reads zip files that others have made: members on demand, with limits on all that a hostile file can declare."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from gql_releases.domain.blob import StoredBlob
from gql_releases.domain.bundle import BundleFault, InvalidBundle

MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024
MAX_MEMBERS = 65_535
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
"""Bytes of the central directory: 65,535 members with names of 400 characters."""
MAX_RATIO = 200
RATIO_FREE_BYTES = 100 * 1024 * 1024
"""Up to this size data may expand by any ratio."""
MAX_WINDOW_BYTES = 8 * 1024 * 1024
"""Memory of a zstd decoder: RFC 8878 recommends to support this much."""
READ_BYTES = 64 * 1024
STORED, DEFLATED, ZSTANDARD = 0, 8, 93
BUNDLE_PREFIX, BUNDLE_PREFIX_BYTES = b"SYSB", 8

_END = struct.Struct("<4s4H2IH")
_END_MARK = b"PK\x05\x06"
_END_64_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_ENTRY_MARK = b"PK\x01\x02"
_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MARK = b"PK\x03\x04"
_ENCRYPTED_FLAGS = 0x2041
_UTF8_FLAG = 0x800
_IN_EXTRA = 0xFFFFFFFF
"""A field of 32 bits whose value is in the extra field."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, as the central directory declares it."""

    path: str
    size: int
    compressed_size: int
    method: int
    checksum: int
    raw_name: bytes
    offset: int
    limit: int = 0
    """Offset of the next member or of the central directory: where its bytes end at the latest."""


class Archive:
    """A zip file, whose offsets include the prefix of a bundle if there is one, in a seekable file.

    Reads the central directory and checks all that is declared there; raises InvalidBundle. Use it in one thread at a time.
    """

    def __init__(self, file: BinaryIO, max_file_size: int = MAX_FILE_BYTES) -> None:
        self._file, self._max_file_size = file, max_file_size
        self.members = {member.path: member for member in _read_directory(file)}
        """Files by their path, in the order of the central directory; folders are left out."""
        self._check_sizes()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def read_member(self, path: str, max_size: int) -> bytes:
        """Return the bytes of a file. Raises InvalidBundle, also if it is absent or larger than `max_size`."""
        member = self._find(path)
        if member.size > max_size:
            raise _too_large(member, max_size)
        return b"".join(self.stream_member(path))

    def stream_member(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file in pieces of up to READ_BYTES.

        Raises InvalidBundle if they are not of the declared size and checksum: use nothing of it before the end.
        """
        member = self._find(path)
        size, checksum = 0, 0
        for piece in self._decompress(member):
            size += len(piece)
            if size > member.size:
                raise InvalidBundle(BundleFault.SIZE_MISMATCH, path)
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if size != member.size:
            raise InvalidBundle(BundleFault.SIZE_MISMATCH, path)
        if checksum != member.checksum:
            raise InvalidBundle(BundleFault.CHECKSUM_MISMATCH, path)

    def hash_member(self, path: str) -> StoredBlob:
        """Return hashes and size of a file. Raises InvalidBundle."""
        sha1, sha256, size = hashlib.sha1(usedforsecurity=False), hashlib.sha256(), 0
        for piece in self.stream_member(path):
            sha1.update(piece)
            sha256.update(piece)
            size += len(piece)
        return StoredBlob(sha1.hexdigest(), sha256.hexdigest(), size)

    def _find(self, path: str) -> Member:
        try:
            return self.members[path]
        except KeyError:
            raise InvalidBundle(BundleFault.MISSING_FILE, path) from None

    def _check_sizes(self) -> None:
        for member in self.members.values():
            if member.size > self._max_file_size:
                raise _too_large(member, self._max_file_size)
            _check_ratio(member.size, member.compressed_size, member.path)
        total = sum(member.size for member in self.members.values())
        if total > 4 * self._max_file_size:
            raise InvalidBundle(BundleFault.TOO_LARGE)
        _check_ratio(total, sum(member.compressed_size for member in self.members.values()))

    def _decompress(self, member: Member) -> Iterator[bytes]:
        data = _Slice(self._file, self._locate_data(member), member.compressed_size, member.path)
        if member.method == DEFLATED:
            yield from _inflate(data, member.path)
        elif member.method == ZSTANDARD:
            yield from _decompress_zstandard(data, member.path)
        else:
            while piece := data.read(READ_BYTES):
                yield piece

    def _locate_data(self, member: Member) -> int:
        """Return the offset of a member's data: the local header has to agree with the central directory."""
        fields = _LOCAL.unpack(_read_at(self._file, member.offset, _LOCAL.size))
        mark, _, flags, method, _, _, _, _, _, name_length, extra_length = fields
        name = _read_at(self._file, member.offset + _LOCAL.size, name_length)
        if mark != _LOCAL_MARK or method != member.method or name != member.raw_name or flags & _ENCRYPTED_FLAGS:
            raise InvalidBundle(BundleFault.CORRUPT, member.path)
        start: int = member.offset + _LOCAL.size + name_length + extra_length
        if start + member.compressed_size > member.limit:
            raise InvalidBundle(BundleFault.OVERLAP, member.path)
        return start


class _Slice:
    """The compressed bytes of a member as a file."""

    def __init__(self, file: BinaryIO, start: int, length: int, path: str) -> None:
        self._file, self._position, self._end, self._path = file, start, start + length, path

    def read(self, length: int) -> bytes:
        length = min(length, READ_BYTES, self._end - self._position)
        if length <= 0:
            return b""
        piece = _read_at(self._file, self._position, length)
        self._position += length
        return piece


def _inflate(data: _Slice, path: str) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while not decoder.eof:
            piece = decoder.unconsumed_tail or data.read(READ_BYTES)
            output = decoder.decompress(piece, READ_BYTES)
            if output:
                yield output
            elif not piece:
                raise InvalidBundle(BundleFault.CORRUPT, path)
    except zlib.error as error:
        raise InvalidBundle(BundleFault.CORRUPT, path) from error
    if decoder.unused_data or data.read(1):
        raise InvalidBundle(BundleFault.CORRUPT, path)


def _decompress_zstandard(data: _Slice, path: str) -> Iterator[bytes]:
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        with decoder.stream_reader(data, read_size=READ_BYTES, read_across_frames=True, closefd=False) as reader:  # type: ignore[arg-type]
            while piece := reader.read(READ_BYTES):
                yield piece
    except zstandard.ZstdError as error:
        raise InvalidBundle(BundleFault.CORRUPT, path) from error


def _read_directory(file: BinaryIO) -> list[Member]:
    """Return all files that the central directory declares, after checks of names, methods and offsets."""
    start, size, count, shift = _locate_directory(file)
    directory = _read_at(file, start, size)
    members, paths, position = list[Member](), set[str](), 0
    for _ in range(count):
        member, position = _parse_entry(directory, position, shift)
        if member.path in paths:
            raise InvalidBundle(BundleFault.DUPLICATE_NAME, member.path)
        paths.add(member.path)
        members.append(member)
    if position != size:
        raise InvalidBundle(BundleFault.CORRUPT)
    limited = _limit(members, start)
    return [member for member in limited if not member.path.endswith("/")]


def _locate_directory(file: BinaryIO) -> tuple[int, int, int, int]:
    """Return start, size and number of entries of the central directory, and what is added to its offsets."""
    end = _find_end(file)
    fields = _END.unpack(_read_at(file, end, _END.size))
    _, disk, directory_disk, _, count, size, offset, _ = fields
    if 0xFFFF in (disk, directory_disk, count) or _IN_EXTRA in (size, offset):
        end_64 = _find_end_64(file, end)
        if end_64 is not None:
            end, disk, directory_disk, count, size, offset = end_64
    if disk or directory_disk:
        raise InvalidBundle(BundleFault.CORRUPT)
    if count > MAX_MEMBERS:
        raise InvalidBundle(BundleFault.TOO_MANY_FILES)
    if size > MAX_DIRECTORY_BYTES or size > end:
        raise InvalidBundle(BundleFault.TOO_LARGE if size <= end else BundleFault.CORRUPT)
    shift = end - size - offset
    if shift and (shift != BUNDLE_PREFIX_BYTES or _read_at(file, 0, len(BUNDLE_PREFIX)) != BUNDLE_PREFIX):
        raise InvalidBundle(BundleFault.CORRUPT)
    return end - size, size, count, shift


def _find_end(file: BinaryIO) -> int:
    """Return the offset of the end record, whose comment ends the file."""
    length = file.seek(0, 2)
    tail_length = min(length, _END.size + 0xFFFF)
    tail = _read_at(file, length - tail_length, tail_length)
    position = len(tail) - _END.size + len(_END_MARK)
    while (position := tail.rfind(_END_MARK, 0, max(position, 0))) >= 0:
        comment = _END.unpack_from(tail, position)[-1]
        if position + _END.size + comment == len(tail):
            return length - tail_length + position
        position += len(_END_MARK) - 1
    raise InvalidBundle(BundleFault.NOT_A_ZIP)


def _find_end_64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int] | None:
    """Return the end record of zip64: its offset, both disks, number of entries, size and offset of the directory."""
    if end < _END_64_LOCATOR.size:
        return None
    mark, _, offset, disks = _END_64_LOCATOR.unpack(_read_at(file, end - _END_64_LOCATOR.size, _END_64_LOCATOR.size))
    if mark != b"PK\x06\x07":
        return None
    # The record is before its locator; a bundle's prefix may not be in the offset.
    position = end - _END_64_LOCATOR.size - _END_64.size
    if disks > 1 or position < 0 or position - offset not in (0, BUNDLE_PREFIX_BYTES):
        raise InvalidBundle(BundleFault.CORRUPT)
    fields = _END_64.unpack(_read_at(file, position, _END_64.size))
    mark, _, _, _, disk, directory_disk, _, count, size, offset = fields
    if mark != b"PK\x06\x06":
        raise InvalidBundle(BundleFault.CORRUPT)
    return position, disk, directory_disk, count, size, offset


def _parse_entry(directory: bytes, position: int, shift: int) -> tuple[Member, int]:
    """Return a member and the position of the next entry."""
    if position + _ENTRY.size > len(directory):
        raise InvalidBundle(BundleFault.CORRUPT)
    fields = _ENTRY.unpack_from(directory, position)
    mark, _, _, flags, method, _, _, checksum, compressed_size, size = fields[:10]
    name_length, extra_length, comment_length, disk, _, _, offset = fields[10:]
    name_start = position + _ENTRY.size
    extra_start = name_start + name_length
    following: int = extra_start + extra_length + comment_length
    if mark != _ENTRY_MARK or following > len(directory) or disk not in (0, 0xFFFF):
        raise InvalidBundle(BundleFault.CORRUPT)
    raw_name = directory[name_start:extra_start]
    path = _decode_name(raw_name, flags)
    if flags & _ENCRYPTED_FLAGS:
        raise InvalidBundle(BundleFault.ENCRYPTED, path)
    if method not in (STORED, DEFLATED, ZSTANDARD):
        raise InvalidBundle(BundleFault.METHOD, path)
    extra = directory[extra_start : extra_start + extra_length]
    size, compressed_size, offset = _read_extra(extra, size, compressed_size, offset)
    if method == STORED and size != compressed_size:
        raise InvalidBundle(BundleFault.SIZE_MISMATCH, path)
    return Member(path, size, compressed_size, method, checksum, raw_name, offset + shift), following


def _decode_name(raw_name: bytes, flags: int) -> str:
    """Return a member's name. Raises InvalidBundle if it is not safe as a relative path."""
    try:
        name = raw_name.decode()
    except UnicodeDecodeError:
        if flags & _UTF8_FLAG:
            raise InvalidBundle(BundleFault.UNSAFE_NAME) from None
        name = raw_name.decode("cp437")
    is_absolute = name.startswith("/") or name[1:2] == ":"
    if not name or is_absolute or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise InvalidBundle(BundleFault.UNSAFE_NAME, name)
    return name


def _read_extra(extra: bytes, *values: int) -> list[int]:
    """Return size, compressed size and offset; those that do not fit into 32 bits are in the extra field of zip64."""
    if _IN_EXTRA not in values:
        return list(values)
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == 1:
            field = extra[position : position + length]
            count = values.count(_IN_EXTRA)
            if len(field) < 8 * count:
                break
            numbers = iter(struct.unpack_from(f"<{count}Q", field))
            return [next(numbers) if value == _IN_EXTRA else value for value in values]
        position += length
    raise InvalidBundle(BundleFault.CORRUPT)


def _limit(members: list[Member], directory_start: int) -> list[Member]:
    """Return members with the offsets where they have to end. Raises InvalidBundle if any share bytes."""
    limit, limits = directory_start, {}
    for member in sorted(members, key=lambda member: member.offset, reverse=True):
        if member.offset + _LOCAL.size + len(member.raw_name) + member.compressed_size > limit:
            raise InvalidBundle(BundleFault.OVERLAP, member.path)
        limits[member.path] = limit
        limit = member.offset
    return [dataclasses.replace(member, limit=limits[member.path]) for member in members]


def _check_ratio(size: int, compressed_size: int, path: str | None = None) -> None:
    if size > RATIO_FREE_BYTES and size > MAX_RATIO * compressed_size:
        raise InvalidBundle(BundleFault.RATIO, path)


def _too_large(member: Member, max_size: int) -> InvalidBundle:
    detail = f"File {member.path} exceeds maximum size ({member.size} > {max_size})"
    return InvalidBundle(BundleFault.FILE_TOO_LARGE, member.path, detail)


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    """Return exactly these bytes. Raises InvalidBundle if the file ends before."""
    file.seek(position)
    data = file.read(length)
    if len(data) != length:
        raise InvalidBundle(BundleFault.CORRUPT)
    return data
