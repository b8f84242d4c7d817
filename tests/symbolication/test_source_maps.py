"""Look-ups in source maps by a worker process: positions, functions, context, problems."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gql_releases.domain.stack_traces import parse_stack
from gql_releases.domain.symbolication import (
    DEFAULT_CONTEXT_LINES,
    FrameProblemCode,
    InputFile,
    Position,
    ResolvedPosition,
    ResolveFrames,
    SourceContext,
    build_symbolication,
    symbolicate_frame,
)
from gql_releases.symbolication.worker_pool import WorkerPool
from tests.source_maps import ORIGINAL, SCRIPT, Token, dump_map, make_map

T = TypeVar("T")
PROBLEMS = FrameProblemCode


def as_file(content: bytes) -> InputFile:
    return InputFile(hashlib.sha1(content).hexdigest(), content=content)


def with_pool(work: Callable[[WorkerPool], Awaitable[T]], **options: Any) -> T:
    """Return what `work` does with a pool of its own."""

    async def run() -> T:
        pool = WorkerPool(**options)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def resolve(
    source_map: bytes | None,
    *positions: Position,
    source: bytes | None = SCRIPT,
    context_lines: int = DEFAULT_CONTEXT_LINES,
) -> tuple[ResolvedPosition, ...]:
    job = ResolveFrames(
        as_file(source_map) if source_map is not None else None,
        as_file(source) if source is not None else None,
        positions,
        context_lines,
    )
    return with_pool(lambda pool: pool.resolve_frames(job))


def test_a_stack_is_symbolicated() -> None:
    """The stack, the script and the map are those of the check with real clients."""
    url = "https://shop.example/js/cart.min.js"
    stack = parse_stack(f"Error: empty\n    at c ({url}:1:29)\n    at {url}:1:63")
    positions = [Position(frame.line, frame.column, frame.function) for frame in stack.frames]
    resolved = resolve(dump_map(), *positions)
    frames = [
        symbolicate_frame(frame, position, caller, f"{url}.map")
        for frame, position, caller in zip(stack.frames, resolved, [*resolved[1:], None], strict=True)
    ]
    first, second = frames
    assert (first.file, first.abs_path) == ("src/cart.js", "https://shop.example/src/cart.js")
    assert (first.line, first.column, first.function) == (3, 5, "checkout")
    assert first.context_line == '    throw new Error("empty")'
    assert first.pre_context == ("function checkout(cart) {", "  if (!cart.length) {")
    assert first.post_context == ("  }", "  return cart", "}", "checkout([])")
    assert (second.line, second.column, second.function) == (7, 1, None)
    result = build_symbolication(stack.message, frames)
    assert result.text == "Error: empty\n    at checkout (src/cart.js:3:5)\n    at src/cart.js:7:1"
    assert result.complete


THROW = Position(1, 29, "c")
CONTEXT = SourceContext('    throw new Error("empty")', ("  if (!cart.length) {",), ("  }",))


@pytest.mark.parametrize("source", [SCRIPT, b"\xff" + SCRIPT, None])
def test_files_are_read_from_disk(source: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "map").write_bytes(dump_map())
    if source is not None:
        (tmp_path / "source").write_bytes(source)
    job = ResolveFrames(
        InputFile("m", str(tmp_path / "map")),
        InputFile("s", str(tmp_path / "source")) if source is not None else None,
        (THROW,),
        1,
    )
    (position,) = with_pool(lambda pool: pool.resolve_frames(job))
    assert (position.source, position.line, position.column) == ("../src/cart.js", 3, 5)
    assert position.context == CONTEXT
    assert position.function == ("checkout" if source == SCRIPT else None)


@pytest.mark.parametrize("source", [SCRIPT, None])
def test_a_position_without_a_token_is_a_problem(source: bytes | None) -> None:
    positions = [Position(0, 1), Position(-1, 1), Position(2, 1), Position(9, 1), Position(2**31, 1), Position(1, 2**31)]
    resolved = resolve(dump_map(), *positions, Position(1), Position(1, 0), Position(1, 9999), source=source)
    assert [position.problem and position.problem.code for position in resolved] == [PROBLEMS.INVALID_LOCATION] * 6 + [
        None
    ] * 3
    assert [(position.line, position.column) for position in resolved[6:]] == [(1, 1), (1, 1), (7, 1)]
    assert resolved[8].token_name == "checkout"


@pytest.mark.parametrize("source", [SCRIPT, None])
def test_a_segment_without_a_source_is_a_problem(source: bytes | None) -> None:
    before, within = resolve(dump_map(mappings="AAAA,K"), Position(1, 5), Position(1, 6), source=source)
    assert before.line == 1
    assert within.problem is not None
    assert within.problem.code is PROBLEMS.INVALID_LOCATION


def test_lines_of_a_source_without_an_end_and_with_windows_ends() -> None:
    for source in (SCRIPT, None):
        for text in (ORIGINAL.rstrip(), ORIGINAL.replace("\n", "\r\n")):
            (position,) = resolve(dump_map(sourcesContent=[text]), Position(1, 63), source=source, context_lines=2)
            assert position.context == SourceContext("checkout([])", ("  return cart", "}"), ())


@pytest.mark.parametrize("source", [SCRIPT, None])
def test_an_empty_line_is_source_text(source: bytes | None) -> None:
    tokens: list[Token] = [(0, 0, 1, 0, None)]
    content = dump_map(mappings=make_map([tokens])["mappings"], sourcesContent=["a\n\nb\n"])
    (position,) = resolve(content, Position(1, 1), source=source)
    assert position.context == SourceContext("", ("a",), ("b",))


@pytest.mark.parametrize("source", [SCRIPT, None])
def test_context_is_as_long_as_it_is_wished_for(source: bytes | None) -> None:
    for context_lines, before, after in ((0, 0, 0), (1, 1, 1), (20, 2, 4)):
        (position,) = resolve(dump_map(), THROW, source=source, context_lines=context_lines)
        assert position.context is not None
        assert (len(position.context.before), len(position.context.after)) == (before, after)


@pytest.mark.parametrize("source", [SCRIPT, None])
def test_a_map_without_source_text_has_positions(source: bytes | None) -> None:
    for sources_content in (None, [None]):
        (position,) = resolve(dump_map(sourcesContent=sources_content), THROW, source=source)
        assert (position.line, position.context, position.problem) == (3, None, None)


def test_long_lines_are_cut() -> None:
    text = "x" * 10_000 + "\n" + "y" * 10_000
    tokens: list[Token] = [(0, 0, 1, 5_000, None)]
    content = dump_map(mappings=make_map([tokens])["mappings"], sourcesContent=[text])
    (position,) = resolve(content, Position(1, 1))
    assert position.context is not None
    assert position.context.line == "{snip} " + "y" * 140 + " {snip}"
    assert position.context.before == ("x" * 140 + " {snip}",)


INDEXED = {
    "version": 3,
    "sections": [
        {"offset": {"line": 0, "column": 0}, "map": make_map()},
        {"offset": {"line": 1, "column": 5}, "map": make_map(sources=["other.js"])},
    ],
}


@pytest.mark.parametrize("source", [SCRIPT + SCRIPT, None])
@pytest.mark.parametrize("prefix", [b"", b")]}'\n", b")]}\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf)]}'\n"])
def test_indexed_maps_and_prefixes_are_read(source: bytes | None, prefix: bytes) -> None:
    positions = (Position(1, 29), Position(2, 34))
    first, second = resolve(prefix + json.dumps(INDEXED).encode(), *positions, source=source)
    assert (first.source, first.line, first.column) == ("../src/cart.js", 3, 5)
    assert (second.source, second.line, second.column) == ("other.js", 3, 5)


@pytest.mark.parametrize("source", [SCRIPT, None])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html>",
        b"[]",
        b"[" * 1_000_000,
        b'{"version":3,"x":' + b"[" * 1_000_000,
        dump_map(mappings="!!!"),
        dump_map(mappings="AEAA"),
        dump_map(mappings=7),
        dump_map(sources="a"),
        json.dumps(
            {"version": 3, "sections": [{"offset": {"line": 0, "column": 0}, "url": "http://127.0.0.1/" + "a" * 1000}]}
        ).encode(),
    ],
    ids=["empty", "html", "list", "deep list", "deep member", "digits", "source", "number", "text", "section's url"],
)
def test_a_malformed_map_is_a_problem(content: bytes, source: bytes | None) -> None:
    for position in resolve(content, THROW, Position(1, 1), source=source):
        assert position.problem is not None
        assert position.problem.code is PROBLEMS.MALFORMED_SOURCEMAP
        assert len(position.problem.message) < 300


def test_a_map_within_the_script_is_read() -> None:
    encoded = base64.b64encode(dump_map()).decode()
    script = SCRIPT.partition(b"//#")[0] + f"//# sourceMappingURL=data:application/json;base64,{encoded}\n".encode()
    (position,) = resolve(None, THROW, source=script, context_lines=1)
    assert (position.line, position.function, position.context) == (3, "checkout", CONTEXT)
    for source in (SCRIPT, b"", None):
        (position,) = resolve(None, THROW, source=source)
        assert position.problem is not None
        assert position.problem.code is PROBLEMS.MISSING_SOURCEMAP


def test_names_that_are_no_unicode_do_not_matter() -> None:
    (position,) = resolve(dump_map(), Position(1, 29, "\ud800"), source=None)
    assert position.line == 3


def test_a_source_without_a_name_has_a_position() -> None:
    (position,) = resolve(dump_map(sources=[None]), THROW)
    assert (position.source, position.line) == (None, 3)


DEBUG_ID = "dfb8e43a-f242-3d73-a453-aeb6a777ef75"


@pytest.mark.parametrize(
    ("content", "file", "debug_id"),
    [
        (dump_map(debugId=DEBUG_ID), "cart.min.js", DEBUG_ID),
        (dump_map(debug_id=DEBUG_ID.upper(), file=None), None, DEBUG_ID),
        (b")]}'\n" + dump_map(), "cart.min.js", None),
        (dump_map(file=7, debugId=[]), None, None),
        (b"[]", None, None),
        (b"[" * 1_000_000, None, None),
        (b"", None, None),
    ],
)
def test_the_header_of_a_map_is_read(content: bytes, file: str | None, debug_id: str | None) -> None:
    header = with_pool(lambda pool: pool.read_source_map_header(as_file(content)))
    assert (header.file, header.debug_id) == (file, debug_id)
