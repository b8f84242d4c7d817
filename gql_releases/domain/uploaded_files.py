"""Uploaded files that symbolication looks up: what is looked up, and the files that are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gql_releases.domain.bundle import FileType


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a bundle, or a release file.

    `blob` is the SHA-1 of the bundle, in which the file has a `path`, or of the release file, which has none. `source_map`
    is the reference to the source map in the headers. `modified` is the date of the bundle or release file.
    """

    blob: str
    path: str | None
    url: str | None
    type: FileType
    debug_id: str | None
    source_map: str | None
    size: int
    modified: datetime
    bundle_id: int | None = None

    @property
    def key(self) -> str:
        """Identifies the content."""
        return self.blob if self.path is None else f"{self.blob}/{self.path}"


@dataclass(frozen=True, slots=True)
class FileQuery:
    """What is looked up, for a project and perhaps a version and dist ("" for none).

    `urls` are looked up among the files of the version and dist, and in `bundles`; `file_names` among the minified files of
    the version and dist.
    """

    version: str | None
    dist: str = ""
    debug_ids: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    bundles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of a query.

    By debug id and type, and by URL, those of the bundle that was modified last; release files by name; by file name only
    where one file has it.
    """

    by_debug_id: Mapping[tuple[str, FileType], UploadedFile] = field(default_factory=dict)
    by_url: Mapping[str, UploadedFile] = field(default_factory=dict)
    release_files: Mapping[str, UploadedFile] = field(default_factory=dict)
    by_file_name: Mapping[str, UploadedFile] = field(default_factory=dict)
    in_bundles: Mapping[tuple[int, str], UploadedFile] = field(default_factory=dict)

    def choose_by_url(self, candidates: Sequence[str]) -> UploadedFile | None:
        """Return the file of a bundle with one of these URLs: of the newest bundle, there the first one."""
        files = [self.by_url[url] for url in candidates if url in self.by_url]
        return max(files, key=lambda file: (file.modified, file.bundle_id), default=None)

    def choose_release_file(self, candidates: Iterable[str]) -> UploadedFile | None:
        """Return the release file with the first of these names that there is."""
        return next((self.release_files[name] for name in candidates if name in self.release_files), None)

    def choose_in_bundle(self, bundle: int, candidates: Iterable[str]) -> UploadedFile | None:
        """Return the file of a bundle with the first of these URLs that there is."""
        return next((self.in_bundles[bundle, url] for url in candidates if (bundle, url) in self.in_bundles), None)


class FileUnreadable(Exception):
    """The bytes of an uploaded file cannot be read: they are lost, or its archive is damaged."""
