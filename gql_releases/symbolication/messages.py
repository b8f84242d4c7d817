"""Messages between the server and a worker: a length and JSON.

No pickle: a worker that hostile input has taken over must not run code in the server.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

import orjson

from gql_releases.domain.symbolication import (
    FrameProblem,
    FrameProblemCode,
    InputFile,
    Position,
    ResolvedPosition,
    ResolveFrames,
    SourceContext,
)

LENGTH = struct.Struct("<I")
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_CONTENT_BYTES = 8 * 1024 * 1024
"""A larger file is passed by its path."""
READY = b"ready"


def encode_message(message: Any) -> bytes:
    """Return a message as JSON; dataclasses become objects."""
    return orjson.dumps(message)


def decode_message(content: bytes) -> Any:
    """Return a message as plain values."""
    return orjson.loads(content)


def encode_file(file: InputFile) -> dict[str, str]:
    """Return a file as a JSON object. Raises ValueError if its content is too large to be sent."""
    if file.content is not None:
        if len(file.content) > MAX_CONTENT_BYTES:
            raise ValueError("a file of this size is passed by its path")
        return {"key": file.key, "content": base64.b64encode(file.content).decode()}
    assert file.path is not None, "a file has a path or content"
    return {"key": file.key, "path": file.path}


def decode_file(value: dict[str, str]) -> InputFile:
    """Return a file from its JSON object."""
    content = value.get("content")
    return InputFile(value["key"], value.get("path"), None if content is None else base64.b64decode(content))


def encode_resolve_frames(job: ResolveFrames) -> dict[str, Any]:
    """Return a job as a JSON object."""
    return {
        "map": encode_file(job.map) if job.map else None,
        "source": encode_file(job.source) if job.source else None,
        "positions": [[position.line, position.column, encode_text(position.function)] for position in job.positions],
        "context_lines": job.context_lines,
    }


def decode_resolve_frames(value: dict[str, Any]) -> ResolveFrames:
    """Return a job from its JSON object."""
    return ResolveFrames(
        map=decode_file(value["map"]) if value["map"] else None,
        source=decode_file(value["source"]) if value["source"] else None,
        positions=tuple(Position(*position) for position in value["positions"]),
        context_lines=value["context_lines"],
    )


def decode_resolved_position(value: dict[str, Any]) -> ResolvedPosition:
    """Return a position from its JSON object."""
    context, problem = value["context"], value["problem"]
    return ResolvedPosition(
        source=value["source"],
        line=value["line"],
        column=value["column"],
        function=value["function"],
        token_name=value["token_name"],
        context=SourceContext(context["line"], tuple(context["before"]), tuple(context["after"])) if context else None,
        problem=FrameProblem(FrameProblemCode(problem["code"]), problem["message"]) if problem else None,
    )


def encode_text(text: str | None) -> str | None:
    """Return a text that JSON can have: a client's text may have lone surrogates."""
    return None if text is None else text.encode("utf-8", "replace").decode()
