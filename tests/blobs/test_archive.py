"""Zip files of others: those of clients are read, and each abuse is refused by name."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gql_releases.blobs import archive as archive_module
from gql_releases.blobs.archive import Archive
from gql_releases.domain.bundle import BundleFault, InvalidBundle
from tests.blobs.zips import PREFIX, Entry, write_bundle, write_zip
from tests.scale import scale

TEXT = b"var a = 1;\n" * 20_000
NOISE = os.urandom(200_000)


def open_archive(data: bytes, max_file_size: int = 10_000_000) -> Archive:
    return Archive(io.BytesIO(data), max_file_size)


def read_all(data: bytes, max_file_size: int = 10_000_000) -> dict[str, bytes]:
    archive = open_archive(data, max_file_size)
    return {path: archive.read_member(path, max_file_size) for path in archive.members}


def refuse(data: bytes, max_file_size: int = 10_000_000) -> InvalidBundle:
    """Return the error of reading a zip file as a whole."""
    with pytest.raises(InvalidBundle) as caught:
        read_all(data, max_file_size)
    return caught.value


@pytest.mark.parametrize("method", [0, 8, 93], ids=["stored", "deflate", "zstd"])
@pytest.mark.parametrize("prefix", [PREFIX, b""], ids=["bundle", "plain"])
def test_methods_and_prefixes_of_clients_are_read(prefix: bytes, method: int) -> None:
    entries = [
        Entry(name.encode(), content, method) for name, content in (("a/b.js", TEXT), ("noise", NOISE), ("empty", b""))
    ]
    contents = {"a/b.js": TEXT, "noise": NOISE, "empty": b""}
    assert read_all(write_zip(*entries, prefix=prefix)) == contents
    assert read_all(write_zip(*entries, prefix=prefix, comment=b"a comment PK\x05\x06 of 26 bytes.")) == contents


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("prefix", [PREFIX, b""])
def test_files_of_zipfile_are_read(prefix: bytes, method: int) -> None:
    contents = {"_/_/app.min.js": TEXT, "é/ü.map": b"{}", "empty": b""}
    assert read_all(write_bundle({}, contents, prefix, method)) == {**contents, "manifest.json": b"{}"}


def test_offsets_may_leave_out_the_prefix() -> None:
    assert read_all(write_zip(Entry(b"a", TEXT), prefix=PREFIX, shift=8)) == {"a": TEXT}
    assert refuse(write_zip(Entry(b"a", TEXT), prefix=b"#!/bin/x", shift=8)).fault is BundleFault.CORRUPT
    assert refuse(write_zip(Entry(b"a", TEXT), prefix=PREFIX + b"1234", shift=12)).fault is BundleFault.CORRUPT


def test_zip64_and_descriptors_are_read() -> None:
    file = io.BytesIO()

    class Pipe(io.RawIOBase):
        """A file that cannot be sought: zipfile writes descriptors behind the data."""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            return file.write(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("large", "w", force_zip64=True) as member:
            member.write(TEXT)
        archive.writestr("small", b"small")
    assert read_all(file.getvalue()) == {"large": TEXT, "small": b"small"}


def to_zip64(data: bytes, *, offset_change: int = 0) -> bytes:
    """Return a zip file with an end record of zip64."""
    start = data.rindex(b"PK\x05\x06")
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2IH", data[start : start + 22])
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, start + offset_change, 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:start] + record + locator + end


def test_end_record_of_zip64_is_read() -> None:
    data = write_zip(Entry(b"a", TEXT), Entry(b"b", NOISE, 0), prefix=PREFIX)
    assert read_all(to_zip64(data)) == {"a": TEXT, "b": NOISE}
    assert refuse(to_zip64(data, offset_change=5)).fault is BundleFault.CORRUPT


def test_folders_are_left_out() -> None:
    assert read_all(write_zip(Entry(b"a/", method=0), Entry(b"a/b", b"1"))) == {"a/b": b"1"}


HOSTILE: dict[str, tuple[Callable[[], bytes], BundleFault]] = {
    "empty": (lambda: b"", BundleFault.NOT_A_ZIP),
    "text": (lambda: TEXT, BundleFault.NOT_A_ZIP),
    "prefix alone": (lambda: PREFIX, BundleFault.NOT_A_ZIP),
    "end cut off": (lambda: write_zip(Entry(b"a", TEXT))[:-1], BundleFault.NOT_A_ZIP),
    "bytes after the end": (lambda: write_zip(Entry(b"a", TEXT)) + b"x", BundleFault.NOT_A_ZIP),
    "start cut off": (lambda: write_zip(Entry(b"a", TEXT))[1:], BundleFault.CORRUPT),
    "parent": (lambda: write_zip(Entry(b"../a", TEXT)), BundleFault.UNSAFE_NAME),
    "parent inside": (lambda: write_zip(Entry(b"a/../../b", TEXT)), BundleFault.UNSAFE_NAME),
    "parent at the end": (lambda: write_zip(Entry(b"a/..", TEXT)), BundleFault.UNSAFE_NAME),
    "parent of a folder": (lambda: write_zip(Entry(b"../", method=0)), BundleFault.UNSAFE_NAME),
    "absolute": (lambda: write_zip(Entry(b"/etc/passwd", TEXT)), BundleFault.UNSAFE_NAME),
    "drive": (lambda: write_zip(Entry(b"C:a", TEXT)), BundleFault.UNSAFE_NAME),
    "backslash": (lambda: write_zip(Entry(b"a\\b", TEXT)), BundleFault.UNSAFE_NAME),
    "no name": (lambda: write_zip(Entry(b"", TEXT)), BundleFault.UNSAFE_NAME),
    "null": (lambda: write_zip(Entry(b"a\0b", TEXT)), BundleFault.UNSAFE_NAME),
    "not utf-8": (lambda: write_zip(Entry(b"\xff\xfe", TEXT, flags=0x800)), BundleFault.UNSAFE_NAME),
    "same name": (lambda: write_zip(Entry(b"a", TEXT), Entry(b"a", NOISE)), BundleFault.DUPLICATE_NAME),
    "encrypted": (lambda: write_zip(Entry(b"a", TEXT, flags=1)), BundleFault.ENCRYPTED),
    "strongly encrypted": (lambda: write_zip(Entry(b"a", TEXT, flags=0x40)), BundleFault.ENCRYPTED),
    "hidden headers": (lambda: write_zip(Entry(b"a", TEXT, flags=0x2000)), BundleFault.ENCRYPTED),
    "bzip2": (lambda: write_zip(Entry(b"a", TEXT, 12)), BundleFault.METHOD),
    "lzma": (lambda: write_zip(Entry(b"a", TEXT, 14)), BundleFault.METHOD),
    "deflate64": (lambda: write_zip(Entry(b"a", TEXT, 9)), BundleFault.METHOD),
    "declared too large": (lambda: write_zip(Entry(b"a", TEXT, size=10_000_001)), BundleFault.FILE_TOO_LARGE),
    "too large together": (
        lambda: write_zip(*(Entry(b"%d" % n, NOISE, 8, size=9_999_999) for n in range(5))),
        BundleFault.TOO_LARGE,
    ),
    "more than declared, deflate": (lambda: write_zip(Entry(b"a", TEXT, size=100)), BundleFault.SIZE_MISMATCH),
    "more than declared, zstd": (lambda: write_zip(Entry(b"a", TEXT, 93, size=100)), BundleFault.SIZE_MISMATCH),
    "more than declared, stored": (lambda: write_zip(Entry(b"a", TEXT, 0, size=100)), BundleFault.SIZE_MISMATCH),
    "less than declared, deflate": (lambda: write_zip(Entry(b"a", TEXT, size=300_000)), BundleFault.SIZE_MISMATCH),
    "less than declared, zstd": (lambda: write_zip(Entry(b"a", TEXT, 93, size=300_000)), BundleFault.SIZE_MISMATCH),
    "other checksum": (lambda: write_zip(Entry(b"a", TEXT, checksum=1)), BundleFault.CHECKSUM_MISMATCH),
    "no deflate": (lambda: write_zip(Entry(b"a", TEXT, data=b"\xff\xff\xff")), BundleFault.CORRUPT),
    "deflate cut off": (lambda: write_zip(Entry(b"a", TEXT, data=Entry(b"a", TEXT).encode()[:-5])), BundleFault.CORRUPT),
    "deflate and more": (
        lambda: write_zip(Entry(b"a", TEXT, data=Entry(b"a", TEXT).encode() + b"more")),
        BundleFault.CORRUPT,
    ),
    "no zstd": (lambda: write_zip(Entry(b"a", TEXT, 93, data=b"no zstd")), BundleFault.CORRUPT),
    "zstd cut off": (
        lambda: write_zip(Entry(b"a", TEXT, 93, data=Entry(b"a", TEXT, 93).encode()[:-5])),
        BundleFault.SIZE_MISMATCH,
    ),
    "zstd with a large window": (
        lambda: write_zip(Entry(b"a", TEXT, 93, data=compress_with_window(TEXT, 27))),
        BundleFault.CORRUPT,
    ),
    "other local name": (lambda: write_zip(Entry(b"a", TEXT, local_name=b"b")), BundleFault.CORRUPT),
    "same bytes": (lambda: write_zip(Entry(b"a", NOISE), Entry(b"b", NOISE, offset=0)), BundleFault.OVERLAP),
    "into the directory": (
        lambda: write_zip(Entry(b"a", NOISE), Entry(b"b", b"x", data=b"x", offset=200_000)),
        BundleFault.OVERLAP,
    ),
    "behind the end": (lambda: write_zip(Entry(b"a", NOISE, offset=10_000_000)), BundleFault.OVERLAP),
}


def compress_with_window(content: bytes, log: int) -> bytes:
    """Return a frame of zstd that declares a large window and no size."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=False)
    encoder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return encoder.compress(content) + encoder.flush()


@pytest.mark.parametrize("name", HOSTILE)
def test_abuse_is_refused(name: str) -> None:
    write, fault = HOSTILE[name]
    assert refuse(write()).fault is fault


def test_stored_member_of_two_sizes_is_refused_when_it_is_opened() -> None:
    with pytest.raises(InvalidBundle):
        open_archive(write_zip(Entry(b"a", TEXT, 0, size=100)))


def test_local_header_does_not_move_data_into_the_next_member() -> None:
    data = bytearray(write_zip(Entry(b"a", NOISE, 0), Entry(b"b", TEXT)))
    data[28:30] = (100).to_bytes(2, "little")  # the length of the first local header's extra field
    assert refuse(bytes(data)).fault is BundleFault.OVERLAP


def test_several_frames_of_zstd_are_read() -> None:
    frames = zstandard.compress(TEXT) + zstandard.compress(NOISE)
    assert read_all(write_zip(Entry(b"a", TEXT + NOISE, 93, data=frames))) == {"a": TEXT + NOISE}


def test_error_says_which_file_is_too_large() -> None:
    error = refuse(write_zip(Entry(b"a.js", TEXT)), 1000)
    assert error.detail == f"File a.js exceeds maximum size ({len(TEXT)} > 1000)"
    assert refuse(b"").detail == "the bundle is invalid"
    with pytest.raises(InvalidBundle, match=r"a\.js exceeds"):
        open_archive(write_zip(Entry(b"a.js", TEXT))).read_member("a.js", 1000)
    with pytest.raises(InvalidBundle) as caught:
        open_archive(write_zip(Entry(b"a.js", TEXT))).read_member("b.js", 1000)
    assert caught.value.fault is BundleFault.MISSING_FILE


def test_number_of_members_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    assert archive_module.MAX_MEMBERS == 65_535
    monkeypatch.setattr(archive_module, "MAX_MEMBERS", 3)
    entries = [Entry(b"%d" % number, b"text") for number in range(4)]
    for write in (write_zip, lambda *entries: to_zip64(write_zip(*entries))):
        assert len(open_archive(write(*entries[:3])).members) == 3
        assert refuse(write(*entries)).fault is BundleFault.TOO_MANY_FILES


def test_size_of_the_directory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MAX_DIRECTORY_BYTES", 100)
    assert read_all(write_zip(Entry(b"a", TEXT))) == {"a": TEXT}
    assert refuse(write_zip(Entry(b"a" * 60, TEXT))).fault is BundleFault.TOO_LARGE


def test_ratio_is_limited_over_100_mib() -> None:
    free, limit = 100 * 1024 * 1024, 1 << 30
    enough = free // 200 + 1

    def open_members(*sizes: tuple[int, int]) -> Archive:
        entries = [Entry(b"%d" % number, size=size, data=bytes(length)) for number, (size, length) in enumerate(sizes)]
        return open_archive(write_zip(*entries), limit)

    assert len(open_members((free, 1)).members) == 1
    assert len(open_members((free + 1, enough)).members) == 1
    assert len(open_members((free, enough), (free, enough)).members) == 2
    with pytest.raises(InvalidBundle) as caught:
        open_members((free + 1, enough - 1), (0, 10_000_000))
    assert (caught.value.fault, caught.value.name) == (BundleFault.RATIO, "0")
    with pytest.raises(InvalidBundle) as caught:
        open_members((free, enough - 10), (free, enough))
    assert (caught.value.fault, caught.value.name) == (BundleFault.RATIO, None)


def test_bomb_is_decompressed_in_pieces_and_stops_at_its_declared_size() -> None:
    """100 MB of zeros in 100 KB, declared as 1,000 bytes and as they are: memory does not grow by more than 2 MB."""
    content = bytes(100_000_000)
    for method in (8, 93):
        honest, bomb = Entry(b"a", content, method), Entry(b"a", content, method, size=1000)
        archives = [open_archive(write_zip(entry), 1 << 30) for entry in (honest, bomb)]
        tracemalloc.start()
        try:
            assert sum(len(piece) for piece in archives[0].stream_member("a")) == 100_000_000
            pieces = list[int]()
            with pytest.raises(InvalidBundle):
                pieces.extend(len(piece) for piece in archives[1].stream_member("a"))
            assert pieces == [], "nothing over the declared size"
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()


def test_hashes_of_a_member() -> None:
    with open_archive(write_zip(Entry(b"a", TEXT))) as archive:
        blob = archive.hash_member("a")
    assert (blob.sha1, blob.sha256, blob.size) == (
        hashlib.sha1(TEXT).hexdigest(),
        hashlib.sha256(TEXT).hexdigest(),
        len(TEXT),
    )


@settings(max_examples=scale(300, 20_000), deadline=None)
@given(st.data())
def test_changed_bytes_are_read_or_refused(data: st.DataObject) -> None:
    """No change of a zip file raises anything but InvalidBundle."""
    entries = [
        Entry(b"a.js", b"var a" * 30, data.draw(st.sampled_from([0, 8, 93]))),
        Entry(b"b.map", b"{}"),
        Entry(b"c", b"", 0),
    ]
    text = bytearray(write_zip(*entries, prefix=data.draw(st.sampled_from([b"", PREFIX]))))
    for _ in range(data.draw(st.integers(0, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    cut = text[: data.draw(st.integers(len(text) - 3, len(text)))]
    try:
        contents = read_all(bytes(cut))
    except InvalidBundle:
        return
    assert set(contents.values()) <= {entry.content for entry in entries}, "a file with other bytes than its checksum's"


@settings(max_examples=scale(100, 5000), deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused(data: bytes) -> None:
    for text in (data, data + write_zip(), write_zip(Entry(b"a", b"1"))[:40] + data):
        try:
            contents = read_all(text)
        except InvalidBundle:
            continue
        assert contents == {}, "only an archive without files is at the end of any of them"


@settings(max_examples=scale(100, 2000), deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-zä_]{1,9}(/[a-z.]{1,2}[a-z])?", fullmatch=True), st.binary(max_size=300)),
    st.sampled_from([0, 8, 93]),
)
def test_what_was_written_is_read(contents: dict[str, bytes], method: int) -> None:
    entries = [Entry(name.encode(), content, method, flags=0x800) for name, content in contents.items()]
    assert read_all(write_zip(*entries, prefix=PREFIX)) == contents
