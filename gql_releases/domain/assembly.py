"""Files that are assembled of chunks: requests for them, their states, and why assembling fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

CHUNKS_MISSING = "Not all chunks available for assembling"
WRONG_CHECKSUM = "Reported checksum mismatch"
INTERNAL_ERROR = "internal server error"


class AssemblyKind(StrEnum):
    """What a file is assembled for."""

    ARTIFACT_BUNDLE = "artifact_bundle"
    RELEASE_BUNDLE = "release_bundle"
    DEBUG_FILE = "debug_file"


class AssemblyState(StrEnum):
    """The state of an assembly, as clients read it."""

    NOT_FOUND = "not_found"
    CREATED = "created"
    ASSEMBLING = "assembling"
    OK = "ok"
    ERROR = "error"

    @property
    def is_unfinished(self) -> bool:
        """Whether a process works on it, or will."""
        return self in (AssemblyState.CREATED, AssemblyState.ASSEMBLING)


class AssembleFailed(Exception):
    """The file cannot be assembled or used. `detail` is what clients get. Assembling it again is of no use at once."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AssemblyRequest:
    """A file to be assembled: its SHA-1, and its chunks in order.

    `subject` is what it is assembled for: "" for an artifact bundle, the release of a release bundle, the project (and, if
    needed, more) of a debug file; at most 100 characters. Kind, subject and checksum identify it within an organization.
    `parameters` are those of its kind, in JSON's types.
    """

    kind: AssemblyKind
    subject: str
    checksum: str
    chunks: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the request within its organization."""
        return (self.kind.value, self.subject, self.checksum)

    def with_parameters(self, parameters: Mapping[str, Any]) -> AssemblyRequest:
        """Return the same request with other parameters."""
        return replace(self, parameters=parameters)


@dataclass(frozen=True, slots=True)
class AssemblyStatus:
    """The response to a request. `is_new`: its work was started by the request, which has no detail then."""

    state: AssemblyState
    detail: str | None = None
    missing_chunks: tuple[str, ...] = ()
    is_new: bool = False
    result: Mapping[str, Any] | None = None
    """What was made of the file, for the state ok: the value that the builder passed to `note_assembled`."""


@dataclass(frozen=True, slots=True)
class StoredAssembly:
    """The stored state of an assembly.

    `owner` is the process that works on it, None if none does. `further_parameters` are those of later requests for the
    same file, which came while it was being assembled.
    """

    id: int
    organization_id: int
    organization_slug: str
    request: AssemblyRequest
    state: AssemblyState
    detail: str | None
    owner: str | None
    result: Mapping[str, Any] | None
    further_parameters: tuple[Mapping[str, Any], ...]
    date_updated: datetime
