"""Symbolication: the original places of a pasted stack, by uploaded source maps."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.principal import Principal
from gql_releases.domain.stack_traces import StackFrame as DomainFrame
from gql_releases.domain.symbolication import DEFAULT_CONTEXT_LINES, MAX_MAPS
from gql_releases.domain.symbolication import Symbolication as SymbolicationResult
from gql_releases.domain.symbolication_request import SymbolicationRequest, count_frames
from gql_releases.graphql_api.execution.bindings import ComputedBinding, Input, computed_field, node_field
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import optional_field, required_field

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.artifact_bundle import ArtifactBundle
else:
    ArtifactBundle = lazy_type("ArtifactBundle", "artifact_bundle")

MAP_COST = 100
"""Price of each source map that may be parsed, in addition to 1 for each frame."""


@strawberry.input(description="A frame of a stack: a position in a script, as a browser shows it.")
class StackFrameInput:
    """A frame."""

    url: str = required_field("The URL of the script, such as `https://shop.example.com/js/app.min.js`.")
    line: int = required_field("The line in the script, from 1.")
    column: int | None = optional_field("The column in the script, from 1 (default: 1).")
    function: str | None = optional_field("The name of the function in the script, such as `t`.")
    debug_id: str | None = optional_field(
        "The debug id of the script, such as `4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b` (default: that of the image whose "
        "`codeFile` is the URL)."
    )


@strawberry.input(one_of=True, description="A stack as a text or as frames: give exactly one.")
class StackInput:
    """A stack."""

    text: str | None = optional_field(
        "A pasted `error.stack` of Chrome, Node, Firefox or Safari, at most 64 KiB (LIMIT_EXCEEDED). The lines before the "
        "first frame are its message."
    )
    frames: list[StackFrameInput] | None = optional_field(
        "The frames, the innermost call first, at most 500 (LIMIT_EXCEEDED)."
    )


@strawberry.input(
    description="The debug id of a script. An SDK sends these pairs in `debug_meta.images` of an event, as type `sourcemap`."
)
class DebugImageInput:
    """An image of the type sourcemap."""

    code_file: str = required_field("The URL of the script, exactly as in the frames.")
    debug_id: str = required_field("The debug id of the script, such as `4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b`.")


@strawberry.input(description="Input of symbolicate.")
class SymbolicateInput:
    """A stack to symbolicate."""

    organization: str = required_field("The organization's slug, such as `acme`.")
    project: str = required_field("The slug of the project whose script it is, such as `web`.")
    release: str | None = optional_field(
        "The version of the release, such as `web@1.4.0+77`: without it, only debug ids lead to files."
    )
    dist: str | None = optional_field(
        "The distribution, such as `android-77`, that the files were uploaded for (default: files uploaded for none)."
    )
    stack: StackInput = required_field("The stack.")
    images: list[DebugImageInput] | None = optional_field("Debug ids of scripts, at most 100 (LIMIT_EXCEEDED).")
    context_lines: int | None = strawberry.field(
        default=DEFAULT_CONTEXT_LINES,
        description="Number of source lines before and after each frame, 0 to 20 (LIMIT_EXCEEDED for more).",
    )


@strawberry.enum(description="How the files of a frame were found.")
class ResolvedWith(Enum):
    """The domain's, by name."""

    DEBUG_ID = strawberry.enum_value("DEBUG_ID", description="By the debug id of the frame or of its image.")
    URL = strawberry.enum_value("URL", description="By the URL, among the bundles uploaded for the version and dist.")
    RELEASE_FILE = strawberry.enum_value("RELEASE_FILE", description="By the URL, among the release files.")
    FILE_NAME = strawberry.enum_value(
        "FILE_NAME", description="By the last part of the URL, which one script of the version and dist has."
    )


@strawberry.enum(description="Why a frame has no original place, or no source text.")
class FrameProblemCode(Enum):
    """The domain's, by name."""

    INVALID_LOCATION = strawberry.enum_value(
        "INVALID_LOCATION", description="The source map has nothing at this line and column."
    )
    MISSING_SOURCE = strawberry.enum_value("MISSING_SOURCE", description="No uploaded file has this URL or debug id.")
    MISSING_SOURCEMAP = strawberry.enum_value("MISSING_SOURCEMAP", description="The script's source map was not uploaded.")
    MALFORMED_SOURCEMAP = strawberry.enum_value("MALFORMED_SOURCEMAP", description="The source map cannot be parsed.")
    MISSING_SOURCE_CONTENT = strawberry.enum_value(
        "MISSING_SOURCE_CONTENT", description="The place was found, but no text of the original source was uploaded."
    )
    SYMBOLICATION_FAILED = strawberry.enum_value(
        "SYMBOLICATION_FAILED", description="The files could not be read or processed; a retry after ten minutes may help."
    )


@strawberry.type(description="Why a frame has no original place, or no source text.")
class FrameProblem:
    """A problem of a frame."""

    code: FrameProblemCode = strawberry.field(description="The kind of problem, such as MISSING_SOURCEMAP.")
    message: str = strawberry.field(description="A sentence for people. It may change: test the code instead.")


@strawberry.type(description="A frame of a stack as it was sent.")
class StackFrame:
    """A frame in the script."""

    url: str = strawberry.field(description="The URL of the script, such as `https://shop.example.com/js/app.min.js`.")
    line: int = strawberry.field(description="The line in the script, from 1.")
    column: int | None = strawberry.field(description="The column in the script, from 1; null if it was not sent.")
    function: str | None = strawberry.field(description="The name of the function in the script; null if it has none.")


@strawberry.type(
    description=(
        "A frame with its original place. If there is none, `problem` says why, and line, column and function are those of "
        "the script; a script that has no source map is no problem."
    )
)
class SymbolicatedFrame:
    """A symbolicated frame."""

    raw: StackFrame = strawberry.field(description="The frame as it was sent.")
    symbolicated: bool = strawberry.field(description="Whether the original place was found.")
    file: str | None = strawberry.field(
        description="The original source for people, such as `src/cart.ts`; null if the place was not found."
    )
    abs_path: str | None = strawberry.field(
        description="The original source, joined to the URL of the source map, such as `~/src/cart.ts`."
    )
    line: int | None = strawberry.field(description="The line in the original source, from 1.")
    column: int | None = strawberry.field(description="The column in the original source, from 1.")
    function: str | None = strawberry.field(description="The original name of the function, such as `checkout`.")
    context_line: str | None = strawberry.field(
        description="The line of the source; a line of more than 150 characters is cut around the column, with `{snip}`."
    )
    pre_context: list[str] = strawberry.field(description="The lines before it, as many as `contextLines` says.")
    post_context: list[str] = strawberry.field(description="The lines after it, as many as `contextLines` says.")
    resolved_with: ResolvedWith | None = strawberry.field(
        description="How the frame's files were found; null if there are none."
    )
    bundle: ArtifactBundle | None = node_field(
        "bundle_id", "The bundle with the source map; null for release files, and if no file was found."
    )
    problem: FrameProblem | None = strawberry.field(
        description="Why there is no original place or no source text; null if nothing is missing."
    )


@strawberry.type(description="A stack with its original places.")
class Symbolication:
    """The result of symbolicate."""

    message: str | None = strawberry.field(
        description="The lines before the first frame, such as `Error: empty`; null if there are none."
    )
    frames: list[SymbolicatedFrame] = strawberry.field(
        description="The frames in the order of the stack; those without a place, such as native code, are left out."
    )
    text: str = strawberry.field(
        description="The stack in V8's form with original places, such as `    at checkout (src/cart.ts:3:5)`."
    )
    complete: bool = strawberry.field(description="Whether there are frames and none has a problem.")


async def symbolicate(services: Services, principal: Principal, values: Input) -> SymbolicationResult | None:
    """Symbolicate a stack."""
    stack, context_lines = values["stack"], values.get("context_lines")
    request = SymbolicationRequest(
        project=values["project"],
        version=values.get("release"),
        dist=values.get("dist") or "",
        text=stack.get("text"),
        frames=tuple(
            DomainFrame(frame["url"], frame["line"], frame.get("column"), frame.get("function"), frame.get("debug_id"))
            for frame in stack.get("frames") or ()
        ),
        images=tuple((image["code_file"], image["debug_id"]) for image in values.get("images") or ()),
        context_lines=DEFAULT_CONTEXT_LINES if context_lines is None else context_lines,
    )
    return await services.symbolication.symbolicate(principal, values["organization"], request)


def _count_frames(values: Any) -> int:
    return count_frames(values.get("stack")) if isinstance(values, Mapping) else 0


def _price(frames: int) -> int:
    return frames + MAP_COST * min(frames, MAX_MAPS)


@strawberry.type
class SymbolicationQuery:
    """Root fields that symbolicate."""

    symbolicate: Symbolication | None = computed_field(
        ComputedBinding(symbolicate, _count_frames, _price),
        SymbolicateInput,
        "The original files, lines and functions of a minified stack, by the source maps that were uploaded for a project. "
        "Null if the token has no access to the project. Files that are missing are problems of their frames, not errors. "
        "Needs project:read or a scope that writes releases (else FORBIDDEN). NOT_INSTALLED if the server was installed "
        "without source maps, UNAVAILABLE if too many requests wait: retry. At most 20 different source maps "
        "(LIMIT_EXCEEDED). Costs 1 for each frame, and 100 for each, up to 20, that may have a source map of its own.",
    )


QUERY = SymbolicationQuery
