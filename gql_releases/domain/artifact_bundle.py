"""Uploads of artifact bundles: the request to assemble one, and what is read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gql_releases.domain.blob import is_sha1
from gql_releases.domain.bundle import BundleManifest
from gql_releases.domain.validation import wrong_characters
from gql_releases.domain.versions.version import check_version

MAX_VERSION, MAX_DIST = 200, 64
INVALID_BUNDLE = "the bundle is invalid"
USELESS_BUNDLE = "uploading a bundle without debug ids or release is prohibited"
NO_PROJECT = "You need to specify at least one project"
INVALID_PROJECTS = "One or more projects are invalid"
DIST_WITHOUT_RELEASE = "You need to specify a release together with a dist"


class InvalidUpload(Exception):
    """A request of a client that uploads files is refused. The message is the `error` of the response."""


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """A request to assemble an artifact bundle. `projects` are slugs or ids."""

    checksum: str
    chunks: tuple[str, ...]
    projects: tuple[str, ...]
    version: str | None = None
    dist: str | None = None


@dataclass(frozen=True, slots=True)
class BundleContents:
    """What is indexed of a bundle. `file_names`: the real name of a minified file by its path in the zip file."""

    manifest: BundleManifest
    file_names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ArtifactLookup:
    """What an artifact is looked up by. `url`: a part of a file's URL; `dist`: "" for none."""

    debug_id: str | None = None
    url: str | None = None
    version: str | None = None
    dist: str = ""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A release file."""

    id: int
    name: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundArtifacts:
    """Ids of bundles' rows, or release files, and the way in which they were found."""

    way: str = ""
    bundles: tuple[int, ...] = ()
    files: tuple[FoundFile, ...] = ()


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The name of a file, and the SHA-1 and size of its bytes; for a file of a bundle the SHA-1 of the bundle."""

    name: str
    sha1: str
    size: int


def parse_bundle_request(body: Any) -> BundleRequest:
    """Parse a request to assemble a bundle. Raises InvalidUpload with the message of the first broken rule."""
    fields = check_fields(body, _REQUIRED, _OPTIONAL)
    version, dist = fields.get("version"), fields.get("dist")
    if version is not None and (
        len(version) > MAX_VERSION or (wrong := check_version(version) or wrong_characters(version))
    ):
        raise InvalidUpload(wrong if len(version) <= MAX_VERSION else _too_long("version", MAX_VERSION))
    if dist is not None and (len(dist) > MAX_DIST or (wrong := wrong_characters(dist))):
        raise InvalidUpload(wrong if len(dist) <= MAX_DIST else _too_long("dist", MAX_DIST))
    if not fields["projects"]:
        raise InvalidUpload(NO_PROJECT)
    # An empty dist is none, as it is stored.
    return BundleRequest(fields["checksum"], tuple(fields["chunks"]), tuple(fields["projects"]), version, dist or None)


def check_fields(body: Any, required: Mapping[str, FieldRule], optional: Mapping[str, FieldRule]) -> dict[str, Any]:
    """Return a JSON object after checks of its keys and values. Raises InvalidUpload."""
    if not isinstance(body, dict):
        raise InvalidUpload("The request must be a JSON object.")
    for name in required:
        if name not in body:
            raise InvalidUpload(f"{name!r} is a required property")
    rules = {**optional, **required}
    unexpected = [repr(name[:100]) for name in body if name not in rules][:10]
    if unexpected:
        verb = "was" if len(unexpected) == 1 else "were"
        raise InvalidUpload(f"Additional properties are not allowed ({', '.join(unexpected)} {verb} unexpected)")
    for name, (is_valid, message) in rules.items():
        if name in body and not is_valid(body[name]):
            raise InvalidUpload(message)
    return body


def is_checksum(value: Any) -> bool:
    """Return whether a JSON value is a SHA-1."""
    return isinstance(value, str) and is_sha1(value)


def is_checksum_list(value: Any) -> bool:
    """Return whether a JSON value is a list of SHA-1s."""
    return isinstance(value, list) and all(map(is_checksum, value))


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "/" not in value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _too_long(field: str, limit: int) -> str:
    return f"The {field} field must have at most {limit} characters."


FieldRule = tuple[Callable[[Any], bool], str]
"""Returns whether a value is valid, and the message if it is not."""
CHECKSUM_RULES: dict[str, FieldRule] = {
    "checksum": (is_checksum, "The checksum field is required and must be a 40-character hexadecimal string."),
    "chunks": (
        is_checksum_list,
        "The chunks field is required and must be provided as an array of 40-character hexadecimal strings.",
    ),
}
_REQUIRED: dict[str, FieldRule] = {
    **CHECKSUM_RULES,
    "projects": (_is_text_list, "The projects field is required and must be provided as an array of strings."),
}
_OPTIONAL: dict[str, FieldRule] = {
    "version": (_is_version, 'The version field cannot be empty and cannot contain any "/" characters.'),
    "dist": (_is_text, "The dist field must be a string."),
}
