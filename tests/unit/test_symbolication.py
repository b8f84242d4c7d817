"""How a resolved position becomes a frame, and frames a stack; how source lines are cut."""

from __future__ import annotations

import pytest

from gql_releases.domain.stack_traces import StackFrame
from gql_releases.domain.symbolication import (
    FrameProblemCode,
    ResolvedPosition,
    ResolvedWith,
    SourceContext,
    add_context,
    build_symbolication,
    cut_context,
    cut_line,
    frame_problem,
    keep_frame,
    symbolicate_frame,
)

RAW = StackFrame("https://shop.example/js/cart.min.js", 1, 29, "c")
CONTEXT = SourceContext("    throw", ("before",), ("after",))
POSITION = ResolvedPosition("../src/cart.js", 3, 5, "checkout", None, CONTEXT)
MAP_URL = "https://shop.example/js/cart.min.js.map"


def test_a_resolved_position_is_a_frame() -> None:
    frame = symbolicate_frame(RAW, POSITION, None, MAP_URL, ResolvedWith.URL, 7)
    assert (frame.symbolicated, frame.line, frame.column, frame.function) == (True, 3, 5, "checkout")
    assert (frame.file, frame.abs_path) == ("src/cart.js", "https://shop.example/src/cart.js")
    assert (frame.pre_context, frame.context_line, frame.post_context) == (("before",), "    throw", ("after",))
    assert (frame.resolved_with, frame.bundle_id, frame.problem, frame.raw) == (ResolvedWith.URL, 7, None, RAW)


@pytest.mark.parametrize(
    ("function", "caller", "name"),
    [
        ("checkout", "other", "checkout"),
        (None, "pay", "pay"),
        ("<anonymous>", "pay", "pay"),
        (None, "__webpack_require__", "c"),
        (None, None, "c"),
    ],
)
def test_a_function_is_named_by_its_scope_its_caller_or_the_script(
    function: str | None, caller: str | None, name: str
) -> None:
    position = ResolvedPosition("a.js", 3, 5, function)
    assert symbolicate_frame(RAW, position, ResolvedPosition(token_name=caller)).function == name


def test_a_frame_without_source_text_says_so_until_it_has_it() -> None:
    frame = symbolicate_frame(RAW, ResolvedPosition("a.js", 3, 5))
    assert frame.symbolicated
    assert frame.problem == frame_problem(FrameProblemCode.MISSING_SOURCE_CONTENT)
    assert add_context(frame, CONTEXT).problem is None
    assert add_context(frame, CONTEXT).context_line == "    throw"


def test_a_problem_leaves_the_frame_as_it_was() -> None:
    problem = frame_problem(FrameProblemCode.MALFORMED_SOURCEMAP, "bad json")
    frame = symbolicate_frame(RAW, ResolvedPosition(problem=problem), resolved_with=ResolvedWith.DEBUG_ID)
    assert frame == keep_frame(RAW, problem, ResolvedWith.DEBUG_ID)
    assert (frame.symbolicated, frame.line, frame.column, frame.function, frame.file) == (False, 1, 29, "c", None)
    assert problem.message == "The source map cannot be parsed: bad json"


def test_a_stack_is_complete_if_no_frame_has_a_problem() -> None:
    symbolicated, kept = symbolicate_frame(RAW, POSITION, None, MAP_URL), keep_frame(RAW)
    result = build_symbolication("Error: empty", [symbolicated, kept])
    assert result.text == (
        "Error: empty\n    at checkout (src/cart.js:3:5)\n    at c (https://shop.example/js/cart.min.js:1:29)"
    )
    assert result.complete
    missing = keep_frame(RAW, frame_problem(FrameProblemCode.MISSING_SOURCE))
    assert not build_symbolication(None, [symbolicated, missing]).complete


def test_every_problem_has_a_sentence() -> None:
    assert all(frame_problem(code).message.endswith(".") for code in FrameProblemCode)


def test_a_line_of_a_source_has_its_context() -> None:
    text = "1\r\n2\n3\n4\n5\n"
    assert cut_context(text, 3, 1, 1) == SourceContext("3", ("2",), ("4",))
    assert cut_context(text, 1, 1, 2) == SourceContext("1", (), ("2", "3"))
    assert cut_context(text, 5, 1, 9) == SourceContext("5", ("1", "2", "3", "4"), ())
    assert cut_context(text, 3, 1, 0) == SourceContext("3", (), ())
    assert cut_context(text, 6, 1, 1) is None
    assert cut_context(text, 0, 1, 1) is None
    assert cut_context("", 1, 1, 1) is None


def test_a_long_line_is_cut_around_the_column() -> None:
    line = "".join(f"{number:5}" for number in range(200))
    assert cut_line(line[:150], 1) == line[:150]
    assert cut_line(line, 1) == f"{line[:140]} {{snip}}"
    assert cut_line(line, 501) == f"{{snip}} {line[440:580]} {{snip}}"
    assert cut_line(line, 1000) == f"{{snip}} {line[860:]}"
    assert cut_line(line, 5000) == f"{{snip}} {line[860:]}"
    assert cut_line(line, 64) == f"{line[:140]} {{snip}}"
