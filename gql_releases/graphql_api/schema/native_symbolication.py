"""Symbolication of native addresses, and deobfuscation of Java frames, by uploaded debug files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain import native_symbolication as n
from gql_releases.domain.principal import Principal
from gql_releases.graphql_api.execution.bindings import ComputedBinding, Input, computed_field, node_field
from gql_releases.graphql_api.execution.scalars import BigInt
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import optional_field, required_field

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.debug_file import DebugFile
else:
    DebugFile = lazy_type("DebugFile", "debug_file")

FILE_COST = 100
"""Price of each debug file that may be read, in addition to 1 for each address or frame."""


@strawberry.input(
    description="An executable or library in the memory of a process: its debug id or code id, and where it begins."
)
class NativeImageInput:
    """An image."""

    debug_id: str | None = optional_field("The debug id of the image, in any form.")
    code_id: str | None = optional_field("The code id of the image, such as its ELF build id in hex.")
    address: str = required_field("Where the image begins, hexadecimal with 0x or decimal, such as `0x7f3a10000000`.")
    size: BigInt | None = optional_field("The number of bytes of the image (default: up to the next image).")


@strawberry.input(description="Input of symbolicateNative.")
class SymbolicateNativeInput:
    """Addresses to symbolicate."""

    organization: str = required_field("The organization's slug, such as `acme`.")
    project: str = required_field("The slug of the project that the debug files were uploaded for, such as `app`.")
    images: list[NativeImageInput] = required_field("The images of the process, at most 100 (LIMIT_EXCEEDED).")
    addresses: list[str] = required_field(
        "Addresses in the images, hexadecimal with 0x or decimal, such as `0x7f3a10001139`; at most 500 (LIMIT_EXCEEDED)."
    )


@strawberry.input(description='An obfuscated Java frame, such as {class: "a.a", method: "b", line: 1}.')
class JavaFrameInput:
    """A Java frame."""

    class_: str = required_field("The name of the class, such as `a.a`.", "class")
    method: str = required_field("The name of the method, such as `b`.")
    line: int | None = optional_field("The line, from 1 (default: unknown).")


@strawberry.input(description="Input of deobfuscate.")
class DeobfuscateInput:
    """Java frames to deobfuscate."""

    organization: str = required_field("The organization's slug, such as `acme`.")
    project: str = required_field("The slug of the project that the mapping was uploaded for, such as `android`.")
    uuid: str = required_field("The UUID of the ProGuard mapping, such as `9a1f6b0c-5d1e-4b57-8a52-0f6d2ce1a7e3`.")
    frames: list[JavaFrameInput] = required_field("The frames, the innermost first, at most 500 (LIMIT_EXCEEDED).")


@strawberry.enum(description="Why an address or a Java frame has no original place.")
class NativeProblemCode(Enum):
    """The domain's, by name."""

    INVALID_ADDRESS = strawberry.enum_value("INVALID_ADDRESS", description="The address is no number.")
    MISSING_IMAGE = strawberry.enum_value("MISSING_IMAGE", description="The address is in none of the images.")
    MISSING_DEBUG_FILE = strawberry.enum_value(
        "MISSING_DEBUG_FILE", description="No debug file of the image, or no mapping of the UUID, was uploaded."
    )
    MISSING_SYMBOL = strawberry.enum_value("MISSING_SYMBOL", description="The file has nothing there.")
    MALFORMED_DEBUG_FILE = strawberry.enum_value("MALFORMED_DEBUG_FILE", description="The file cannot be parsed.")
    SYMBOLICATION_FAILED = strawberry.enum_value(
        "SYMBOLICATION_FAILED", description="The file could not be processed; a retry after ten minutes may help."
    )


@strawberry.type(description="Why an address or a Java frame has no original place.")
class NativeProblem:
    """A problem."""

    code: NativeProblemCode = strawberry.field(description="The kind of problem, such as MISSING_DEBUG_FILE.")
    message: str = strawberry.field(description="A sentence for people. It may change: test the code instead.")


@strawberry.type(description="A function at an address.")
class NativeFrame:
    """A function."""

    function: str = strawberry.field(description="The name of the function, demangled, such as `Cart::checkout()`.")
    path: str | None = strawberry.field(description="The source file, such as `/src/cart.c`; null if it is unknown.")
    line: int | None = strawberry.field(description="The line in the source file, from 1; null if it is unknown.")
    language: str | None = strawberry.field(
        description="The language, such as `c`; null or `unknown` if the file does not say."
    )


@strawberry.type(description="An address and its functions.")
class SymbolicatedAddress:
    """A symbolicated address."""

    address: str = strawberry.field(description="The address as it was sent.")
    frames: list[NativeFrame] = strawberry.field(
        description="The functions there: those that were inlined come before the one that they were inlined into."
    )
    debug_file: DebugFile | None = node_field("debug_file_id", "The debug file that was read; null if there is none.")
    problem: NativeProblem | None = strawberry.field(description="Why there is no function; null if there is one.")


@strawberry.type(description="The result of symbolicateNative.")
class NativeSymbolication:
    """Symbolicated addresses."""

    addresses: list[SymbolicatedAddress] = strawberry.field(description="The addresses in their order.")
    complete: bool = strawberry.field(description="Whether no address has a problem.")


@strawberry.type(description="A Java frame.")
class JavaFrame:
    """A Java frame."""

    class_name: str = strawberry.field(name="class", description="The name of the class, such as `com.example.Cart`.")
    method: str = strawberry.field(description="The name of the method, such as `pay`.")
    line: int | None = strawberry.field(description="The line, from 1; null if it is unknown.")
    file: str | None = strawberry.field(description="The source file, such as `Cart.java`; null if it is unknown.")


@strawberry.type(description="An obfuscated Java frame and its original frames.")
class DeobfuscatedFrame:
    """A deobfuscated frame."""

    raw: JavaFrame = strawberry.field(description="The frame as it was sent.")
    frames: list[JavaFrame] = strawberry.field(
        description="The original frames: several if methods were inlined, the innermost first; empty if there is none."
    )
    problem: NativeProblem | None = strawberry.field(description="Why there is no original frame; null if there is one.")


@strawberry.type(description="The result of deobfuscate.")
class Deobfuscation:
    """Deobfuscated frames."""

    frames: list[DeobfuscatedFrame] = strawberry.field(description="The frames in their order.")
    complete: bool = strawberry.field(description="Whether each frame has an original one.")
    mapping: DebugFile | None = node_field("mapping_id", "The ProGuard mapping; null if it was not uploaded.")


async def symbolicate_native(services: Services, principal: Principal, values: Input) -> n.NativeSymbolication | None:
    """Symbolicate addresses."""
    images = [
        n.NativeImage(image["address"], image.get("debug_id"), image.get("code_id"), image.get("size"))
        for image in values["images"]
    ]
    named = values["organization"], values["project"]
    return await services.native_symbolication.symbolicate(principal, *named, images, values["addresses"])


async def deobfuscate(services: Services, principal: Principal, values: Input) -> n.Deobfuscation | None:
    """Deobfuscate Java frames."""
    frames = [n.JavaFrame(frame["class_"], frame["method"], frame.get("line")) for frame in values["frames"]]
    named = values["organization"], values["project"], values["uuid"]
    return await services.native_symbolication.deobfuscate(principal, *named, frames)


def _count_addresses(values: Any) -> int:
    return _count_items(values, "addresses", n.MAX_ADDRESSES)


def _count_frames(values: Any) -> int:
    return _count_items(values, "frames", n.MAX_JAVA_FRAMES)


def _count_items(values: Any, name: str, maximum: int) -> int:
    items = values.get(name) if isinstance(values, Mapping) else None
    return min(len(items) if isinstance(items, list | tuple) else int(items is not None), maximum)


def _price_addresses(addresses: int) -> int:
    return addresses + FILE_COST * min(addresses, n.MAX_DEBUG_FILES)


@strawberry.type
class NativeSymbolicationQuery:
    """Root fields that symbolicate by debug files."""

    symbolicate_native: NativeSymbolication | None = computed_field(
        ComputedBinding(symbolicate_native, _count_addresses, _price_addresses),
        SymbolicateNativeInput,
        "The functions, files and lines at native addresses, by the debug files that were uploaded for a project. Null if "
        "the token has no access to the project. Needs project:read or a scope that writes releases (else FORBIDDEN). "
        "NOT_INSTALLED if the server was installed without debug files or has no storage for files, UNAVAILABLE if too many "
        "requests wait: retry. At most 20 different debug files (LIMIT_EXCEEDED). Costs 1 for each address, and 100 for "
        "each, up to 20.",
    )
    deobfuscate: Deobfuscation | None = computed_field(
        ComputedBinding(deobfuscate, _count_frames, lambda frames: frames + FILE_COST),
        DeobfuscateInput,
        "The original classes, methods and lines of Java frames that ProGuard or R8 has renamed, by the mapping that was "
        "uploaded for a project. Null if the token has no access to the project. Needs project:read or a scope that writes "
        "releases (else FORBIDDEN). NOT_INSTALLED if the server was installed without debug files or has no storage for "
        "files, UNAVAILABLE if too many requests wait: retry. Costs 100, and 1 for each frame.",
    )


QUERY = NativeSymbolicationQuery
