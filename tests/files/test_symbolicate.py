"""`symbolicate`: files found by debug id, URL and file name, their maps and sources, problems, limits and tenancy."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Template
from tests.factories import release
from tests.source_maps import ORIGINAL, SCRIPT, dump_map
from tests.stored_uploads import BundleFile, Uploads

DEBUG_ID = "4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b"
OTHER_ID = "5c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b"
VERSION = "web@1.4.0"
URL = "https://shop.example/js/cart.min.js?v=1#top"
STACK = (
    f"Error: empty\n    at c ({URL}:1:29)\n    at Array.map (<anonymous>)\n    at https://shop.example/js/cart.min.js:1:63"
)
DOCUMENT = """query ($input: SymbolicateInput!) { symbolicate(input: $input) { message complete text frames {
  raw { url line column function } symbolicated file absPath line column function contextLine preContext postContext
  resolvedWith bundle { id fileCount } problem { code message } } } }"""
SCRIPT_FILE = BundleFile(SCRIPT, url="~/js/cart.min.js", source_map="cart.min.js.map", file_name="cart.min.js")
MAP_FILE = BundleFile(dump_map(), "source_map", "~/js/cart.min.js.map")


class CountingTransaction:
    """Counts the statements of a transaction."""

    def __init__(self, transaction: Any, count: Counter[str]) -> None:
        self.transaction, self.count, self.dialect = transaction, count, transaction.dialect

    async def fetch_all(self, statement: Any, values: Any) -> Any:
        self.count["statements"] += 1
        return await self.transaction.fetch_all(statement, values)

    async def fetch_one(self, statement: Any, values: Any) -> Any:
        self.count["statements"] += 1
        return await self.transaction.fetch_one(statement, values)


class CountingDatabase:
    """Counts the reads of a database and their statements."""

    def __init__(self, database: Any, count: Counter[str]) -> None:
        self.database, self.count = database, count

    async def read(self, work: Any) -> Any:
        self.count["reads"] += 1
        return await self.database.read(lambda transaction: work(CountingTransaction(transaction, self.count)))


@pytest.fixture
def uploads(template: Template, tmp_path: Path) -> Iterator[Uploads]:
    opened = Uploads.open(template, tmp_path)
    yield opened
    opened.close()


def symbolicate(uploads: Uploads, stack: Any = STACK, token: str = "", **fields: Any) -> Any:
    """Return the result of `symbolicate` for a text or frames."""
    stack_input = {"text": stack} if isinstance(stack, str) else {"frames": stack}
    variables = {"input": {"organization": "acme", "project": "web", "stack": stack_input, **fields}}
    response = uploads.client.graphql(DOCUMENT, variables, token=token)
    assert "errors" not in response, response
    return response["data"]["symbolicate"]


def list_problems(result: Any) -> list[str | None]:
    return [frame["problem"] and frame["problem"]["code"] for frame in result["frames"]]


def frame(line: int = 1, column: int | None = 29, url: str = URL, **fields: Any) -> dict[str, Any]:
    return {"url": url, "line": line, "column": column, **fields}


def test_frames_are_found_by_url(uploads: Uploads) -> None:
    """Also the calling frame's function, and lines around each frame; frames without a place are left out."""
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])
    result = symbolicate(uploads, release=VERSION, contextLines=2)
    assert result["message"] == "Error: empty"
    assert result["complete"] is True
    assert result["text"] == "Error: empty\n    at checkout (src/cart.js:3:5)\n    at src/cart.js:7:1"
    first, second = result["frames"]
    bundle = first.pop("bundle")
    assert bundle["fileCount"] == 2
    assert first == {
        "raw": {"url": URL, "line": 1, "column": 29, "function": "c"},
        "symbolicated": True, "file": "src/cart.js", "absPath": "~/src/cart.js", "line": 3, "column": 5,
        "function": "checkout", "contextLine": '    throw new Error("empty")',
        "preContext": ORIGINAL.splitlines()[:2], "postContext": ORIGINAL.splitlines()[3:5],
        "resolvedWith": "URL", "problem": None,
    }  # fmt: skip
    assert (second["line"], second["function"], second["preContext"]) == (7, None, ORIGINAL.splitlines()[4:6])
    assert uploads.client.graphql("query($id: ID!) {node(id: $id) {__typename}}", {"id": bundle["id"]})["data"]["node"]


def test_frames_are_found_by_debug_id_without_a_release(uploads: Uploads) -> None:
    """Of the frame, in any form, or of the image of its URL; the map alone suffices."""
    uploads.bundle({"a.js.map": BundleFile(dump_map(), "source_map", "~/x.js.map", DEBUG_ID)})
    images = [{"codeFile": URL, "debugId": DEBUG_ID}, {"codeFile": "other", "debugId": "no id"}]
    cases: list[tuple[Any, dict[str, Any]]] = [
        ([frame(debugId=DEBUG_ID.replace("-", "").upper())], {}),
        ([frame()], {"images": images}),
        ("c@" + URL.partition("?")[0] + ":1:29", {"images": [{"codeFile": URL.partition("?")[0], "debugId": DEBUG_ID}]}),
    ]
    for frames, more in cases:
        [first] = symbolicate(uploads, frames, **more)["frames"]
        assert (first["line"], first["resolvedWith"], first["problem"]) == (3, "DEBUG_ID", None)


def test_a_function_without_its_script_has_the_name_at_its_call(uploads: Uploads) -> None:
    uploads.bundle({"a.js.map": BundleFile(dump_map(), "source_map", None, DEBUG_ID)})
    result = symbolicate(uploads, [frame(debugId=DEBUG_ID, function="c"), frame(column=63, debugId=DEBUG_ID)])
    assert [shown["function"] for shown in result["frames"]] == ["checkout", None]


def test_the_newest_bundle_of_the_project_is_used(uploads: Uploads) -> None:
    files = {"a.js.map": BundleFile(dump_map(), "source_map", None, DEBUG_ID)}
    uploads.bundle(files)
    newest = uploads.bundle(files)
    uploads.bundle(files, projects=["api"])
    result = symbolicate(uploads, [frame(debugId=DEBUG_ID)])
    expected = base64.b64encode(f"ArtifactBundle:{newest}".encode()).decode()
    assert result["frames"][0]["bundle"]["id"] == expected


def test_the_dist_must_be_equal(uploads: Uploads) -> None:
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "7")])
    assert list_problems(symbolicate(uploads, release=VERSION)) == ["MISSING_SOURCE"] * 2
    assert list_problems(symbolicate(uploads, release=VERSION, dist="8")) == ["MISSING_SOURCE"] * 2
    assert list_problems(symbolicate(uploads, release="absent", dist="7")) == ["MISSING_SOURCE"] * 2
    assert list_problems(symbolicate(uploads, release=VERSION, dist="7")) == [None, None]


def test_frames_are_found_by_release_files(uploads: Uploads) -> None:
    assert uploads.client.rest("POST", "organizations/acme/releases/", release(VERSION)).status == 201
    uploads.release_file(VERSION, "~/js/cart.min.js", SCRIPT, headers={"X-SourceMap": "../maps/cart.map"})
    uploads.release_file(VERSION, "~/maps/cart.map", dump_map())
    [first, _] = symbolicate(uploads, release=VERSION)["frames"]
    assert (first["line"], first["resolvedWith"], first["bundle"]) == (3, "RELEASE_FILE", None)


def test_frames_are_found_by_the_name_of_their_file(uploads: Uploads) -> None:
    """Plugins upload under made-up URLs. A name of two files leads to none; one of the same file in two bundles does."""
    script = BundleFile(SCRIPT, url=f"~/{DEBUG_ID}-0.js", debug_id=DEBUG_ID, file_name="cart.min.js")
    files = {"a.js": script, "a.js.map": BundleFile(dump_map(), "source_map", f"~/{DEBUG_ID}-0.js.map", DEBUG_ID)}
    for _ in range(2):
        uploads.bundle(files, versions=[(VERSION, "")])
    [first, _] = symbolicate(uploads, release=VERSION)["frames"]
    assert (first["line"], first["resolvedWith"]) == (3, "FILE_NAME")
    other = BundleFile(SCRIPT, url="~/other.js", debug_id=OTHER_ID, file_name="cart.min.js")
    uploads.bundle({"b.js": other}, versions=[(VERSION, "")])
    assert list_problems(symbolicate(uploads, release=VERSION)) == ["MISSING_SOURCE"] * 2


@pytest.mark.parametrize("by_comment", [False, True])
def test_a_script_refers_to_its_map_by_header_or_comment(uploads: Uploads, *, by_comment: bool) -> None:
    text = SCRIPT if by_comment else SCRIPT.partition(b"\n")[0]
    script = BundleFile(text, url="~/js/cart.min.js", source_map=None if by_comment else "cart.min.js.map")
    uploads.bundle({"a.js": script, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])
    assert list_problems(symbolicate(uploads, release=VERSION)) == [None, None]


def test_a_script_refers_to_its_map_by_a_debug_id_in_its_text(uploads: Uploads) -> None:
    script = BundleFile(SCRIPT + f"//# debugId={DEBUG_ID}\n".encode(), url="~/js/cart.min.js")
    uploads.bundle({"a.js": script, "m": BundleFile(dump_map(), "source_map", None, DEBUG_ID)}, versions=[(VERSION, "")])
    [first, _] = symbolicate(uploads, release=VERSION)["frames"]
    assert (first["line"], first["resolvedWith"]) == (3, "URL")


@pytest.mark.parametrize("padding", [0, 20_000])
def test_a_map_within_the_script_is_read(uploads: Uploads, padding: int) -> None:
    source_map = dump_map(x="y" * padding)
    reference = b"//# sourceMappingURL=data:application/json;base64," + base64.b64encode(source_map)
    text = SCRIPT.partition(b"\n")[0] + b"\n" + reference
    uploads.bundle({"a.js": BundleFile(text, url="~/js/cart.min.js")}, versions=[(VERSION, "")])
    [first, _] = symbolicate(uploads, release=VERSION)["frames"]
    assert (first["line"], first["file"]) == (3, "src/cart.js")


def test_sources_that_the_map_lacks_are_read_from_their_own_files(uploads: Uploads) -> None:
    source_map = BundleFile(dump_map(sourcesContent=None), "source_map", "~/js/cart.min.js.map")
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": source_map}, versions=[(VERSION, "")])
    result = symbolicate(uploads, release=VERSION)
    assert list_problems(result) == ["MISSING_SOURCE_CONTENT"] * 2
    assert (result["frames"][0]["line"], result["frames"][0]["file"], result["complete"]) == (3, "src/cart.js", False)
    uploads.bundle({"src": BundleFile(ORIGINAL.encode(), "source", "~/src/cart.js")}, versions=[(VERSION, "")])
    result = symbolicate(uploads, release=VERSION)
    assert (list_problems(result), result["frames"][0]["contextLine"]) == ([None, None], '    throw new Error("empty")')


def test_each_problem_has_its_code(uploads: Uploads) -> None:
    plain = BundleFile(b"function a(){}\n", url="~/plain.js")
    broken = BundleFile(b"x\n//# sourceMappingURL=broken.map", url="~/broken.js")
    lost = BundleFile(b"x\n//# sourceMappingURL=lost.map", url="~/lost.js")
    files = {
        "a.js": SCRIPT_FILE, "a.js.map": MAP_FILE, "plain": plain, "broken": broken, "lost": lost,
        "broken.map": BundleFile(b"{", "source_map", "~/broken.map"),
        "id": BundleFile(SCRIPT, url="~/id.js", debug_id=DEBUG_ID),
    }  # fmt: skip
    uploads.bundle(files, versions=[(VERSION, "")])
    frames = [
        frame(0), frame(9), frame(url="~/plain.js"), frame(url="~/broken.js"), frame(url="~/lost.js"), frame(url="~/id.js"),
        frame(url="~/other.js", debugId=DEBUG_ID), frame(url="~/none.js"), frame(url="\0"), frame(url="\ud800"),
        frame(url=""),
    ]  # fmt: skip
    result = symbolicate(uploads, frames, release=VERSION)
    assert list_problems(result) == [
        "INVALID_LOCATION", "INVALID_LOCATION", None, "MALFORMED_SOURCEMAP", "MISSING_SOURCEMAP", "MISSING_SOURCEMAP",
        "MISSING_SOURCEMAP", "MISSING_SOURCE", "MISSING_SOURCE", "MISSING_SOURCE", "MISSING_SOURCE",
    ]  # fmt: skip
    assert [shown["symbolicated"] for shown in result["frames"]] == [False] * len(frames)
    assert [shown["line"] for shown in result["frames"][:2]] == [0, 9], "as they were sent"
    assert result["frames"][6]["resolvedWith"] == "DEBUG_ID"


def test_lost_bytes_are_a_problem_of_their_frames(uploads: Uploads) -> None:
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])
    uploads.harness.rows("UPDATE blobs SET sha1 = 'ffffffffffffffffffffffffffffffffffffffff'")
    assert list_problems(symbolicate(uploads, release=VERSION)) == ["SYMBOLICATION_FAILED"] * 2


def test_lost_bytes_of_a_map_are_a_problem_of_its_frames(uploads: Uploads) -> None:
    uploads.bundle({"a.js.map": BundleFile(dump_map(), "source_map", None, DEBUG_ID)})
    uploads.harness.rows("UPDATE blobs SET sha1 = 'ffffffffffffffffffffffffffffffffffffffff'")
    assert list_problems(symbolicate(uploads, [frame(debugId=DEBUG_ID)])) == ["SYMBOLICATION_FAILED"]


def test_limits(uploads: Uploads) -> None:
    """Each limit and its value; one more is refused with the limit's name."""
    maps = {
        f"{number}{end}": BundleFile(content, kind, f"~/{number}{end}", source_map=f"{number}.map" if end == ".js" else None)
        for number in range(21)
        for end, kind, content in ((".js", "minified_source", SCRIPT), (".map", "source_map", dump_map(n=number)))
    }
    reference = b"//# sourceMappingURL=data:application/json;base64," + base64.b64encode(dump_map())
    for number in range(21):
        script = SCRIPT.rpartition(b"//#")[0] + reference
        maps[f"{number}.inline.js"] = BundleFile(script, "minified_source", f"~/{number}.inline.js")
    uploads.bundle(maps, versions=[(VERSION, "")])
    lines = "\n".join(f"at {URL}:1:1" for _ in range(500))
    frames = [frame(url=f"~/{number}.js") for number in range(21)]
    inline_frames = [frame(url=f"~/{number}.inline.js") for number in range(21)]
    images = [{"codeFile": "x", "debugId": DEBUG_ID}] * 101
    refused: list[tuple[dict[str, Any], str]] = [
        ({"stack": {"text": lines + f"\nat {URL}:1:1"}}, "frames"),
        ({"stack": {"frames": [frame()] * 501}}, "frames"),
        ({"stack": {"text": "é" * 33_000}}, "stackBytes"),
        ({"stack": {"frames": []}, "images": images}, "images"),
        ({"stack": {"frames": []}, "contextLines": 21}, "contextLines"),
        ({"stack": {"frames": frames}, "release": VERSION}, "maps"),
        ({"stack": {"frames": inline_frames}, "release": VERSION}, "maps"),
    ]
    for fields, name in refused:
        variables = {"input": {"organization": "acme", "project": "web", **fields}}
        response = uploads.client.graphql(DOCUMENT, variables)
        [error] = response["errors"]
        assert (error["path"], error["extensions"]["code"]) == (["symbolicate"], "LIMIT_EXCEEDED")
        assert error["extensions"]["limit"] == name
        assert response["data"] == {"symbolicate": None}
    assert len(symbolicate(uploads, lines)["frames"]) == 500
    assert symbolicate(uploads, "é" * 32_768)["frames"] == []
    assert symbolicate(uploads, [], images=images[1:], contextLines=20)["frames"] == []
    assert list_problems(symbolicate(uploads, frames[1:], release=VERSION)) == [None] * 20
    assert list_problems(symbolicate(uploads, inline_frames[1:], release=VERSION)) == [None] * 20
    variables = {"input": {"organization": "acme", "project": "web", "stack": {"frames": []}, "contextLines": -1}}
    assert uploads.client.graphql(DOCUMENT, variables)["errors"][0]["extensions"]["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("scope", ["project:read", "org:ci", "project:releases"])
def test_whoever_reads_releases_symbolicates(uploads: Uploads, scope: str) -> None:
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])
    token = uploads.harness.token(scope)
    assert list_problems(symbolicate(uploads, token=token, release=VERSION)) == [None, None]


def test_others_are_refused(uploads: Uploads) -> None:
    variables = {"input": {"organization": "acme", "project": "web", "stack": {"frames": []}}}
    token = uploads.harness.token("org:read")
    assert uploads.client.graphql(DOCUMENT, variables, token=token)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert uploads.client.graphql(DOCUMENT, variables, token=None)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_nothing_of_another_organization_is_found(uploads: Uploads) -> None:
    """Neither by debug id, URL and file name, nor by names of its organization and projects."""
    script = BundleFile(SCRIPT, url="~/js/cart.min.js", debug_id=DEBUG_ID, file_name="cart.min.js")
    source_map = BundleFile(dump_map(), "source_map", "~/js/cart.min.js.map", DEBUG_ID)
    uploads.organization = "other"
    uploads.bundle({"a.js": script, "a.js.map": source_map}, versions=[(VERSION, "")])
    images = [{"codeFile": URL, "debugId": DEBUG_ID}]
    assert list_problems(symbolicate(uploads, release=VERSION, images=images)) == ["MISSING_SOURCE"] * 2
    assert symbolicate(uploads, organization="other") is None
    assert symbolicate(uploads, project="absent") is None
    assert symbolicate(uploads, project="we\0b") is None
    token = uploads.harness.tokens["other"]
    result = symbolicate(uploads, token=token, organization="other", images=images, release=VERSION)
    assert list_problems(result) == [None] * 2


def test_a_use_is_recorded_once_in_thirty_days(uploads: Uploads) -> None:
    files = {"a.js.map": BundleFile(dump_map(), "source_map", None, DEBUG_ID)}
    now = datetime.now(UTC)
    bundle = uploads.bundle(files, used=now - timedelta(days=29))

    def read_use() -> str:
        return str(uploads.harness.rows(f"SELECT date_used FROM artifact_bundles WHERE id = {bundle}")[0][0])

    before = read_use()
    symbolicate(uploads, [frame(debugId=DEBUG_ID)])
    assert read_use() == before
    uploads.harness.rows("UPDATE artifact_bundles SET date_used = '2026-01-01T00:00:00.000000Z'")
    symbolicate(uploads, [frame(debugId=DEBUG_ID)])
    assert read_use()[:10] == f"{datetime.now(UTC):%Y-%m-%d}"


def test_a_few_statements_suffice_for_any_number_of_frames(uploads: Uploads) -> None:
    """Three reads of at most six statements each, whatever the number of frames."""
    files = {
        f"{number}{end}": BundleFile(content, kind, f"~/{number}{end}", source_map=f"{number}.map" if end == ".js" else None)
        for number in range(20)
        for end, kind, content in (
            (".js", "minified_source", SCRIPT), (".map", "source_map", dump_map(n=number, sourcesContent=None)),
        )
    }  # fmt: skip
    uploads.bundle(files, versions=[(VERSION, "")])
    frames = [frame(url=f"~/{number % 20}.js", debugId=OTHER_ID) for number in range(400)]
    lookup, count = uploads.harness.store.symbolication_lookup, Counter[str]()
    lookup._database = CountingDatabase(lookup._database, count)  # type: ignore[assignment]
    result = symbolicate(uploads, frames, release=VERSION)
    assert len(result["frames"]) == 400
    assert count["reads"] == 3
    assert count["statements"] == 6 + 5 + 5, "those for the token and the project, and one for each way"


def test_the_operation_is_like_any_other(uploads: Uploads) -> None:
    """Aliases, fragments, directives, variables within the input, __typename, and invalid arguments of the bundle."""
    uploads.bundle({"a.js": SCRIPT_FILE, "a.js.map": MAP_FILE}, versions=[(VERSION, "")])
    document = """query ($text: String!, $yes: Boolean!, $no: Boolean!) {
      kind: __typename
      one: symbolicate(input: {organization: "acme", project: "web", release: "web@1.4.0", stack: {text: $text}}) {
        ...Frames __typename text @skip(if: $yes) complete @include(if: $no)
        frames { bundle { again: fileCount } ... on SymbolicatedFrame { line } } }
      two: symbolicate(input: {organization: "acme", project: "web", stack: {frames: []}}) @skip(if: $yes) { complete }
      three: symbolicate(input: {organization: "acme", project: "web", stack: {frames: []}}) { frames { line } complete } }
    fragment Frames on Symbolication { lines: frames { at: line raw { __typename url }
      bundle { id fileCount files(first: 101) { totalCount } associations { nodes { version } } } problem { code } } }"""
    response = uploads.client.graphql(document, {"text": STACK, "yes": True, "no": False})
    bundle = response["data"]["one"]["lines"][0]["bundle"]
    assert bundle.pop("id")
    expected = {"fileCount": 2, "files": None, "associations": {"nodes": [{"version": VERSION}]}}
    assert bundle == expected
    lines = response["data"]["one"].pop("lines")
    assert [line["at"] for line in lines] == [3, 7]
    assert [line["raw"] for line in lines][1] == {"__typename": "StackFrame", "url": URL.partition("?")[0]}
    assert response["data"] == {
        "kind": "Query",
        "one": {
            "__typename": "Symbolication",
            "frames": [{"bundle": {"again": 2}, "line": 3}, {"bundle": {"again": 2}, "line": 7}],
        },
        "three": {"frames": [], "complete": False},
    }
    assert [(error["path"], error["extensions"]["code"]) for error in response["errors"]] == [
        (["one", "lines", index, "bundle", "files"], "INVALID_ARGUMENT") for index in range(2)
    ]


@pytest.mark.parametrize(
    ("declared", "literal", "value", "frames"),
    [
        ("$v: SymbolicateInput!", "$v", {"organization": "acme", "project": "web", "stack": {"text": "x\n" * 9}}, 10),
        ("$v: StackInput!", '{organization: "acme", project: "web", stack: $v}', {"text": "x\r\n"}, 3),
        ("$v: String!", '{organization: "acme", project: "web", stack: {text: $v}}', "x\n" * 29, 30),
        ("$v: [StackFrameInput!]!", '{organization: "acme", project: "web", stack: {frames: $v}}', [frame()] * 4, 4),
        ("$v: Int!", '{organization: "acme", project: "web", stack: {frames: [{url: "", line: $v}]}}', 1, 1),
        ("$v: String", '{organization: "acme", project: "web", stack: {text: "a\\nb"}, dist: $v}', None, 2),
    ],
    ids=["input", "stack", "text", "frames", "line", "dist"],
)
def test_cost(uploads: Uploads, declared: str, literal: str, value: Any, frames: int) -> None:
    """1 for each frame and 100 for each map; what is selected of each frame; not cached for another number of frames."""
    document = f"query ({declared}) {{ symbolicate(input: {literal}) {{ frames {{ line raw {{ url }} }} }} }}"

    def read_cost(value: Any) -> int:
        request = {"query": document, "variables": {"v": value}, "extensions": {"cost": True, "dryRun": True}}
        response = uploads.client.request("POST", "/graphql", request).json
        return int(response["extensions"]["cost"]["requested"])

    expected = 1 + frames + 100 * min(frames, 20) + frames
    assert read_cost(value) == expected
    if isinstance(value, str) and frames > 2:
        assert read_cost(value + "\n\n") == 1 + frames + 2 + 100 * 20 + frames + 2
