"""Pasted stacks: the forms of V8, Firefox and Safari, and V8's form of what was parsed."""

from __future__ import annotations

import time

import pytest

from gql_releases.domain.stack_traces import ParsedStack, StackFrame, format_stack, parse_stack

URL = "https://shop.example/js/app.js"


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (f"    at pick ({URL}:1:29)", StackFrame(URL, 1, 29, "pick")),
        (f"at {URL}:1:29", StackFrame(URL, 1, 29)),
        (f"    at async load ({URL}:1:29)", StackFrame(URL, 1, 29, "load")),
        (f"    at async {URL}:1:29", StackFrame(URL, 1, 29)),
        (f"    at new Cart ({URL}:1:29)", StackFrame(URL, 1, 29, "new Cart")),
        (f"    at Cart.add [as put] ({URL}:1:29)", StackFrame(URL, 1, 29, "Cart.add")),
        (f"    at Object.<anonymous> ({URL}:1:29)", StackFrame(URL, 1, 29, "Object.<anonymous>")),
        (f"    at eval (eval at run ({URL}:3:4), <anonymous>:1:30)", StackFrame(URL, 3, 4, "eval")),
        (
            f"    at f (eval at g (eval at h ({URL}:3:4), <anonymous>:1:1), <anonymous>:2:2)",
            StackFrame(URL, 3, 4, "f"),
        ),
        (f"    at eval (eval at {URL}:3:4, <anonymous>:1:30)", StackFrame(URL, 3, 4, "eval")),
        ("    at f (http://localhost:8080/a(1).js:1:2)", StackFrame("http://localhost:8080/a(1).js", 1, 2, "f")),
        ("    at f (C:\\srv\\app.js:1:2)", StackFrame("C:\\srv\\app.js", 1, 2, "f")),
        ("    at f (file:///srv/app.js:7)", StackFrame("file:///srv/app.js", 7, None, "f")),
        ("    at f (node:internal/timers:569:17)", StackFrame("node:internal/timers", 569, 17, "f")),
        ("    at f (app:///main.jsbundle?platform=ios:1:2)", StackFrame("app:///main.jsbundle?platform=ios", 1, 2, "f")),
        ("    at f (address at index.android.bundle:1:2)", StackFrame("index.android.bundle", 1, 2, "f")),
        (f"pick@{URL}:1:29", StackFrame(URL, 1, 29, "pick")),
        (f"@{URL}:1:29", StackFrame(URL, 1, 29)),
        (f"global code@{URL}:1:29", StackFrame(URL, 1, 29, "global code")),
        (f"async*load@{URL}:1:29", StackFrame(URL, 1, 29, "load")),
        (f"setTimeout handler*@{URL}:1:29", StackFrame(URL, 1, 29)),
        (f"f@{URL} line 3 > eval:1:2", StackFrame(URL, 3, None, "f")),
        (f"f@{URL} line 3 > eval line 1 > Function:1:2", StackFrame(URL, 3, None, "f")),
        ("f@https://cdn.example/@shop/app@2.js:1:2", StackFrame("https://cdn.example/@shop/app@2.js", 1, 2, "f")),
        (f"{URL}:1:29", StackFrame(URL, 1, 29)),
    ],
)
def test_a_line_is_a_frame(line: str, frame: StackFrame) -> None:
    assert parse_stack(f"Error: empty\n{line}") == ParsedStack("Error: empty", (frame,))


@pytest.mark.parametrize(
    "line",
    [
        "    at Array.map (<anonymous>)",
        "    at async Promise.all (index 0)",
        "    at <anonymous>",
        "    at f (native)",
        "forEach@[native code]",
        "    ... 3 more",
        "    at f (https://shop.example:8080)",
        "",
    ],
)
def test_a_line_without_a_place_is_left_out(line: str) -> None:
    stack = f"Error: empty\n    at f ({URL}:1:2)\n{line}\n    at g ({URL}:3:4)"
    parsed = parse_stack(stack)
    assert [frame.function for frame in parsed.frames] == ["f", "g"]
    assert parsed.message == "Error: empty"


@pytest.mark.parametrize(
    "message",
    [
        "Error: empty",
        "TypeError: wrong address: x@shop.example:25:1",
        "Error: there is nothing\n\n  at home\nand nothing elsewhere",
        "Error: https://shop.example:443",
    ],
)
def test_lines_before_the_first_frame_are_the_message(message: str) -> None:
    assert parse_stack(f"{message}\n    at f ({URL}:1:2)") == ParsedStack(message, (StackFrame(URL, 1, 2, "f"),))


def test_a_stack_may_have_no_message_or_no_frames() -> None:
    assert parse_stack(f"f@{URL}:1:2") == ParsedStack(None, (StackFrame(URL, 1, 2, "f"),))
    assert parse_stack("Error: empty") == ParsedStack("Error: empty", ())
    assert parse_stack("") == ParsedStack(None, ())


def test_a_frame_without_a_place_ends_the_message() -> None:
    assert parse_stack("Error: empty\n    at Array.map (<anonymous>)\nlater text").message == "Error: empty"


def test_windows_line_ends_are_no_part_of_a_frame() -> None:
    assert parse_stack(f"Error: a\r\n    at f ({URL}:1:2)\r\n") == ParsedStack("Error: a", (StackFrame(URL, 1, 2, "f"),))


@pytest.mark.parametrize("number", ["99999999999", "4294967296", "٣", "9" * 5000, "-1", "1.5", "0x10"])
def test_a_number_that_is_no_line_is_not_parsed(number: str) -> None:
    assert parse_stack(f"    at f (a.js:{number})\ng@/a.js:{number}").frames == ()
    assert [frame.line for frame in parse_stack(f"    at f (a.js:{number}:1)").frames if frame.url == "a.js"] == []


def test_a_line_of_a_megabyte_is_no_frame() -> None:
    assert parse_stack(f"    at f ({URL}{'x' * 2**20}:1:2)").frames == ()


@pytest.mark.parametrize("part", ["@", "@ ", "at (", "at eval at (", ":1", "a@b:1 > eval", "(at x (a:1:1)", "://@"])
@pytest.mark.parametrize("separator", ["", "\n"])
def test_hostile_text_is_parsed_fast(part: str, separator: str) -> None:
    text = separator.join([part] * (64 * 1024 // len(part)))
    started = time.process_time()
    parse_stack(text)
    parse_stack(f"    at {text}")
    assert time.process_time() - started < 0.2


def test_a_stack_is_written_in_the_form_of_v8() -> None:
    frames = [StackFrame("src/util.ts", 4, 11, "pick"), StackFrame("src/a.ts", 7, 1), StackFrame("src/a.ts", 7)]
    text = "Error: empty\n    at pick (src/util.ts:4:11)\n    at src/a.ts:7:1\n    at src/a.ts:7"
    assert format_stack("Error: empty", frames) == text
    assert format_stack(None, frames[:1]) == "    at pick (src/util.ts:4:11)"
    assert parse_stack(text) == ParsedStack("Error: empty", tuple(frames))
