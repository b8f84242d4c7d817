"""Debug files: executables, their symbols and sources, and ProGuard mappings."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions, build_search_condition
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    Input,
    Payload,
    argument,
    column,
    mutation_field,
    node_id,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Node
from gql_releases.graphql_api.execution.scalars import BigInt
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import UserError, errors_field, id_of_entity, required_field
from gql_releases.graphql_api.schema.release_filters import optional_filter

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.project import Project
else:
    Project = lazy_type("Project", "project")


@strawberry.enum(description="The format of a debug file.")
class DebugFileFormat(Enum):
    """The format of the domain, in upper case."""

    ELF = strawberry.enum_value("ELF", description="An ELF executable, library or its symbols (Linux, Android).")
    MACHO = strawberry.enum_value("MACHO", description="A Mach-O executable, library or dSYM (macOS, iOS).")
    PE = strawberry.enum_value("PE", description="A Windows executable or library.")
    PDB = strawberry.enum_value("PDB", description="The symbols of a Windows executable or library.")
    PORTABLEPDB = strawberry.enum_value("PORTABLEPDB", description="The symbols of a .NET assembly.")
    BREAKPAD = strawberry.enum_value("BREAKPAD", description="Symbols in Breakpad's text format.")
    WASM = strawberry.enum_value("WASM", description="A WebAssembly module.")
    SOURCEBUNDLE = strawberry.enum_value("SOURCEBUNDLE", description="The sources of an executable or library.")
    PROGUARD = strawberry.enum_value("PROGUARD", description="A mapping of obfuscated Java names, by ProGuard or R8.")
    BCSYMBOLMAP = strawberry.enum_value("BCSYMBOLMAP", description="The names that Xcode hid in a bitcode build.")
    UUIDMAP = strawberry.enum_value("UUIDMAP", description="A property list that maps debug ids of a bitcode build.")
    IL2CPP = strawberry.enum_value("IL2CPP", description="A mapping of C++ lines to C# lines of a Unity build.")


@strawberry.type(
    description=(
        "A debug file of a project: an executable, its symbols or sources, or a ProGuard mapping, as "
        "`sentry-cli debug-files upload` and `upload-proguard` upload them. Several files may have one debug id."
    )
)
class DebugFile(Node):
    """A debug file."""

    id: strawberry.ID = node_id()
    debug_id: str = column(
        "debug_id",
        "The id that the executable and its debug files share, such as `dfb8e43a-f242-3d73-a453-aeb6a777ef75`, followed by "
        "`-` and the age of a PDB file.",
    )
    code_id: str | None = column(
        "code_id", "The executable's own id, such as an ELF build id in hex; null if the file has none."
    )
    object_name: str = column("object_name", "The file's name without folders, such as `libshop.so`.")
    cpu_name: str = column("cpu_name", "The architecture, such as `x86_64` or `arm64`; `any` for a ProGuard mapping.")
    format: DebugFileFormat = column("format", "The format, such as ELF.", str.upper)
    kind: str | None = column(
        "kind", "What the file is: `exe`, `lib`, `dbg` (symbols only), `src` (sources) and others; null if unknown."
    )
    features: list[str] = column(
        "features",
        "What the file can be used for: some of `symtab`, `debug`, `unwind`, `sources` and `mapping`.",
        orjson.Fragment,
    )
    size: BigInt = column("size", "The size in bytes, such as 482113.")
    sha1: str = column("sha1", "The SHA-1 of the contents in hex, such as `0a4d55a8d778e5022fab701977c5d840bbc486d0`.")
    date_created: datetime = column("date_created", "When the file was uploaded.")
    project: Project = to_one("project", "The project that the file was uploaded for.")
    proguard_releases: list[str] = column(
        "proguard_releases",
        "The releases that a ProGuard mapping was uploaded for, such as `com.example.shop@1.0+7`; empty for other files.",
        orjson.Fragment,
    )


@strawberry.input(description="Conditions on debug files, such as {formats: [ELF, SOURCEBUNDLE]}; all given ones must hold.")
class DebugFileFilter:
    """Conditions on debug files."""

    debug_id: str | None = optional_filter(
        "Only files of this debug id, such as `dfb8e43a-f242-3d73-a453-aeb6a777ef75`; upper case, and 32 or more hex digits "
        "without dashes, are accepted. Nothing matches a text that is no debug id."
    )
    code_id: str | None = optional_filter("Only files of exactly this code id, in lower case.")
    formats: list[DebugFileFormat] | None = optional_filter("Only files of one of these formats.")
    query: str | None = optional_filter(
        "Only files whose name, debug id, code id, architecture or format contains this text, in upper or lower case. A "
        "complete debug id matches exactly. Costs 1,000."
    )


def debug_file_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions of a DebugFileFilter."""
    conditions: list[tuple[str, Any]] = []
    for name, value in (arguments.get("filter") or {}).items():
        if value is None:
            continue
        if name == "debug_id":
            conditions.append(("debug_id", normalize_debug_id(value) or ""))
        elif name == "formats":
            conditions.append(("formats", [format_name.lower() for format_name in value]))
        elif name == "query":
            debug_id = normalize_debug_id(value)
            conditions.append(("debug_id", debug_id) if debug_id else build_search_condition(value))
        else:
            conditions.append((name, value))
    return tuple(conditions)


@strawberry.input(description="Input of deleteDebugFile.")
class DeleteDebugFileInput:
    """A debug file to delete."""

    id: strawberry.ID = required_field("The id of the file; DEBUG_FILE_NOT_FOUND if it does not exist.")


@strawberry.type(description="Result of deleteDebugFile.")
class DeleteDebugFilePayload:
    """The payload of deleteDebugFile."""

    deleted_debug_file_id: strawberry.ID | None = strawberry.field(
        description="The id that the file had, to remove it from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def delete_debug_file(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete a debug file."""
    await services.file_deletions.delete_debug_file(principal, id_of_entity("DebugFile", values["id"]))
    return {"deleted_debug_file_id": values["id"]}


@strawberry.type
class DebugFileMutation:
    """Root fields that write debug files."""

    delete_debug_file: DeleteDebugFilePayload | None = mutation_field(
        delete_debug_file,
        DeleteDebugFileInput,
        "Delete a debug file or a ProGuard mapping; this cannot be undone. Needs project:admin or project:releases (else "
        "FORBIDDEN).",
    )


MUTATION = DebugFileMutation

DEBUG_FILE_LIST: dict[str, Any] = {
    "order": Order("id", descending=True),
    "conditions": debug_file_conditions,
    "arguments": [argument("filter", DebugFileFilter | None, "Conditions that the files must meet (default: all files).")],
}
"""What a list of debug files offers."""

NODES = (DebugFile,)
